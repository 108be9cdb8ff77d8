//go:build unix

package train

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// aRunBesideOthers is a run on the disk with the checkpoints of steps 2, 4, 6 and 8, and
// a directory of somebody else's beside it.
func aRunBesideOthers(t *testing.T) (run, other string) {
	t.Helper()
	run, r := evaluatedRun(t)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	other = filepath.Join(filepath.Dir(run), "other")
	if err := os.MkdirAll(filepath.Join(other, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "below/file"} {
		if err := os.WriteFile(filepath.Join(other, name), []byte("of somebody else"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return run, other
}

// untouched reports what is no longer as aRunBesideOthers made it.
func untouched(t *testing.T, what, other string) {
	t.Helper()
	for _, name := range []string{"file", "below/file"} {
		if text, err := os.ReadFile(filepath.Join(other, name)); err != nil || string(text) != "of somebody else" {
			t.Errorf("%s: %s: %q, %v", what, name, text, err)
		}
	}
}

// Pruning a run, resuming and saving in it remove links and never what they lead to; what
// is to be written is not written through one. So it is on a disk as it is in memory.
func TestLinksOnTheDisk(t *testing.T) {
	moved := func(run, other, name string) error {
		return errors.Join(os.Rename(filepath.Join(run, name), filepath.Join(other, "moved")), os.Symlink(filepath.Join(other, "moved"), filepath.Join(run, name)))
	}
	for _, c := range []struct {
		name  string
		plant func(run, other string) error
		want  string
	}{
		{"leftovers", func(run, other string) error {
			dir := filepath.Join(run, ".tmp-step-000009-1")
			return errors.Join(os.Symlink(other, filepath.Join(run, ".tmp-x")), os.Mkdir(dir, 0o755), os.Symlink(other, filepath.Join(dir, "a")),
				os.Symlink("../../other/file", filepath.Join(dir, "b")), os.Symlink("b", filepath.Join(dir, "c")), os.Symlink("d", filepath.Join(dir, "d")))
		}, ""},
		{"a moved checkpoint", func(run, other string) error { return moved(run, other, "step-000002") }, ""},
		{"a moved newest", func(run, other string) error { return moved(run, other, "step-000008") }, "step-000008 is a link that leads out of "},
		{"moved weights", func(run, other string) error { return moved(run, other, "step-000008/"+modelFile) }, "step-000008/model.safetensors is a link that leads out of "},
		{"the lock", func(run, other string) error {
			return errors.Join(os.Remove(filepath.Join(run, lockFile)), os.Symlink(filepath.Join(other, "file"), filepath.Join(run, lockFile)))
		}, "lock is a link, through which nothing is written: remove it"},
		{"a lock that would be made elsewhere", func(run, other string) error {
			return errors.Join(os.Remove(filepath.Join(run, lockFile)), os.Symlink(filepath.Join(other, "none"), filepath.Join(run, lockFile)))
		}, "lock is a link, through which nothing is written: remove it"},
		{"a lock with two names", func(run, other string) error {
			return errors.Join(os.Remove(filepath.Join(run, lockFile)), os.Link(filepath.Join(other, "file"), filepath.Join(run, lockFile)))
		}, "lock holds something else than a lock: remove it"},
	} {
		for _, prune := range []bool{true, false} {
			run, other := aRunBesideOthers(t)
			if err := c.plant(run, other); err != nil {
				t.Fatal(err)
			}
			var err error
			if prune {
				_, err = Prune(run, 2)
			} else {
				err = resumeAndSave(t, run)
			}
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: pruned %v: %v, want %q", c.name, prune, err, c.want)
			}
			untouched(t, c.name, other)
			if _, err := os.Lstat(filepath.Join(other, "none")); err == nil {
				t.Errorf("%s: a file was made elsewhere", c.name)
			}
			if moved := filepath.Join(other, "moved"); c.want == "" && c.name != "leftovers" {
				if Verify(moved) != nil {
					t.Errorf("%s: %v", c.name, Verify(moved))
				}
				if _, err := os.Lstat(filepath.Join(run, "step-000002")); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: the link is there: %v", c.name, err)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(run, tempPrefix+"*")); c.want == "" && len(left) > 0 {
				t.Errorf("%s: left behind: %v", c.name, left)
			}
		}
	}
}

// resumeAndSave goes on with the run for a step, draws its curve and keeps two.
func resumeAndSave(t *testing.T, run string) error {
	c, _, err := LoadNewest(run, true)
	if err != nil {
		return err
	}
	o := mini()
	d := dataOf(t, sentences(t), o)
	c.Options.Keep = 2
	r, err := Resume(run, c, d)
	if err != nil {
		return err
	}
	steps(t, r, 1)
	err = r.Save(Observer{Trouble: func(v Trouble) { t.Error(v.Err) }})
	return errors.Join(err, r.WriteFile(CurvePNG, func(w io.Writer) error { _, err := w.Write([]byte("a drawing")); return err }), r.Close())
}

// What is named by whoever runs a command is followed to where it is: a run directory
// that is a link, and a checkpoint that was moved, by its own name or by the link.
func TestWhatIsNamedIsFollowed(t *testing.T) {
	run, other := aRunBesideOthers(t)
	link := filepath.Join(filepath.Dir(run), "link")
	if err := os.Symlink(run, link); err != nil {
		t.Fatal(err)
	}
	if err := resumeAndSave(t, link); err != nil {
		t.Error(err)
	}
	if c, _, err := LoadNewest(run, true); err != nil || c.State.Step != 9 {
		t.Errorf("%v, %v", c, err)
	}
	at := filepath.Join(other, "moved")
	if err := errors.Join(os.Rename(filepath.Join(run, "step-000009"), at), os.Symlink(at, filepath.Join(run, "step-000009"))); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{at, filepath.Join(run, "step-000009")} {
		if _, err := Load(dir, true); err != nil || Verify(dir) != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// A drawing, and a log with a second name elsewhere, give way to new files: what has the
// other name stays as it is. Pipes and devices in their places are not waited for.
func TestOtherNamesOfAFile(t *testing.T) {
	run, other := aRunBesideOthers(t)
	log, kept := filepath.Join(run, MetricsFile), filepath.Join(other, "log")
	before, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Link(log, kept), os.Link(filepath.Join(other, "file"), filepath.Join(run, CurvePNG))); err != nil {
		t.Fatal(err)
	}
	if err := resumeAndSave(t, run); err != nil {
		t.Fatal(err)
	}
	untouched(t, "a drawing with two names", other)
	if after, err := os.ReadFile(kept); err != nil || string(after) != string(before) {
		t.Errorf("the log's other name has %d bytes, had %d, %v", len(after), len(before), err)
	}
	if after, err := os.ReadFile(log); err != nil || len(after) <= len(before) || !strings.HasPrefix(string(after), string(before)) {
		t.Errorf("the log has %d bytes, had %d, %v", len(after), len(before), err)
	}
	for _, name := range []string{lockFile, MetricsFile} {
		path := filepath.Join(run, name)
		if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o644)); err != nil {
			t.Fatal(err)
		}
		if err := resumeAndSave(t, run); err == nil || !strings.Contains(err.Error(), name+": not a file") {
			t.Errorf("%s is a pipe: %v", name, err)
		}
		os.Remove(path)
	}
}
