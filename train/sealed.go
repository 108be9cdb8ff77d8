package train

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/pedestrian-ml/pedestrian/internal/memory"
)

// Damaged says that a checkpoint is not what was saved.
type Damaged struct {
	Dir string
	Err error // which file, and what is wrong with it
}

func (d *Damaged) Error() string { return fmt.Sprintf("%s is damaged: %v", d.Dir, d.Err) }
func (d *Damaged) Unwrap() error { return d.Err }

// A sealed checkpoint is one whose manifest was read: its files are checked as they
// are read. What goes wrong is told by the name of the file.
type sealed struct {
	fs    fileSystem
	dir   string
	step  int
	files []fileEntry
}

// unseal reads the manifest of the checkpoint in dir. What is wrong is told as
// *Damaged, but for a format that is not ours.
func unseal(fs fileSystem, dir string) (*sealed, error) {
	m, err := readManifest(fs, filepath.Join(dir, ManifestFile))
	if isLinked(err) {
		if _, link := fs.List(dir); errors.Is(link, syscall.ENOTDIR) { // the checkpoint itself
			err = &Linked{dir, filepath.Dir(dir)}
		}
		return nil, err
	}
	if err != nil {
		return nil, &Damaged{dir, fmt.Errorf("%s: %w", ManifestFile, err)}
	}
	if !m.readable() {
		return nil, fmt.Errorf("%s has format %d: this program reads the formats %d to %d", dir, m.Format, oldestFormat, checkpointFormat)
	}
	if e, ok := parseEntry(filepath.Base(dir)); ok && e.Step != m.Step {
		return nil, &Damaged{dir, fmt.Errorf("%s is that of step %d", ManifestFile, m.Step)}
	}
	return &sealed{fs: fs, dir: dir, step: m.Step, files: m.Files}, nil
}

func readManifest(fs fileSystem, path string) (m manifest, err error) {
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

// index is where the manifest lists a file, -1 where it does not.
func (s *sealed) index(name string) int {
	return slices.IndexFunc(s.files, func(e fileEntry) bool { return e.Name == name })
}

// open opens a file of the checkpoint that has the size it was saved with.
func (s *sealed) open(name string) (inFile, fileEntry, error) {
	i := s.index(name)
	if i < 0 {
		return nil, fileEntry{}, fmt.Errorf("%s: the manifest does not list it", name)
	}
	e := s.files[i]
	f, err := s.fs.Open(filepath.Join(s.dir, name))
	if err != nil {
		return nil, e, fmt.Errorf("%s: %w", name, reason(err))
	}
	if f.Size() != e.Bytes {
		f.Close()
		return nil, e, fmt.Errorf("%s: %d bytes, saved were %d", name, f.Size(), e.Bytes)
	}
	return f, e, nil
}

// content is a small file of at most so many bytes. What is parsed is what was compared.
func (s *sealed) content(name string, most int64) ([]byte, error) {
	f, e, err := s.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if e.Bytes > most {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", name, e.Bytes, most)
	}
	text := make([]byte, e.Bytes)
	if err := readFull(f, text, 0); err != nil {
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

// whole reads a file from its beginning to its end and compares all of it. read, if
// any, is given the file first: what it reads was compared.
func (s *sealed) whole(name string, read func(io.ReaderAt, int64) error) error {
	f, e, err := s.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if e.CRC32C == nil {
		h := sha256.New()
		if _, err := io.CopyBuffer(h, io.NewSectionReader(f, 0, e.Bytes), make([]byte, max(1, min(e.Bytes, 64<<10)))); err != nil {
			return fmt.Errorf("%s: %w", name, reason(err))
		}
		if err := e.compare([sha256.Size]byte(h.Sum(nil))); err != nil || read == nil {
			return err
		}
		return read(f, e.Bytes)
	}
	b := newBlockFile(f, e.CRC32C)
	if read != nil {
		err = read(b, e.Bytes)
	}
	if damage := b.rest(); damage != nil {
		return fmt.Errorf("%s: %w", name, damage)
	}
	return err
}

// Verify compares the checkpoint in dir, byte for byte, with the digests that were
// taken when it was saved, and then reads what is not tensors. What is wrong is told
// as *Damaged.
func Verify(dir string) error { return verify(disk{}, dir) }

func verify(fs fileSystem, dir string) error {
	in, err := fs.Within(dir)
	if err != nil {
		return err
	}
	defer in.Close()
	return unlessPruned(fs, dir, verifyWithin(in, dir))
}

func verifyWithin(fs fileSystem, dir string) error {
	s, err := unseal(fs, dir)
	if err != nil {
		return err
	}
	for _, name := range s.names() {
		if err := s.whole(name, nil); err != nil {
			return s.damaged(err)
		}
	}
	_, err = s.meta()
	return s.damaged(err)
}

// names are the files that a checkpoint must have.
func (s *sealed) names() []string {
	weights := modelFile
	if slices.ContainsFunc(s.files, func(e fileEntry) bool { return e.Name == adapterFile }) {
		weights = adapterFile
	}
	return []string{configFile, tokenizerFile, stateFile, weights, momentsFile}
}

// damaged is err as the damage of the checkpoint, which a link out of it is not, nor that
// this machine is too small for it.
func (s *sealed) damaged(err error) error {
	if err == nil || isLinked(err) {
		return err
	}
	if errors.As(err, new(*memory.Short)) {
		return fmt.Errorf("%s: %w", s.dir, err)
	}
	return &Damaged{s.dir, err}
}
