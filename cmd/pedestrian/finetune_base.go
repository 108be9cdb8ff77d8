package main

import (
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/train"
)

// alignment is where the windows began that a network of ours was trained on; "" of others.
func alignment(m *model.Model) corpus.Align {
	if m.Checkpoint == nil {
		return ""
	}
	return m.Checkpoint.Options.Align
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
