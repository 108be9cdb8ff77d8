package train

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// Branch makes a new run in the directory dir, which must not hold one. Its newest checkpoint
// is c. It copies the checkpoints that the run may go back to, and the lines of the log up to
// c. The run of c does not change. The result is c as a checkpoint of the new run, for
// [Resume] in dir.
func Branch(c *Checkpoint, dir string) (*Checkpoint, error) {
	b, err := branch(durable.OS, c, dir)
	if err != nil {
		return nil, fmt.Errorf("beginning a run from %s: %w", c.Dir, err)
	}
	return b, nil
}

func branch(fs durable.FS, c *Checkpoint, dir string) (*Checkpoint, error) {
	to, err := durable.Enter(fs, dir)
	if err != nil {
		return nil, err
	}
	defer to.Close()
	if entries, err := checkpoints(to, dir); err != nil {
		return nil, err
	} else if len(entries) > 0 {
		return nil, fmt.Errorf("%s holds a run already: choose another directory", dir)
	}
	lock, err := lockRun(to, dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if _, ofRun := parseEntry(filepath.Base(c.Dir)); ofRun {
		if err := branchRun(fs, c, to, dir); err != nil {
			return nil, err
		}
	}
	from, err := fs.Within(c.Dir)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	b := *c
	b.Dir, err = copyCheckpoint(from, c.Dir, to, dir)
	return &b, err
}

// branchRun copies the older checkpoints and the lines of the log that c needs.
func branchRun(fs durable.FS, c *Checkpoint, to durable.FS, dir string) error {
	run := filepath.Dir(c.Dir)
	from, err := fs.Within(run)
	if err != nil {
		return err
	}
	defer from.Close()
	entries, err := checkpoints(from, run)
	if err != nil {
		return err
	}
	kept := c.keptSteps()
	slices.Sort(kept)
	for _, step := range slices.Compact(kept) {
		i := slices.IndexFunc(entries, func(e Entry) bool { return e.Step == step && step < c.State.Step && verify(from, e.Dir) == nil })
		if i < 0 {
			continue // the run can do without it: it has its newest checkpoint
		}
		if _, err := copyCheckpoint(from, entries[i].Dir, to, dir); err != nil {
			return err
		}
	}
	log := &metricsLog{fs: from, run: run}
	size, _, err := log.measure(c.State.Progress)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		_, err = durable.Replace(to, dir, durable.File{Name: MetricsFile, Write: func(w io.Writer) error { return log.copyLines(w, size, &c.State.Progress) }})
	}
	return err
}

// copyCheckpoint copies the checkpoint in the directory at into the run dir. It returns the
// new directory.
func copyCheckpoint(from durable.FS, at string, to durable.FS, dir string) (saved string, err error) {
	s, err := open(from, at)
	if err != nil {
		return "", err
	}
	var files []durable.File
	for name, size := range s.Files() {
		files = append(files, durable.File{Name: name, Bytes: size, Blocks: strings.HasSuffix(name, tensorSuffix), Write: func(w io.Writer) error {
			return s.Read(name, func(r io.ReaderAt, size int64) error {
				_, err := io.Copy(w, io.NewSectionReader(r, 0, size))
				return err
			})
		}})
	}
	return saveFiles(to, dir, s.Step, files)
}
