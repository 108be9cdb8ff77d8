package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// aboutAdapter says what an adapter is, on one line.
func aboutAdapter(a *hub.Adapter) string {
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

// mistake makes an error a mistake of the user's unless the disk made it.
func mistake(err error) error {
	if p := (*os.PathError)(nil); err == nil || errors.As(err, &p) {
		return err
	}
	return usageError{err}
}

// isPEFT says whether path is an adapter directory of PEFT, and no model.
func isPEFT(path string) bool { return hub.IsAdapter(path) && !hub.IsDirectory(path) }

// runAdapter is the adapter of a run that was opened, as others take it.
func runAdapter(m *model) *hub.Adapter {
	c := m.Checkpoint
	name := c.Base.Name
	if name == "" {
		name = c.Base.Path
	}
	return &hub.Adapter{Adapter: m.Adapter, BaseName: name, BaseSHA256: c.Base.SHA256, Tokenizer: m.hub().Tokenizer}
}

// outside is the adapter and its base as others have them: where the base was folded
// for a run of an earlier version, beside what it was before.
func (m *model) outside(a *hub.Adapter) *hub.Adapter {
	if a == nil || m.unfolded == nil {
		return a
	}
	m.Params = m.unfolded
	return &hub.Adapter{Adapter: hub.UnfoldAdapter(a.Adapter, m.Params.Config), BaseName: a.BaseName, BaseSHA256: train.Digest(m.Params), Tokenizer: a.Tokenizer, Notes: a.Notes}
}

// read takes a tokenizer that an adapter brought, and where texts end and begin by it.
func (m *model) read(tok *token.Tokenizer) {
	m.Tokenizer = tok
	if eos, ok := tok.EOS(); ok && !slices.Contains(m.EOS, eos) {
		m.EOS = append([]int32{eos}, m.EOS...)
	}
	if bos, ok := tok.BOS(); ok {
		m.BOS = []int32{bos}
	}
}

// openAdapter opens an adapter that stands beside base: of PEFT, in a directory or by
// name, or of a run of ours, whose checkpoint c is.
func openAdapter(ctx context.Context, path string, base *model, newest bool, stderr io.Writer) (a *hub.Adapter, c *train.Checkpoint, err error) {
	at := path
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && hub.CheckRepo(path) == nil {
		if at, err = fetchedModel(ctx, path, stderr); err != nil {
			return nil, nil, err
		}
	}
	if hub.IsAdapter(at) {
		a, err := hub.LoadAdapter(at, base.Params)
		if err == nil && a.Base.Vocab > base.Params.Config.Vocab {
			base.grow(a.Base.Vocab)
		}
		return a, nil, mistake(err)
	}
	run := &model{Kind: kindRun, Path: at}
	if _, err := os.Stat(filepath.Join(at, train.ManifestFile)); err == nil {
		run.Kind = kindCheckpoint
	}
	c, err = run.checkpoint(modelOptions{newest: newest}, stderr)
	if err != nil {
		return nil, nil, usagef("%s is no adapter: %w: name an adapter directory of PEFT, or a run of \"pedestrian finetune\"", path, err)
	}
	if c.State.Adapter == nil {
		return nil, nil, usagef("%s holds a whole network, not an adapter", path)
	}
	if p, unfolded := asTrained(base.Params, c.Network); unfolded != nil {
		base.Params, base.unfolded = p, unfolded
	}
	if c.Base.Vocab > 0 && c.Base.Vocab == base.Params.Config.Vocab {
		base.grow(c.Network.Vocab)
	}
	if c.Network != base.Params.Config {
		return nil, nil, usagef("%s stands beside a network of other sizes than %s: give the base that it was trained on, %s", path, base.Path, c.Base.Path)
	}
	run.Checkpoint, run.Adapter, run.Tokenizer = c, c.State.Adapter, c.Tokenizer
	return runAdapter(run), c, nil
}

// grow gives m a vocabulary of that many tokens, for an adapter that has rows of them.
func (m *model) grow(vocab int) {
	m.sum = m.sha256()
	m.Params = train.Extend(m.Params, vocab)
}

// sha256 is the hash of m's weights as they were read.
func (m *model) sha256() string {
	if m.sum != "" {
		return m.sum
	}
	return train.Digest(m.Params)
}

// sameBase compares the hash that an adapter recorded of its base, if it did, with that
// of the weights it is put beside.
func sameBase(path string, a *hub.Adapter, base *model) error {
	if a.BaseSHA256 == "" {
		return nil
	}
	if sum := base.sha256(); sum != a.BaseSHA256 {
		return usagef("%s was trained beside other weights than those of %s: it recorded SHA-256 %.12s, and they have %.12s: give its own base", path, base.Path, a.BaseSHA256, sum)
	}
	return nil
}

// putBeside puts the adapter that o names beside m. That of a run brings what the run
// learnt with it: its tokenizer, its template, what ends a text.
func (m *model) putBeside(ctx context.Context, o modelOptions, stderr io.Writer) error {
	if m.Adapter != nil {
		return usagef("%s holds an adapter itself, and beside it goes no other: name its base", m.Path)
	}
	a, c, err := openAdapter(ctx, o.adapter, m, o.newest, stderr)
	if err != nil {
		return err
	}
	if err := sameBase(o.adapter, a, m); err != nil {
		return err
	}
	m.Adapter, m.Notes = a.Adapter, append(m.Notes, a.Notes...)
	if c == nil {
		if a.Tokenizer != nil && o.tokenizer == "" {
			m.read(a.Tokenizer)
			if m.Checkpoint != nil { // the base's, which writes with what the adapter brought
				base := *m.Checkpoint
				base.Tokenizer, base.Network = a.Tokenizer, m.Params.Config
				m.Checkpoint = &base
			}
		}
		m.Notes = append(m.Notes, fmt.Sprintf("Beside it stands the adapter %s.", o.adapter))
		return nil
	}
	c.State.Params = m.Params
	m.Checkpoint = c
	if o.tokenizer == "" {
		m.Tokenizer = c.Tokenizer
	}
	if m.Tokenizer != nil {
		m.marks(c)
	}
	return nil
}
