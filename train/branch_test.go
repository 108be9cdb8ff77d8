package train

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A run that is begun from a checkpoint in the middle of another, which has gone further,
// ends with the bits and the log of that one; it has the best checkpoint, too, and the other
// run stays as it is.
func TestBranch(t *testing.T) {
	o := microOptions()
	o.Keep = 10
	d := microData(t)
	run, other := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "a", "b")
	r := start(t, o, d, run)
	if _, err := r.Train(t.Context(), Observer{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	before := treeOf(t, run)
	c, err := Load(filepath.Join(run, "step-000006"), true)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Branch(c, other)
	if err != nil || b.Dir != filepath.Join(other, "step-000006") || c.Dir != filepath.Join(run, "step-000006") {
		t.Fatal(b, err)
	}
	if again, err := Branch(c, other); err == nil || !strings.Contains(err.Error(), other+" holds a run already: choose another directory") {
		t.Errorf("once more: %v, %v", again, err)
	}
	entries, err := Checkpoints(other)
	want := []int{6}
	if best := c.State.Best.Step; best < 6 {
		want = []int{best, 6}
	}
	if got := stepsOf(entries); err != nil || !slices.Equal(got, want) {
		t.Errorf("there are the steps %v, %v, want %v", got, err, want)
	}
	for _, e := range entries {
		if err := Verify(e.Dir); err != nil {
			t.Error(err)
		}
	}
	r, err = Resume(other, b, d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Train(t.Context(), Observer{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, "branched", outcome(t, other), outcome(t, run))
	if after := treeOf(t, run); after != before {
		t.Errorf("the run was changed:\n%s\nit was\n%s", after, before)
	}
	// A checkpoint that stands alone, and one that is damaged.
	alone := filepath.Join(t.TempDir(), "moved")
	if err := os.CopyFS(alone, os.DirFS(c.Dir)); err != nil {
		t.Fatal(err)
	}
	c, err = Load(alone, true)
	if err != nil {
		t.Fatal(err)
	}
	third := filepath.Join(t.TempDir(), "third")
	if b, err = Branch(c, third); err != nil || b.Dir != filepath.Join(third, "step-000006") || Verify(b.Dir) != nil {
		t.Errorf("alone: %v, %v", b, err)
	}
	flip(t, filepath.Join(alone, modelFile))
	fourth := filepath.Join(t.TempDir(), "fourth")
	if _, err := Branch(c, fourth); err == nil || !strings.Contains(err.Error(), modelFile) {
		t.Errorf("damaged: %v", err)
	}
	if entries, err := Checkpoints(fourth); err != nil || len(entries) > 0 {
		t.Errorf("damaged: %v, %v", entries, err)
	}
}

func stepsOf(entries []Entry) (steps []int) {
	for _, e := range entries {
		steps = append(steps, e.Step)
	}
	return steps
}

// treeOf is all that is in a directory.
func treeOf(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		b.WriteString(path + "\n")
		b.Write(text)
		return errors.Join(err)
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
