package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// fcLayers are the fully connected layers of a GPT-2.
var fcLayers = pedestrian.Config{Heads: 1}.Targets()

// A testCase is a network whose dimensions all differ, at a generic point.
type testCase struct {
	name string
	c    pedestrian.Config
	lora *pedestrian.AdapterConfig
	b, t int
}

var cases = []testCase{
	{"paper", pedestrian.Config{Vocab: 13, Context: 9, Width: 6, Heads: 2, Blocks: 1, KeyDim: 4, Hidden: 11, Activation: pedestrian.ReLU, Bias: true, LogitsBias: true},
		nil, 1, 7},
	{"tied", pedestrian.Config{Vocab: 17, Context: 10, Width: 6, Heads: 3, Blocks: 2, Activation: pedestrian.GELU, Eps: 1e-5, Tied: true},
		nil, 2, 8},
	{"lora", pedestrian.Config{Vocab: 13, Context: 8, Width: 6, Heads: 2, Blocks: 2, KeyDim: 5, Hidden: 14, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true, LogitsBias: true},
		&pedestrian.AdapterConfig{Rank: 4, Alpha: 3, Scaling: pedestrian.ScaleRank, Targets: fcLayers}, 3, 5},
}

// adapterCases are adapters of every kind, beside networks of which two are tied.
var adapterCases = []testCase{
	{"dora", pedestrian.Config{Vocab: 13, Context: 8, Width: 6, Heads: 2, Blocks: 2, KeyDim: 5, Hidden: 14, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true, LogitsBias: true},
		&pedestrian.AdapterConfig{Rank: 4, Alpha: 3, Scaling: pedestrian.ScaleRank, DoRA: true, DoRAExact: true, Norms: true, Bias: pedestrian.BiasAll, Targets: fcLayers}, 3, 5},
	{"fused", pedestrian.Config{Vocab: 13, Context: 8, Width: 6, Heads: 2, Blocks: 3, KeyDim: 5, Hidden: 14, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, LogitsBias: true},
		&pedestrian.AdapterConfig{Rank: 2, Alpha: 3, Scaling: pedestrian.ScaleRSqrt, DoRA: true, Dropout: 0.3, Bias: pedestrian.BiasAdapted, Layers: []int{1, 2},
			Targets: []pedestrian.Target{pedestrian.TargetQKV, pedestrian.TargetAttProj, pedestrian.TargetExpand, pedestrian.TargetContract, pedestrian.TargetLogits},
			Ranks:   map[pedestrian.Target]int{pedestrian.TargetQKV: 5, pedestrian.TargetLogits: 3}, Alphas: map[pedestrian.Target]float64{pedestrian.TargetExpand: 1.5}}, 3, 5},
	{"exact", pedestrian.Config{Vocab: 13, Context: 8, Width: 6, Heads: 3, Blocks: 2, Activation: pedestrian.ReLU, Eps: 1e-2, Tied: true},
		&pedestrian.AdapterConfig{Rank: 3, Alpha: 3, Scaling: pedestrian.ScaleRank, DoRA: true, DoRAExact: true, Dropout: 0.3,
			Targets: []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetV, pedestrian.TargetContract, pedestrian.TargetLogits}}, 2, 6},
	{"dropped", pedestrian.Config{Vocab: 13, Context: 8, Width: 6, Heads: 2, Blocks: 2, Hidden: 9, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, LogitsBias: true},
		&pedestrian.AdapterConfig{Rank: 3, Alpha: 3, Scaling: pedestrian.ScalePaper, Dropout: 0.4, Targets: fcLayers}, 2, 6},
	{"norms", pedestrian.Config{Vocab: 13, Context: 8, Width: 6, Heads: 2, Blocks: 2, Hidden: 9, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true},
		&pedestrian.AdapterConfig{Scaling: pedestrian.ScaleRank, Norms: true}, 2, 6},
	{"biases", pedestrian.Config{Vocab: 13, Context: 8, Width: 6, Heads: 2, Blocks: 2, Hidden: 9, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, LogitsBias: true},
		&pedestrian.AdapterConfig{Scaling: pedestrian.ScaleRank, Bias: pedestrian.BiasAll}, 2, 6},
	{"rows", pedestrian.Config{Vocab: 13, Context: 8, Width: 6, Heads: 2, Blocks: 2, Hidden: 9, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, LogitsBias: true},
		&pedestrian.AdapterConfig{Rank: 3, Alpha: 3, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{pedestrian.TargetQKV, pedestrian.TargetExpand}, Tokens: []int32{2, 7, 12}, Bias: pedestrian.BiasAll, Dropout: 0.2}, 3, 6},
	{"tied rows", pedestrian.Config{Vocab: 13, Context: 8, Width: 6, Heads: 2, Blocks: 2, Hidden: 9, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, Tied: true},
		&pedestrian.AdapterConfig{Rank: 3, Alpha: 3, Scaling: pedestrian.ScaleRank, Tokens: []int32{0, 5, 6, 9}}, 3, 6},
}

// llamaLike is a small network of the Llama family, whose dimensions all differ.
func llamaLike(change func(*pedestrian.Config)) pedestrian.Config {
	c := pedestrian.Config{Vocab: 13, Context: 9, Width: 10, Heads: 4, KVHeads: 2, HeadDim: 6, Hidden: 11, Blocks: 2, Activation: pedestrian.SiLU, Eps: 1e-3,
		Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Rotation: pedestrian.Rotation{Base: 50}, Gated: true}
	change(&c)
	return c
}

// llamaCases are the forms of the Llama family, and adapters of every kind beside them.
var llamaCases = []testCase{
	{"llama", llamaLike(func(c *pedestrian.Config) {}), nil, 2, 8},
	{"mqa", llamaLike(func(c *pedestrian.Config) { c.KVHeads, c.Tied, c.KeyDim = 1, true, 4 }), nil, 2, 8},
	{"biases", llamaLike(func(c *pedestrian.Config) {
		c.KVHeads, c.Bias, c.Activation, c.Rotation.Scaling, c.Rotation.Factor = 0, true, pedestrian.GELU, pedestrian.LinearScaling, 3
	}), nil, 2, 7},
	{"llama3", llamaLike(func(c *pedestrian.Config) {
		c.Tied, c.Rotation = true, pedestrian.Rotation{Base: 20, Scaling: pedestrian.Llama3Scaling, Factor: 4, Low: 1, High: 4, Original: 12}
	}), nil, 2, 9},
	{"qwen2", llamaLike(func(c *pedestrian.Config) {
		c.QKVBias, c.Tied, c.Rotation = true, true, pedestrian.Rotation{Base: 20, Scaling: pedestrian.YarnScaling, Factor: 4, Original: 60}
	}), nil, 2, 8},
	{"qwen3", llamaLike(func(c *pedestrian.Config) { c.QKNorm, c.Rotation.Dims = true, 4 }), nil, 2, 8},
	{"mistral", llamaLike(func(c *pedestrian.Config) { c.SlidingWindow = 3 }), nil, 2, 9},
	{"gemma", llamaLike(func(c *pedestrian.Config) {
		c.Activation, c.ScaleEmbedding, c.Tied, c.KVHeads = pedestrian.GELUTanh, true, true, 1
	}), nil, 2, 8},
	{"nowhere", llamaLike(func(c *pedestrian.Config) {
		c.Positions, c.Rotation, c.QKVBias, c.Norm, c.Gated = pedestrian.NoPositions, pedestrian.Rotation{}, true, pedestrian.LayerNorm, false
	}), nil, 2, 8},
	{"seven", llamaLike(func(c *pedestrian.Config) { c.AttProjBias, c.MLPBias = true, true }),
		&pedestrian.AdapterConfig{Rank: 3, Alpha: 2, Scaling: pedestrian.ScaleRank, Dropout: 0.2, Targets: pedestrian.Config{Heads: 1, Gated: true}.Targets()}, 2, 8},
	{"dora of seven", llamaLike(func(c *pedestrian.Config) { c.QKNorm, c.QKVBias, c.Tied = true, true, true }),
		&pedestrian.AdapterConfig{Rank: 3, Alpha: 2, Scaling: pedestrian.ScaleRSqrt, DoRA: true, DoRAExact: true, Norms: true, Bias: pedestrian.BiasAll, Dropout: 0.2,
			Targets: pedestrian.Config{Heads: 1, Gated: true}.Targets()}, 2, 8},
	{"gate alone", llamaLike(func(c *pedestrian.Config) { c.SlidingWindow, c.MLPBias = 4, true }),
		&pedestrian.AdapterConfig{Rank: 2, Alpha: 2, Scaling: pedestrian.ScaleRank, DoRA: true, Bias: pedestrian.BiasAdapted, Layers: []int{1}, Tokens: []int32{2, 5},
			Targets: []pedestrian.Target{pedestrian.TargetGate, pedestrian.TargetQKV}}, 2, 8},
}

// biggestLlama has several parts and tiles in every task, with all choices and options.
var biggestLlama = testCase{"biggest llama", pedestrian.Config{Vocab: 131, Context: 90, Width: 80, Heads: 6, KVHeads: 2, HeadDim: 24, Hidden: 200, Blocks: 2,
	Activation: pedestrian.SiLU, Eps: 1e-5, Tied: true, Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Gated: true, QKNorm: true, SlidingWindow: 40, QKVBias: true, MLPBias: true},
	&pedestrian.AdapterConfig{Rank: 5, Alpha: 2, Scaling: pedestrian.ScaleRSqrt, DoRA: true, DoRAExact: true, Dropout: 0.2, Norms: true, Bias: pedestrian.BiasAll,
		Targets: pedestrian.Config{Heads: 1, Gated: true}.Targets()}, 2, 75}

// biggest is bigger with every option: several parts and tiles in every task of dora.
func biggest() testCase {
	cs := bigger
	l := *cs.lora
	l.DoRA, l.DoRAExact, l.Dropout, l.Norms, l.Bias = true, true, 0.2, true, pedestrian.BiasAll
	cs.name, cs.lora = "biggest", &l
	return cs
}

// still lists all of them, with dropout of adapters left out.
func still() []testCase {
	all := everyCase()
	for i := range all {
		if all[i].lora != nil {
			l := *all[i].lora
			l.Dropout = 0
			all[i].lora = &l
		}
	}
	return all
}

// inFloat64 says that a large network would be run in float64. Where a test compares the
// engine with itself, the lanes of float32 and bf16 have the large networks: the code is
// the same, and its products are many times faster there.
func inFloat64[T Float](cs testCase) bool { return cs.b*cs.t > 100 && unsafe.Sizeof(T(0)) == 8 }

// everyCase lists all of them.
func everyCase() []testCase {
	return append(slices.Concat(cases, adapterCases, llamaCases), bigger, biggest(), biggestLlama)
}

// trace makes the masks of a step of a network with that seed the masks of paper.
func (cs testCase) trace(seed, step uint64) *paper.Trace {
	if cs.lora == nil || cs.lora.Dropout == 0 {
		return nil
	}
	return &paper.Trace{Rewrite: func(s paper.Step) paper.Mat {
		if s.Name != "mask" {
			return s.V
		}
		var seq, block int
		target := pedestrian.TargetLogits
		if n, _ := fmt.Sscanf(s.At, "seq.%d.block.%d", &seq, &block); n == 2 {
			target = pedestrian.Target(s.At[strings.LastIndexByte(s.At, '.')+1:])
		}
		m := NewMat[float64](cs.b*cs.t, s.V.D)
		AdapterMask(m, cs.lora.Dropout, seed, step, block, target)
		rows := m.Sub(seq*cs.t, seq*cs.t+s.V.N, 0, s.V.D)
		v := paper.Zeros(s.V.N, s.V.D)
		for t := range rows.Rows {
			copy(v.Row(t), rows.Row(t))
		}
		return v
	}}
}

// bigger has several parts and tiles in every task.
var bigger = testCase{"bigger", pedestrian.Config{Vocab: 131, Context: 80, Width: 96, Heads: 3, Blocks: 2, KeyDim: 20, Hidden: 200, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, Tied: true, LogitsBias: true},
	&pedestrian.AdapterConfig{Rank: 5, Alpha: 2, Scaling: pedestrian.ScaleRSqrt, Targets: fcLayers}, 2, 75}

// params are generic: gains are not one and biases not zero.
func (cs testCase) params(seed uint64) (*pedestrian.Params[float64], *pedestrian.Adapter[float64]) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	p := pedestrian.NewParams[float64](cs.c)
	fill(rnd, p.Tensors())
	if cs.lora == nil {
		return p, nil
	}
	a := pedestrian.NewAdapter[float64](cs.c, *cs.lora)
	fill(rnd, a.Tensors())
	return p, a
}

func fill(rnd *rand.Rand, ts []pedestrian.Tensor[float64]) {
	for _, t := range ts {
		for i := range t.V {
			t.V[i] = 0.4 * rnd.NormFloat64()
		}
	}
}

// batch repeats tokens, leaves tokens out and ignores targets.
func (cs testCase) batch(seed uint64) Batch {
	rnd := rand.New(rand.NewPCG(seed, 8))
	b := Batch{B: cs.b, T: cs.t, Tokens: make([]int32, cs.b*cs.t), Targets: make([]int32, cs.b*cs.t)}
	for i := range b.Tokens {
		b.Tokens[i] = int32(rnd.IntN(cs.c.Vocab - 2))
		b.Targets[i] = int32(rnd.IntN(cs.c.Vocab))
		if i%4 == 2 {
			b.Targets[i] = Ignored
		}
	}
	return b
}

// packed is batch with several documents in a row: one of a single token, one that
// begins with its row, rows that are one document.
func (cs testCase) packed(seed uint64) Batch {
	b := cs.batch(seed)
	b.Starts = []int32{1, int32(b.T - 2)}
	if b.B > 1 {
		b.Starts = append(b.Starts, int32(b.T), int32(b.T+2), int32(b.T+3))
	}
	return b
}

// documents are those of b, each a batch of its own.
func (b Batch) documents() (out []Batch) {
	var w workspace[float64]
	w.positions = make([]int32, len(b.Tokens))
	w.setSegments(b)
	for _, s := range w.segments {
		out = append(out, Batch{B: 1, T: s.n, Tokens: b.Tokens[s.q : s.q+s.n], Targets: b.Targets[s.q : s.q+s.n]})
	}
	return out
}

func like[T Float](p *pedestrian.Params[T]) *pedestrian.Params[T] {
	return pedestrian.NewParams[T](p.Config)
}

func likeAdapter[T Float](a *pedestrian.Adapter[T]) *pedestrian.Adapter[T] {
	if a == nil {
		return nil
	}
	return pedestrian.NewAdapter[T](a.Base, a.Config)
}

// setTile makes tiles so small that short sequences have several.
func (n *Network[T]) setTile(tile int) {
	n.reserve(&trained{params: true, bottom: -1}, gradients[T]{params: n.params})
	n.work.attention.tiling = tiling{2 * tile, tile, tile + 2, tile + 1}.limitedTo(n.work.attention.strip)
}

// near compares number by number, relative to the largest.
func near[T, S Float](t *testing.T, name string, got []T, want []S, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, not %d", name, len(got), len(want))
		return
	}
	most, worst := 0.0, 0.0
	for i := range want {
		most = max(most, math.Abs(float64(want[i])))
		worst = max(worst, math.Abs(float64(got[i])-float64(want[i])))
		if math.IsNaN(float64(got[i])) || math.IsNaN(float64(want[i])) {
			worst = math.Inf(1)
		}
	}
	if most > 0 {
		worst /= most
	}
	if !(worst <= tol) {
		t.Errorf("%s: differs by %.1e of its largest number, more than %.0e", name, worst, tol)
	}
}

// sequences is a batch as paper takes it.
func (b Batch) sequences() []paper.Sequence {
	out := make([]paper.Sequence, b.B)
	for i := range out {
		for t := i * b.T; t < (i+1)*b.T; t++ {
			out[i].Tokens, out[i].Targets = append(out[i].Tokens, int(b.Tokens[t])), append(out[i].Targets, int(b.Targets[t]))
			if t > i*b.T && slices.Contains(b.Starts, int32(t)) {
				out[i].Starts = append(out[i].Starts, t-i*b.T)
			}
		}
	}
	return out
}

func convert[T Float](p *pedestrian.Params[float64], a *pedestrian.Adapter[float64]) (*pedestrian.Params[T], *pedestrian.Adapter[T]) {
	q := pedestrian.NewParams[T](p.Config)
	pedestrian.Convert(&q.Values, &p.Values)
	if a == nil {
		return q, nil
	}
	b := pedestrian.NewAdapter[T](a.Base, a.Config)
	for i, v := range a.Slab {
		b.Slab[i] = T(v)
	}
	return q, b
}
