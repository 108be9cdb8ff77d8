package train

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A checkpoint whose digests fit, because somebody made them so, has to stand for
// itself: each thing that can be wrong with it is told in one line with the file.
func TestSealedNonsense(t *testing.T) {
	whole := func(text string) string { return text + "\x00" } // in place of everything
	for _, c := range []struct{ name, from, to, want string }{
		{"config.json", `"lr": 0.01`, `"lr": -1`, "config.json: lr is -1: it must be at least 0"},
		{"config.json", `"data": {`, `"base": {"path": "x", "sha256": "y"}, "data": {`, "config.json: a base among the options and none beside them, or the other way round"},
		{"config.json", `"vocab": 27`, `"vocab": 26`, "tokenizer.json has 27 tokens, the network in config.json 26"},
		{"config.json", "", whole(strings.Repeat(" ", maxJSON+1)), "config.json has 1048577 bytes, more than 1048576"},
		{"config.json", "", whole("null"), "config.json: "},
		{"state.json", "", whole("null"), "state.json: it is that of step 0, and the checkpoint that of step 3"},
		{"state.json", `"step": 3,`, `"step": 4,`, "state.json: it is that of step 4, and the checkpoint that of step 3"},
		{"state.json", `"step": 3,`, `"step": 9223372036854775808,`, "state.json: json: cannot unmarshal number 9223372036854775808"},
		{"state.json", `"count": 3`, `"count": -1`, "state.json: window.count is -1: it must not be negative"},
		{"state.json", `"evaluations": 2`, `"evaluations": -2`, "state.json: evaluations is -2: it must not be negative"},
		{"state.json", `"stale": 1`, `"stale": -1`, "state.json: stale is -1: it must not be negative"},
		{"state.json", `"skipped": 0`, `"skipped": -1`, "state.json: skipped is -1: it must not be negative"},
		{"state.json", `"rewound": 0`, `"rewound": -1`, "state.json: rewound is -1: it must not be negative"},
		{"state.json", `"snapshot": 0`, `"snapshot": 4`, "state.json: snapshot is 4, after step 3"},
		{"state.json", `"tokens": `, `"tokens": -`, "it must not be negative"},
		{"tokenizer.json", "", whole(strings.Repeat(" ", maxTokenizer+1)), "tokenizer.json has 67108865 bytes, more than 67108864"},
		{"tokenizer.json", "", whole("null"), "tokenizer.json: "},
	} {
		_, dir, _ := saved(t, nil)
		path := filepath.Join(dir, c.name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(text), c.from, c.to, 1)
		if all, ok := strings.CutSuffix(c.to, "\x00"); ok {
			changed = all
		}
		if changed == string(text) {
			t.Fatalf("%s holds no %q: %s", c.name, c.from, text)
		}
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		reseal(t, dir)
		if _, err := Load(dir, true); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s, %.40q: got %v, want one line with %s", c.name, c.to, err, c.want)
		}
	}
}

// Each thing that can be wrong with a manifest, under its own digest.
func TestManifestRefuses(t *testing.T) {
	_, dir, _ := saved(t, nil)
	text, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	optimizer := digestIn(t, text, "optimizer.safetensors", "crc32c")
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
		"MANIFEST.json is that of step 4":                                seal(`"step": 3`, `"step": 4`),
		"has format 9: this program reads the formats 2 to 3":            seal(`"format": 3`, `"format": 9`),
		"state.json: the manifest does not list it":                      seal(`"state.json"`, `"estat.json"`),
		"MANIFEST.json: 16777217 bytes, more than 16777216":              []byte(strings.Repeat(" ", maxManifest+1)),
		"model.safetensors: the manifest does not list it":               seal(`"model.safetensors"`, `"../model.safetensors"`),
		"state.json: its content changed after it was saved (SHA-256":    seal(`"sha256": "`+digestIn(t, text, "state.json", "sha256")[:64], `"sha256": "`+strings.Repeat("0", 64)),
		"optimizer.safetensors: bytes 0 to ":                             seal(optimizer[:8], "00000000"),
		`"optimizer.safetensors" has `:                                   seal(optimizer[:8], optimizer[:8]+"00000000"),
		"MANIFEST.json: checksums of 7 digits, not of eight each":        seal(optimizer[:8], "0000000"),
		"MANIFEST.json: encoding/hex: invalid byte":                      seal(optimizer[:8], "0000000g"),
		`MANIFEST.json: "state.json" must have one of sha256 and crc32c`: seal(`"sha256": "`+digestIn(t, text, "state.json", "sha256")[:65], "\"sha256\": \"x\",\n      \"crc32c\": \"00000000\""),
	} {
		if err := os.WriteFile(filepath.Join(dir, ManifestFile), content, 0o644); err != nil {
			t.Fatal(err)
		}
		err := Verify(dir)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one line with %s", err, want)
		}
	}
	os.Remove(filepath.Join(dir, ManifestFile))
	if err := Verify(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no manifest: %v", err)
	}
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

// What is there to read a log, and to write JSON, by.
func TestLogRefuses(t *testing.T) {
	run := t.TempDir()
	if _, err := readMetrics(run); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no log: %v", err)
	}
	for text, want := range map[string]string{
		"{\"step\":1,\"loss\":2}\n{\"step\":":     "line 2: unexpected end of JSON input",
		"{\"step\":1}\n[]":                        "line 2: json: cannot unmarshal array",
		"{\"step\":1}\nx":                         "line 2: invalid character 'x'",
		"{\"step\":\"1\"}":                        "line 1: json: cannot unmarshal string",
		"\xef\xbb\xbf{\"step\":1,\"loss\":1.5}\n": "line 1: invalid character",
	} {
		if err := os.WriteFile(filepath.Join(run, MetricsFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readMetrics(run); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), MetricsFile) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	log, err := openMetrics(disk{}, t.TempDir(), Progress{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	if err := log.add(Record{Norm: math.NaN()}); err == nil || !strings.HasPrefix(err.Error(), "writing the log: json: ") {
		t.Errorf("a record with a NaN: %v", err)
	}
	if err := writeJSON(os.Stderr, func() {}); err == nil {
		t.Error("a function became JSON")
	}
	if err := fmt.Errorf("no path"); reason(err) != err {
		t.Error("reason changed an error without a path")
	}
}

// The log of a run that goes on is what was synced, whatever became of the file.
func TestLogThatShrank(t *testing.T) {
	run := t.TempDir()
	log, err := openMetrics(disk{}, run, Progress{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	loss := 1.0
	if err := errors.Join(log.add(Record{Step: 1, Loss: &loss}), log.sync()); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(log.path(), 3); err != nil {
		t.Fatal(err)
	}
	log.broken = true // as after an error of writing
	if err := log.sync(); err == nil || !strings.Contains(err.Error(), "has 3 bytes and had") {
		t.Errorf("a log that was cut by somebody else: %v", err)
	}
	os.Remove(log.path())
	if err := log.sync(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a log that is gone: %v", err)
	}
}

// Each operation that opens a log may fail, on a new one and on one with lines to take
// out: the error says so and the file is what it was, or what it should be.
func TestLogOpens(t *testing.T) {
	loss := 1.0
	for _, back := range []int{2, 1} { // the step that the run goes on from
		for nth := 0; ; nth++ {
			m := newMemFS()
			m.Mkdir("run")
			log, err := openMetrics(m, "run", Progress{})
			if err := errors.Join(err, log.add(Record{Step: 1, Loss: &loss}), log.add(Record{Step: 2, Loss: &loss}), log.close()); err != nil {
				t.Fatal(err)
			}
			left := nth
			_, err = openMetrics(hookFS{m, func(what, name string) error {
				if left--; left < 0 && what != "remove" {
					return failure(what, name, syscall.EIO)
				}
				return nil
			}}, "run", Progress{Step: back})
			text, e := readAll(m, "run/"+MetricsFile)
			if lines := strings.Count(string(text), "\n"); e != nil || lines != 2 && lines != back {
				t.Errorf("operation %d: %d lines, %v", nth, lines, e)
			}
			if err == nil {
				if want := map[int]int{2: 1, 1: 7}[back]; nth != want {
					t.Errorf("a log of step %d is opened with %d operations, want %d", back, nth, want)
				}
				break
			}
			if !errors.Is(err, syscall.EIO) || !strings.HasPrefix(err.Error(), "opening the log: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("operation %d: %v", nth, err)
			}
		}
	}
	m := newMemFS()
	if _, err := openMetrics(m, "no/run", Progress{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a log without its directory: %v", err)
	}
}

func TestLockNames(t *testing.T) {
	dir := t.TempDir()
	if _, err := (disk{}).Lock(filepath.Join(dir, "no", "lock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a lock without its directory: %v", err)
	}
	first, err := lockRun(disk{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	for content, want := range map[string]string{"12345\n": "by process 12345: wait for it, or end it", "": "by another process", "x": "by another process"} {
		if err := os.WriteFile(filepath.Join(dir, lockFile), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := lockRun(disk{}, dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a lock that says %q: %v", content, err)
		}
	}
}
