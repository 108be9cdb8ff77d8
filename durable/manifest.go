package durable

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
)

// ManifestFile is the last file that [Save] writes: the sizes and digests of the others.
const ManifestFile = "MANIFEST.json"

const (
	usualFormat  = 3        // of what is written: 1 had no manifest, 2 the SHA-256 of every file
	newestFormat = 4        // of what is written where a File asks for it, and that is read
	oldestFormat = 2        // that is read
	maxManifest  = 16 << 20 // bytes, for 2 TiB of tensors
)

// A manifest is MANIFEST.json. It ends in its own digest: SHA-256 of all bytes of the
// file before the key of the last line.
type manifest struct {
	Format int         `json:"format"`
	Step   int         `json:"step"`
	Files  []fileEntry `json:"files"`
	SHA256 string      `json:"sha256"`
}

// A fileEntry says what a file must be. Those that are saved in blocks have checksums of
// these, all others, and in format 2 every file, one digest of everything.
type fileEntry struct {
	Name   string    `json:"name"`
	Bytes  int64     `json:"bytes"`
	SHA256 string    `json:"sha256,omitempty"`
	CRC32C blockSums `json:"crc32c,omitempty"`
}

// validate reports what no writer puts into a manifest.
func (e fileEntry) validate() error {
	if (e.SHA256 == "") == (e.CRC32C == nil) {
		return fmt.Errorf("%.80q must have one of sha256 and crc32c", e.Name)
	}
	if e.CRC32C != nil && len(e.CRC32C) != blocks(e.Bytes) {
		return fmt.Errorf("%.80q has %d bytes, and checksums of %d blocks", e.Name, e.Bytes, len(e.CRC32C))
	}
	return nil
}

// text is the file: one form, so that every byte of it is checked.
func (m manifest) text() []byte {
	m.SHA256 = ""
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("durable.manifest: numbers and names that cannot be written: %v", err))
	}
	body := text[:bytes.LastIndex(text, []byte(`  "sha256"`))]
	sum := sha256.Sum256(body)
	return fmt.Appendf(body, "  \"sha256\": \"%x\"\n}\n", sum)
}

// readable says whether this program reads the format.
func (m manifest) readable() bool { return m.Format >= oldestFormat && m.Format <= newestFormat }

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
	if !m.readable() {
		return m, nil
	}
	if !bytes.Equal(m.text(), text) {
		return m, errors.New("it is not as this program writes it")
	}
	for _, e := range m.Files {
		if err := e.validate(); err != nil {
			return m, err
		}
	}
	return m, nil
}
