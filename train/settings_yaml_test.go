package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadSettings: a file of settings is read from disk for training and for
// fine-tuning, and what is none is refused with its name.
func TestReadSettings(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o, err := ReadOptions(write("train.yaml", "width: 48\nheads: 3\n"), "")
	if err != nil || o.Width != 48 || o.Heads != 3 {
		t.Errorf("width %d, heads %d, %v", o.Width, o.Heads, err)
	}
	o, err = ReadTuning(write("tune.yaml", "rank: 5\nsteps: 7\n"), TuningOptions("base"))
	if err != nil || o.Tuning.Adapter.Rank != 5 || o.Steps != 7 {
		t.Errorf("rank %d, steps %d, %v", o.Tuning.Adapter.Rank, o.Steps, err)
	}
	for _, c := range []struct{ path, says string }{
		{filepath.Join(dir, "none.yaml"), "none.yaml"},
		{dir, "is not a file of at most"},
		{write("large.yaml", strings.Repeat("#", maxSettingsFile+1)), "is not a file of at most"},
		{write("twice.yaml", "steps: 1\nsteps: 2\n"), "twice.yaml:2: steps was given before, on line 1"},
		{write("list.yaml", "- 1\n"), "list.yaml:1: not a list of settings"},
		{write("two.yaml", "steps: 1\n---\nsteps: 2\n"), "more than one YAML document"},
		{write("nested.yaml", "steps: [1]\n"), "nested.yaml:1: steps has no single value"},
		{write("value.yaml", "steps: many\n"), `value.yaml:1: steps is "many"`},
	} {
		_, trainErr := ReadOptions(c.path, "")
		_, tuneErr := ReadTuning(c.path, TuningOptions("base"))
		for _, err := range []error{trainErr, tuneErr} {
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v does not say %q on one line", c.path, err, c.says)
			}
		}
	}
}
