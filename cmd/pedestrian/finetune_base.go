package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/train"
)

// openBase loads the network that name means: a run directory or a checkpoint of
// ours, a GPT-2 directory of Hugging Face, or the name of one on its hub. align is
// where the windows began that a network of ours was trained on.
func openBase(ctx context.Context, name string, stderr io.Writer) (b train.Base, align string, err error) {
	dir := name
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(name) && hub.CheckRepo(name) == nil {
		if dir, err = fetchedModel(ctx, name, stderr); err != nil {
			return b, "", usagef("%s is no directory, and not on the hub either: %w", name, err)
		}
		b.Name = name
	} else if err != nil {
		return b, "", usageError{err}
	}
	if b.Path, err = filepath.Abs(dir); err != nil {
		return b, "", usageError{err}
	}
	if hub.IsDirectory(dir) {
		m, err := hub.LoadModel(dir)
		if err != nil {
			return b, "", usageError{err}
		}
		if b.Name == "" {
			b.Name = m.Name
		}
		b.Params, b.Tokenizer = m.Params, m.Tokenizer
		return b, "", nil
	}
	c, err := openCheckpoint(dir, false, stderr)
	if err != nil {
		return b, "", err
	}
	if c.State.Adapter != nil {
		return b, "", usagef("%s holds an adapter, not a network: merge it with its base first (pedestrian merge %s), or name the base", name, shellQuote(name))
	}
	if b.Path, err = filepath.Abs(c.Dir); err != nil {
		return b, "", usageError{err}
	}
	b.Params, b.Tokenizer = c.State.Params, c.Tokenizer
	return b, c.Options.Align, nil
}

// openCheckpoint loads a checkpoint; of a run, the best or the newest one. It leaves
// the base of an adapter out.
func openCheckpoint(dir string, newest bool, stderr io.Writer) (*train.Checkpoint, error) {
	if _, err := os.Stat(filepath.Join(dir, train.ManifestFile)); err == nil {
		return train.Load(dir, false)
	}
	if _, err := train.Newest(dir); err != nil {
		return nil, usagef("no model: %w: name a run directory, a checkpoint, or a directory of Hugging Face", err)
	}
	load := train.LoadBest
	if newest {
		load = func(run string) (*train.Checkpoint, []error, error) { return train.LoadNewest(run, false) }
	}
	c, passed, err := load(dir)
	if err == nil {
		passedOver(stderr, passed, c)
	}
	return c, err
}
