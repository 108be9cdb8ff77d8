package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/train"
)

// openModel opens the model called name with o, as every command does: with the cache of
// the environment, and what there is to tell on stderr. fetch says that it may be downloaded,
// as an adapter beside it always may.
func openModel(ctx context.Context, name string, fetch bool, o model.Options, stderr io.Writer) (*model.Model, error) {
	if err := missingRun(name); err != nil {
		return nil, err
	}
	m, err := model.Open(ctx, name, surroundings(o, name, fetch, stderr))
	return m, orNear(err)
}

// openAdapter opens the adapter called name for base, as openModel opens a model.
func openAdapter(ctx context.Context, name string, base *model.Model, newest bool, stderr io.Writer) (*model.Adapter, error) {
	a, err := base.OpenAdapter(ctx, name, surroundings(model.Options{Newest: newest}, "", true, stderr))
	return a, orNear(err)
}

// surroundings are o with the cache and the hub of the environment, for the model called
// name.
func surroundings(o model.Options, name string, fetch bool, stderr io.Writer) model.Options {
	o.Cache = hub.Environment(os.LookupEnv).Cache
	o.PassedOver = func(damaged []error, taken string) { passedOver(stderr, damaged, taken) }
	o.Fetch = func(ctx context.Context, wanted string) (string, error) {
		if wanted == name && !fetch {
			return "", &model.InputError{Err: &model.NotFoundError{Name: name}}
		}
		return fetchedModel(ctx, wanted, stderr)
	}
	return o
}

// missingRun says that there is no run called name, where that is below the directory of
// runs: there it is no name on the hub.
func missingRun(name string) error {
	if _, err := os.Stat(name); filepath.Dir(name) == runsDir && errors.Is(err, fs.ErrNotExist) {
		return usagef("there is no run %s: %s%s", name, otherRun(), orNearest(name))
	}
	return nil
}

// orNear adds to an error about a model that is not there what may have been meant.
func orNear(err error) error {
	if missing := (*model.NotFoundError)(nil); errors.As(err, &missing) {
		if near := orNearest(missing.Name); near != "" {
			return usagef("%w%s", err, near)
		}
	}
	return err
}

// mistake makes an error a mistake of the user's unless the disk made it.
func mistake(err error) error {
	if p := (*os.PathError)(nil); err == nil || errors.As(err, &p) {
		return err
	}
	return usageError{err}
}

// isAdapter says whether path is an adapter directory of PEFT or an adapter in GGUF, and no
// model.
func isAdapter(path string) bool {
	return hub.IsAdapter(path) && !hub.IsDirectory(path) || hub.IsAdapterGGUF(path)
}

// aboutAdapter says what an adapter is, on one line.
func aboutAdapter(a *pedestrian.Adapter[float32]) string {
	c := a.Config
	var targets []string
	for _, t := range c.Targets {
		targets = append(targets, fmt.Sprintf("%s:%d", t, c.RankOf(t)))
	}
	alpha := fmt.Sprintf("alpha %g", c.Alpha)
	for _, t := range c.Targets {
		if own := c.AlphaOf(t); own != c.Alpha {
			alpha += fmt.Sprintf(" (%s %g)", t, own)
		}
	}
	parts := []string{fmt.Sprintf("LoRA beside %s (target:rank), %s by %s", strings.Join(targets, ", "), alpha, c.Scaling)}
	if c.DoRA {
		parts = append(parts, "DoRA")
	}
	if len(c.Layers) > 0 {
		parts = append(parts, fmt.Sprintf("blocks %v", slices.Sorted(slices.Values(c.Layers))))
	}
	if c.Bias != "" && c.Bias != pedestrian.BiasNone {
		parts = append(parts, fmt.Sprintf("biases %s", c.Bias))
	}
	if n := len(c.Tokens); n > 0 {
		parts = append(parts, "rows of "+count2(n, "token"))
	}
	if c.Norms {
		parts = append(parts, "layer norms")
	}
	return strings.Join(append(parts, commas(a.Count())+" parameters"), "; ")
}

// latestRun is the directory in dir whose newest checkpoint was written last.
func latestRun(dir string) (run string) {
	var when time.Time
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		newest, err := train.Newest(name)
		if err != nil {
			continue
		}
		if info, err := os.Stat(newest); err == nil && info.ModTime().After(when) {
			run, when = name, info.ModTime()
		}
	}
	return run
}

// orLatest is the first argument, or the latest run where there is none.
func orLatest(args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	run := latestRun(runsDir)
	if run == "" {
		return "", usagef("there is no run in %s: %s", runsDir, otherRun())
	}
	return run, nil
}

// otherRun says what to name in the place of a run that is not there.
func otherRun() string {
	if run := latestRun(runsDir); run != "" {
		return "the latest is " + run
	}
	return `train one with "pedestrian train", or name a model`
}
