package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
)

// ManifestFile is the last file of a checkpoint: the sizes and digests of the others.
const ManifestFile = "MANIFEST.json"

const maxManifest = 1 << 16 // bytes

// A manifest is MANIFEST.json. It ends in its own digest: SHA-256 of all bytes of the
// file before the key of the last line.
type manifest struct {
	Format int         `json:"format"`
	Step   int         `json:"step"`
	Files  []fileEntry `json:"files"`
	SHA256 string      `json:"sha256"`
}

// A fileEntry says what a file of a checkpoint must be.
type fileEntry struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// text is the file: one form, so that every byte of it is checked.
func (m manifest) text() []byte {
	m.SHA256 = ""
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("train.manifest: numbers and names that cannot be written: %v", err))
	}
	body := text[:bytes.LastIndex(text, []byte(`  "sha256"`))]
	sum := sha256.Sum256(body)
	return fmt.Appendf(body, "  \"sha256\": \"%x\"\n}\n", sum)
}

// parseManifest reads a manifest and checks its own digest. Of a later format only
// the digest and the number are read.
func parseManifest(text []byte) (m manifest, err error) {
	at := bytes.LastIndex(text, []byte(`  "sha256": "`))
	if at < 0 {
		return m, errors.New("it does not end in its digest")
	}
	sum := sha256.Sum256(text[:at])
	if tail := fmt.Sprintf("  \"sha256\": \"%x\"\n}\n", sum); string(text[at:]) != tail {
		return m, errors.New("its digest is another")
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, err
	}
	if m.Format == checkpointFormat && !bytes.Equal(m.text(), text) {
		return m, errors.New("it is not as this program writes it")
	}
	return m, nil
}

// Damaged says that a checkpoint is not what was saved.
type Damaged struct {
	Dir string
	Err error // which file, and what is wrong with it
}

func (d *Damaged) Error() string { return fmt.Sprintf("%s is damaged: %v", d.Dir, d.Err) }
func (d *Damaged) Unwrap() error { return d.Err }

// A sealed checkpoint is one whose manifest was read: its files are checked as they
// are read.
type sealed struct {
	fs    fileSystem
	dir   string
	step  int
	files []fileEntry
	buf   []byte // that files are read through
}

// unseal reads the manifest of the checkpoint in dir. What is wrong is told as
// *Damaged, but for a format that is not ours.
func unseal(fs fileSystem, dir string) (*sealed, error) {
	m, err := readManifest(fs, filepath.Join(dir, ManifestFile))
	if err != nil {
		return nil, &Damaged{dir, fmt.Errorf("%s: %w", ManifestFile, err)}
	}
	if m.Format != checkpointFormat {
		return nil, fmt.Errorf("%s has format %d: this program reads format %d", dir, m.Format, checkpointFormat)
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
	if _, err := f.ReadAt(text, 0); err != nil && err != io.EOF {
		return m, reason(err)
	}
	return parseManifest(text)
}

// open opens a file of the checkpoint and compares its size and digest.
func (s *sealed) open(name string) (inFile, error) {
	f, err := s.check(name)
	if err != nil {
		return nil, &Damaged{s.dir, fmt.Errorf("%s: %w", name, err)}
	}
	return f, nil
}

func (s *sealed) check(name string) (inFile, error) {
	i := slices.IndexFunc(s.files, func(e fileEntry) bool { return e.Name == name })
	if i < 0 {
		return nil, errors.New("the manifest does not list it")
	}
	f, err := s.fs.Open(filepath.Join(s.dir, name))
	if err != nil {
		return nil, reason(err)
	}
	want := s.files[i]
	if f.Size() != want.Bytes {
		f.Close()
		return nil, fmt.Errorf("%d bytes, saved were %d", f.Size(), want.Bytes)
	}
	if s.buf == nil {
		s.buf = make([]byte, 64<<10)
	}
	h := sha256.New()
	if _, err := io.CopyBuffer(h, io.NewSectionReader(f, 0, want.Bytes), s.buf); err != nil {
		f.Close()
		return nil, reason(err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want.SHA256 {
		f.Close()
		return nil, fmt.Errorf("its content changed after it was saved (SHA-256 %.12s, saved was %.12s)", got, want.SHA256)
	}
	return f, nil
}

// names are the files that a checkpoint must have.
func (s *sealed) names() []string {
	weights := modelFile
	if slices.ContainsFunc(s.files, func(e fileEntry) bool { return e.Name == adapterFile }) {
		weights = adapterFile
	}
	return []string{configFile, tokenizerFile, stateFile, weights, momentsFile}
}

// json reads a small file of the checkpoint.
func (s *sealed) json(name string, v any) error {
	f, err := s.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return readJSON(filepath.Join(s.dir, name), f, v)
}

// Verify compares the checkpoint in dir, byte for byte, with the digests that were
// taken when it was saved. What is wrong is told as *Damaged.
func Verify(dir string) error { return verify(disk{}, dir) }

func verify(fs fileSystem, dir string) error {
	s, err := unseal(fs, dir)
	if err != nil {
		return err
	}
	for _, name := range s.names() {
		f, err := s.open(name)
		if err != nil {
			return err
		}
		f.Close()
	}
	return nil
}
