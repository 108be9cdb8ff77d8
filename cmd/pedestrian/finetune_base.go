package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/train"
)

// openBase opens the network that name means, whatever kind of model that is. align
// is where the windows began that a network of ours was trained on.
func openBase(ctx context.Context, name, tokenizer string, stderr io.Writer) (b train.Base, align string, err error) {
	b, align, _, err = openTuned(ctx, name, tokenizer, "", nil, stderr)
	if err == nil && b.Adapter != nil {
		err = usagef("%s holds an adapter, not a network: merge it with its base first (pedestrian merge %s), or name the base", name, shellQuote(name))
	}
	return b, align, err
}

// openTuned is openBase for a run that may go on from an adapter: the one of that name,
// or that of a run whose directory is named as the base. from is where it was, "" when
// there is none. room is that of modelOptions.
func openTuned(ctx context.Context, name, tokenizer, adapter string, room func(pedestrian.Config) error, stderr io.Writer) (b train.Base, align, from string, err error) {
	o := modelOptions{fetch: true, adapter: adapter, room: room}
	if tokenizer != train.BaseTokenizer {
		o.tokenizer = tokenizer
	}
	m, err := openModel(ctx, name, o, stderr)
	if err != nil {
		return b, "", "", err
	}
	b = train.Base{Params: m.Params, Adapter: m.Adapter, Tokenizer: m.Tokenizer, Template: templateOf(m.Checkpoint)}
	if m.Checkpoint == nil {
		b.Name = m.Name
		if len(m.BOS) > 0 && m.Tokenizer != nil && m.Tokenizer.IsSpecial(m.BOS[0]) {
			b.Tokenizer = m.Tokenizer.WithBOS(m.BOS[0])
		}
	} else if m.Checkpoint.Base != nil {
		b.Name, align = m.Checkpoint.Base.Name, m.Checkpoint.Options.Align
	} else if !imported(m.Checkpoint) {
		align = m.Checkpoint.Options.Align
	}
	if from = adapter; m.Adapter != nil && from == "" { // name is the adapter's run
		base := m.Checkpoint.Base
		b.Path, b.SHA256, from = base.Path, base.SHA256, name
		return b, align, from, nil
	}
	if b.Path, err = filepath.Abs(m.Path); err != nil {
		return b, "", "", usageError{err}
	}
	return b, align, from, nil
}

// templateOf is how --template names that of the conversations which the run of c was
// trained on; "" where there were none, or its file is not what it was.
func templateOf(c *train.Checkpoint) string {
	if c == nil {
		return ""
	}
	trained, err := c.Template()
	if trained == nil || err != nil {
		return ""
	}
	for _, name := range append(corpus.Templates(), c.Options.Tuning.Template) {
		if t, err := corpus.LoadTemplate(name); name != "" && err == nil && t.Source() == trained.Source() {
			return name
		}
	}
	return ""
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

// goOnFrom makes o the options of a run that goes on from the adapter of b, which keeps
// its shape: whatever o says of that must be the default and not asked for, or what the
// adapter has.
func goOnFrom(o *train.Options, b train.Base, from, name string, asked func(flag string) bool) error {
	if o.Tuning.Full {
		return usagef("--full trains the network, and %s is an adapter: leave --full out, or make a network of it and its base first (pedestrian merge)", from)
	}
	usual, own := train.TuningOptions(name), *o
	own.Tuning.Adapter, own.Tuning.Init = b.Adapter.Config, usual.Tuning.Init
	dropout := o.Tuning.Adapter.Dropout
	if dropout == usual.Tuning.Adapter.Dropout {
		dropout = b.Adapter.Config.Dropout
	}
	settings := func(o *train.Options) (s []train.Setting) {
		for _, x := range o.TuningSettings() {
			switch x.Name {
			case "rank", "alpha", "scaling", "targets", "layers", "dora", "train_bias", "train_norms", "init":
				s = append(s, x)
			}
		}
		return s
	}
	has, fallback := settings(&own), settings(&usual)
	for i, s := range settings(o) {
		if v := s.String(); (asked(s.Flag()) || v != fallback[i].String()) && v != has[i].String() {
			return usagef("--%s is %s, and the adapter of %s goes on as it is, with %q: leave it out", s.Flag(), v, from, has[i].String())
		}
	}
	o.Tuning.Adapter, o.Tuning.From = b.Adapter.Config, from
	o.Tuning.Adapter.Dropout = dropout
	return nil
}

// addTokens adds the tokens that o names to the base, and their rows to what is trained.
func addTokens(o *train.Options, b *train.Base) error {
	if len(o.Tuning.AddTokens) == 0 {
		return nil
	}
	if b.Adapter != nil {
		return fmt.Errorf("--add-tokens is for an adapter that begins, and %s has the tokens that it has: merge it with its base first (pedestrian merge)", o.Tuning.From)
	}
	ids, err := b.AddTokens(o.Tuning.AddTokens)
	if err == nil && !o.Tuning.Full {
		o.Tuning.Adapter.Tokens = slices.Sorted(slices.Values(ids))
	}
	return err
}
