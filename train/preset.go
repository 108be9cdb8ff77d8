package train

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A Preset is a named set of options.
type Preset struct {
	Name    string
	About   string // one clause that describes it
	Options Options
}

// Presets returns the presets. The first is the default.
func Presets() []Preset {
	// The common values; each preset changes some of them.
	base := Options{
		Data: Stories, Tokenizer: token.Chars, ValFraction: 0.1, Align: corpus.AlignNone, Reading: ReadingDocuments,
		Config: pedestrian.Config{Tied: true}, Decay: 0.1, OnSpike: SpikeWarn,
		EvalEvery: 250, EvalBatches: 20, SampleEvery: 250, Seed: 1,
	}.withDefaults(false)
	size := func(o *Options, context, width, heads, blocks int) {
		o.Context, o.Width, o.Heads, o.Blocks = context, width, heads, blocks
	}
	story, tiny, char, llama, paper, gpt2 := base, base, base, base, base, base

	// Windows begin at the start of a story, so that the network sees who it is about. The
	// whole validation split is evaluated.
	size(&story, 300, 96, 4, 3)
	story.Align, story.StoryChars, story.ValFraction = corpus.AlignParagraph, 3_000_000, 0.02
	story.Batch, story.Steps, story.LR, story.MinLR, story.Warmup = 4, 3000, 4e-3, 0, 100
	story.EvalEvery, story.EvalBatches, story.SampleEvery, story.SampleTokens = 500, 0, 1000, 300

	size(&tiny, 32, 32, 2, 2)
	tiny.Batch, tiny.Steps, tiny.LR, tiny.MinLR, tiny.Warmup = 8, 300, 3e-3, 3e-4, 20
	tiny.EvalEvery, tiny.EvalBatches, tiny.SampleEvery, tiny.StoryChars = 100, 10, 100, 200_000

	// nanoGPT's configuration for a CPU: train_shakespeare_char.py with the
	// overrides that its README gives for "I only have a macbook".
	size(&char, 64, 128, 4, 4)
	char.Steps, char.LR, char.MinLR, char.Warmup = 2000, 1e-3, 1e-4, 100

	// SmolLM2's kind of network at the size of char: three query heads read one head of keys
	// and values, and gate, up and down have about as many weights as expand and contract.
	size(&llama, 64, 120, 6, 4)
	llama.Steps, llama.LR, llama.MinLR, llama.Warmup = 2000, 1e-3, 1e-4, 100
	llama.Activation, llama.Norm, llama.Positions, llama.Gated = pedestrian.SiLU, pedestrian.RMSNorm, pedestrian.Rotary, true
	llama.KVHeads, llama.Hidden = 2, 320

	// The network of the paper's program: one block, ReLU, layer norms without ε, all biases,
	// separate logits, Adam at 1e-3.
	paper.Config = pedestrian.Config{Activation: pedestrian.ReLU, Bias: true, LogitsBias: true}
	size(&paper, 4, 32, 2, 1)
	paper.Batch, paper.Steps, paper.LR, paper.Schedule = 32, 1000, 1e-3, ScheduleConstant
	paper.Beta2, paper.Decay, paper.Clip, paper.StoryChars = 0.999, 0, 0, 200_000

	// GPT-2 small as released: 124,439,808 parameters. The tokenizer is bytes, so most rows of
	// its vocabulary are not used.
	gpt2.Config = pedestrian.Config{Vocab: 50257, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true}
	size(&gpt2, 1024, 768, 12, 12)
	gpt2.Tokenizer, gpt2.Batch, gpt2.Accumulate, gpt2.Steps = "bytes", 1, 8, 1000
	gpt2.LR, gpt2.MinLR, gpt2.Warmup, gpt2.Beta2, gpt2.EvalBatches = 6e-4, 6e-5, 100, 0.95, 8

	ps := []Preset{
		{"story", "the built-in stories, learnt in one to three minutes on 2 cores", story},
		{"tiny", "a network of a few seconds, to see that everything runs", tiny},
		{"char", "nanoGPT's character configuration for a CPU: 4 layers, 4 heads, width 128", char},
		{"llama", "a network of the Llama family: RMS norms, rotary positions, SwiGLU, 6 heads on 2 of keys and values, width 120", llama},
		{"paper", "the sizes of the paper's own check: 1 block, 2 heads, width 32, context 4", paper},
		{"gpt2", "GPT-2 small, 124 M parameters, on bytes: hours, not minutes", gpt2},
	}
	for i := range ps {
		ps[i].Options.Preset = ps[i].Name
	}
	return ps
}

// PresetOptions returns the options of the preset with the given name.
func PresetOptions(name string) (Options, error) {
	var names []string
	for _, p := range Presets() {
		if p.Name == name {
			return p.Options, nil
		}
		names = append(names, p.Name)
	}
	if n := nearest(name, names); n != "" {
		return Options{}, fmt.Errorf("unknown preset %q: did you mean %q? There are %s", name, n, strings.Join(names, ", "))
	}
	return Options{}, fmt.Errorf("unknown preset %q: choose one of %s", name, strings.Join(names, ", "))
}
