package engine

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// attention is causal self-attention (§3) of all heads (§4). Its inputs are the
// queries, keys and values of (9.a), (9.b) and (4), which one FC layer computes; each
// head is a range of their columns. The whole matrix ρ is never in memory: both passes
// work on tiles of some queries by some keys. For each row of ρ^causal the forward pass
// keeps only lse, the logarithm of the sum of exponentials; the backward pass computes
// ρ = exp(ρ^causal - lse) again. Tiles that are masked completely are skipped.
//
// Where there are fewer heads of keys and values than of queries, several of these read one
// of those (L17); nothing is repeated in memory. With a window a token sees the last tokens
// alone (L20).
type attention[T Float] struct {
	heads, kvHeads, keyDim, valueDim int         // n_h, n_kv (0 means n_h), d_ρ, d_h
	window                           int         // tokens that a token sees, itself among them; 0 means all
	scale                            T           // the factor of the scores in (12); 0 means 1/√d_ρ
	drop                             kernel.Mask // the dropout mask of ρ
}

// keyHeads is n_kv.
func (l *attention[T]) keyHeads() int {
	if l.kvHeads == 0 {
		return l.heads
	}
	return l.kvHeads
}

// group is the number of query heads that read one head of keys and values.
func (l *attention[T]) group() int { return l.heads / l.keyHeads() }

// firstSeen is the first token that a token at position i sees (L20).
func (l *attention[T]) firstSeen(i int) int {
	if l.window == 0 {
		return 0
	}
	return max(0, i+1-l.window)
}

// seenUntil is the first position, at most n, from which a token does not see the token at
// position j any more.
func (l *attention[T]) seenUntil(j, n int) int {
	if l.window == 0 {
		return n
	}
	return min(n, j+l.window)
}

// A segment is one document of n tokens. Its queries are in the n rows from q on. Its
// keys and values are in the rows from k on: first those of past earlier tokens, then
// those of the n tokens.
type segment struct{ q, k, n, past int }

// attentionCache holds what backward needs from forward, and scratch memory for batches
// that are no larger than the first one.
type attentionCache[T Float] struct {
	lse Mat[T] // log Σ exp ρ^causal, n_h × rows

	scratch  *attentionScratch[T]
	forward  attentionForward[T]
	backward attentionBackward[T]
	sum      sumGroups[T]
}

// head returns the columns of head h in n rows of m, from row on; width is the number
// of columns of one head.
func head[T Float](m Mat[T], row, n, h, width int) Mat[T] {
	return m.Sub(row, row+n, h*width, (h+1)*width)
}

func (l attention[T]) mustFit(fn string, q, k, v, y Mat[T]) {
	kv := l.keyHeads()
	if q.Cols != l.heads*l.keyDim || k.Cols != kv*l.keyDim || v.Cols != kv*l.valueDim || y.Cols != l.heads*l.valueDim || k.Rows != v.Rows || q.Rows != y.Rows {
		panic(fmt.Sprintf("engine.%s: %d:%d heads of %d and %d do not fit queries %d×%d, keys %d×%d, values %d×%d, output %d×%d",
			fn, l.heads, kv, l.keyDim, l.valueDim, q.Rows, q.Cols, k.Rows, k.Cols, v.Rows, v.Cols, y.Rows, y.Cols))
	}
}

// forward sets y, the heads side by side (34), for every segment.
func (l attention[T]) forward(p *kernel.Pool, y Mat[T], c *attentionCache[T], q, k, v Mat[T], segments []segment) {
	l.mustFit("Attention.Forward", q, k, v, y)
	if c.scratch == nil {
		c.scratch = new(attentionScratch[T])
		allocate(func(a *arena[T]) {
			c.scratch.planForward(a, p.Threads(), math.MaxInt, max(l.keyDim, l.valueDim))
			c.scratch.planBackward(a, l, y.Rows, l.drop.On())
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

// attentionForward is the task of the forward pass. A unit of work is one strip of
// queries of one segment and head. Within a segment, the strips with the most keys are
// first.
type attentionForward[T Float] struct {
	l        attention[T]
	y        Mat[T]
	c        *attentionCache[T]
	q, k, v  Mat[T]
	segments []segment
	units    kernel.Shares
}

func (f *attentionForward[T]) Do(_ *kernel.Pool, slot int) {
	s, before := 0, 0 // units of segments before s
	for {
		u, ok := f.units.Take(slot)
		if !ok {
			return
		}
		if u < before { // a unit from the share of another slot: search from the start
			s, before = 0, 0
		}
		for n := f.unitsOf(s); u >= before+n; n = f.unitsOf(s) {
			s, before = s+1, before+n
		}
		strip, h := (before+f.unitsOf(s)-1-u)/f.l.heads, (u-before)%f.l.heads
		from := strip * f.c.scratch.strip
		f.strip(&f.c.scratch.slots[slot], s, h, from, min(from+f.c.scratch.strip, f.segments[s].n))
	}
}

// unitsOf is the number of units of work in segment s: strips times heads.
func (f *attentionForward[T]) unitsOf(s int) int {
	return (f.segments[s].n + f.c.scratch.strip - 1) / f.c.scratch.strip * f.l.heads
}

// strip computes the outputs of queries from…to-1 of segment s and head h. It goes
// through the keys tile by tile and keeps, for each row, the maximum and the sum of
// exponentials so far.
func (f *attentionForward[T]) strip(t *tiles[T], s, h, from, to int) {
	l, seg, size, kv := f.l, f.segments[s], f.c.scratch.tiling, h/f.l.group()
	for i := range to - from {
		t.max[i], t.sum[i] = T(math.Inf(-1)), 0
		if l.window > 0 { // rows begin in different tiles
			clear(head(f.y, seg.q+from+i, 1, h, l.valueDim).Row(0))
		}
	}
	for k0, seen := l.firstSeen(seg.past+from), seg.past+to; k0 < seen; k0 += size.keys {
		nk := min(size.keys, seen-k0)
		k, v := head(f.k, seg.k+k0, nk, kv, l.keyDim), head(f.v, seg.k+k0, nk, kv, l.valueDim)
		var kt Mat[T]
		if to-from > fewQueries {
			kt = transposeTo(t.kt, k)
			if nk > fewKeys {
				v = copyTo(t.v, v)
			}
		}
		late := k0 - seg.past                                     // earlier queries see none of these keys
		to := min(to, l.seenUntil(k0+nk-1, seg.past+to)-seg.past) // nor do later ones
		for q0, nq := max(from, late), 0; q0 < to; q0 += nq {
			nq = size.queries(q0, to, late, nk)
			nk := min(nk, seg.past+q0+nq-k0) // the keys that the last of these queries sees
			q, att := head(f.q, seg.q+q0, nq, h, l.keyDim), over(t.a, nq, nk)
			if kt.V == nil {
				kernel.MulNT(t.pool, att, q, k.Sub(0, nk, 0, l.keyDim), false) // (10)
			} else {
				kernel.MulNN(t.pool, att, q, kt.Sub(0, l.keyDim, 0, nk), nil, false) // (10)
			}
			y := head(f.y, seg.q+q0, nq, h, l.valueDim)
			for i := range nq {
				f.row(t, s, h, att.Row(i), y.Row(i), q0+i, q0+i-from, k0)
			}
			kernel.MulNN(t.pool, y, att, v.Sub(0, nk, 0, l.valueDim), nil, k0 > 0 || l.window > 0) // (16)
		}
	}
	lse, y := f.c.lse.Row(h)[seg.q+from:], head(f.y, seg.q+from, to-from, h, l.valueDim)
	for i := range to - from {
		kernel.Scale(y.Row(i), 1/t.sum[i]) // (15)
		lse[i] = t.max[i] + T(math.Log(float64(t.sum[i])))
	}
}

// row replaces one row of scores by their exponentials. The row is that of query q of
// segment s, number i in its strip; its first key is k0. y is the output so far, from the
// earlier tiles; it is scaled down if this row has a larger maximum than they had.
func (f *attentionForward[T]) row(t *tiles[T], s, h int, row, y []T, q, i, k0 int) {
	scale, past := f.l.scoreScale(), f.segments[s].past
	seen := min(max(past+q+1-k0, 0), len(row))                // (13)
	unseen := min(max(f.l.firstSeen(past+q)-k0, 0), len(row)) // (L20)
	clear(row[:unseen])
	clear(row[seen:])
	if seen <= unseen {
		return
	}
	visible := row[unseen:seen]
	rowMax, rescale := max(t.max[i], scale*kernel.Max(visible)), T(1) // (12)
	if k0 == 0 {
		rescale = 0
	} else if rowMax != t.max[i] {
		rescale = T(math.Exp(float64(t.max[i] - rowMax)))
	}
	a := kernel.ScaleLarge(visible, scale, rowMax)
	t.max[i], t.sum[i] = rowMax, t.sum[i]*rescale+kernel.ExpSum(visible, a, rowMax)
	if k0 > 0 && rescale != 1 {
		kernel.Scale(y, rescale)
	}
	if f.l.drop.On() {
		kernel.MaskRow(row, row, f.l.drop, f.l.position(s, h, past+q, k0))
	}
}

// position is the number of the element ρ[i][j] of a segment and head, for its dropout
// mask. It is unique within a layer for contexts of up to 2²⁰ tokens.
func (l attention[T]) position(segment, h, i, j int) uint64 {
	return (uint64(segment*l.heads+h)<<20+uint64(i))<<20 + uint64(j)
}

// scoreScale is the factor of the scores in (12) and of their error in (28).
func (l *attention[T]) scoreScale() T {
	if l.scale != 0 {
		return l.scale
	}
	return T(1 / math.Sqrt(float64(l.keyDim)))
}
