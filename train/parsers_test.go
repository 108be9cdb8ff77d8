package train

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
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
	log, err := openMetrics(durable.OS, t.TempDir(), Progress{})
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
}

// The log of a run that goes on is what was synced, whatever became of the file.
func TestLogThatShrank(t *testing.T) {
	run := t.TempDir()
	log, err := openMetrics(durable.OS, run, Progress{})
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
			m := faultdisk.New()
			m.Mkdir("run")
			log, err := openMetrics(m, "run", Progress{})
			if err := errors.Join(err, log.add(Record{Step: 1, Loss: &loss}), log.add(Record{Step: 2, Loss: &loss}), log.close()); err != nil {
				t.Fatal(err)
			}
			left := nth
			_, err = openMetrics(faultdisk.Hook{FS: m, Before: func(what, name string) error {
				if left--; left < 0 && what != "remove" {
					return faultdisk.Failure(what, name, syscall.EIO)
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
	m := faultdisk.New()
	if _, err := openMetrics(m, "no/run", Progress{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a log without its directory: %v", err)
	}
}
