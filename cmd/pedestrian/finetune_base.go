package main

import (
	"context"
	"io"
	"path/filepath"

	"github.com/pedestrian-ml/pedestrian/train"
)

// openBase opens the network that name means, whatever kind of model that is. align
// is where the windows began that a network of ours was trained on.
func openBase(ctx context.Context, name, tokenizer string, stderr io.Writer) (b train.Base, align string, err error) {
	o := modelOptions{fetch: true}
	if tokenizer != train.BaseTokenizer {
		o.tokenizer = tokenizer
	}
	m, err := openModel(ctx, name, o, stderr)
	if err != nil {
		return b, "", err
	}
	if m.Adapter != nil {
		return b, "", usagef("%s holds an adapter, not a network: merge it with its base first (pedestrian merge %s), or name the base", name, shellQuote(name))
	}
	b = train.Base{Params: m.Params, Tokenizer: m.Tokenizer}
	if m.Checkpoint == nil {
		b.Name = m.Name
	} else if !imported(m.Checkpoint) {
		align = m.Checkpoint.Options.Align
	}
	if b.Path, err = filepath.Abs(m.Path); err != nil {
		return b, "", usageError{err}
	}
	return b, align, nil
}

// attachBase finds the base of an adapter again and compares its hash.
func attachBase(ctx context.Context, c *train.Checkpoint, stderr io.Writer) error {
	b, _, err := openBase(ctx, c.Base.Path, train.BaseTokenizer, stderr)
	if err != nil {
		return usagef("the base of %s: %w", c.Dir, err)
	}
	if err := c.Attach(b.Params); err != nil {
		return usageError{err}
	}
	return nil
}
