// Package model opens a network wherever it is kept: a run of ours or one of its
// checkpoints, a directory of Hugging Face, a model of its hub by name, a file of GGUF or
// llm.c, with an adapter beside it or without. What comes back is the network with what
// belongs to it, the same for all of them: it can write ([Model.Writer]), be trained further
// ([Model.Base]), and be written in the formats of others ([Model.Export]).
//
// The package prints nothing and reads no environment: what there is to tell is in Notes,
// or told through [Options].
package model

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A Model is a network that was opened, with what belongs to it.
type Model struct {
	Kind       Kind
	Path       string // of the directory or the file that was read
	Name       string // what others call it, such as "openai-community/gpt2", or else what was asked for
	Params     *pedestrian.Params[float32]
	Adapter    *pedestrian.Adapter[float32] // beside Params, or nil
	Tokenizer  *token.Tokenizer             // nil when it has none
	EOS        []int32                      // tokens that end a text, the first one is written; none when it is not known
	BOS        []int32                      // token that begins a text, at most one
	Chat       *corpus.Chat                 // of a run that learnt conversations, or nil
	End        string                       // what ends a document of a run, where that is several tokens
	Checkpoint *train.Checkpoint            // nil when it is not ours
	Notes      []string                     // what was assumed, a sentence each

	absolute string                      // Path
	begun    []int32                     // what stood before documents in a run, as train.Checkpoint.Begin says
	beside   bool                        // Adapter is the one of Options, not its own
	sum      string                      // what Digest returns, once it was asked
	unfolded *pedestrian.Params[float32] // see asTrained; nil where Params are what was read
}

// Options say how a model is looked for. The zero value opens what is on this disk, by its
// path, as it stands there.
type Options struct {
	Newest    bool   // of a run, the newest checkpoint instead of the one with the lowest validation loss
	Tokenizer string // in the place of the model's own, as [train.OpenTokenizer] takes it; "" = its own
	Adapter   string // to put beside the model: of PEFT, by its path or name, or of a run; "" = none but its own

	// Cache is where models are found by their names; of the zero value none is.
	// [hub.Environment] tells which one Hugging Face's libraries use.
	Cache hub.Cache

	// Fetch brings a model that is neither on this disk nor in Cache, and returns its
	// directory, as [hub.Access.Fetch] does; nil = that is an error.
	Fetch func(ctx context.Context, name string) (dir string, err error)

	// Room is asked, before numbers are read, whether there is room for what goes with a
	// network whose weights take so many bytes; an error ends Open. It is not asked of runs
	// and GGUF files. nil = there is.
	Room func(c pedestrian.Config, weights int64) error

	// Frozen keeps weights that are bf16, half precision or q8_0 in their files in that type, for
	// a network that is not trained: it computes the same, to the last bit, in less memory.
	Frozen bool

	// Q8 rounds the weights to q8_0, as [hub.Quantize] does, for a network that is not trained.
	// A base of an adapter and a run are read as they are first.
	Q8 bool

	// PassedOver is told which checkpoints of a run are damaged, and which one was taken
	// in their place; may be nil.
	PassedOver func(damaged []error, taken string)
}

// base are the options with which the base of an adapter is opened.
func (o Options) base() Options {
	return Options{Cache: o.Cache, Fetch: o.Fetch, PassedOver: o.PassedOver, Frozen: o.Frozen}
}

// Open opens the model called name: the path of a run directory (its best checkpoint), of
// a checkpoint, of a directory of Hugging Face, of a model file of GGUF or llm.c, or the
// name of a model on the hub, such as "openai-community/gpt2". Beside the adapter of a run
// stands the base that it was trained on, which is found again by its path and compared by
// the hash of its weights.
//
// An error is an [InputError] where the caller can help it.
func Open(ctx context.Context, name string, o Options) (*Model, error) {
	kind, at, err := Find(ctx, name, o)
	if err != nil {
		return nil, err
	}
	if kind == KindAdapter {
		return nil, inputf("%s is an adapter of PEFT, not a model: \"pedestrian merge BASE %s\" makes one of it and its base", name, shellQuote(name))
	}
	if c, weights, known := network(kind, at, o); known && o.Room != nil {
		if err := o.Room(c, weights); err != nil {
			return nil, err
		}
	}
	m := &Model{Kind: kind, Path: at, Name: name}
	switch kind {
	case KindRun, KindCheckpoint:
		err = m.openOurs(ctx, o)
	case KindLLMC:
		err = m.take(hub.LoadLLMC[float32](at, hub.LoadOptions{}))
	case KindGGUF:
		err = m.take(hub.LoadGGUF(at, o.load()))
	default:
		err = m.take(directoryModel(at, o))
	}
	if err == nil && o.Tokenizer != "" {
		if m.Tokenizer, err = train.OpenTokenizer(o.Tokenizer); err != nil {
			err = &InputError{err}
		}
	}
	if err != nil {
		return nil, err
	}
	if m.absolute, err = filepath.Abs(m.Path); err != nil {
		return nil, &InputError{err}
	}
	if o.Q8 {
		if err := m.quantize(); err != nil {
			return nil, err
		}
	}
	if m.Checkpoint != nil {
		m.marks(m.Checkpoint)
	}
	if gpt2 := token.GPT2(); m.Tokenizer == nil && m.Params.Config.Vocab == gpt2.Vocab() {
		m.Tokenizer = gpt2
		m.Notes = append(m.Notes, "It has no tokenizer; its vocabulary has the size of GPT-2's, 50,257, which is taken.")
	}
	if o.Adapter != "" {
		if err := m.putBeside(ctx, o); err != nil {
			return nil, err
		}
	}
	if t := m.Tokenizer; t != nil && t.Vocab() > m.Params.Config.Vocab {
		return nil, inputf("the tokenizer has %d tokens, and %s %d: give the model's own", t.Vocab(), name, m.Params.Config.Vocab)
	}
	return m, nil
}

// load are the options of package hub.
func (o Options) load() hub.LoadOptions { return hub.LoadOptions{Frozen: o.Frozen, Q8: o.Q8} }

// quantize rounds the weights to q8_0, unless they were when they were read. Of the numbers
// before nothing keeps hold.
func (m *Model) quantize() error {
	p, err := hub.Quantize(m.Params)
	if err != nil {
		return &InputError{fmt.Errorf("%s in q8_0: %w", m.Name, err)}
	}
	if m.Checkpoint != nil && p != m.Params {
		m.Checkpoint.State.Params = p
	}
	m.Params, m.unfolded = p, nil
	return nil
}

// directoryModel reads the model in the directory at.
func directoryModel(at string, o Options) (*hub.Model[float32], error) {
	d, err := hub.Open(at)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return hub.Load[float32](d, o.load())
}

// take fills m with what package hub has read.
func (m *Model) take(h *hub.Model[float32], err error) error {
	if err != nil {
		return &InputError{err}
	}
	m.Params, m.Tokenizer, m.EOS, m.BOS = h.Params, h.Tokenizer, h.EOS, h.BOS
	m.Notes = append(m.Notes, h.Notes...)
	if h.Name != "" && m.Kind != KindCached {
		m.Name = h.Name
	}
	return nil
}

// openOurs opens a run or a checkpoint, and the base of an adapter.
func (m *Model) openOurs(ctx context.Context, o Options) error {
	c, err := OpenCheckpoint(m.Kind, m.Path, o)
	if err != nil {
		return err
	}
	if c.State.Adapter != nil && c.State.Params == nil {
		if m.unfolded, err = attach(ctx, c, o); err != nil {
			return err
		}
	}
	m.Path, m.Checkpoint, m.Params, m.Adapter, m.Tokenizer = c.Dir, c, c.State.Params, c.State.Adapter, c.Tokenizer
	m.begun = c.Begin()
	return nil
}

// OpenCheckpoint loads a checkpoint at path: of a run, the best or the newest one that is
// whole. That of an adapter comes without its base, which [Attach] finds.
func OpenCheckpoint(kind Kind, path string, o Options) (c *train.Checkpoint, err error) {
	var damaged []error
	switch {
	case kind == KindCheckpoint:
		c, err = train.Load(path, false)
	case o.Newest:
		c, damaged, err = train.LoadNewest(path, false)
	default:
		c, damaged, err = train.LoadBest(path)
	}
	if err == nil && len(damaged) > 0 && o.PassedOver != nil {
		o.PassedOver(damaged, c.Dir)
	}
	return c, err
}

// marks notes what c knows of how texts begin and end, and of conversations.
func (m *Model) marks(c *train.Checkpoint) {
	if eos, ok := m.Tokenizer.EOS(); ok {
		m.EOS = []int32{eos}
	}
	if len(c.Ends) > 0 {
		m.EOS = c.Ends
	}
	if bos, ok := m.Tokenizer.BOS(); ok {
		m.BOS = []int32{bos}
	}
	m.learnt(c)
}

// learnt notes what the run of c was trained on: what stood before documents, and the
// conversations, if there were any.
func (m *Model) learnt(c *train.Checkpoint) {
	if begin := c.Begin(); len(begin) > 0 {
		m.BOS, m.begun = begin, begin
	}
	chat, err := c.Chat(m.Tokenizer)
	if chat != nil {
		m.Chat = chat
	}
	if err != nil {
		m.Notes = append(m.Notes, fmt.Sprintf("How conversations were written is not known any more: %v.", err))
	}
	if m.Chat == nil && err == nil {
		m.ended(c.Options.Tuning.End)
	}
}

// ended notes what a run was told that its documents end with, if anything: a token is
// the first of those that end a text.
func (m *Model) ended(end string) {
	e, err := corpus.NewEncoder(m.Tokenizer, corpus.EncodeOptions{End: end})
	if end == "" || err != nil {
		return
	}
	if ids := e.End(); len(ids) == 1 {
		m.EOS = append(slices.Clone(ids), slices.DeleteFunc(slices.Clone(m.EOS), func(id int32) bool { return id == ids[0] })...)
		if m.Tokenizer.IsAdded(ids[0]) {
			m.Tokenizer = m.Tokenizer.WithEOS(ids[0])
		}
	} else {
		m.End = end
	}
}

// Writer makes a writer for net, which was made with m's parameters, and its adapter if
// there is one. Its texts begin and end as those that the network has learnt.
func (m *Model) Writer(net *engine.Network[float32]) *generate.Writer {
	if m.Checkpoint != nil && !m.Checkpoint.Imported() {
		return m.Checkpoint.Writer(net)
	}
	w := generate.NewWriter(net, m.Params.Config, m.Tokenizer)
	if len(m.EOS) > 0 {
		w.End = m.EOS
	}
	switch {
	case len(m.begun) > 0: // a merged run
		w.Begin, w.AddBegin = m.begun, true
	case len(m.BOS) > 0:
		w.Begin = m.BOS
	case len(w.End) > 0: // as GPT-2 was trained: the end of one text is the beginning of the next
		w.Begin = w.End[:1]
	}
	return w
}
