package paper

import (
	"fmt"
	"strconv"

	"github.com/pedestrian-ml/pedestrian"
)

// A Sequence is n_T tokens and what each of them should predict, usually the next
// token, or Ignored. It may hold several documents one after the other: Starts lists
// the tokens after the first that begin another, ascending. Positions count from the
// start of a document, and the mask is [Causal] with these starts, so that every
// document is computed as if it were alone.
type Sequence struct {
	Tokens  []int `json:"tokens"` // ids, and the id that is to be predicted at each place
	Targets []int `json:"targets"`
	Starts  []int `json:"starts,omitempty"`
}

// Network is the whole of §7 on a batch of sequences, which need not be of one
// length and meet only in the sum of their losses. lora may be nil. The loss is
// the mean or the sum over the counted targets of the batch. The result back
// returns the gradients of every parameter, frozen beside an adapter or not, and
// of the adapter, nil without one.
//
// What it does to a sequence is table 2, in the function sequence and, its starred
// part, in [Block]: read them down for the forward pass, and up for the backward
// pass with table 3 beside it. The trace places them at "seq.0", "seq.0.block.1", "seq.0.block.1.head.0",
// and a layer's own equations at "seq.0.block.1.expand".
//
// It panics when a sequence is empty or longer than n_context, when targets are
// not as many as tokens, when a token or target is outside the vocabulary, and
// when lora stands beside another configuration, and when starts do not ascend
// within the sequence.
func Network(tr *Trace, p *pedestrian.Params[float64], lora *pedestrian.Adapter[float64], batch []Sequence, r Reduction) (
	loss float64, back func() (dp *pedestrian.Params[float64], dlora *pedestrian.Adapter[float64])) {

	w := read(tr, p, lora)
	weight := r.Weight(batch)
	backs := make([]func() weights, len(batch))
	for s, seq := range batch {
		seq.check(s, p.Config)
		l, back := sequence(tr.In("seq."+strconv.Itoa(s)), w, seq, weight) // (T2)
		loss, backs[s] = loss+l, back
	}
	loss = tr.Vec("L", "L", Vec{loss})[0]

	back = func() (dp *pedestrian.Params[float64], dlora *pedestrian.Adapter[float64]) {
		dp = pedestrian.NewParams[float64](p.Config)
		if lora != nil {
			dlora = pedestrian.NewAdapter[float64](lora.Base, lora.Config)
		}
		w.qkv = make([]Mat, len(w.Blocks))
		for _, back := range backs {
			back().addTo(&w, dp, dlora) // (T3)
		}
		w.unmerge(dp, dlora)
		return dp, dlora
	}
	return loss, back
}

// sequence is table 2 outside of its starred part. Its pullback returns the
// gradients of table 3 for one sequence.
func sequence(tr *Trace, p weights, seq Sequence, weight float64) (loss float64, back func() (dp weights)) {
	n := len(seq.Tokens)
	a0 := integers(tr.Eq("T2", "a_0", numbers(seq.Tokens)))
	tok, backTok, _ := Embedding(tr.In("tok"), a0, p.Tok)
	pos, backPos, _ := Embedding(tr.In("pos"), positions(n, seq.Starts), p.Pos)
	a := tok.Add(pos) // a_1
	backs := make([]func(Δ Mat) (Mat, BlockParams), len(p.Blocks))
	for i, b := range p.Blocks {
		a, backs[i] = Block(tr.In("block."+strconv.Itoa(i)), a, b, Causal(n, seq.Starts...)) // a_2, …, a_10
	}
	a11, back10 := LayerNorm(tr.In("lnFinal"), a, p.LNFinal.W, p.LNFinal.B, p.LNFinal.Eps)
	a11 = tr.Eq("T2", "a_11", a11)
	a12, back11 := Adapted(tr.In("logits"), a11, p.Logits)
	a12 = tr.Eq("T2", "a_12", a12)
	loss, backLoss := Loss(tr, a12, seq.Targets, weight)

	back = func() (dp weights) {
		Δ12 := tr.Eq("T2", "Δ_12", backLoss())
		Δ11, d11 := back11(Δ12)
		Δ11 = tr.Eq("T2", "Δ_11", Δ11)
		Δ, dw10, db10 := back10(Δ11) // Δ_10
		dp.Logits = d11.record(tr, "11", p.Logits)
		dp.LNFinal = Norm{W: dw10, B: db10}.record(tr, "10", p.LNFinal)
		dp.Blocks = make([]BlockParams, len(backs))
		for i := len(backs) - 1; i >= 0; i-- {
			Δ, dp.Blocks[i] = backs[i](Δ) // Δ_9, …, Δ_1
		}
		dp.Tok = tr.Eq("T3", "∂L/∂w_tok", backTok(Δ))
		dp.Pos = tr.Eq("T3", "∂L/∂w_pos", backPos(Δ))
		return dp
	}
	return loss, back
}

// numbers and integers turn ids into a column, and a column into ids; positions are
// 0, 1, … from the start of each document on.
func numbers(ids []int) Mat {
	return each(len(ids), 1, func(t, _ int) float64 { return float64(ids[t]) })
}

func integers(a Mat) []int {
	ids := make([]int, a.N)
	for t := range ids {
		ids[t] = int(a.V[t])
	}
	return ids
}

func positions(n int, starts []int) []int {
	ids := origins(n, starts)
	for t, s := range ids {
		ids[t] = t - s
	}
	return ids
}

// check panics unless s, number i of a batch, can be read by c.
func (s Sequence) check(i int, c pedestrian.Config) {
	switch n := len(s.Tokens); {
	case n == 0:
		panic(fmt.Sprintf("paper.Network: sequence %d has no tokens", i))
	case n > c.Context:
		panic(fmt.Sprintf("paper.Network: sequence %d has %d tokens, the context holds %d", i, n, c.Context))
	case len(s.Targets) != n:
		panic(fmt.Sprintf("paper.Network: sequence %d has %d tokens and %d targets", i, n, len(s.Targets)))
	}
	for j, at := range s.Starts {
		if at < 1 || at >= len(s.Tokens) || j > 0 && at <= s.Starts[j-1] {
			panic(fmt.Sprintf("paper.Network: start %d of sequence %d is %d: starts ascend from 1 within its %d tokens", j, i, at, len(s.Tokens)))
		}
	}
}
