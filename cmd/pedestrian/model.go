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
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// The kinds of places that hold a model.
const (
	kindRun        = "run"
	kindCheckpoint = "checkpoint"
	kindDirectory  = "Hugging Face directory"
	kindCached     = "model in the cache of Hugging Face"
	kindLLMC       = "llm.c model"
	kindGGUF       = "GGUF file"
)

// A model is a network that a command was pointed at, wherever it is kept.
type model struct {
	Kind       string
	Path       string // of the directory or the file that was read
	Name       string // what others call it, or Path
	Params     *pedestrian.Params[float32]
	Adapter    *pedestrian.Adapter[float32] // that a run trained beside Params, or nil
	Tokenizer  *token.Tokenizer             // nil when it has none
	EOS, BOS   []int32                      // of a model of others
	begun      []int32                      // what stood before documents in a run, as train.Checkpoint.Begin says
	Chat       *corpus.Chat                 // of a run that learnt conversations, or nil
	End        string                       // what ends a document of a run, where that is several tokens
	Checkpoint *train.Checkpoint            // nil when it is not ours
	Notes      []string                     // what was assumed, one line each

	sum      string                      // SHA-256 of the weights as they were read, where rows were added; see sha256
	unfolded *pedestrian.Params[float32] // see asTrained; nil where Params are what was read
}

// modelOptions say how a model is looked for.
type modelOptions struct {
	newest    bool                            // of a run, the newest checkpoint instead of the best
	tokenizer string                          // that stands in for the model's own; "" = its own
	fetch     bool                            // from the hub, where it is not here
	adapter   string                          // that stands beside it: of PEFT, or of a run; "" = none but its own
	room      func(c pedestrian.Config) error // asks for what goes with such a network, before its numbers are read; may be nil
}

// place says what path is: the kind, and the path to read, which may be of an adapter of
// PEFT (isPEFT). An error is a mistake of the user's.
func place(ctx context.Context, path string, fetch bool, stderr io.Writer) (kind, at string, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) == runsDir: // and no name on the hub
		return "", "", usagef("there is no run %s: %s%s", path, otherRun(), orNearest(path))
	case errors.Is(err, fs.ErrNotExist) && hub.CheckRepo(path) == nil && fetch:
		at, err = fetchedModel(ctx, path, stderr)
		return kindCached, at, err
	case errors.Is(err, fs.ErrNotExist) && hub.CheckRepo(path) == nil:
		s, cacheErr := hubEnvironment().cache.Find(path, "")
		if cacheErr == nil && len(s.Missing) == 0 {
			return kindCached, s.Dir, nil
		}
		return "", "", usagef("%s: no such file or directory, and no model of that name is in the cache: \"pedestrian download %s\" fetches one%s", path, path, orNearest(path))
	case errors.Is(err, fs.ErrNotExist):
		return "", "", usagef("%w%s", err, orNearest(path))
	case err != nil:
		return "", "", usageError{err}
	case !info.IsDir() && hub.IsLLMC(path):
		return kindLLMC, path, nil
	case !info.IsDir() && hub.IsGGUF(path):
		return kindGGUF, path, nil
	case !info.IsDir() && strings.HasSuffix(path, ".safetensors"):
		return "", "", usagef("%s is a file of weights, and a model is a directory with %s and them: give the directory", path, "config.json")
	case !info.IsDir():
		return "", "", usagef("%s is not a model: give a run directory, a directory of Hugging Face with config.json, or a model file of GGUF or llm.c", path)
	}
	if _, err := os.Stat(filepath.Join(path, train.ManifestFile)); err == nil {
		return kindCheckpoint, path, nil
	}
	if hub.IsDirectory(path) || hub.IsAdapter(path) {
		return kindDirectory, path, nil
	}
	if _, err := train.Newest(path); err != nil {
		if hub.HasConfig(path) {
			return kindDirectory, path, nil // which says what is wrong with it
		}
		if weights := hub.Weights(path); weights != "" {
			return "", "", usagef("%s has %s and no config.json, which says what network the weights are of: put it beside them", path, weights)
		}
		return "", "", usagef("no model: %w: name a run directory of \"pedestrian train\", or a directory of Hugging Face with config.json", err)
	}
	return kindRun, path, nil
}

// networkAt is the network of a model of others, by its header. What is wrong with that is
// told when it is loaded.
func networkAt(kind, at string) (c pedestrian.Config, known bool) {
	switch kind {
	case kindRun, kindCheckpoint, kindGGUF:
		return c, false
	case kindLLMC:
		c, _, _, err := hub.InspectLLMC(at)
		return c, err == nil
	}
	d, err := hub.Open(at)
	if err != nil {
		return c, false
	}
	defer d.Close()
	return d.Network, d.Check() == nil
}

// openModel opens a model by path: a run directory (its best checkpoint), a checkpoint,
// a directory of Hugging Face, the name of a model in its cache, or a model file of
// llm.c. Beside the adapter of a run stands the base that it was trained on.
func openModel(ctx context.Context, path string, o modelOptions, stderr io.Writer) (*model, error) {
	kind, at, err := place(ctx, path, o.fetch, stderr)
	if err != nil {
		return nil, err
	}
	if isPEFT(at) {
		return nil, usagef("%s is an adapter of PEFT, not a model: \"pedestrian merge BASE %s\" makes one of it and its base", path, shellQuote(path))
	}
	if c, known := networkAt(kind, at); known && o.room != nil {
		if err := o.room(c); err != nil {
			return nil, err
		}
	}
	m := &model{Kind: kind, Path: at, Name: path}
	switch kind {
	case kindRun, kindCheckpoint:
		err = m.openOurs(ctx, o, stderr)
	case kindLLMC:
		err = m.take(hub.LoadLLMC[float32](at, hub.LoadOptions{}))
	case kindGGUF:
		err = m.take(hub.LoadGGUF(at, hub.LoadOptions{}))
	default:
		err = m.take(hub.LoadModel(at))
	}
	if err == nil && o.tokenizer != "" {
		m.Tokenizer, err = openTokenizer(o.tokenizer)
	}
	if err != nil {
		return nil, err
	}
	if m.Checkpoint != nil {
		m.marks(m.Checkpoint)
	}
	if gpt2 := token.GPT2(); m.Tokenizer == nil && m.Params.Config.Vocab == gpt2.Vocab() {
		m.Tokenizer = gpt2
		m.Notes = append(m.Notes, fmt.Sprintf("It has no tokenizer; its vocabulary has the size of GPT-2's, %s, which is taken.", commas(gpt2.Vocab())))
	}
	if o.adapter != "" {
		if err := m.putBeside(ctx, o, stderr); err != nil {
			return nil, err
		}
	}
	if t := m.Tokenizer; t != nil && t.Vocab() > m.Params.Config.Vocab {
		return nil, usagef("the tokenizer has %d tokens, and %s %d: give the model's own", t.Vocab(), path, m.Params.Config.Vocab)
	}
	return m, nil
}

// take fills m with what package hub has read. Files that cannot be read as a model
// are the user's mistake.
func (m *model) take(h *hub.Model[float32], err error) error {
	if err != nil {
		return usageError{err}
	}
	m.Params, m.Tokenizer, m.EOS, m.BOS = h.Params, h.Tokenizer, h.EOS, h.BOS
	m.Notes = append(m.Notes, h.Notes...)
	if h.Name != "" && m.Kind != kindCached {
		m.Name = h.Name
	}
	return nil
}

// openOurs opens a run or a checkpoint, and the base of an adapter.
func (m *model) openOurs(ctx context.Context, o modelOptions, stderr io.Writer) error {
	c, err := m.checkpoint(o, stderr)
	if err != nil {
		return err
	}
	if c.State.Adapter != nil && c.State.Params == nil {
		if m.unfolded, err = attachBase(ctx, c, stderr); err != nil {
			return err
		}
	}
	m.Path, m.Checkpoint, m.Params, m.Adapter, m.Tokenizer = c.Dir, c, c.State.Params, c.State.Adapter, c.Tokenizer
	m.begun = c.Begin()
	return nil
}

// marks notes what c knows of how texts begin and end, and of conversations.
func (m *model) marks(c *train.Checkpoint) {
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
func (m *model) learnt(c *train.Checkpoint) {
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
func (m *model) ended(end string) {
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

// checkpoint loads the checkpoint itself: of a run, the best or the newest one.
func (m *model) checkpoint(o modelOptions, stderr io.Writer) (c *train.Checkpoint, err error) {
	var passed []error
	switch {
	case m.Kind == kindCheckpoint:
		c, err = train.Load(m.Path, false)
	case o.newest:
		c, passed, err = train.LoadNewest(m.Path, false)
	default:
		c, passed, err = train.LoadBest(m.Path)
	}
	if err == nil {
		passedOver(stderr, passed, c)
	}
	return c, err
}

// writer makes a writer for net, which was made with m's parameters.
func (m *model) writer(net *engine.Network[float32]) *train.Writer {
	if m.Checkpoint != nil && !imported(m.Checkpoint) {
		return m.Checkpoint.Writer(net)
	}
	w := train.NewWriter(net, m.Params.Config, m.Tokenizer)
	if len(m.EOS) > 0 {
		w.End = m.EOS
	}
	switch {
	case len(m.begun) > 0: // a merged run
		w.Begin, w.Documents = m.begun, true
	case len(m.BOS) > 0:
		w.Begin = m.BOS
	case len(w.End) > 0: // as GPT-2 was trained: the end of one text is the beginning of the next
		w.Begin = w.End[:1]
	}
	return w
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
