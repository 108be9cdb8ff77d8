package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// A manifest is MANIFEST.json as the tests write it, whatever is in the files.
type manifest struct {
	Format int      `json:"format"`
	Step   int      `json:"step"`
	Files  []listed `json:"files"`
	SHA256 string   `json:"sha256"`
}

// A listed file has one digest, or checksums of its blocks of 1 MiB.
type listed struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256,omitempty"`
	CRC32C string `json:"crc32c,omitempty"`
}

// listOf is what a manifest of a format says of a file.
func listOf(format int, name string, content []byte) listed {
	l := listed{Name: name, Bytes: len(content)}
	if format < 3 || !strings.HasSuffix(name, tensorSuffix) {
		l.SHA256 = fmt.Sprintf("%x", sha256.Sum256(content))
		return l
	}
	for block := range slices.Chunk(content, 1<<20) {
		l.CRC32C += fmt.Sprintf("%08x", crc32.Checksum(block, crc32.MakeTable(crc32.Castagnoli)))
	}
	return l
}

// text is the file, which ends in its own digest.
func (m manifest) text(t testing.TB) []byte {
	t.Helper()
	m.SHA256 = ""
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	body := text[:bytes.LastIndex(text, []byte(`  "sha256"`))]
	return fmt.Appendf(body, "  \"sha256\": \"%x\"\n}\n", sha256.Sum256(body))
}

// reseal writes the manifest that fits what dir holds now, so that what is read after
// it was checked has to stand for itself.
func reseal(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, durable.ManifestFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	for i, f := range m.Files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		m.Files[i] = listOf(3, f.Name, content)
	}
	if err := os.WriteFile(path, m.text(t), 0o644); err != nil {
		t.Fatal(err)
	}
}

// An otherManifest is a disk on which a checkpoint has another manifest.
type otherManifest struct {
	durable.FS
	text []byte
}

func (o otherManifest) Within(dir string) (durable.FS, error) {
	in, err := o.FS.Within(dir)
	return otherManifest{in, o.text}, err
}

func (o otherManifest) Open(name string) (durable.InFile, error) {
	if filepath.Base(name) == durable.ManifestFile {
		return inMemoryFile{bytes.NewReader(o.text)}, nil
	}
	return o.FS.Open(name)
}

type inMemoryFile struct{ *bytes.Reader }

func (inMemoryFile) Close() error { return nil }

// resealed is fs, on which the checkpoint in dir has a manifest of a format that fits what
// is in its files.
func resealed(t testing.TB, fs durable.FS, dir string, format int) (durable.FS, error) {
	e, _ := parseEntry(filepath.Base(dir))
	m := manifest{Format: format, Step: e.Step}
	for _, name := range checkpointFiles {
		content, err := readAll(fs, filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		m.Files = append(m.Files, listOf(format, name, content))
	}
	return otherManifest{fs, m.text(t)}, nil
}
