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
			c.scratch.planForward(a, p.Threads(), attentionTile, max(l.KeyDim, l.ValueDim))
			c.scratch.planBackward(a, l.Heads, y.Rows, l.Drop.On())
		})
	}
	f := &c.forward
	f.l, f.y, f.c, f.q, f.k, f.v, f.segments = l, y, c, q, k, v, segments
	units := 0
	for s := range segments {
		units += f.unitsOf(s)
	}
	f.units.start(units)
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
	units    units
}

func (f *attentionForward[T]) Do(_ *kernel.Pool, slot int) {
	s, before := 0, 0 // units of segments before s; what a slot takes only grows
	for {
		u, ok := f.units.take()
		if !ok {
			return
		}
		for n := f.unitsOf(s); u >= before+n; n = f.unitsOf(s) {
			s, before = s+1, before+n
		}
		strip, h := (before+f.unitsOf(s)-1-u)/f.l.Heads, (u-before)%f.l.Heads
		from := strip * f.c.scratch.tile
		f.strip(&f.c.scratch.slots[slot], s, h, from, min(from+f.c.scratch.tile, f.segments[s].N))
	}
}

// unitsOf is the number of units of segment s: a strip of queries and a head each.
func (f *attentionForward[T]) unitsOf(s int) int {
	return (f.segments[s].N + f.c.scratch.tile - 1) / f.c.scratch.tile * f.l.Heads
}

// strip computes queries from…to of one segment and head, one tile of keys after
// another, with the maximum and the sum of each row carried along.
func (f *attentionForward[T]) strip(t *tiles[T], s, h, from, to int) {
	l, seg, n := f.l, f.segments[s], to-from
	q, y := head(f.q, seg.Q+from, n, h, l.KeyDim), head(f.y, seg.Q+from, n, h, l.ValueDim)
	tile, shrink := f.c.scratch.tile, scoreScale[T](l.KeyDim)
	for i := range n {
		t.max[i], t.sum[i] = T(math.Inf(-1)), 0
	}
	for k0, seen := 0, seg.Past+to; k0 < seen; k0 += tile {
		k1 := min(k0+tile, seen)
		att := over(t.a, n, k1-k0)
		kernel.MulNT(t.pool, att, q, head(f.k, seg.K+k0, k1-k0, h, l.KeyDim), false) // (10)
		for i := range n {
			row := att.Row(i)
			seen := min(max(seg.Past+from+i+1-k0, 0), len(row)) // (13)
			clear(row[seen:])
			if seen == 0 {
				continue
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
				kernel.Scale(y.Row(i), keep)
			}
			if l.Drop.On() {
				kernel.MaskRow(row, row, l.Drop, l.number(s, h, seg.Past+from+i, k0))
			}
		}
		kernel.MulNN(t.pool, y, att, head(f.v, seg.K+k0, k1-k0, h, l.ValueDim), nil, k0 > 0) // (16)
	}
	lse := f.c.Lse.Row(h)[seg.Q+from:]
	for i := range n {
		kernel.Scale(y.Row(i), 1/t.sum[i]) // (15)
		lse[i] = t.max[i] + T(math.Log(float64(t.sum[i])))
	}
}

// number is the position of ρ[i][j] of one segment and head among all ρ of a
// layer, unique in contexts of up to 2²⁰.
func (l Attention[T]) number(segment, h, i, j int) uint64 {
	return (uint64(segment*l.Heads+h)<<20+uint64(i))<<20 + uint64(j)
}

// scoreScale is 1/√d_ρ of (12).
func scoreScale[T Float](keyDim int) T { return T(1 / math.Sqrt(float64(keyDim))) }

// Backward sets dq, dk and dv to the gradients of the loss with respect to q, k
// and v, given y of Forward and dy, the gradient with respect to it.
func (l Attention[T]) Backward(p *Pool, dq, dk, dv, dy Mat[T], c *AttentionCache[T], q, k, v, y Mat[T], segments []Segment) {
	l.mustFit("Attention.Backward", q, k, v, y)
	l.mustFit("Attention.Backward", dq, dk, dv, dy)
	f := &c.backward
	f.l, f.dq, f.dk, f.dv, f.dy, f.c, f.q, f.k, f.v, f.y, f.segments = l, dq, dk, dv, dy, c, q, k, v, y, segments
	f.units.start(len(segments) * l.Heads)
	p.Run(len(c.scratch.slots), f)
}

// attentionBackward takes one segment and head at a time. Its slice of dy is (35).
type attentionBackward[T Float] struct {
	l              Attention[T]
	dq, dk, dv, dy Mat[T]
	c              *AttentionCache[T]
	q, k, v, y     Mat[T]
	segments       []Segment
	units          units
}

func (f *attentionBackward[T]) Do(_ *kernel.Pool, slot int) {
	for {
		u, ok := f.units.take()
		if !ok {
			return
		}
		f.head(&f.c.scratch.slots[slot], u/f.l.Heads, u%f.l.Heads)
	}
}

func (f *attentionBackward[T]) head(t *tiles[T], s, h int) {
	l, seg, tile, shrink := f.l, f.segments[s], f.c.scratch.tile, scoreScale[T](f.l.KeyDim)
	rowDot, lse := f.c.scratch.d.Row(h), f.c.Lse.Row(h)
	dy, y := head(f.dy, seg.Q, seg.N, h, l.ValueDim), head(f.y, seg.Q, seg.N, h, l.ValueDim)
	for i := range seg.N {
		rowDot[seg.Q+i] = kernel.Dot(dy.Row(i), y.Row(i)) // Δ v ᵗ ⊖ ρ of (25), which is Δ ⊖ a
	}
	for k0 := 0; k0 < seg.N; k0 += tile {
		nk := min(tile, seg.N-k0)
		k, v := head(f.k, seg.K+k0, nk, h, l.KeyDim), head(f.v, seg.K+k0, nk, h, l.ValueDim)
		dk, dv := head(f.dk, seg.K+k0, nk, h, l.KeyDim), head(f.dv, seg.K+k0, nk, h, l.ValueDim)
		for q0 := k0; q0 < seg.N; q0 += tile {
			nq := min(tile, seg.N-q0)
			q, dq := head(f.q, seg.Q+q0, nq, h, l.KeyDim), head(f.dq, seg.Q+q0, nq, h, l.KeyDim)
			dy := head(f.dy, seg.Q+q0, nq, h, l.ValueDim)
			att, datt, kept := over(t.a, nq, nk), over(t.b, nq, nk), over(t.a, nq, nk)
			if l.Drop.On() {
				kept = over(t.c, nq, nk)
			}
			kernel.MulNT(t.pool, att, q, k, false)   // (10)
			kernel.MulNT(t.pool, datt, dy, v, false) // Δ vᵗ of (25)
			for i := range nq {
				row, seen := att.Row(i), min(q0+i+1-k0, nk) // (13)
				clear(row[seen:])
				a := kernel.ScaleLarge(row[:seen], shrink, lse[seg.Q+q0+i])
				kernel.ExpSum(row[:seen], a, lse[seg.Q+q0+i]) // (12), (15)
				if l.Drop.On() {
					at := l.number(s, h, q0+i, k0)
					kernel.MaskRow(kept.Row(i), row, l.Drop, at)
					kernel.MaskRow(datt.Row(i), datt.Row(i), l.Drop, at)
				}
			}
			kernel.MulTN(t.pool, dv, kept, dy, q0 > k0) // ρᵗ Δ of (22)
			for i := range nq {
				row, drow, seen := att.Row(i), datt.Row(i), min(q0+i+1-k0, nk)
				clear(drow[seen:])                                                          // (27)
				kernel.SoftmaxBackward(drow[:seen], row[:seen], rowDot[seg.Q+q0+i], shrink) // (25), (28)
			}
			kernel.MulNN(t.pool, dq, datt, k, nil, k0 > 0) // Δ_raw k of (30.a)
			kernel.MulTN(t.pool, dk, datt, q, q0 > k0)     // Δ_rawᵗ q of (30.b)
		}
	}
}
