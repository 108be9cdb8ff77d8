package model

import (
	"context"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/train"
)

// Base is m as [train.Finetune] goes on from it: the network, and its adapter if there is
// one. A model whose adapter is its own, that of a run, is named by the base of that.
func (m *Model) Base() train.Base {
	b := train.Base{Path: m.absolute, Params: m.Params, Adapter: m.Adapter, Tokenizer: m.Tokenizer, Template: template(m.Checkpoint)}
	c := m.Checkpoint
	switch {
	case c == nil:
		b.Name = m.Name
		if len(m.BOS) > 0 && m.Tokenizer != nil && m.Tokenizer.IsSpecial(m.BOS[0]) {
			b.Tokenizer = m.Tokenizer.WithBOS(m.BOS[0])
		}
	case c.Base != nil:
		b.Name = c.Base.Name
	}
	if m.Adapter != nil && !m.beside {
		b.Path, b.SHA256 = c.Base.Path, c.Base.SHA256
	}
	return b
}

// template is how [train.Tuning] names that of the conversations which the run of c was
// trained on; "" where there were none, or its file is not what it was.
func template(c *train.Checkpoint) string {
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

// Attach finds the base of c, a checkpoint of an adapter that was loaded without it, by its
// path, and puts it beside the adapter; it compares the hash of its weights.
func Attach(ctx context.Context, c *train.Checkpoint, o Options) error {
	_, err := attach(ctx, c, o)
	return err
}

// attach is Attach. unfolded is the base as it was read, where asTrained changed it, or nil.
func attach(ctx context.Context, c *train.Checkpoint, o Options) (unfolded *pedestrian.Params[float32], err error) {
	b, err := Open(ctx, c.Base.Path, o.base())
	if err == nil && b.Adapter != nil {
		err = inputf("%s holds an adapter, not a network: merge it with its base first (pedestrian merge %s), or name the base", c.Base.Path, shellQuote(c.Base.Path))
	}
	if err != nil {
		return nil, inputf("the base of %s: %w", c.Dir, err)
	}
	p, unfolded := asTrained(b.Params, c.Network)
	if err := c.Attach(p); err != nil {
		return nil, &InputError{err}
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
