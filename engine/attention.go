package engine

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// Attention is causal self-attention (§3) of all heads (§4), given the queries,
// keys and values of (9.a), (9.b) and (4), which are outputs of one FC layer; a
// head is a range of their columns. It never holds a whole ρ: queries and keys
// are taken in tiles, the forward pass keeps of each row of ρ^causal only the
// logarithm of the sum of exponentials, and the backward pass computes
// ρ = exp(ρ^causal - lse) again. Tiles in which everything is masked are skipped.
type Attention[T Float] struct {
	Heads, KeyDim, ValueDim int         // n_h, d_ρ, d_h
	Scale                   T           // what multiplies the scores in (12); 0 is 1/√d_ρ
	Drop                    kernel.Mask // of ρ
}

// A Segment says where one sequence lies: N tokens in rows Q… of the queries, and
// in rows K… of keys and values the Past tokens before them, then they themselves.
type Segment struct{ Q, K, N, Past int }

// AttentionCache holds what Backward needs from Forward, and scratch for batches
// that are no larger than the first.
type AttentionCache[T Float] struct {
	Lse Mat[T] // log Σ exp ρ^causal, n_h × rows

	scratch  *attentionScratch[T]
	forward  attentionForward[T]
	backward attentionBackward[T]
}

// head returns the columns of head h in a block of rows.
func head[T Float](m Mat[T], row, n, h, width int) Mat[T] {
	return m.Sub(row, row+n, h*width, (h+1)*width)
}

func (l Attention[T]) mustFit(fn string, q, k, v, y Mat[T]) {
	if q.Cols != l.Heads*l.KeyDim || k.Cols != q.Cols || v.Cols != l.Heads*l.ValueDim || y.Cols != v.Cols || k.Rows != v.Rows || q.Rows != y.Rows {
		panic(fmt.Sprintf("engine.%s: %d heads of %d and %d do not fit queries %d×%d, keys %d×%d, values %d×%d, output %d×%d",
			fn, l.Heads, l.KeyDim, l.ValueDim, q.Rows, q.Cols, k.Rows, k.Cols, v.Rows, v.Cols, y.Rows, y.Cols))
	}
}

// Forward sets y, the heads side by side (34), for every segment.
func (l Attention[T]) Forward(p *Pool, y Mat[T], c *AttentionCache[T], q, k, v Mat[T], segments []Segment) {
	l.mustFit("Attention.Forward", q, k, v, y)
	if c.scratch == nil {
		c.scratch = new(attentionScratch[T])
		allocate(func(a *arena[T]) {
			c.scratch.planForward(a, p.Threads(), math.MaxInt, max(l.KeyDim, l.ValueDim))
			c.scratch.planBackward(a, l.Heads, y.Rows, max(l.KeyDim, l.ValueDim), l.Drop.On())
		})
	}
	f := &c.forward
	f.l, f.y, f.c, f.q, f.k, f.v, f.segments = l, y, c, q, k, v, segments
	units := 0
	for s := range segments {
		units += f.unitsOf(s)
	}
	f.units.Start(units, len(c.scratch.slots))
	p.Run(len(c.scratch.slots), f)
}

// attentionForward takes strips of queries, of each segment those with the most
// keys first.
type attentionForward[T Float] struct {
	l        Attention[T]
	y        Mat[T]
	c        *AttentionCache[T]
	q, k, v  Mat[T]
	segments []Segment
	units    kernel.Shares
}

func (f *attentionForward[T]) Do(_ *kernel.Pool, slot int) {
	s, before := 0, 0 // units of segments before s
	for {
		u, ok := f.units.Take(slot)
		if !ok {
			return
		}
		if u < before { // of another slot's share
			s, before = 0, 0
		}
		for n := f.unitsOf(s); u >= before+n; n = f.unitsOf(s) {
			s, before = s+1, before+n
		}
		strip, h := (before+f.unitsOf(s)-1-u)/f.l.Heads, (u-before)%f.l.Heads
		from := strip * f.c.scratch.strip
		f.strip(&f.c.scratch.slots[slot], s, h, from, min(from+f.c.scratch.strip, f.segments[s].N))
	}
}

// unitsOf is the number of units of segment s: a strip of queries and a head each.
func (f *attentionForward[T]) unitsOf(s int) int {
	return (f.segments[s].N + f.c.scratch.strip - 1) / f.c.scratch.strip * f.l.Heads
}

// strip computes queries from…to of one segment and head, one tile of keys after
// another, with the maximum and the sum of each row carried along.
func (f *attentionForward[T]) strip(t *tiles[T], s, h, from, to int) {
	l, seg, size := f.l, f.segments[s], f.c.scratch.tiling
	for i := range to - from {
		t.max[i], t.sum[i] = T(math.Inf(-1)), 0
	}
	for k0, seen := 0, seg.Past+to; k0 < seen; k0 += size.keys {
		nk := min(size.keys, seen-k0)
		k, v := head(f.k, seg.K+k0, nk, h, l.KeyDim), head(f.v, seg.K+k0, nk, h, l.ValueDim)
		var kt Mat[T]
		if to-from > fewQueries {
			kt = transposeTo(t.kt, k)
		}
		late := k0 - seg.Past // earlier queries see none of these keys
		for q0, nq := max(from, late), 0; q0 < to; q0 += nq {
			nq = size.queries(q0, to, late, nk)
			nk := min(nk, seg.Past+q0+nq-k0) // what the last of the queries sees
			q, att := head(f.q, seg.Q+q0, nq, h, l.KeyDim), over(t.a, nq, nk)
			if kt.V == nil {
				kernel.MulNT(t.pool, att, q, k.Sub(0, nk, 0, l.KeyDim), false) // (10)
			} else {
				kernel.MulNN(t.pool, att, q, kt.Sub(0, l.KeyDim, 0, nk), nil, false) // (10)
			}
			y := head(f.y, seg.Q+q0, nq, h, l.ValueDim)
			for i := range nq {
				f.row(t, s, h, att.Row(i), y.Row(i), q0+i, q0+i-from, k0)
			}
			kernel.MulNN(t.pool, y, att, v.Sub(0, nk, 0, l.ValueDim), nil, k0 > 0) // (16)
		}
	}
	lse, y := f.c.Lse.Row(h)[seg.Q+from:], head(f.y, seg.Q+from, to-from, h, l.ValueDim)
	for i := range to - from {
		kernel.Scale(y.Row(i), 1/t.sum[i]) // (15)
		lse[i] = t.max[i] + T(math.Log(float64(t.sum[i])))
	}
}

// row takes the exponentials of one row of a tile, that of query q of a segment and
// of number i in its strip, from key k0 on; y is what earlier tiles gave.
func (f *attentionForward[T]) row(t *tiles[T], s, h int, row, y []T, q, i, k0 int) {
	shrink, past := f.l.scale(), f.segments[s].Past
	seen := min(max(past+q+1-k0, 0), len(row)) // (13)
	clear(row[seen:])
	if seen == 0 {
		return
	}
	top, keep := max(t.max[i], shrink*kernel.Max(row[:seen])), T(1) // (12)
	if k0 == 0 {
		keep = 0
	} else if top != t.max[i] {
		keep = T(math.Exp(float64(t.max[i] - top)))
	}
	a := kernel.ScaleLarge(row[:seen], shrink, top)
	t.max[i], t.sum[i] = top, t.sum[i]*keep+kernel.ExpSum(row[:seen], a, top)
	if k0 > 0 && keep != 1 {
		kernel.Scale(y, keep)
	}
	if f.l.Drop.On() {
		kernel.MaskRow(row, row, f.l.Drop, f.l.number(s, h, past+q, k0))
	}
}

// number is the position of ρ[i][j] of one segment and head among all ρ of a
// layer, unique in contexts of up to 2²⁰.
func (l Attention[T]) number(segment, h, i, j int) uint64 {
	return (uint64(segment*l.Heads+h)<<20+uint64(i))<<20 + uint64(j)
}

// scale is what multiplies the scores in (12), and their error in (28).
func (l *Attention[T]) scale() T {
	if l.Scale != 0 {
		return l.Scale
	}
	return T(1 / math.Sqrt(float64(l.KeyDim)))
}

// Backward sets dq, dk and dv to the gradients of the loss with respect to q, k
// and v, given y of Forward and dy, the gradient with respect to it.
func (l Attention[T]) Backward(p *Pool, dq, dk, dv, dy Mat[T], c *AttentionCache[T], q, k, v, y Mat[T], segments []Segment) {
	l.mustFit("Attention.Backward", q, k, v, y)
	l.mustFit("Attention.Backward", dq, dk, dv, dy)
	f := &c.backward
	f.l, f.dq, f.dk, f.dv, f.dy, f.c, f.q, f.k, f.v, f.y, f.segments = l, dq, dk, dv, dy, c, q, k, v, y, segments
	f.units.Start(len(segments)*l.Heads, len(c.scratch.slots))
	p.Run(len(c.scratch.slots), f)
}

// attentionBackward takes one segment and head at a time. Its slice of dy is (35).
type attentionBackward[T Float] struct {
	l              Attention[T]
	dq, dk, dv, dy Mat[T]
	c              *AttentionCache[T]
	q, k, v, y     Mat[T]
	segments       []Segment
	units          kernel.Shares
}

func (f *attentionBackward[T]) Do(_ *kernel.Pool, slot int) {
	for {
		u, ok := f.units.Take(slot)
		if !ok {
			return
		}
		f.head(&f.c.scratch.slots[slot], u/f.l.Heads, u%f.l.Heads)
	}
}

func (f *attentionBackward[T]) head(t *tiles[T], s, h int) {
	l, seg, size := f.l, f.segments[s], f.c.scratch.tiling
	rowDot := f.c.scratch.d.Row(h)
	dy, y := head(f.dy, seg.Q, seg.N, h, l.ValueDim), head(f.y, seg.Q, seg.N, h, l.ValueDim)
	for i := range seg.N {
		rowDot[seg.Q+i] = kernel.Dot(dy.Row(i), y.Row(i)) // Δ v ᵗ ⊖ ρ of (25), which is Δ ⊖ a
	}
	for k0 := 0; k0 < seg.N; k0 += size.keys {
		nk := min(size.keys, seg.N-k0)
		k, v := head(f.k, seg.K+k0, nk, h, l.KeyDim), head(f.v, seg.K+k0, nk, h, l.ValueDim)
		dk, dv := head(f.dk, seg.K+k0, nk, h, l.KeyDim), head(f.dv, seg.K+k0, nk, h, l.ValueDim)
		kt, vt := transposeTo(t.kt, k), transposeTo(t.vt, v)
		for i := range nk {
			clear(dk.Row(i))
			clear(dv.Row(i))
		}
		for q0, nq := k0, 0; q0 < seg.N; q0 += nq {
			nq = size.queries(q0, seg.N, k0, nk)
			nk := min(nk, q0+nq-k0) // what the last of the queries sees
			q, dq := head(f.q, seg.Q+q0, nq, h, l.KeyDim), head(f.dq, seg.Q+q0, nq, h, l.KeyDim)
			dy := head(f.dy, seg.Q+q0, nq, h, l.ValueDim)
			att, datt, kept := over(t.a, nq, nk), over(t.b, nq, nk), over(t.a, nq, nk)
			if l.Drop.On() {
				kept = over(t.c, nq, nk)
			}
			kernel.MulNN(t.pool, att, q, kt.Sub(0, l.KeyDim, 0, nk), nil, false)     // (10)
			kernel.MulNN(t.pool, datt, dy, vt.Sub(0, l.ValueDim, 0, nk), nil, false) // Δ vᵗ of (25)
			for i := range nq {
				f.row(s, h, att.Row(i), datt.Row(i), kept.Row(i), q0+i, k0)
			}
			kernel.MulTN(t.pool, dv.Sub(0, nk, 0, l.ValueDim), kept, dy, true)     // ρᵗ Δ of (22)
			kernel.MulNN(t.pool, dq, datt, k.Sub(0, nk, 0, l.KeyDim), nil, k0 > 0) // Δ_raw k of (30.a)
			kernel.MulTN(t.pool, dk.Sub(0, nk, 0, l.KeyDim), datt, q, true)        // Δ_rawᵗ q of (30.b)
		}
	}
}

// row makes of one row of scores that of ρ, and of one of Δ vᵗ that of Δ_raw: those
// of query q of a segment, from key k0 on. kept is ρ under its mask.
func (f *attentionBackward[T]) row(s, h int, row, drow, kept []T, q, k0 int) {
	seg, shrink := f.segments[s], f.l.scale()
	seen := min(q+1-k0, len(row)) // (13)
	clear(row[seen:])
	clear(drow[seen:]) // (27)
	lse := f.c.Lse.Row(h)[seg.Q+q]
	a := kernel.ScaleLarge(row[:seen], shrink, lse)
	kernel.ExpSum(row[:seen], a, lse) // (12), (15)
	if f.l.Drop.On() {
		at := f.l.number(s, h, q, k0)
		kernel.MaskRow(kept, row, f.l.Drop, at)
		kernel.MaskRow(drow, drow, f.l.Drop, at)
	}
	kernel.SoftmaxBackward(drow[:seen], row[:seen], f.c.scratch.d.Row(h)[seg.Q+q], shrink) // (25), (28)
}
