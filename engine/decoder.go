package engine

import (
	"fmt"
	"slices"
)

// keyValues holds the keys and values of one block for every token so far: the
// rows of sequence s start at s·context.
type keyValues[T Float] struct{ k, v Mat[T] }

// planStore places the keys and values of a decoder.
func (w *workspace[T]) planStore(a *arena[T], s shape) {
	a.in("keys and values")
	place := func() keyValues[T] {
		return keyValues[T]{a.mat(s.stored*s.Context, s.Heads*s.QueryDim()), a.mat(s.stored*s.Context, s.Width)}
	}
	if a.counts() {
		a.times(s.Blocks, func() { place() })
		return
	}
	w.store = make([]keyValues[T], s.Blocks)
	for i := range w.store {
		w.store[i] = place()
	}
}

// withPast puts new keys and values behind those that a decoder stored and returns
// all of them; without a store it returns its arguments.
func (w *workspace[T]) withPast(block int, k, v Mat[T]) (allK, allV Mat[T]) {
	if w.store == nil {
		return k, v
	}
	s := &w.store[block]
	for _, seg := range w.segments {
		for t := range seg.n {
			copy(s.k.Row(seg.k+seg.past+t), k.Row(seg.q+t))
			copy(s.v.Row(seg.k+seg.past+t), v.Row(seg.q+t))
		}
	}
	return s.k, s.v
}

// Decoder feeds a network token by token and keeps the keys and values of those
// it has seen (the paper's box on the KV cache), so that a new token costs O(n_T)
// and gives the numbers of the full pass. It holds several sequences; each may be
// as long as the context. It lives as long as its network.
type Decoder[T Float] struct {
	n    *Network[T]
	w    workspace[T]
	lens []int
	out  Mat[T] // logits, one row for each sequence
	last Mat[T] // a_11 of the last tokens
}

// feedRows is the number of tokens of a prompt that pass the network at once.
const feedRows = 256

// NewDecoder makes a decoder of batch sequences, all empty.
func (n *Network[T]) NewDecoder(batch int) *Decoder[T] {
	if batch < 1 {
		panic(fmt.Sprintf("engine.Network.NewDecoder: %d sequences: there must be at least 1", batch))
	}
	c := n.params.Config
	d := &Decoder[T]{n: n, lens: make([]int, batch)}
	d.w.blocks = make([]blockCache[T], 1)
	o := n.o
	o.Threads = n.pool.Threads()
	p := newPlan[T](o.decoding(c, n.adapterConfig(), batch))
	if p.precision == BF16 {
		n.reserveBF16(p.shape)
	}
	n.reserveDoRA(p)
	p.forward.cut(func(a *arena[T]) { d.w.planForward(a, p.shape) })
	d.out, d.last = d.w.logits.y, d.w.logits.x
	p.store.cut(func(a *arena[T]) { d.w.planStore(a, p.shape) })
	return d
}

// prepare is that of the network, but it updates the norms of DoRA only before the first
// tokens of all, or when the parameters changed: reading all weights twice for a single
// token would cost too much.
func (d *Decoder[T]) prepare() {
	d.n.packWeights()
	if d.n.normsStale || !slices.ContainsFunc(d.lens, func(n int) bool { return n > 0 }) {
		d.n.updateNorms()
	}
}

// Len is the number of tokens that sequence seq has seen.
func (d *Decoder[T]) Len(seq int) int { return d.lens[seq] }

// Reset forgets the sequences that are named, or every one.
func (d *Decoder[T]) Reset(seqs ...int) {
	if len(seqs) == 0 {
		clear(d.lens)
	}
	for _, seq := range seqs {
		d.mustHave("Reset", seq)
		d.lens[seq] = 0
	}
}

// Feed appends tokens to sequence seq and returns the logits that follow the
// last of them, V numbers that hold until the next call. It panics when there are
// no tokens, one is outside the vocabulary, or they do not fit into the context:
// Len tells how much is used.
func (d *Decoder[T]) Feed(seq int, tokens []int32) (logits []T) {
	c := d.n.params.Config
	d.mustHave("Feed", seq)
	d.mustFit("Feed", seq, tokens, len(tokens))
	d.prepare()
	for len(tokens) > 0 {
		n := min(len(tokens), d.w.x.Rows)
		d.w.segments = append(d.w.segments[:0], segment{0, seq * c.Context, n, d.lens[seq]})
		for t := range n {
			d.w.positions[t] = int32(d.lens[seq] + t)
		}
		a11 := d.n.forward(&d.w, tokens[:n], nil)
		d.lens[seq] += n
		if tokens = tokens[n:]; len(tokens) == 0 {
			d.n.logits.forward(d.n.pool, first(d.out, 1), &d.w.logits, a11.Sub(n-1, n, 0, a11.Cols), nil)
		}
	}
	return d.out.Row(0)
}

// Next appends tokens[i] to sequence seqs[i], each of which is another one, so that
// weights are read once for all, and returns the logits that follow, in the same
// order, which hold until the next call. No bit of a row depends on which others there
// are. It panics as Feed does.
func (d *Decoder[T]) Next(seqs []int, tokens []int32) Mat[T] {
	if len(tokens) != len(seqs) || len(seqs) == 0 {
		panic(fmt.Sprintf("engine.Decoder.Next: %d tokens for %d sequences", len(tokens), len(seqs)))
	}
	d.prepare()
	d.w.segments = d.w.segments[:0]
	for i, seq := range seqs {
		d.mustHave("Next", seq)
		if slices.Contains(seqs[:i], seq) {
			panic(fmt.Sprintf("engine.Decoder.Next: sequence %d twice", seq))
		}
		d.mustFit("Next", seq, tokens[i:i+1], 1)
		d.w.segments = append(d.w.segments, segment{i, seq * d.n.params.Config.Context, 1, d.lens[seq]})
		d.w.positions[i] = int32(d.lens[seq])
	}
	a11 := d.n.forward(&d.w, tokens, nil)
	for _, seq := range seqs {
		d.lens[seq]++
	}
	out := first(d.out, len(seqs))
	d.n.logits.forward(d.n.pool, out, &d.w.logits, a11, nil)
	return out
}

func (d *Decoder[T]) mustHave(fn string, seq int) {
	if seq < 0 || seq >= len(d.lens) {
		panic(fmt.Sprintf("engine.Decoder.%s: sequence %d of %d", fn, seq, len(d.lens)))
	}
}

func (d *Decoder[T]) mustFit(fn string, seq int, tokens []int32, n int) {
	c := d.n.params.Config
	switch {
	case n == 0:
		panic("engine.Decoder." + fn + ": no tokens")
	case d.lens[seq]+n > c.Context:
		panic(fmt.Sprintf("engine.Decoder.%s: the context is full: %d tokens and %d more in a context of %d", fn, d.lens[seq], n, c.Context))
	}
	for _, id := range tokens {
		if id < 0 || int(id) >= c.Vocab {
			panic(fmt.Sprintf("engine.Decoder.%s: token %d is outside the vocabulary of %d", fn, id, c.Vocab))
		}
	}
}
