package train

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// small is a run with nothing but what must be said.
func small(steps int) Options {
	return Options{Config: pedestrian.Config{Context: 8, Width: 8, Heads: 2, Blocks: 1}, Steps: steps}
}

// A text in memory is the tokens of a file with that text, and a run on it goes on as any.
func TestTextDataIsAsAFile(t *testing.T) {
	text := corpus.Stories(corpus.AnyDialogue).Text(1, 4000)
	path := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	tok, err := token.NewChars(text)
	if err != nil {
		t.Fatal(err)
	}
	o := small(6)
	o.ValFraction, o.Batch = 0.1, 4
	d, err := TextData(o, tok, text)
	if err != nil {
		t.Fatal(err)
	}
	ofFile := o
	ofFile.Data, ofFile.Reading = path, ReadingDocuments
	f, err := LoadData(ofFile)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Train, f.Train) || !slices.Equal(d.Val, f.Val) || len(d.Val) == 0 || d.Info().SHA256 != f.Info().SHA256 {
		t.Fatalf("%d and %d tokens, of the file %d and %d", len(d.Train), len(d.Val), len(f.Train), len(f.Val))
	}

	weights := func(o Options, d *Data) []float32 {
		r, err := Start(o, d, "")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if end, err := r.Train(t.Context(), Observer{}); end != Finished || err != nil {
			t.Fatal(end, err)
		}
		return slices.Clone(r.State.Params.Slab)
	}
	want := weights(ofFile, f)
	if !slices.Equal(weights(o, d), want) {
		t.Error("on the text in memory the weights are others")
	}

	dir := filepath.Join(t.TempDir(), "run")
	half := o
	half.SaveEvery, half.Keep = 3, 10
	r, err := Start(half, d, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Train(t.Context(), Observer{}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	c, err := Load(filepath.Join(dir, "step-000003"), true)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = Branch(c, filepath.Join(dir, "branch")); err != nil {
		t.Fatal(err)
	}
	again, err := TextData(c.Options, c.Tokenizer, text)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = Resume(filepath.Join(dir, "branch"), c, again); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Train(t.Context(), Observer{}); err != nil || !slices.Equal(r.State.Params.Slab, want) {
		t.Errorf("resumed, the weights are others: %v", err)
	}
	if _, err := LoadData(c.Options); err == nil || !strings.Contains(err.Error(), "data is empty") {
		t.Errorf("LoadData of a run in memory: %v", err)
	}
}

// What Options have to say is the sizes of a network and the steps, and beside a base
// nothing.
func TestOptionsOfZero(t *testing.T) {
	o := small(3).withDefaults(false)
	if o.Batch != 12 || o.LR != 1e-3 || o.Beta2 != 0.99 || o.Clip != 1 || o.Schedule != ScheduleCosine || o.EvalEvery != 1 || o.Activation != pedestrian.GELU || o.Eps != 1e-5 {
		t.Errorf("filled with %+v", o)
	}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	chosen := small(3)
	chosen.AdamEps, chosen.Activation = 1e-6, pedestrian.ReLU
	if o := chosen.withDefaults(false); o.LR != 0 || o.Beta1 != 0 || o.Clip != 0 || o.Eps != 0 {
		t.Errorf("what was chosen became %+v", o)
	}

	tok, err := token.NewChars("abcdefgh ")
	if err != nil {
		t.Fatal(err)
	}
	network := small(0).withDefaults(false).Config
	network.Vocab = tok.Vocab()
	base := Base{Params: NewState(network, 1).Params, Tokenizer: tok, Path: "somewhere"}
	examples := []corpus.Record{{Prompt: "abc", Completion: " def"}, {Prompt: "fed", Completion: " cba"}}
	d, err := ExampleData(Options{}, tok, examples)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Finetune(Options{}, base, d, "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if a := r.State.Adapter; a.Config.Rank != 8 || a.Config.Alpha != 16 || len(a.Config.Targets) != 4 || r.Options.Beta2 != 0.999 || r.Options.Tuning.Base != "somewhere" {
		t.Errorf("%+v", r.Options)
	}
	if end, err := r.Train(t.Context(), Observer{}); end != Finished || err != nil {
		t.Error(end, err)
	}
	if full := (Options{Tuning: Tuning{Full: true}}).withDefaults(true); full.LR != FullRate || full.Tuning.Adapter.Rank != 0 {
		t.Errorf("a full run has %+v", full)
	}
}

// A base knows what begins a document, though a text is one.
func TestTextDataBesideABase(t *testing.T) {
	tok := token.GPT2()
	network := small(0).withDefaults(false).Config
	network.Vocab = tok.Vocab()
	o := Options{Steps: 1, Batch: 1}
	d, err := TextData(o, tok, "One day a fox met a hen and the hen met a fox.")
	if err != nil || len(d.Begin) != 0 {
		t.Fatal(d, err)
	}
	r, err := Finetune(o, Base{Params: NewState(network, 1).Params, Tokenizer: tok}, d, "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if eos, _ := tok.EOS(); !slices.Equal(r.Data.Begin, []int32{eos}) || len(d.Begin) != 0 {
		t.Errorf("documents begin with %v", r.Data.Begin)
	}
}

func TestMemoryWithoutTokenizer(t *testing.T) {
	if _, err := TextData(Options{}, nil, "a"); err == nil {
		t.Error("a text without a tokenizer")
	}
	if _, err := ExampleData(Options{}, nil, []corpus.Record{{Text: "a"}}); err == nil {
		t.Error("examples without a tokenizer")
	}
}
