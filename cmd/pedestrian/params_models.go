package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// published are networks that others have trained, by the names of params --model.
var published = map[string]pedestrian.Config{
	"gpt2":         {Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true},
	"smollm2-135m": gated(49152, 8192, 576, 1536, 30, 9, 3, 1e5, 1e-5, tied),
	"smollm2-360m": gated(49152, 8192, 960, 2560, 32, 15, 5, 1e5, 1e-5, tied),
	"smollm2-1.7b": gated(49152, 8192, 2048, 8192, 24, 32, 32, 1.3e5, 1e-5, tied),
	"qwen2.5-0.5b": gated(151936, 32768, 896, 4864, 24, 14, 2, 1e6, 1e-6, tied, qkvBias),
	"qwen2.5-1.5b": gated(151936, 32768, 1536, 8960, 28, 12, 2, 1e6, 1e-6, tied, qkvBias),
	"qwen3-0.6b":   gated(151936, 40960, 1024, 3072, 28, 16, 8, 1e6, 1e-6, tied, qkNorm),
	"qwen3-1.7b":   gated(151936, 40960, 2048, 6144, 28, 16, 8, 1e6, 1e-6, tied, qkNorm),
	"tinyllama":    gated(32000, 2048, 2048, 5632, 22, 32, 4, 1e4, 1e-5),
	"llama-2-7b":   gated(32000, 4096, 4096, 11008, 32, 32, 32, 1e4, 1e-5),
	"llama-3.1-8b": gated(128256, 131072, 4096, 14336, 32, 32, 8, 5e5, 1e-5, llama3By(8)),
	"llama-3.2-1b": gated(128256, 131072, 2048, 8192, 16, 32, 8, 5e5, 1e-5, tied, llama3By(32)),
	"llama-3.2-3b": gated(128256, 131072, 3072, 8192, 28, 24, 8, 5e5, 1e-5, tied, llama3By(32)),
	"mistral-7b":   gated(32000, 32768, 4096, 14336, 32, 32, 8, 1e4, 1e-5, func(c *pedestrian.Config) { c.SlidingWindow = 4096 }),
}

// gated is a network of the Llama family.
func gated(vocab, context, width, hidden, blocks, heads, kvHeads int, base, eps float64, changes ...func(c *pedestrian.Config)) pedestrian.Config {
	c := pedestrian.Config{Vocab: vocab, Context: context, Width: width, Hidden: hidden, Blocks: blocks, Heads: heads, Activation: pedestrian.SiLU, Eps: eps,
		Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Gated: true, Rotation: pedestrian.Rotation{Base: base}}
	if kvHeads != heads {
		c.KVHeads = kvHeads
	}
	if base == 1e4 {
		c.Rotation.Base = 0
	}
	if hidden == 4*width {
		c.Hidden = 0
	}
	for _, change := range changes {
		change(&c)
	}
	return c
}

func tied(c *pedestrian.Config)    { c.Tied = true }
func qkvBias(c *pedestrian.Config) { c.QKVBias = true }

// qkNorm gives heads of 128 features, as all of Qwen3 have them.
func qkNorm(c *pedestrian.Config) {
	c.QKNorm = true
	if c.Heads*128 != c.Width {
		c.HeadDim = 128
	}
}

func llama3By(factor float64) func(c *pedestrian.Config) {
	return func(c *pedestrian.Config) {
		c.Rotation.Scaling, c.Rotation.Factor, c.Rotation.Low, c.Rotation.High, c.Rotation.Original = pedestrian.Llama3Scaling, factor, 1, 4, 8192
	}
}

func publishedNames() string { return strings.Join(slices.Sorted(maps.Keys(published)), ", ") }

// A forecast says what a step of training takes, by the engine's plan.
type forecast struct {
	What   string  `json:"what"`
	Tokens int     `json:"tokens"` // of one sequence
	Bytes  int64   `json:"bytes"`  // weights, what is trained with gradient and moments, and what the engine takes
	GFLOP  float64 `json:"gflop"`  // multiplications and additions
}

// forecasts are of a LoRA step, with and without recomputing, and of a step of the whole
// network.
func forecasts(c pedestrian.Config, a pedestrian.AdapterConfig) (all []forecast, err error) {
	const tokens = 512
	n := min(tokens, c.Context)
	all64, adapter := int64(c.Ledger().Total()), int64(a.Ledger(c).Total())
	for _, f := range []struct {
		what string
		a    *pedestrian.AdapterConfig
		o    engine.Options
	}{
		{"a LoRA step", &a, engine.Options{Batch: 1, Context: n}},
		{"a LoRA step that recomputes", &a, engine.Options{Batch: 1, Context: n, Recompute: true}},
		{"a step of the whole network", nil, engine.Options{Batch: 1, Context: n}},
	} {
		b, err := engine.Memory[float32](c, f.a, f.o)
		if err != nil {
			return nil, err
		}
		held := 16 * all64
		if f.a != nil {
			held = frozenBytes(c) + 16*adapter
		}
		all = append(all, forecast{f.what, n, held + b.Total(), stepGFLOP(c, f.a, n, f.o.Recompute)})
	}
	return all, nil
}

// frozenBytes is the memory of a network beside an adapter whose file is bf16, as those of
// published networks are: its vectors alone are widened.
func frozenBytes(c pedestrian.Config) (bytes int64) {
	for _, s := range c.Slots() {
		size := 2
		if s.Vec() {
			size = 4
		}
		bytes += int64(size * s.Rows * s.Cols)
	}
	return bytes
}

// stepGFLOP counts the multiplications and additions of a step on one sequence. Forward
// each weight of a product is used once a token, backward once for the error and once for
// the gradient, which a frozen weight does not have. In attention a token sees half of the
// sequence, or its window.
func stepGFLOP(c pedestrian.Config, a *pedestrian.AdapterConfig, n int, recompute bool) float64 {
	weights, again := 0.0, 0.0
	for _, l := range c.Linears() {
		if l.Target == l.Layer {
			weights += float64(l.In) * float64(l.Out)
			// The cache of the last block is kept, and the layer that leads to a_10 is not computed again.
			if l.Block >= 0 && l.Block < c.Blocks-1 && l.Layer != pedestrian.TargetContract && l.Layer != pedestrian.TargetDown {
				again += float64(l.In) * float64(l.Out)
			}
		}
	}
	seen := float64(n+1) / 2
	if w := c.SlidingWindow; w > 0 && w < n {
		seen = float64(w) * (1 - float64(w-1)/2/float64(n))
	}
	attention := 2 * float64(c.Blocks*c.Heads) * float64(c.QueryDim()+c.ValueDim()) * seen // forward, of a token
	total := 3*2*weights + 3.5*attention
	if a != nil {
		total = 2*2*weights + 3*2*float64(a.Ledger(c).Total()) + 3.5*attention
	}
	if recompute {
		total += 2*again + attention*float64(c.Blocks-1)/float64(c.Blocks)
	}
	return total * float64(n) / 1e9
}

// printForecasts writes the table below the counts.
func printForecasts(w io.Writer, c pedestrian.Config, a pedestrian.AdapterConfig) error {
	all, err := forecasts(c, a)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\nOf one sequence of %d tokens in float32, by the plan of the engine on this machine\n(a network beside an adapter is kept in bf16):\n\n", all[0].Tokens)
	t := plainTable(w)
	t.AppendHeader(table.Row{"step", "memory", "work", "at 100 GFLOP/s"})
	for _, f := range all {
		t.AppendRow(table.Row{f.What, fmt.Sprintf("%.2f GB", float64(f.Bytes)/1e9), fmt.Sprintf("%.0f GFLOP", f.GFLOP), fmt.Sprintf("%.1f s", f.GFLOP/100)})
	}
	rightAlign(t, 2, 3, 4)
	t.Render()
	return nil
}
