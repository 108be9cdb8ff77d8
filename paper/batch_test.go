package paper

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

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

// TestDocuments: the documents of a packed sequence meet only in the sum of the
// losses, like sequences of a batch; a token of one moves no logit of another.
func TestDocuments(t *testing.T) {
	w := wholes()["packed"]
	run := func(batch []Sequence) (loss float64, dp, dlora Vec, logits [][]float64) {
		var tr Trace
		loss, back := Network(&tr, w.p, w.lora, batch, w.r)
		p, l := back()
		for i := range batch {
			a12, _ := tr.Find("seq."+strconv.Itoa(i), "a_12")
			for t := range a12.V.N {
				logits = append(logits, a12.V.Row(t))
			}
		}
		return loss, p.Slab, l.Slab, logits
	}
	var singles []Sequence
	for _, s := range w.batch {
		from := 0
		for _, to := range append(slices.Clone(s.Starts), len(s.Tokens)) {
			singles = append(singles, Sequence{Tokens: s.Tokens[from:to], Targets: s.Targets[from:to]})
			from = to
		}
	}
	loss, dp, dlora, logits := run(w.batch)
	loss1, dp1, dlora1, logits1 := run(singles)
	same(t, "loss", Vec{loss}, Vec{loss1}, rounding)
	same(t, "gradients", append(dp, dlora...), append(dp1, dlora1...), rounding)
	for i := range logits {
		same(t, fmt.Sprint("logits of token ", i), logits[i], logits1[i], rounding)
	}
	for i := range w.batch[0].Tokens {
		w.batch[0].Tokens[i] ^= 1
		_, _, _, moved := run(w.batch)
		w.batch[0].Tokens[i] ^= 1
		for j := range logits {
			if felt := !slices.Equal(moved[j], logits[j]); felt != (j >= i && j < len(w.batch[0].Tokens) && (i < 4) == (j < 4)) {
				t.Errorf("token %d: the logits of token %d move: %v", i, j, felt)
			}
		}
	}
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
		"one token":    {{Tokens: []int{3}, Targets: []int{1}}},
		"full context": {{Tokens: []int{3, 1, 1, 0}, Targets: []int{1, 1, 0, 4}}},
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
		"nothing counted": {{Tokens: []int{3, 1}, Targets: []int{Ignored, Ignored}}},
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
		"paper.Network: sequence 1 has 8 tokens, the context holds 7":               {w.batch[0], {Tokens: make([]int, 8), Targets: make([]int, 8)}},
		"paper.Network: start 0 of sequence 0 is 0":                                 {{Tokens: []int{1, 1}, Targets: []int{1, 1}, Starts: []int{0}}},
		"paper.Network: start 0 of sequence 0 is 2":                                 {{Tokens: []int{1, 1}, Targets: []int{1, 1}, Starts: []int{2}}},
		"paper.Network: start 1 of sequence 0 is 1":                                 {{Tokens: []int{1, 1, 1}, Targets: []int{1, 1, 1}, Starts: []int{1, 1}}},
		"paper.Network: sequence 0 has 2 tokens and 1 targets":                      {{Tokens: []int{0, 1}, Targets: []int{1}}},
		"paper.Embedding: id 9 at position 1 is not a row of a table 9×6":           {{Tokens: []int{0, 9}, Targets: []int{1, 1}}},
		"paper.Embedding: id -1 at position 0 is not a row of a table 9×6":          {{Tokens: []int{-1}, Targets: []int{1}}},
		"paper.Loss: target 9 at position 0 is neither one of 9 tokens nor Ignored": {{Tokens: []int{0}, Targets: []int{9}}},
	} {
		panics(t, text, func() { Network(nil, w.p, w.lora, batch, Sum) })
	}
	other := w.p.Config
	other.Context++
	panics(t, "paper.Network: adapter for", func() {
		Network(nil, generic(other, 1), w.lora, w.batch, Sum)
	})
}
