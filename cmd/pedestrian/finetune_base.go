package main

import (
	"context"
	"io"
	"path/filepath"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/hub"
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

// attachBase finds the base of an adapter again and compares its hash. unfolded is the
// base as it was read, where asTrained changed it, or nil.
func attachBase(ctx context.Context, c *train.Checkpoint, stderr io.Writer) (unfolded *pedestrian.Params[float32], err error) {
	b, _, err := openBase(ctx, c.Base.Path, train.BaseTokenizer, stderr)
	if err != nil {
		return nil, usagef("the base of %s: %w", c.Dir, err)
	}
	p, unfolded := asTrained(b.Params, c.Network)
	if err := c.Attach(p); err != nil {
		return nil, usageError{err}
	}
	return unfolded, nil
}

// asTrained is the base p as a run with that network knew it. Versions that read no
// other networks than those that divide their scores by √d_h multiplied the queries of
// others when they read them, and their adapters stand beside such queries: then p is
// folded again, and unfolded is what was read.
func asTrained(p *pedestrian.Params[float32], network pedestrian.Config) (base, unfolded *pedestrian.Params[float32]) {
	if p.Config != network && hub.Standard(p.Config) == network {
		return hub.Folded(p), p
	}
	return p, nil
}
