package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// An Adapter is one that was opened for a model that it stands beside.
type Adapter struct {
	*hub.Adapter
	Path string            // as it was asked for
	Run  *train.Checkpoint // that trained it; nil of an adapter in others' files
}

// An OtherBaseError says that an adapter was trained beside other weights than those that it
// was put beside. It comes inside an [InputError].
type OtherBaseError struct {
	Adapter, Base  string // paths
	Recorded, Have string // SHA-256 of the weights
}

// Error names both, and the beginnings of their hashes.
func (e *OtherBaseError) Error() string {
	return fmt.Sprintf("%s was trained beside other weights than those of %s: it recorded SHA-256 %.12s, and they have %.12s: give its own base", e.Adapter, e.Base, e.Recorded, e.Have)
}

// OpenAdapter opens the adapter called name, which stands beside m: a directory of PEFT or
// the name of one on the hub, a file in GGUF, or a run of ours. m's vocabulary grows where the adapter has
// rows of tokens that were added. It is not put beside m, and the hash that it recorded of its base is not compared ([Adapter.Check]); [Options].Adapter does all that.
func (m *Model) OpenAdapter(ctx context.Context, name string, o Options) (*Adapter, error) {
	at := name
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) && hub.CheckRepo(name) == nil {
		if at, err = named(ctx, name, err, o); err != nil {
			return nil, err
		}
	}
	load := hub.LoadAdapter
	if hub.IsGGUF(at) {
		load = hub.LoadAdapterGGUF
	}
	if hub.IsGGUF(at) || hub.IsAdapter(at) {
		a, err := load(at, m.Params)
		if err != nil {
			return nil, input(err)
		}
		if a.Base.Vocab > m.Params.Config.Vocab {
			m.grow(a.Base.Vocab)
		}
		return &Adapter{a, name, nil}, nil
	}
	kind := KindRun
	if _, err := os.Stat(filepath.Join(at, durable.ManifestFile)); err == nil {
		kind = KindCheckpoint
	}
	c, err := OpenCheckpoint(kind, at, o)
	if err != nil {
		return nil, inputf("%s is no adapter: %w: name an adapter directory of PEFT, an adapter in GGUF, or a run of \"pedestrian finetune\"", name, err)
	}
	if c.State.Adapter == nil {
		return nil, inputf("%s holds a whole network, not an adapter", name)
	}
	if p, unfolded := asTrained(m.Params, c.Network); unfolded != nil {
		m.Params, m.unfolded, m.sum = p, unfolded, ""
	}
	if c.Base.Vocab > 0 && c.Base.Vocab == m.Params.Config.Vocab {
		m.grow(c.Network.Vocab)
	}
	if c.Network != m.Params.Config {
		return nil, inputf("%s stands beside a network of other sizes than %s: give the base that it was trained on, %s", name, m.Path, c.Base.Path)
	}
	return &Adapter{trained(c.Base, c.State.Adapter, c.Tokenizer), name, c}, nil
}

// AdapterOf is the adapter that r has trained, for the base that r went on from: to be
// written by package hub, or merged. It panics where r trains no adapter.
func AdapterOf(r *train.Run) *Adapter {
	if r.State.Adapter == nil {
		panic("model.AdapterOf: the run trains a network, not an adapter")
	}
	tok := r.Data.Tokenizer
	if report := r.Data.Report; report != nil && report.Written != "" {
		if t, err := corpus.ParseTemplate(report.Written); err == nil {
			tok = tok.WithChat(t.Chat(tok, tok.Decode(r.Data.Begin), r.Options.Tuning.End).Template)
		}
	}
	return &Adapter{trained(r.Base, r.State.Adapter, tok), r.Dir, nil}
}

// trained is an adapter that a run has trained beside b, as others take it.
func trained(b *train.Base, a *pedestrian.Adapter[float32], tok *token.Tokenizer) *hub.Adapter {
	return &hub.Adapter{Adapter: a, BaseName: cmp.Or(b.Name, b.Path), BaseSHA256: b.SHA256, Tokenizer: tok}
}

// grow gives m a vocabulary of that many tokens, for an adapter that has rows of them.
func (m *Model) grow(vocab int) {
	m.Digest()
	m.Params = train.Extend(m.Params, vocab)
}

// Digest is the hash of m's weights as they were read, as [train.Digest] tells it.
func (m *Model) Digest() string {
	if m.sum == "" {
		m.sum = train.Digest(m.Params)
	}
	return m.sum
}

// Check compares the hash that a recorded of its base, if it did, with that of m.
func (a *Adapter) Check(m *Model) error {
	if a.BaseSHA256 == "" {
		return nil
	}
	if sum := m.Digest(); sum != a.BaseSHA256 {
		return &InputError{&OtherBaseError{a.Path, m.Path, a.BaseSHA256, sum}}
	}
	return nil
}

// putBeside puts the adapter that o names beside m. That of a run brings what the run
// learnt with it: its tokenizer, its template, what ends a text.
func (m *Model) putBeside(ctx context.Context, o Options) error {
	if m.Adapter != nil {
		return inputf("%s holds an adapter itself, and beside it goes no other: name its base", m.Path)
	}
	a, err := m.OpenAdapter(ctx, o.Adapter, o)
	if err != nil {
		return err
	}
	if err := a.Check(m); err != nil {
		return err
	}
	m.Adapter, m.beside, m.Notes = a.Adapter.Adapter, true, append(m.Notes, a.Notes...)
	c := a.Run
	if c == nil {
		if a.Tokenizer != nil && o.Tokenizer == "" {
			m.read(a.Tokenizer)
			if m.Checkpoint != nil { // the base's, which writes with what the adapter brought
				base := *m.Checkpoint
				base.Tokenizer, base.Network = a.Tokenizer, m.Params.Config
				m.Checkpoint = &base
			}
		}
		if a.Chat != "" && o.Tokenizer == "" {
			m.talks(a.Chat)
		}
		m.Notes = append(m.Notes, fmt.Sprintf("Beside it stands the adapter %s.", o.Adapter))
		return nil
	}
	c.State.Params = m.Params
	m.Checkpoint = c
	if o.Tokenizer == "" {
		m.Tokenizer = c.Tokenizer
	}
	if m.Tokenizer != nil {
		m.marks(c)
	}
	return nil
}

// talks notes that m's conversations are written as a chat template has them, in place of
// what the base has learnt.
func (m *Model) talks(chat string) {
	if m.Tokenizer == nil {
		return
	}
	m.Tokenizer, m.Chat = m.Tokenizer.WithChat(chat), nil
	if m.Checkpoint != nil { // the base's
		base := *m.Checkpoint
		base.Tokenizer, base.Data.Template, base.Options.Tuning.Template = m.Tokenizer, "", ""
		m.Checkpoint = &base
	}
	if t, err := corpus.DefaultTemplate(m.Tokenizer); err == nil {
		c := t.Chat(m.Tokenizer, "", "")
		m.Chat = &c
	}
}

// read takes a tokenizer that an adapter brought, and where texts end and begin by it.
func (m *Model) read(tok *token.Tokenizer) {
	m.Tokenizer = tok
	if eos, ok := tok.EOS(); ok && !slices.Contains(m.EOS, eos) {
		m.EOS = append([]int32{eos}, m.EOS...)
	}
	if bos, ok := tok.BOS(); ok {
		m.BOS = []int32{bos}
	}
}
