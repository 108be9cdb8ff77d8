package gradcheck

import (
	"math"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// TestErratumS6: (40) is exact with ε under the root and wrong with it outside.
func TestErratumS6(t *testing.T) {
	claim(t, epsilonOutside(1)...)

	ones := make(paper.Vec, toyD)
	for j := range ones {
		ones[j] = 1
	}
	constant := paper.Zeros(1, toyD)
	out, _ := paper.LayerNorm(nil, constant, ones, nil, 0)
	if largest(out.V) != 0 {
		t.Errorf("a constant token with ε = 0 gives %v, want zeros", out.V)
	}
}

// TestErratumS7: why a cache works, and when not.
func TestErratumS7(t *testing.T) {
	c, _ := Find("tied")
	p := c.At(1, 0)
	q := p
	q.Batch = slices.Clone(p.Batch)
	q.Batch[0].Tokens = slices.Clone(p.Batch[0].Tokens)
	q.Batch[0].Tokens[0]++
	a, b := p.run(nil), q.run(nil)
	keys := func(block string) float64 {
		at := "seq.0.block." + block + ".head.0"
		return relativeDifference(a.at(at, "k_h").Row(4), b.at(at, "k_h").Row(4))
	}
	claim(t,
		exactly("layer 1: the last token's key moved by another first token", keys("0")),
		atLeast("layer 2: the same", keys("1"), visible))

	s := newRandomLayers(a)
	head, x := s.head(toyD, toyKeys, toyValues), s.mat(toyN, toyD)
	full, _ := paper.Attention(nil, x, head, paper.Causal(toyN))
	var kept, unscaled paper.HeadCache
	noRoot := head // without 1/√d_ρ the scores are √d_ρ times larger, as if the queries were
	noRoot.Wq = head.Wq.Scale(math.Sqrt(toyKeys))
	noRoot.Bq = paper.Mat{N: 1, D: toyKeys, V: head.Bq}.Scale(math.Sqrt(toyKeys)).V
	var last, wrong paper.Mat
	for i := range toyN {
		row := paper.Mat{N: 1, D: toyD, V: x.Row(i)}
		last, wrong = kept.Next(nil, row, head), unscaled.Next(nil, row, noRoot)
	}
	claim(t,
		atMost("the cached pass against the full one", relativeDifference(last.V, full.Row(toyN-1)), rounding),
		atLeast("the same without 1/√d_ρ, as printed", relativeDifference(wrong.V, full.Row(toyN-1)), visible))

	// The cost of n tokens, in entries of ρ: Σ t with the cache, Σ t² without.
	cost := func(n int) (cached, anew int) {
		for t := 1; t <= n; t++ {
			cached, anew = cached+t, anew+t*t
		}
		return cached, anew
	}
	c1, a1 := cost(512)
	c2, a2 := cost(1024)
	t.Logf("1024 tokens against 512, entries of ρ for the whole text: %.2f × with the cache, %.2f × without", float64(c2)/float64(c1), float64(a2)/float64(a1))

	slid := p
	slid.Batch = []paper.Sequence{{Tokens: p.Batch[0].Tokens[1:], Targets: p.Batch[0].Targets[1:]}}
	shifted := slid.run(nil).at("seq.0.block.0.head.0", "k_h").Row(3)
	claim(t, atLeast("layer 1: the last token's key, one position earlier", relativeDifference(a.at("seq.0.block.0.head.0", "k_h").Row(4), shifted), visible))
}

// TestErratumS8: with ρ held fixed two heads are linear in the tokens, as (20)
// treats them; they are not.
func TestErratumS8(t *testing.T) {
	r := &pass{Point: Point{Seed: 1}}
	claim(t, thirdOrder(r)...)
	s := newRandomLayers(r)
	a := s.mat(toyN, toyD)
	p1, p2 := s.head(toyD, toyKeys, toyD), s.head(toyD, toyKeys, toyValues)
	for _, p := range []*paper.Head{&p1, &p2} {
		p.Bq, p.Bk, p.Bv = nil, nil, nil
	}
	twice := func(a paper.Mat, hold bool, held *[2]paper.Mat) paper.Mat {
		for i, p := range []paper.Head{p1, p2} {
			tr := &paper.Trace{Rewrite: func(s paper.Step) paper.Mat {
				if s.Name == "ρ" && hold {
					return held[i]
				} else if s.Name == "ρ" {
					held[i] = s.V
				}
				return s.V
			}}
			a, _ = paper.Attention(tr, a, p, paper.Causal(toyN))
		}
		return a
	}
	var held, other [2]paper.Mat
	one := twice(a, false, &held)
	claim(t,
		atMost("ρ held fixed: two heads of 2a against twice those of a", relativeDifference(twice(a.Scale(2), true, &held).V, one.Scale(2).V), rounding),
		atLeast("ρ as it is: the same", relativeDifference(twice(a.Scale(2), false, &other).V, one.Scale(2).V), visible))
}

// TestErratumS9 is the ledger with its footnotes.
func TestErratumS9(t *testing.T) {
	c := pedestrian.Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12, Activation: pedestrian.GELUTanh, Bias: true, LogitsBias: true}
	all := pedestrian.AdapterConfig{Rank: 16, Alpha: 16, Scaling: pedestrian.ScaleRank, Targets: pedestrian.Config{Heads: 1}.Targets()}
	released := c
	released.Tied, released.LogitsBias = true, false
	for _, f := range []struct {
		what      string
		got, want int
	}{
		{"the network", c.Ledger().Total(), 163087441},
		{"LoRA on every layer", all.Ledger(c).Total(), 3470608},
		{"both together", c.Ledger().Total() + all.Ledger(c).Total(), 166558049},
		{"the GPT-2 that was released", released.Ledger().Total(), 124439808},
		{"key biases in a block", c.KeyBiasesWithoutGradient() / c.Blocks, 768},
	} {
		t.Logf("%s: %d", f.what, f.got)
		if f.got != f.want {
			t.Errorf("%s: %d, want %d", f.what, f.got, f.want)
		}
	}
	trained := float64(all.Ledger(c).Total()) / float64(c.Ledger().Total())
	t.Logf("trainable parameters: %.1f %% fewer", 100*(1-trained))
	if trained > 0.022 {
		t.Errorf("LoRA trains %.3f of the network, want 0.021", trained)
	}
}

// TestErratumS10: the pieces that the paper leaves out, each against differences
// or against what it must equal.
func TestErratumS10(t *testing.T) {
	c, _ := Find("tied")
	p := c.At(1, 0)
	r := p.run(nil)
	claim(t, tied(r)...)

	for _, g := range []pedestrian.Activation{pedestrian.GELU, pedestrian.GELUTanh} {
		s := newRandomLayers(r)
		a, e, v := s.mat(toyN, toyD), s.mat(toyN, toyD), s.mat(toyN, toyD)
		_, back := paper.Activate(nil, a, g)
		d, _ := Slope(DefaultStep, func(x float64) (float64, bool) {
			out, _ := paper.Activate(nil, a.Add(v.Scale(x)), g)
			return out.Dot(e), false
		})
		claim(t, atMost("g′ of "+string(g)+" against differences", Relative(back(e).Dot(v), d, DifferenceFloor), DifferenceTolerance))
	}

	var sum []float64 // of the gradients of each sequence alone, with Sum
	one := p
	one.Reduction = paper.Sum
	for _, seq := range p.Batch {
		one.Batch = []paper.Sequence{seq}
		g := one.run(nil).params.Slab
		if sum == nil {
			sum = make([]float64, len(g))
		}
		for i := range g {
			sum[i] += g[i] / float64(p.counted())
		}
	}
	claim(t, atMost("a batch's mean against its sequences, added, over N", relativeDifference(r.params.Slab, sum), rounding))
	claim(t, top(r)...)
	dropout(t, p)
}

// dropout differentiates the engine's loss under the masks of one step.
func dropout(t *testing.T, p Point) {
	b := engineBatch(p)
	q := p.clone()
	n := engine.New(q.Params, nil, engine.Options{Batch: b.B, Context: b.T, Threads: 1, Dropout: 0.3, Seed: 5})
	defer n.Close()
	g := pedestrian.NewParams[float64](p.Config)
	loss := func(dp *pedestrian.Params[float64]) float64 {
		sum, _ := n.Gradients(dp, nil, b, p.Scale(), 7)
		return sum * p.Scale()
	}
	loss(g)
	v := make([]float64, len(g.Slab))
	s := newRandomLayers(&pass{Point: p})
	for i := range v {
		v[i] = s.NormFloat64() / math.Sqrt(float64(len(v)))
	}
	d, _ := Slope(DefaultStep, func(x float64) (float64, bool) {
		for i := range v {
			q.Params.Slab[i] = p.Params.Slab[i] + x*v[i]
		}
		return loss(pedestrian.NewParams[float64](p.Config)), false
	})
	clean := p.run(nil).params.Slab
	claim(t,
		atMost("dropout: the gradient along a direction against differences", Relative(dot(g.Slab, v), d, DifferenceFloor), DifferenceTolerance),
		atLeast("dropout: its gradient against that without", relativeDifference(g.Slab, clean), visible))
}
