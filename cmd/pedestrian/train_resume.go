package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/train"
)

// changeable are the settings that may be given together with --resume: they do not
// change the numbers, except for data and val, which say where the texts are now, and
// steps, which lengthens the run and with it the schedule.
var changeable = map[string]bool{"threads": true, "recompute": true, "data": true, "val": true, "steps": true, "keep": true, "sample_every": true, "sample_tokens": true, "tensorboard": true}

const resumeHelp = "go on with the run in this directory, or with a checkpoint of it; no other setting is needed"

// A resumption is what --resume and --out ask for: to go on with a run from its newest
// checkpoint, or to begin another one, in the directory out, from a checkpoint.
type resumption struct {
	run  string // in which it goes on
	from *train.Checkpoint
	out  string
}

// resumable loads what --resume names, a run or a checkpoint, with the changes that flags
// ask for. A checkpoint of a run that has newer ones is not gone on with there, where they
// would be lost, but with out in a run of its own.
func resumable(path, out string, f *pflag.FlagSet, stderr io.Writer) (*resumption, error) {
	var wrong string
	f.Visit(func(fl *pflag.Flag) {
		s, setting := fl.Value.(*settingFlag)
		if setting && !changeable[s.Name] || fl.Name == "preset" || fl.Name == "config" {
			wrong = fl.Name
		}
	})
	if wrong != "" {
		return nil, usagef("--%s cannot be given with --resume: a run goes on with the settings it began with", wrong)
	}
	r := &resumption{run: path, out: out}
	var err error
	named := namesCheckpoint(path)
	switch {
	case named && out != "":
		r.run = out
		r.from, err = loadToResume(filepath.Clean(path))
	case named:
		err = r.ofRun(path, stderr)
	case out != "":
		return nil, usagef("--out cannot be given with --resume of a run, which goes on where it is: to begin another run from what it has learnt, name a checkpoint, such as --resume %s/step-000100 --out %s", shellQuote(filepath.Clean(path)), shellQuote(out))
	default:
		if _, err := train.Newest(path); err != nil {
			return nil, usagef("nothing to resume: %w", err)
		}
		var passed []error
		if r.from, passed, err = loadNewestToResume(path); err == nil {
			passedOver(stderr, passed, r.from.Dir)
		}
	}
	if err != nil {
		return nil, err
	}
	c := r.from
	if err := setFlags(&c.Options, f); err != nil {
		return nil, usageError{err}
	}
	if err := absolute(&c.Options); err != nil {
		return nil, usageError{err}
	}
	if err := c.Options.Validate(); err != nil {
		return nil, usageError{err}
	}
	if c.Options.Steps < c.State.Step {
		return nil, usagef("--steps is %d, but the run in %s has done %d: give more, or leave it out", c.Options.Steps, path, c.State.Step)
	}
	return r, nil
}

// namesCheckpoint says whether path is a checkpoint and no run.
func namesCheckpoint(path string) bool {
	if _, err := os.Stat(filepath.Join(path, durable.ManifestFile)); err != nil {
		return false
	}
	entries, err := train.Checkpoints(path)
	return err == nil && len(entries) == 0
}

// ofRun takes the run that the checkpoint at path is the newest of.
func (r *resumption) ofRun(path string, stderr io.Writer) error {
	dir, err := filepath.Abs(path) // a path such as "." has no name
	if err != nil {
		return usageError{err}
	}
	run, name := filepath.Dir(dir), filepath.Base(dir)
	if clean := filepath.Clean(path); filepath.Base(clean) == name {
		run = filepath.Dir(clean)
	}
	entries, err := train.Checkpoints(run)
	if err != nil {
		return usageError{err}
	}
	at := slices.IndexFunc(entries, func(e train.Entry) bool { return filepath.Base(e.Dir) == name })
	if at < 0 {
		return usagef("%s is a checkpoint that is in no run: begin one with it, by --resume %s --out DIR", path, shellQuote(path))
	}
	c, passed, err := loadNewestToResume(run)
	if err != nil {
		return err
	}
	newest := filepath.Base(c.Dir)
	if newest != name {
		found := slices.IndexFunc(entries, func(e train.Entry) bool { return filepath.Base(e.Dir) == newest })
		if found >= 0 && found < at { // what was named is damaged
			return usagef("%s: go on from %s with --resume %s", oneLine(train.Verify(dir)), newest, shellQuote(run))
		}
		return usagef("%s is not the newest checkpoint of its run, and going on from it there would lose what was learnt up to step %s: go on from that with --resume %s, or begin another run from this one with --resume %s --out DIR",
			path, commas(c.State.Step), shellQuote(run), shellQuote(filepath.Clean(path)))
	}
	passedOver(stderr, passed, c.Dir)
	r.run, r.from = run, c
	return nil
}

// resume goes on, with the text d.
func (r *resumption) resume(d *train.Data) (*train.Run, error) {
	if r.out != "" && rankDir(r.out) != "" {
		c, err := train.Branch(r.from, r.out)
		if err != nil {
			return nil, usageError{err}
		}
		r.from = c
	}
	run, err := train.Resume(rankDir(r.run), r.from, d)
	if err != nil {
		return nil, usageError{err}
	}
	return run, nil
}
