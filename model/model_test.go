package model

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/safetensors"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// chat is a network of another library, which learnt conversations.
var chat = filepath.Join("..", "testdata", "transformers", "chat")

// open opens what must open.
func open(t *testing.T, name string, o Options) *Model {
	t.Helper()
	m, err := Open(t.Context(), name, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// trainBase makes a run in dir.
func trainBase(t *testing.T, dir string) {
	t.Helper()
	text := corpus.Stories(corpus.AnyDialogue).Text(1, 4000)
	tok, err := token.NewChars(text + "x")
	if err != nil {
		t.Fatal(err)
	}
	o := train.Options{Config: pedestrian.Config{Context: 16, Width: 32, Heads: 2, Blocks: 1}, Steps: 2, Batch: 2}
	d, err := train.TextData(o, tok, text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := train.Start(o, d, dir)
	finish(t, r, err)
}

// adapt trains an adapter beside the model m, as a run in dir.
func adapt(t *testing.T, m *Model, dir string) *train.Run {
	t.Helper()
	d, err := train.ExampleData(train.Options{}, m.Tokenizer, []corpus.Record{{Prompt: "One day", Completion: " a fox met a hen."}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := train.Finetune(train.Options{Steps: 2, Window: 16, Tuning: train.Tuning{Adapter: pedestrian.AdapterConfig{Rank: 1}}}, m.Base(), d, dir)
	finish(t, r, err)
	return r
}

func finish(t *testing.T, r *train.Run, err error) {
	t.Helper()
	if err == nil {
		_, err = r.Train(t.Context(), train.Observer{})
		err = errors.Join(err, r.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// text is what m writes.
func text(t *testing.T, m *Model) string {
	t.Helper()
	net := engine.New(m.Params, m.Adapter, engine.Options{})
	defer net.Close()
	got, err := m.Writer(net).Write(t.Context(), "One day", generate.Sampling{MaxTokens: 8}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return got.Text
}

// One network, wherever it is kept, is one network: the same weights, the same text.
func TestOpenEveryKind(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	m := open(t, chat, Options{})
	want, digest := text(t, m), m.Digest()
	if _, err := m.SaveRun(at("run")); err != nil {
		t.Fatal(err)
	}
	snapshot := at("hub/models--someone--chat/snapshots/" + strings.Repeat("a", 40))
	_, ggufErr := hub.SaveGGUF(at("m.gguf"), m.Export(), gguf.F32)
	if err := errors.Join(ggufErr, hub.SaveHuggingFace(at("hf"), m.Export(), hub.SaveOptions{DType: safetensors.F32}),
		os.MkdirAll(filepath.Dir(snapshot), 0o755), os.CopyFS(snapshot, os.DirFS(chat)),
		os.MkdirAll(at("hub/models--someone--chat/refs"), 0o755),
		os.WriteFile(at("hub/models--someone--chat/refs/main"), []byte(strings.Repeat("a", 40)), 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		kind Kind
	}{
		{at("hf"), KindDirectory}, {at("run"), KindRun}, {at("run/step-000000"), KindCheckpoint},
		{at("m.gguf"), KindGGUF}, {"someone/chat", KindCached},
	} {
		got := open(t, c.name, Options{Cache: hub.Cache{Dir: at("hub")}})
		if got.Kind != c.kind || got.Digest() != digest || !slices.Equal(got.EOS, m.EOS) || text(t, got) != want {
			t.Errorf("%s: a %s, ends %v, writes %q; want %s, %v, %q", c.name, got.Kind, got.EOS, text(t, got), c.kind, m.EOS, want)
		}
	}
}

// An adapter finds its base again and stands beside it, as the adapter of a run, named
// beside its base, and written for PEFT; merged, it is one network.
func TestOpenAdapters(t *testing.T) {
	dir := t.TempDir()
	base, run, lora := filepath.Join(dir, "base"), filepath.Join(dir, "run"), filepath.Join(dir, "lora")
	trainBase(t, base)
	m := open(t, base, Options{})
	r := adapt(t, m, run)
	if err := hub.SaveAdapter(lora, AdapterOf(r).Adapter, m.Params); err != nil {
		t.Fatal(err)
	}
	own := open(t, run, Options{})
	b := own.Base()
	if own.Adapter == nil || own.Digest() != m.Digest() || b.Path != m.Base().Path || b.SHA256 != m.Digest() || b.Adapter != own.Adapter {
		t.Fatalf("the run opens as %+v beside %+v", own, b)
	}
	merged, err := own.Merge(nil)
	if err != nil || merged.Unchanged || own.Adapter == nil || merged.Adapter != nil {
		t.Fatalf("%+v, %v", merged, err)
	}
	for name, o := range map[string]Options{"run": {Adapter: run}, "PEFT": {Adapter: lora}} {
		beside := open(t, base, o)
		if !slices.Equal(beside.Adapter.Slab, own.Adapter.Slab) || beside.Base().Path != m.Base().Path {
			t.Errorf("%s beside its base is another adapter, or another base: %s", name, beside.Base().Path)
		}
	}
	a, p := own.ExportAdapter()
	if a == nil || a.BaseSHA256 != m.Digest() || p != own.Params {
		t.Errorf("for others the adapter is %+v", a)
	}
	if a, _ := m.ExportAdapter(); a != nil {
		t.Error("a network has an adapter")
	}

	other := filepath.Join(dir, "other")
	trainBase(t, other)
	o := open(t, other, Options{})
	o.Params.Slab[0]++
	if _, err := o.SaveRun(filepath.Join(dir, "changed")); err != nil {
		t.Fatal(err)
	}
	var wrong *OtherBaseError
	if _, err := Open(t.Context(), filepath.Join(dir, "changed"), Options{Adapter: lora}); !errors.As(err, &wrong) || !errors.As(err, new(*InputError)) || wrong.Recorded != m.Digest() {
		t.Errorf("beside other weights: %v", err)
	}
	if err := os.RemoveAll(base); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), run, Options{}); !errors.As(err, new(*InputError)) || !strings.HasPrefix(err.Error(), "the base of "+run) {
		t.Errorf("without its base: %v", err)
	}
}

// TestOpenQ8: whatever is opened has its matrices in blocks of 8 bits, those that its wide
// numbers are rounded to; a run with an adapter and its base, too.
func TestOpenQ8(t *testing.T) {
	t.Chdir(t.TempDir())
	trainBase(t, "run")
	adapt(t, open(t, "run", Options{}), "adapted")
	for _, name := range []string{"run", "adapted"} {
		wide, got := open(t, name, Options{}), open(t, name, Options{Q8: true})
		want, err := hub.Quantize(wide.Params)
		if err != nil {
			t.Fatal(err)
		}
		blocks := 0
		for i, w := range want.Tensors() {
			g := got.Params.Tensors()[i]
			if g.Narrow.Storage != w.Narrow.Storage || !slices.Equal(g.Widened(), w.Widened()) {
				t.Errorf("%s: %s is held as %q, or has other numbers", name, g.Name, g.Narrow.Storage)
			}
			blocks += len(g.Narrow.Blocks)
		}
		if blocks == 0 || got.Checkpoint.State.Params != got.Params || (got.Adapter != nil) != (name == "adapted") {
			t.Errorf("%s: %d bytes in blocks, and an adapter: %v", name, blocks, got.Adapter != nil)
		}
	}
}

// What the caller can help is an InputError, and says what to do; the rest is not.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.WriteFile(at("a.txt"), []byte("text"), 0o644), os.WriteFile(at("a.safetensors"), []byte("text"), 0o644), os.Mkdir(at("empty"), 0o755)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		at("gone"):          "no such file or directory",
		"someone/small":     `"pedestrian download someone/small" fetches one`,
		at("a.txt"):         "is not a model: give a run directory",
		at("a.safetensors"): "give the directory",
		at("empty"):         "no model: ",
	} {
		_, err := Open(t.Context(), name, Options{Cache: hub.Cache{Dir: at("empty")}})
		if !errors.As(err, new(*InputError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if missing := (*NotFoundError)(nil); errors.As(err, &missing) != (name == at("gone") || name == "someone/small") {
			t.Errorf("%s: not found: %v", name, err)
		}
	}
	full := errors.New("no room")
	if _, err := Open(t.Context(), chat, Options{Room: func(pedestrian.Config, int64) error { return full }}); !errors.Is(err, full) || errors.As(err, new(*InputError)) {
		t.Errorf("without room: %v", err)
	}
	if m := open(t, chat, Options{Tokenizer: ""}); m.Tokenizer == nil {
		t.Error("its own tokenizer is gone")
	}
	if _, err := Open(t.Context(), chat, Options{Tokenizer: train.GPT2}); !errors.As(err, new(*InputError)) {
		t.Errorf("a tokenizer that is too large: %v", err)
	}
	if _, err := Open(t.Context(), chat, Options{Tokenizer: token.Chars}); !errors.As(err, new(*InputError)) {
		t.Errorf("the characters of no text: %v", err)
	}
}

// A damaged checkpoint is passed over, and that is told.
func TestOpenPassesOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	trainBase(t, dir)
	newest, err := train.Newest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(newest, "state.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	var damaged []error
	var taken string
	m := open(t, dir, Options{Newest: true, PassedOver: func(d []error, t string) { damaged, taken = d, t }})
	if len(damaged) != 1 || taken != m.Path || taken == newest {
		t.Errorf("told of %v, taken %s, opened %s", damaged, taken, m.Path)
	}
}

// A network that was trained elsewhere has no options of a run: none are invented, a program
// of before says that it is later than it, and what such a program has invented is dropped.
func TestImportedHasNoOptions(t *testing.T) {
	dir := t.TempDir()
	step, err := open(t, chat, Options{}).SaveRun(filepath.Join(dir, "run"))
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(step, "config.json"))
	manifest, err2 := os.ReadFile(filepath.Join(step, "MANIFEST.json"))
	if err != nil || err2 != nil || strings.Contains(string(config), "options") || !strings.Contains(string(manifest), `"format": 4,`) {
		t.Errorf("%v, %v: %s\n%s", err, err2, config, manifest)
	}
	if m := open(t, filepath.Join(dir, "run"), Options{}); !m.Checkpoint.Imported() || m.Checkpoint.Options.Preset != "" {
		t.Errorf("opened, it has the options %+v", m.Checkpoint.Options)
	}
	if _, err := train.Load(step, true); err == nil || !strings.Contains(err.Error(), "was imported, and never trained: there is nothing to resume") {
		t.Errorf("resumed: %v", err)
	}

	o, err := train.PresetOptions("char")
	if err != nil {
		t.Fatal(err)
	}
	c := *open(t, step, Options{}).Checkpoint
	o.Preset, o.Data, o.Config = "import", chat, c.Network
	c.Options = o
	former, err := c.Save(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err = os.ReadFile(filepath.Join(former, "MANIFEST.json"))
	if m := open(t, former, Options{}); err != nil || !strings.Contains(string(manifest), `"format": 3,`) || !m.Checkpoint.Imported() {
		t.Errorf("what was imported before opens with %+v, %v", m.Checkpoint.Options, err)
	}
}
