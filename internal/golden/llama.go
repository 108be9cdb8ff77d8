package golden

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// A Rope is the rotation of a configuration of transformers.
type Rope struct {
	// The fields of rope_scaling and rope_parameters.
	RopeType       string  `json:"rope_type"`
	Theta          float64 `json:"rope_theta"`
	Factor         float64
	LowFreqFactor  float64 `json:"low_freq_factor"`
	HighFreqFactor float64 `json:"high_freq_factor"`
	Original       float64 `json:"original_max_position_embeddings"`
}

// Config returns the same rotation in our terms.
func (r Rope) Config() pedestrian.Rotation {
	c := pedestrian.Rotation{Base: r.Theta}
	if r.RopeType != "default" {
		c.Scaling, c.Factor = pedestrian.RotationScaling(r.RopeType), r.Factor
	}
	if c.Scaling == pedestrian.Llama3Scaling || c.Scaling == pedestrian.YarnScaling {
		c.Low, c.High, c.Original = r.LowFreqFactor, r.HighFreqFactor, int(r.Original)
	}
	return c
}

// A Llama is one network of transformers in testdata/llama, with what autograd says of a
// sequence; make.py there says what is in it.
type Llama struct {
	Family          string
	Heads, Blocks   int
	KVHeads         int `json:"kv_heads"`
	Window          int
	Eps, Loss       float64
	Rope            Rope
	Tied            bool
	PlusOne         bool  `json:"plus_one"` // a gain is stored as w - 1
	LoRA            []int // rank and α
	Tokens, Targets []int32
	Logits          Array
	Params, Grads   map[string]Array
}

// EachLlama runs test with every network, in a test of its name. The packages that call it
// are one folder below the root of the module.
func EachLlama(t *testing.T, test func(t *testing.T, g Llama)) {
	t.Helper()
	paths, err := filepath.Glob("../testdata/llama/*.json.gz")
	if err != nil || len(paths) != 9 {
		t.Fatalf("found %d goldens of 9 (%v)", len(paths), err)
	}
	for _, path := range paths {
		if name := strings.TrimSuffix(filepath.Base(path), ".json.gz"); name != "layers" {
			var g Llama
			Read(t, path, &g)
			t.Run(name, func(t *testing.T) { test(t, g) })
		}
	}
}

// Config returns the network's configuration, by the shapes of its parameters.
func (g Llama) Config() pedestrian.Config {
	shape := func(name string) []int { return g.Params[name].Shape }
	c := pedestrian.Config{Vocab: shape("tok.w")[0], Width: shape("tok.w")[1], Context: len(g.Tokens), Heads: g.Heads, Blocks: g.Blocks, KVHeads: g.KVHeads,
		Hidden: shape("block.0.gate.w")[1], KeyDim: shape("block.0.q.w")[1] / g.Heads, HeadDim: shape("block.0.v.w")[1] / g.KVHeads,
		Activation: pedestrian.SiLU, Eps: g.Eps, Tied: g.Tied, Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Rotation: g.Rope.Config(), Gated: true,
		SlidingWindow: g.Window, QKNorm: shape("block.0.qNorm.w") != nil,
		QKVBias: shape("block.0.q.b") != nil, AttProjBias: shape("block.0.o.b") != nil, MLPBias: shape("block.0.gate.b") != nil}
	if g.Family == "Gemma" {
		c.ScaleEmbedding, c.Activation = true, pedestrian.GELUTanh
	}
	return c
}

// Network returns the parameters, and the adapter of PEFT beside them or nil. Every array
// of g.Params is read.
func (g Llama) Network(t *testing.T) (*pedestrian.Params[float64], *pedestrian.Adapter[float64]) {
	t.Helper()
	c := g.Config()
	p, tensors := pedestrian.NewParams[float64](c), []pedestrian.Tensor[float64](nil)
	var a *pedestrian.Adapter[float64]
	if g.LoRA != nil {
		targets := c.Targets()
		a = pedestrian.NewAdapter[float64](c, pedestrian.AdapterConfig{Rank: g.LoRA[0], Alpha: float64(g.LoRA[1]), Scaling: pedestrian.ScaleRank, Targets: targets[:len(targets)-1]})
		tensors = a.Tensors()
	}
	g.read(t, c, g.Params, append(p.Tensors(), tensors...))
	for _, x := range p.Tensors() {
		if x.Role == pedestrian.Gain && g.PlusOne {
			for i := range x.V {
				x.V[i]++
			}
		}
	}
	return p, a
}

// Gradients sets tensors, which are those of the network and of its adapter, to the
// gradients of autograd. Every array of g.Grads is read.
func (g Llama) Gradients(t *testing.T, tensors []pedestrian.Tensor[float64]) {
	t.Helper()
	g.read(t, g.Config(), g.Grads, tensors)
}

// read sets tensors to what from has for them, all of it.
func (g Llama) read(t *testing.T, c pedestrian.Config, from map[string]Array, tensors []pedestrian.Tensor[float64]) {
	t.Helper()
	used := map[string]bool{}
	for _, x := range tensors {
		// Their queries, keys and values are three layers, and some names are other ones.
		name := strings.NewReplacer("ln1.", "norm1.", "ln2.", "norm2.", "lnFinal.", "final.", "attProj.", "o.").Replace(x.Name)
		part := func(name string, first, cols int) {
			used[name] = true
			numbers := from[name].Numbers()
			if len(numbers) != len(x.V)/x.Cols*cols {
				t.Fatalf("%s has %d numbers, not %d", name, len(numbers), len(x.V)/x.Cols*cols)
			}
			for i, v := range numbers {
				x.V[i/cols*x.Cols+first+i%cols] = v
			}
		}
		before, kind, fused := strings.Cut(name, "qkv.")
		if !fused {
			part(name, 0, x.Cols)
			continue
		}
		for _, target := range []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetK, pedestrian.TargetV} {
			l := c.Linear(x.Block, target)
			part(before+string(target)+"."+kind, l.From, l.Out)
		}
	}
	for name := range from {
		if !used[name] {
			t.Errorf("%s is not read", name)
		}
	}
}
