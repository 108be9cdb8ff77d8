package paper

import (
	"fmt"
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// A whole is a network with all there is to compute its loss.
type whole struct {
	p     *pedestrian.Params[float64]
	lora  *pedestrian.Adapter[float64]
	batch []Sequence
	r     Reduction
}

func (w whole) loss(tr *Trace) float64 {
	l, _ := Network(tr, w.p, w.lora, w.batch, w.r)
	return l
}

// wholes are small networks in which all dimensions differ; tokens repeat and
// are absent, targets are ignored, sequences differ in length.
func wholes() map[string]whole {
	a := pedestrian.Config{Vocab: 9, Context: 7, Width: 6, Heads: 3, Blocks: 1, KeyDim: 4, Hidden: 11,
		Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, LogitsBias: true}
	b := pedestrian.Config{Vocab: 8, Context: 5, Width: 4, Heads: 2, Blocks: 2, KeyDim: 3, Hidden: 7,
		Activation: pedestrian.GELUTanh, Tied: true}
	c := pedestrian.Config{Vocab: 7, Context: 5, Width: 6, Heads: 2, Blocks: 2, KeyDim: 5, Hidden: 8,
		Activation: pedestrian.ReLU, Eps: 0.05, Bias: true, Tied: true, LogitsBias: true}
	all := pedestrian.AdapterConfig{Rank: 2, Alpha: 1.5, Scaling: pedestrian.ScaleRank, Targets: pedestrian.Targets}
	some := pedestrian.AdapterConfig{Rank: 3, Alpha: 0.7, Scaling: pedestrian.ScalePaper, Targets: []pedestrian.Target{pedestrian.TargetK, pedestrian.TargetContract}}
	one := []Sequence{{[]int{2, 5, 2, 1}, []int{5, 2, Ignored, 3}}}
	two := []Sequence{{[]int{2, 5, 2, 1}, []int{5, 2, 1, Ignored}}, {[]int{4, 4, 6}, []int{4, 6, 0}}}
	return map[string]whole{
		"one block":        {generic(a, 1), nil, one, Sum},
		"tied, no biases":  {generic(b, 2), nil, two, Mean},
		"adapters":         {generic(a, 3), genericAdapter(a, all, 4), two, Mean},
		"adapters on some": {generic(c, 5), genericAdapter(c, some, 6), two, Sum},
	}
}

func TestNetworkGradients(t *testing.T) {
	for name, w := range wholes() {
		t.Run(name, func(t *testing.T) {
			_, back := Network(nil, w.p, w.lora, w.batch, w.r)
			dp, dlora := back()
			loss := func() float64 { return w.loss(nil) }
			got := dp.Tensors()
			for i, θ := range w.p.Tensors() {
				check(t, θ.Name, θ.V, got[i].V, loss)
			}
			if w.lora == nil {
				if dlora != nil {
					t.Error("a gradient of an adapter that is not there")
				}
				return
			}
			got = dlora.Tensors()
			for i, θ := range w.lora.Tensors() {
				check(t, θ.Name, θ.V, got[i].V, loss)
			}
		})
	}
}

// TestSignals nudges every forward quantity that an error signal is the gradient
// of, and holds the change of the loss against the signal.
func TestSignals(t *testing.T) {
	seen := map[Signal]bool{}
	for name, w := range wholes() {
		t.Run(name, func(t *testing.T) {
			var tr Trace
			_, back := Network(&tr, w.p, w.lora, w.batch, w.r)
			forward := len(tr.Steps)
			back()
			for _, s := range tr.Steps[forward:] {
				for _, signal := range Signals {
					if s.Eq != signal.Eq || s.Name != signal.Error {
						continue
					}
					seen[signal] = true
					δ := Zeros(s.V.N, s.V.D)
					nudged := &Trace{Rewrite: func(r Step) Mat {
						if r.At == s.At && r.Name == signal.Of {
							return r.V.Add(δ)
						}
						return r.V
					}}
					if o, ok := tr.Find(s.At, signal.Of); !ok || o.V.N != s.V.N || o.V.D != s.V.D {
						t.Fatalf("%s at %s: no step %s of its shape", s.Name, s.At, signal.Of)
					}
					check(t, fmt.Sprintf("%s at %s", s.Name, s.At), δ.V, s.V.V, func() float64 { return w.loss(nudged) })
				}
			}
		})
	}
	for _, s := range Signals {
		if !seen[s] {
			t.Errorf("no network of this test has the signal %s (%s)", s.Error, s.Eq)
		}
	}
}

// TestBatchIsTheSumOfItsSequences: with Sum, loss and gradients of a batch are
// those of its sequences, added; with Mean they are that over the number of
// counted targets of the whole batch, not the mean of means.
func TestBatchIsTheSumOfItsSequences(t *testing.T) {
	w := wholes()["adapters"]
	counted := 0.0
	for _, s := range w.batch {
		for _, y := range s.Targets {
			if y != Ignored {
				counted++
			}
		}
	}
	run := func(batch []Sequence, r Reduction) (loss float64, dp, dlora Vec) {
		loss, back := Network(nil, w.p, w.lora, batch, r)
		p, l := back()
		return loss, p.Slab, l.Slab
	}
	loss, dp, dlora := run(w.batch, Sum)
	mean, dpMean, dloraMean := run(w.batch, Mean)
	for _, s := range w.batch {
		l, d, dl := run([]Sequence{s}, Sum)
		loss, dp, dlora = loss-l, dp.Sub(d), dlora.Sub(dl)
		mean, dpMean, dloraMean = mean-l/counted, dpMean.Sub(d.row().Scale(1/counted).V), dloraMean.Sub(dl.row().Scale(1/counted).V)
	}
	same(t, "sum: loss", Vec{loss}, Vec{0}, rounding)
	same(t, "sum: gradients", append(dp, dlora...), make(Vec, len(dp)+len(dlora)), rounding)
	same(t, "mean: loss", Vec{mean}, Vec{0}, rounding)
	same(t, "mean: gradients", append(dpMean, dloraMean...), make(Vec, len(dpMean)+len(dloraMean)), rounding)
}

// TestTied: a tied network is the untied one with w_11 = w_tokᵗ, and the gradient
// of its one matrix is the sum of the two, the second transposed.
func TestTied(t *testing.T) {
	w := wholes()["tied, no biases"]
	_, back := Network(nil, w.p, nil, w.batch, w.r)
	tied, _ := back()

	c := w.p.Config
	c.Tied = false
	p := pedestrian.NewParams[float64](c)
	from := map[string][]float64{}
	for _, θ := range w.p.Tensors() {
		from[θ.Name] = θ.V
	}
	for _, θ := range p.Tensors() {
		copy(θ.V, from[θ.Name])
	}
	copy(p.Logits.W.V, matrix(w.p.Tok).T().V)
	_, back = Network(nil, p, nil, w.batch, w.r)
	untied, _ := back()
	sum := matrix(untied.Tok).Add(matrix(untied.Logits.W).T())
	same(t, "w_tok", tied.Tok.V, sum.V, rounding)
	same(t, "w_pos", tied.Pos.V, untied.Pos.V, rounding)
}

// TestIdleAdapter: a network whose adapter does nothing, u = 0, is the
// network without it, and every error below the adapters still arrives.
func TestIdleAdapter(t *testing.T) {
	w := wholes()["adapters"]
	for i, θ := range w.lora.Tensors() {
		if i%2 == 1 {
			clear(θ.V) // u
		}
	}
	loss, back := Network(nil, w.p, w.lora, w.batch, w.r)
	dp, dlora := back()
	plain, backPlain := Network(nil, w.p, nil, w.batch, w.r)
	dpPlain, _ := backPlain()
	same(t, "loss", Vec{loss}, Vec{plain}, rounding)
	same(t, "gradients", dp.Slab, dpPlain.Slab, rounding)
	for i, g := range dlora.Tensors() {
		if n := Vec(g.V).Dot(g.V); i%2 == 0 && n != 0 || i%2 == 1 && n == 0 {
			t.Errorf("%s: squared norm %g", g.Name, n)
		}
	}
}

// TestUnusedRows: rows of tokens that do not occur and of positions beyond n_T get
// exactly zero.
func TestUnusedRows(t *testing.T) {
	w := wholes()["one block"]
	_, back := Network(nil, w.p, nil, w.batch, w.r)
	dp, _ := back()
	tok, pos := matrix(dp.Tok), matrix(dp.Pos)
	for _, absent := range []int{0, 3, 4, 6, 7, 8} {
		same(t, "w_tok", tok.Row(absent), make(Vec, tok.D), 0)
	}
	for i := 4; i < pos.N; i++ {
		same(t, "w_pos", pos.Row(i), make(Vec, pos.D), 0)
	}
	same(t, "column sums", tok.SumTokens(), pos.SumTokens(), rounding)
}

// TestNoZeroSurprises: one token, one head, a full context, no counted target, and
// an empty batch.
func TestNoZeroSurprises(t *testing.T) {
	c := pedestrian.Config{Vocab: 5, Context: 4, Width: 3, Heads: 1, Blocks: 1, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, LogitsBias: true}
	p := generic(c, 9)
	for name, batch := range map[string][]Sequence{
		"one token":    {{[]int{3}, []int{1}}},
		"full context": {{[]int{3, 1, 1, 0}, []int{1, 1, 0, 4}}},
	} {
		_, back := Network(nil, p, nil, batch, Mean)
		dp, _ := back()
		got := dp.Tensors()
		for i, θ := range p.Tensors() {
			check(t, name+": "+θ.Name, θ.V, got[i].V, func() float64 {
				l, _ := Network(nil, p, nil, batch, Mean)
				return l
			})
		}
	}
	for name, batch := range map[string][]Sequence{
		"nothing counted": {{[]int{3, 1}, []int{Ignored, Ignored}}},
		"empty batch":     nil,
	} {
		for _, r := range []Reduction{Mean, Sum} {
			loss, back := Network(nil, p, nil, batch, r)
			dp, _ := back()
			same(t, name, append(Vec{loss}, dp.Slab...), make(Vec, 1+len(dp.Slab)), 0)
		}
	}
}

// TestParametersAreSeen: a number changed in the slab, in the middle of the fused
// matrix of the heads, is seen by the next call; and the call changes none.
func TestParametersAreSeen(t *testing.T) {
	w := wholes()["one block"]
	before := append(Vec{}, w.p.Slab...)
	loss := w.loss(nil)
	same(t, "slab", w.p.Slab, before, 0)
	w.p.Blocks[0].QKV.W.V[17] += 0.5
	if w.loss(nil) == loss {
		t.Error("the loss did not move")
	}
	w.p.Blocks[0].QKV.W.V[17] -= 0.5
	same(t, "loss", Vec{w.loss(nil)}, Vec{loss}, 0)
}

// TestTraceDoesNotTouch: loss and gradients are the same bits with a trace and
// without.
func TestTraceDoesNotTouch(t *testing.T) {
	for name, w := range wholes() {
		a, backA := Network(nil, w.p, w.lora, w.batch, w.r)
		b, backB := Network(&Trace{Rewrite: func(s Step) Mat { return s.V }}, w.p, w.lora, w.batch, w.r)
		dpA, _ := backA()
		dpB, _ := backB()
		same(t, name, append(dpA.Slab, a), append(dpB.Slab, b), 0)
	}
}

func TestNetworkPanics(t *testing.T) {
	w := wholes()["adapters"]
	for text, batch := range map[string][]Sequence{
		"paper.Network: sequence 0 has no tokens":                                   {{}},
		"paper.Network: sequence 1 has 8 tokens, the context holds 7":               {w.batch[0], {make([]int, 8), make([]int, 8)}},
		"paper.Network: sequence 0 has 2 tokens and 1 targets":                      {{[]int{0, 1}, []int{1}}},
		"paper.Embedding: id 9 at position 1 is not a row of a table 9×6":           {{[]int{0, 9}, []int{1, 1}}},
		"paper.Embedding: id -1 at position 0 is not a row of a table 9×6":          {{[]int{-1}, []int{1}}},
		"paper.Loss: target 9 at position 0 is neither one of 9 tokens nor Ignored": {{[]int{0}, []int{9}}},
	} {
		panics(t, text, func() { Network(nil, w.p, w.lora, batch, Sum) })
	}
	other := w.p.Config
	other.Context++
	panics(t, "paper.Network: adapter for", func() {
		Network(nil, generic(other, 1), w.lora, w.batch, Sum)
	})
}

// TestCounts: the figures of §7, which pedestrian.Config.Ledger adds up.
func TestCounts(t *testing.T) {
	c := pedestrian.Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12, Activation: pedestrian.GELUTanh, Bias: true, LogitsBias: true}
	one, tied := c, c
	one.Blocks, tied.Tied, tied.LogitsBias = 1, true, false
	head := pedestrian.AdapterConfig{Rank: 16, Targets: []pedestrian.Target{pedestrian.TargetLogits}}
	all := pedestrian.AdapterConfig{Rank: 16, Targets: pedestrian.Targets}
	for _, f := range []struct {
		what      string
		got, want int
	}{
		{"one block", c.BlockLedger().Total(), 7087872},
		{"network of one block", one.Ledger().Total(), 85120849},
		{"GPT-2", c.Ledger().Total(), 163087441},
		{"GPT-2 tied, without a logits bias", tied.Ledger().Total(), 124439808},
		{"LoRA on the logits", head.Ledger(c).Total(), 816400},
		{"LoRA everywhere", all.Ledger(c).Total(), 3470608},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d parameters, the paper has %d", f.what, f.got, f.want)
		}
	}
}

// Two tokens of one feature: layer norm makes every feature zero, so that the
// logits are their bias, whatever the rest, and the loss of token 1 is log 3.
func ExampleNetwork() {
	c := pedestrian.Config{Vocab: 3, Context: 2, Width: 1, Heads: 1, Blocks: 1, Activation: pedestrian.ReLU, Eps: 1, LogitsBias: true}
	p := pedestrian.NewParams[float64](c)
	copy(p.Logits.B.V, []float64{0, math.Log(2), math.Log(3)})
	loss, back := Network(nil, p, nil, []Sequence{{Tokens: []int{0, 2}, Targets: []int{1, Ignored}}}, Sum)
	dp, _ := back()
	fmt.Printf("L       = %.4f\n", loss)
	fmt.Printf("∂L/∂b_11 = %.4f\n", dp.Logits.B.V)
	// Output:
	// L       = 1.0986
	// ∂L/∂b_11 = [0.1667 -0.6667 0.5000]
}

func BenchmarkNetwork(b *testing.B) {
	c := pedestrian.Config{Vocab: 10, Context: 4, Width: 32, Heads: 2, Blocks: 1, Activation: pedestrian.ReLU, Bias: true, LogitsBias: true}
	w := whole{generic(c, 1), nil, []Sequence{{[]int{3, 7, 3, 1}, []int{7, 3, 1, 9}}}, Sum}
	b.Run("forward", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w.loss(nil)
		}
	})
	b.Run("both", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, back := Network(nil, w.p, w.lora, w.batch, w.r)
			back()
		}
	})
}

// TestBlocksCompose: two blocks, the one's output the other's input and the other's
// Δ_1 the one's Δ_10, are the network of two blocks.
func TestBlocksCompose(t *testing.T) {
	w := wholes()["tied, no biases"]
	var tr Trace
	_, back := Network(&tr, w.p, nil, w.batch[:1], w.r)
	back()
	step := func(at, name string) Mat {
		s, ok := tr.Find("seq.0."+at, name)
		if !ok {
			t.Fatalf("no step %s at %s", name, at)
		}
		return s.V
	}
	p := read(nil, w.p, nil)
	a1 := step("block.0", "a_1")
	lower, backLower := Block(nil, a1, p.Blocks[0], Causal(a1.N))
	upper, backUpper := Block(nil, lower, p.Blocks[1], Causal(a1.N))
	same(t, "a_10 of the lower is a_1 of the upper", step("block.0", "a_10").V, step("block.1", "a_1").V, 0)
	same(t, "a_10", step("block.1", "a_10").V, upper.V, 0)
	Δ, _ := backUpper(step("block.1", "Δ_10"))
	same(t, "Δ_1 of the upper is Δ_10 of the lower", step("block.0", "Δ_10").V, Δ.V, 0)
	Δ, _ = backLower(Δ)
	same(t, "Δ_1", step("block.0", "Δ_1").V, Δ.V, 0)
}
