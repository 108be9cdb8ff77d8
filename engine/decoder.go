package engine

import (
	"fmt"
	"slices"
)

// keyValues is the KV cache of one block: the keys and values of every token so far, keys
// as they meet queries: normed and turned (L21). Sequence s has its rows from
// s·storedRows() on. Where tokens see a window, the oldest rows are given up.
type keyValues[T Float] struct{ k, v Mat[T] }

// storedRows is the number of tokens of a sequence whose keys and values are stored: the
// context, or with a window what it sees beside the tokens of one pass.
func (s shape) storedRows() int {
	if s.SlidingWindow > 0 {
		return min(s.context, s.SlidingWindow-1+s.rows)
	}
	return s.context
}

// planStore places the KV cache of a decoder.
func (w *workspace[T]) planStore(a *arena[T], s shape) {
	a.in("keys and values")
	place := func() keyValues[T] {
		rows, heads := s.stored*s.storedRows(), s.KeyHeads()
		return keyValues[T]{a.mat(rows, heads*s.QueryDim()), a.mat(rows, heads*s.ValueDim())}
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

// withPast appends new keys and values to those in the KV cache of a decoder and returns
// the whole cache of the block. Outside a decoder it returns its arguments.
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

// Decoder feeds a network token by token and keeps the keys and values of the tokens
// so far (the paper's box on the KV cache). A new token costs O(n_T), and its logits are
// those of the full pass. A decoder holds several sequences; each may be as long as
// Options.DecoderContext. It can be used until its network is closed.
type Decoder[T Float] struct {
	n    *Network[T]
	w    workspace[T]
	lens []int
	gone []int  // tokens of each sequence whose rows were given up, the oldest ones
	rows int    // of each sequence in the KV cache
	out  Mat[T] // logits, one row for each sequence
	last Mat[T] // a_11 of the last tokens
}

// feedRows is the largest number of tokens of a prompt in one forward pass.
const feedRows = 256

// NewDecoder makes a decoder of batch empty sequences. It panics when batch is less
// than 1.
func (n *Network[T]) NewDecoder(batch int) *Decoder[T] {
	if batch < 1 {
		panic(fmt.Sprintf("engine.Network.NewDecoder: %d sequences: there must be at least 1", batch))
	}
	c := n.params.Config
	d := &Decoder[T]{n: n, lens: make([]int, batch), gone: make([]int, batch)}
	d.w.blocks = make([]blockCache[T], 1)
	o := n.o
	o.Threads = n.pool.Threads()
	p := newPlan[T](o.decoding(c, n.adapterConfig(), batch))
	if p.precision.takesBF16() {
		n.reserveBF16(p.shape)
	}
	n.reserveDoRA(p)
	p.forward.cut(func(a *arena[T]) { d.w.planForward(a, p.shape) })
	d.rows = p.storedRows()
	d.out, d.last = d.w.logits.y, d.w.logits.x
	p.store.cut(func(a *arena[T]) { d.w.planStore(a, p.shape) })
	return d
}

// prepare does what Network.prepare does, but it updates the norms of DoRA only while all
// sequences are empty, and when the parameters have changed. An update reads all weights,
// which would cost too much for each single token.
func (d *Decoder[T]) prepare() {
	d.n.packWeights()
	if d.n.normsStale || !slices.ContainsFunc(d.lens, func(n int) bool { return n > 0 }) {
		d.n.updateNorms()
	}
}

// DecoderContext returns the largest number of tokens in a sequence of a decoder of n.
func (n *Network[T]) DecoderContext() int { return n.o.DecoderContext }

// KeyValues returns the keys and values of a block that are kept for sequence seq, a row for each
// token: keys as they meet queries. They are views, valid until the next call. It panics when
// the sequence or the block does not exist.
func (d *Decoder[T]) KeyValues(block, seq int) (keys, values Mat[T]) {
	d.mustHave("KeyValues", seq)
	if block < 0 || block >= len(d.w.store) {
		panic(fmt.Sprintf("engine.Decoder.KeyValues: block %d of %d", block, len(d.w.store)))
	}
	s, from, n := &d.w.store[block], seq*d.rows, d.lens[seq]-d.gone[seq]
	return s.k.Sub(from, from+n, 0, s.k.Cols), s.v.Sub(from, from+n, 0, s.v.Cols)
}

// Len returns the number of tokens that were appended to sequence seq.
func (d *Decoder[T]) Len(seq int) int { return d.lens[seq] }

// Reset empties the sequences seqs, or all sequences if there are no arguments. It panics
// when one does not exist.
func (d *Decoder[T]) Reset(seqs ...int) {
	if len(seqs) == 0 {
		clear(d.lens)
		clear(d.gone)
	}
	for _, seq := range seqs {
		d.mustHave("Reset", seq)
		d.lens[seq], d.gone[seq] = 0, 0
	}
}

// Keep cuts sequence seq back to its first n tokens, so that others go on from there. It
// returns how many are left: n, or 0 where tokens see a window and keys and values that the
// next token would see were given up. It panics when the sequence does not exist or has fewer
// tokens.
func (d *Decoder[T]) Keep(seq, n int) int {
	d.mustHave("Keep", seq)
	if n < 0 || n > d.lens[seq] {
		panic(fmt.Sprintf("engine.Decoder.Keep: %d of the %d tokens of sequence %d", n, d.lens[seq], seq))
	}
	if d.gone[seq] > max(0, n-d.n.params.Config.SlidingWindow+1) {
		n = 0
	}
	if d.lens[seq] = n; n == 0 {
		d.gone[seq] = 0
	}
	return n
}

// Feed appends tokens to sequence seq and returns the logits after the last of them: V
// numbers, which are valid until the next call. It panics when the sequence does not
// exist, when there are no tokens, when one is outside the vocabulary, or when they do not
// fit into the context; Len tells how much of the context is used.
func (d *Decoder[T]) Feed(seq int, tokens []int32) (logits []T) {
	d.mustHave("Feed", seq)
	d.mustFit("Feed", seq, tokens, len(tokens))
	d.prepare()
	for len(tokens) > 0 {
		n := min(len(tokens), d.w.x.Rows)
		d.w.segments = append(d.w.segments[:0], d.segment(0, seq, n))
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

// Next appends tokens[i] to sequence seqs[i] for every i, in one forward pass, so that the
// weights are read once for all sequences. No sequence may occur twice in seqs. Row i of
// the result, len(seqs)×V, holds the logits after tokens[i]; it is valid until the next
// call. No bit of a row depends on the other sequences. Next panics as Feed does.
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
		d.w.segments = append(d.w.segments, d.segment(i, seq, 1))
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

// segment is that of n new tokens of sequence seq, whose rows begin at row q. It makes room
// for their keys and values: where the rows of the sequence are full, those that the window
// still sees move to the beginning.
func (d *Decoder[T]) segment(q, seq, n int) segment {
	base, past := seq*d.rows, d.lens[seq]
	if past-d.gone[seq]+n > d.rows {
		kept := min(past, d.n.params.Config.SlidingWindow-1)
		for _, s := range d.w.store {
			for _, m := range []Mat[T]{s.k, s.v} {
				end := base + past - d.gone[seq]
				copy(m.V[base*m.Stride:], m.V[(end-kept)*m.Stride:end*m.Stride])
			}
		}
		d.gone[seq] = past - kept
	}
	return segment{q, base - d.gone[seq], n, past}
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
	case d.lens[seq]+n > d.n.o.DecoderContext:
		panic(fmt.Sprintf("engine.Decoder.%s: the context is full: %d tokens and %d more in a context of %d", fn, d.lens[seq], n, d.n.o.DecoderContext))
	}
	for _, id := range tokens {
		if id < 0 || int(id) >= c.Vocab {
			panic(fmt.Sprintf("engine.Decoder.%s: token %d is outside the vocabulary of %d", fn, id, c.Vocab))
		}
	}
}
