package durable

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"syscall"
)

// Damaged says that what is in a directory is not what was saved.
type Damaged struct {
	Dir string
	Err error // which file, and what is wrong with it
}

func (d *Damaged) Error() string { return fmt.Sprintf("%s is damaged: %v", d.Dir, d.Err) }
func (d *Damaged) Unwrap() error { return d.Err }

// A Folder is a directory that [Save] has made, and whose manifest was read: its files are
// compared with it as they are read. Errors of its methods begin with the name of the file.
type Folder struct {
	Dir  string
	Step int // that it was saved with

	fs    FS
	files []fileEntry
}

// Open reads the manifest of dir. What is wrong with it is told as [Damaged], but for a
// format that this program does not know, and for a link, which is told as [Linked].
func Open(fs FS, dir string) (*Folder, error) {
	m, err := readManifest(fs, filepath.Join(dir, ManifestFile))
	if isLinked(err) {
		if _, link := fs.List(dir); errors.Is(link, syscall.ENOTDIR) { // the directory itself
			err = &Linked{dir, filepath.Dir(dir)}
		}
		return nil, err
	}
	if err != nil {
		return nil, &Damaged{dir, fmt.Errorf("%s: %w", ManifestFile, err)}
	}
	if !m.readable() {
		return nil, fmt.Errorf("%s has format %d: this program reads the formats %d to %d", dir, m.Format, oldestFormat, newestFormat)
	}
	return &Folder{Dir: dir, Step: m.Step, fs: fs, files: m.Files}, nil
}

func readManifest(fs FS, path string) (m manifest, err error) {
	f, err := fs.Open(path)
	if err != nil {
		return m, reason(err)
	}
	defer f.Close()
	if f.Size() > maxManifest {
		return m, fmt.Errorf("%d bytes, more than %d", f.Size(), maxManifest)
	}
	text := make([]byte, f.Size())
	if err := readFull(f, text, 0); err != nil {
		return m, err
	}
	return parseManifest(text)
}

// Files are the names that the manifest lists, in its order, with the sizes they were
// saved with.
func (f *Folder) Files() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for _, e := range f.files {
			if !yield(e.Name, e.Bytes) {
				return
			}
		}
	}
}

// Size is how many bytes a file was saved with; -1 where the manifest does not list it.
func (f *Folder) Size(name string) int64 {
	for _, e := range f.files {
		if e.Name == name {
			return e.Bytes
		}
	}
	return -1
}

// open opens a file that has the size it was saved with.
func (f *Folder) open(name string) (InFile, fileEntry, error) {
	for _, e := range f.files {
		if e.Name != name {
			continue
		}
		in, err := f.fs.Open(filepath.Join(f.Dir, name))
		if err != nil {
			return nil, e, fmt.Errorf("%s: %w", name, reason(err))
		}
		if in.Size() != e.Bytes {
			in.Close()
			return nil, e, fmt.Errorf("%s: %d bytes, saved were %d", name, in.Size(), e.Bytes)
		}
		return in, e, nil
	}
	return nil, fileEntry{}, fmt.Errorf("%s: the manifest does not list it", name)
}

// Content is a small file, of at most so many bytes, that was not saved in blocks. What
// it returns is what was compared.
func (f *Folder) Content(name string, most int64) ([]byte, error) {
	in, e, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if e.Bytes > most {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", name, e.Bytes, most)
	}
	text := make([]byte, e.Bytes)
	if err := readFull(in, text, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, e.compare(sha256.Sum256(text))
}

// compare compares the SHA-256 of all that is in the file.
func (e fileEntry) compare(sum [sha256.Size]byte) error {
	if got := hex.EncodeToString(sum[:]); got != e.SHA256 {
		return fmt.Errorf("%s: its content changed after it was saved (SHA-256 %.12s, saved was %.12s)", e.Name, got, e.SHA256)
	}
	return nil
}

// Read compares all of a file, from its beginning to its end. read, if not nil, is given
// the file first, with its size: what it reads was compared, and an error of it is
// returned where the file is not damaged.
func (f *Folder) Read(name string, read func(r io.ReaderAt, size int64) error) error {
	return f.read(name, read, true)
}

// ReadPart compares what read reads of a file, and what it does not read only if the file was
// not saved in blocks.
func (f *Folder) ReadPart(name string, read func(r io.ReaderAt, size int64) error) error {
	return f.read(name, read, false)
}

func (f *Folder) read(name string, read func(r io.ReaderAt, size int64) error, all bool) error {
	in, e, err := f.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if e.CRC32C == nil {
		h := sha256.New()
		if _, err := io.CopyBuffer(h, io.NewSectionReader(in, 0, e.Bytes), make([]byte, max(1, min(e.Bytes, 64<<10)))); err != nil {
			return fmt.Errorf("%s: %w", name, reason(err))
		}
		if err := e.compare([sha256.Size]byte(h.Sum(nil))); err != nil || read == nil {
			return err
		}
		return read(in, e.Bytes)
	}
	b := newBlockFile(in, e.CRC32C)
	if read != nil {
		err = read(b, e.Bytes)
	}
	damage := b.err
	if all {
		damage = b.rest()
	}
	if damage != nil {
		return fmt.Errorf("%s: %w", name, damage)
	}
	return err
}
