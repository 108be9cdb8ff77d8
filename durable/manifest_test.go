package durable

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/growth"
)

// Each thing that can be wrong with a manifest, under its own digest.
func TestManifestRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "saved")
	write := func(text string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
	}
	if err := Save(OS, filepath.Dir(dir), "saved", 3, []File{{Name: "state.json", Write: write("{}")}, {Name: "numbers", Blocks: true, Write: write("1234")}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	numbers := digestIn(t, text, "numbers", "crc32c")
	seal := func(from, to string) []byte {
		body := string(text)[:strings.LastIndex(string(text), `  "sha256": "`)]
		changed := strings.Replace(body, from, to, 1)
		if changed == body {
			t.Fatalf("no %q in %s", from, body)
		}
		return sealText([]byte(changed))
	}
	for want, content := range map[string][]byte{
		"MANIFEST.json: it does not end in its digest":                   []byte("{}"),
		"MANIFEST.json: its digest is another":                           []byte(strings.Replace(string(text), `"step": 3`, `"step": 2`, 1)),
		"MANIFEST.json: it is not as this program writes it":             seal(`"step": 3`, `"step":  3`),
		"MANIFEST.json: json: ":                                          seal(`"step": 3`, `"step": "3"`),
		"MANIFEST.json: invalid character":                               seal(`"step": 3`, `"step"; 3`),
		"has format 9: this program reads the formats 2 to 4":            seal(`"format": 3`, `"format": 9`),
		"state.json: the manifest does not list it":                      seal(`"state.json"`, `"estat.json"`),
		"MANIFEST.json: 16777217 bytes, more than 16777216":              []byte(strings.Repeat(" ", maxManifest+1)),
		"numbers: the manifest does not list it":                         seal(`"numbers"`, `"../numbers"`),
		"state.json: its content changed after it was saved (SHA-256":    seal(`"sha256": "`+digestIn(t, text, "state.json", "sha256")[:64], `"sha256": "`+strings.Repeat("0", 64)),
		"numbers: bytes 0 to ":                                           seal(numbers[:8], "00000000"),
		`"numbers" has `:                                                 seal(numbers[:8], numbers[:8]+"00000000"),
		"MANIFEST.json: checksums of 7 digits, not of eight each":        seal(numbers[:8], "0000000"),
		"MANIFEST.json: encoding/hex: invalid byte":                      seal(numbers[:8], "0000000g"),
		`MANIFEST.json: "state.json" must have one of sha256 and crc32c`: seal(`"sha256": "`+digestIn(t, text, "state.json", "sha256")[:65], "\"sha256\": \"x\",\n      \"crc32c\": \"00000000\""),
	} {
		if err := os.WriteFile(filepath.Join(dir, ManifestFile), content, 0o644); err != nil {
			t.Fatal(err)
		}
		err := readAll(dir)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one line with %s", err, want)
		}
	}
	os.Remove(filepath.Join(dir, ManifestFile))
	if err := readAll(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no manifest: %v", err)
	}
}

// readAll compares the two files of a directory.
func readAll(dir string) error {
	f, err := Open(OS, dir)
	if err == nil {
		_, err = f.Content("state.json", 10)
	}
	if err == nil {
		err = f.Read("numbers", nil)
	}
	return err
}

// digestIn is what follows the key of the digest of a file in the text of a manifest.
func digestIn(t *testing.T, manifest []byte, name, key string) string {
	t.Helper()
	_, rest, _ := strings.Cut(string(manifest), `"name": "`+name+`"`)
	_, rest, ok := strings.Cut(rest, `"`+key+`": "`)
	if !ok {
		t.Fatalf("no digest of %s in %s", name, manifest)
	}
	return rest
}

// sealText ends a manifest in its digest, as only its writer can: what fuzzing finds
// lies behind that.
func sealText(body []byte) []byte {
	return fmt.Appendf(bytes.Clone(body), "  \"sha256\": \"%x\"\n}\n", sha256.Sum256(body))
}

func FuzzManifest(f *testing.F) {
	whole := manifest{Format: usualFormat, Step: 250, Files: []fileEntry{{Name: "config.json", Bytes: 12, SHA256: strings.Repeat("ab", 32)}, {Name: "model.safetensors", Bytes: 2<<20 + 1, CRC32C: blockSums{0, 1, math.MaxUint32}}}}.text()
	f.Add(whole, false)
	f.Add(bytes.Replace(whole, []byte("00000000"), []byte("0000000"), 1), true)
	f.Add(manifest{Format: oldestFormat, Step: 250, Files: []fileEntry{{Name: "model.safetensors", Bytes: 1 << 40, SHA256: strings.Repeat("0", 64)}}}.text(), false)
	body := whole[:bytes.LastIndex(whole, []byte(`  "sha256"`))]
	f.Add(body, true)
	for _, text := range []string{"{\n", "{", "", "{\"format\": 99,\n", "{\n  \"format\": 1,\n  \"step\": -1,\n  \"files\": null,\n", "{\n  \"FORMAT\": 1,\n", "[", strings.Repeat("[", 2000), "{\"step\": 1e99,\n", "{\"files\": [{\"name\": \"../x\"}],\n"} {
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, seal bool) {
		if seal {
			text = sealText(text)
		}
		m, err := parseManifest(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		if m.readable() && !bytes.Equal(m.text(), text) {
			t.Errorf("written again it is\n%s\nand was\n%s", m.text(), text)
		}
	})
}

// TestManifestIsLinear: a manifest with many checksums.
func TestManifestIsLinear(t *testing.T) {
	growth.Linear(t, 64, func(n int) func() {
		m := manifest{Format: usualFormat, Step: 1, Files: []fileEntry{{Name: "a", Bytes: int64(n) * blockSize, CRC32C: make(blockSums, n)}}}
		text := m.text()
		return func() {
			if _, err := parseManifest(text); err != nil {
				t.Fatal(err)
			}
		}
	})
}
