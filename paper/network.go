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
// length and meet only in the sum of their losses; or a network of the Llama family, when
// p.Config chooses so (L23). lora may be nil. The loss is
// the mean or the sum over the counted targets of the batch. The result back
// returns the gradients of every parameter, frozen beside an adapter or not, and
// of the adapter, nil without one.
//
// What it does to a sequence is table 2, in the function logits and, its starred
// part, in [Block]: read them down for the forward pass, and up for the backward
// pass with table 3 beside it (T3). The trace places them at "seq.0", "seq.0.block.1", "seq.0.block.1.head.0",
// and a layer's own equations at "seq.0.block.1.expand".
//
// It panics when a sequence is empty or longer than n_context, when targets are
// not as many as tokens, when a token or target is outside the vocabulary, and
// when lora stands beside another configuration, and when starts do not ascend
// within the sequence.
func Network(tr *Trace, p *pedestrian.Params[float64], lora *pedestrian.Adapter[float64], batch []Sequence, r Reduction) (
	loss float64, back func() (dp *pedestrian.Params[float64], dlora *pedestrian.Adapter[float64])) {

	return network(tr, p.Config, read(tr, p, lora, false), lora, batch, r, Adapted)
}

// network is Network with layers that are computed in a way of their own.
func network(tr *Trace, c pedestrian.Config, w weights, lora *pedestrian.Adapter[float64], batch []Sequence, r Reduction,
	layer func(tr *Trace, aPrev Mat, p Layer) (Mat, func(Δ Mat) (Mat, Layer))) (
	loss float64, back func() (dp *pedestrian.Params[float64], dlora *pedestrian.Adapter[float64])) {

	weight := r.Weight(batch)
	backs := make([]func() weights, len(batch))
	for s, seq := range batch {
		seq.check(s, c)
		l, back := w.sequence(tr.In("seq."+strconv.Itoa(s)), seq, weight, layer) // (T2)
		loss, backs[s] = loss+l, back
	}
	loss = tr.Vec("L", "L", Vec{loss})[0]

	back = func() (dp *pedestrian.Params[float64], dlora *pedestrian.Adapter[float64]) {
		dp = pedestrian.NewParams[float64](c)
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

// sequence is the network on one sequence, from its tokens to its loss and back.
func (p weights) sequence(tr *Trace, seq Sequence, weight float64, layer func(tr *Trace, aPrev Mat, p Layer) (Mat, func(Δ Mat) (Mat, Layer))) (
	loss float64, back func() (dp weights)) {

	n := len(seq.Tokens)
	a0 := integers(tr.Eq(p.table(), "a_0", numbers(seq.Tokens)))
	a12, backLogits := p.logits(tr, a0, positions(n, seq.Starts), way{layer: layer, starts: seq.Starts}, nil)
	loss, backLoss := Loss(tr, a12, seq.Targets, weight)
	return loss, func() (dp weights) { return backLogits(backLoss()) }
}

// logits is table 2 outside of its starred part, from the tokens of a sequence to its
// logits (T2). Its pullback returns the gradients of table 3 for one sequence. With caches,
// one a block, it is that of a new token, and has no pullback. In the Llama
// family (L23) there may be no table of positions, and rows of the embedding may be
// multiplied by s:
//
//	a_1        = s ohe(a_0) w_tok       (L23)
//	∂L/∂w_tok  = s ohe(a_0)ᵗ Δ_1        (L23)
func (p weights) logits(tr *Trace, a0, positions []int, w way, caches []blockCache) (a12 Mat, back func(Δ12 Mat) (dp weights)) {
	table, gradients := p.table(), p.gradients()
	a, backTok, _ := Embedding(tr.In("tok"), a0, p.Tok)
	a = a.Scale(p.scale)
	backPos := func(Mat) Mat { return Mat{} }
	if p.Pos.V != nil {
		var pos Mat
		pos, backPos, _ = Embedding(tr.In("pos"), positions, p.Pos)
		a = a.Add(pos) // a_1
	}
	backs := make([]func(Δ Mat) (Mat, BlockParams), len(p.Blocks))
	for i, b := range p.Blocks {
		if caches != nil {
			w.cache = &caches[i]
		}
		a, backs[i] = w.block(tr.In("block."+strconv.Itoa(i)), a, b) // a_2, …, a_10
	}
	a11, back10 := p.LNFinal.normalize(tr.In("lnFinal"), a)
	a11 = tr.Eq(table, "a_11", a11)
	a12, back11 := w.layer(tr.In("logits"), a11, p.Logits)
	a12 = tr.Eq(table, "a_12", a12)

	back = func(Δ12 Mat) (dp weights) {
		Δ12 = tr.Eq(table, "Δ_12", Δ12)
		Δ11, d11 := back11(Δ12)
		Δ11 = tr.Eq(table, "Δ_11", Δ11)
		Δ, d10 := back10(Δ11) // Δ_10
		dp.Logits = d11.record(tr, gradients, "11", p.Logits)
		dp.LNFinal = d10.record(tr, gradients, "10", p.LNFinal)
		dp.Blocks = make([]BlockParams, len(backs))
		for i := len(backs) - 1; i >= 0; i-- {
			Δ, dp.Blocks[i] = backs[i](Δ) // Δ_9, …, Δ_1
		}
		dp.Tok = tr.Eq(gradients, "∂L/∂w_tok", backTok(Δ.Scale(p.scale)))
		if p.Pos.V != nil {
			dp.Pos = tr.Eq(gradients, "∂L/∂w_pos", backPos(Δ))
		}
		return dp
	}
	return a12, back
}

// table is the number of the table that the network is recorded as outside of its blocks,
// its own or (T2), and gradients that of its gradients, (T3).
func (p weights) table() string {
	if p.llama {
		return "L23"
	}
	return "T2"
}

func (p weights) gradients() string {
	if p.llama {
		return "L23"
	}
	return "T3"
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
