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

// backward sets dq, dk and dv to the gradients of the loss with respect to q, k and v.
// y is the output of forward, and dy the gradient of the loss with respect to y.
func (l attention[T]) backward(p *kernel.Pool, dq, dk, dv, dy Mat[T], c *attentionCache[T], q, k, v, y Mat[T], segments []segment) {
	l.mustFit("Attention.Backward", q, k, v, y)
	l.mustFit("Attention.Backward", dq, dk, dv, dy)
	f := &c.backward
	f.l, f.dq, f.dk, f.dv, f.dy, f.c, f.q, f.k, f.v, f.y, f.segments = l, dq, dk, dv, dy, c, q, k, v, y, segments
	threads := len(c.scratch.slots)
	units := len(segments) * l.heads
	if f.apart = c.scratch.tiling.apart(units, threads); f.apart {
		units = 0
		for s := range segments {
			queries, keys := f.unitsOf(s)
			units += queries + keys
		}
	}
	if f.apart {
		f.rows.run(p, f)
	}
	f.units.Start(units, threads)
	p.Run(threads, f)
	if l.group() > 1 {
		c.sum = sumGroups[T]{l, dk, dv, c.scratch.dk, c.scratch.dv}
		p.Run(rowParts(q.Rows), &c.sum)
	}
}

// attentionBackward is the task of the backward pass. A unit of work is one segment and
// query head; its columns of dy are (35). The first head of a group computes its errors on
// keys and values into dk and dv, the others into scratch memory.
//
// Where there are many more threads than such units, the units are apart: of a strip of
// queries, which gives dq, or of a tile of keys, which gives dk and dv. Both need the tiles
// of ρ and their errors, which are then computed twice; each sum has the same terms in the
// same order.
type attentionBackward[T Float] struct {
	l              attention[T]
	dq, dk, dv, dy Mat[T]
	c              *attentionCache[T]
	q, k, v, y     Mat[T]
	segments       []segment
	units          kernel.Shares
	apart          bool
	rows           prepareRows[T]
}

// apart says whether units of strips and of tiles of keys, which take 7 products in the
// place of 5, end earlier on so many threads than whole heads.
func (t tiling) apart(heads, threads int) bool {
	aligned := t.below%t.diagonal == 0 && t.keys%t.below == 0 // strips of queries begin with tiles
	return aligned && 7*heads < 5*threads*((heads+threads-1)/threads)
}

// unitsOf is the number of units of segment s that are apart: of strips of queries, and of
// tiles of keys, for every head.
func (f *attentionBackward[T]) unitsOf(s int) (queries, keys int) {
	n, size := f.segments[s].n, f.c.scratch.tiling
	return (n + size.below - 1) / size.below * f.l.heads, (n + size.keys - 1) / size.keys * f.l.heads
}

func (f *attentionBackward[T]) Do(_ *kernel.Pool, slot int) {
	for {
		u, ok := f.units.Take(slot)
		if !ok {
			return
		}
		t := &f.c.scratch.slots[slot]
		if !f.apart {
			s, h := u/f.l.heads, u%f.l.heads
			seg := f.segments[s]
			f.prepare(h, seg.q, seg.q+seg.n)
			for k0 := 0; k0 < seg.n; k0 += f.c.scratch.keys {
				f.tiles(t, s, h, k0, 0, seg.n, onBoth)
			}
			continue
		}
		s := 0
		queries, keys := f.unitsOf(s)
		for u >= queries+keys {
			u -= queries + keys
			s++
			queries, keys = f.unitsOf(s)
		}
		if h := u % f.l.heads; u < keys { // the first tiles of keys and the last strips take the longest
			f.tiles(t, s, h, u/f.l.heads*f.c.scratch.keys, 0, f.segments[s].n, onKeys)
		} else {
			from := (queries - 1 - (u - keys)) / f.l.heads * f.c.scratch.below
			to := min(from+f.c.scratch.below, f.segments[s].n)
			for k0 := 0; k0 < to; k0 += f.c.scratch.keys {
				f.tiles(t, s, h, k0, from, to, onQueries)
			}
		}
	}
}

// errorsOn says which errors tiles computes: dq, dk and dv, or all three.
type errorsOn struct{ queries, keys bool }

var onBoth, onQueries, onKeys = errorsOn{true, true}, errorsOn{queries: true}, errorsOn{keys: true}

// tiles computes the tiles of ρ of segment s and query head h by the keys from k0 on whose
// queries are among from…until-1, and adds what they give to the errors.
func (f *attentionBackward[T]) tiles(t *tiles[T], s, h, k0, from, until int, on errorsOn) {
	l, seg, size, kv := f.l, f.segments[s], f.c.scratch.tiling, h/f.l.group()
	dks, dvs, at := f.dk, f.dv, kv
	if h%l.group() > 0 {
		dks, dvs, at = f.c.scratch.dk, f.c.scratch.dv, l.others(h)
	}
	nk := min(size.keys, seg.n-k0)
	to := min(until, l.seenUntil(k0+nk-1, seg.n))
	if on.queries && !on.keys && max(from, k0) >= to {
		return
	}
	k, v := head(f.k, seg.k+k0, nk, kv, l.keyDim), head(f.v, seg.k+k0, nk, kv, l.valueDim)
	dk, dv := head(dks, seg.k+k0, nk, at, l.keyDim), head(dvs, seg.k+k0, nk, at, l.valueDim)
	kt, vt := transposeTo(t.kt, k), transposeTo(t.vt, v)
	for i := 0; on.keys && i < nk; i++ {
		clear(dk.Row(i))
		clear(dv.Row(i))
	}
	for q0, nq := max(from, k0), 0; q0 < to; q0 += nq {
		nq = size.queries(q0, to, k0, nk)
		nk := min(nk, q0+nq-k0) // the keys that the last of these queries sees
		q, dq := head(f.q, seg.q+q0, nq, h, l.keyDim), head(f.dq, seg.q+q0, nq, h, l.keyDim)
		dy := head(f.dy, seg.q+q0, nq, h, l.valueDim)
		att, datt, kept := over(t.a, nq, nk), over(t.b, nq, nk), over(t.a, nq, nk)
		if l.drop.On() {
			kept = over(t.c, nq, nk)
		}
		kernel.MulNN(t.pool, att, q, kt.Sub(0, l.keyDim, 0, nk), nil, false)     // (10)
		kernel.MulNN(t.pool, datt, dy, vt.Sub(0, l.valueDim, 0, nk), nil, false) // Δ vᵗ of (25)
		for i := range nq {
			f.row(s, h, att.Row(i), datt.Row(i), kept.Row(i), q0+i, k0)
		}
		if on.keys {
			kernel.MulTN(t.pool, dv.Sub(0, nk, 0, l.valueDim), kept, dy, true) // ρᵗ Δ of (22)
		}
		if on.queries {
			kernel.MulNN(t.pool, dq, datt, k.Sub(0, nk, 0, l.keyDim), nil, k0 > 0 || l.window > 0) // Δ_raw k of (30.a), (L18.a)
		}
		if on.keys {
			kernel.MulTN(t.pool, dk.Sub(0, nk, 0, l.keyDim), datt, q, true) // Δ_rawᵗ q of (30.b)
		}
	}
}

// prepare sets the sums of (25) of rows from…to-1 of query head h, and with a window dq to
// zero, because its rows begin in different tiles.
func (f *attentionBackward[T]) prepare(h, from, to int) {
	rowDot := f.c.scratch.d.Row(h)
	for t := from; t < to; t++ {
		dy, y := head(f.dy, t, 1, h, f.l.valueDim).Row(0), head(f.y, t, 1, h, f.l.valueDim).Row(0)
		rowDot[t] = kernel.Dot(dy, y) // Δ v ᵗ ⊖ ρ of (25), which is Δ ⊖ a
		if f.l.window > 0 {
			clear(head(f.dq, t, 1, h, f.l.keyDim).Row(0))
		}
	}
}

// prepareRows is the task of prepare for all heads.
type prepareRows[T Float] struct{ f *attentionBackward[T] }

func (r *prepareRows[T]) run(p *kernel.Pool, f *attentionBackward[T]) {
	r.f = f
	p.Run(rowParts(f.q.Rows), r)
}

func (r *prepareRows[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, r.f.q.Rows)
	for h := range r.f.l.heads {
		r.f.prepare(h, from, to)
	}
}

// row replaces one row of scores by that row of ρ, one row of Δ vᵗ by that of Δ_raw, and
// sets kept to the row of ρ after dropout. The row is that of query q of segment s; its
// first key is k0.
func (f *attentionBackward[T]) row(s, h int, row, drow, kept []T, q, k0 int) {
	seg, scale := f.segments[s], f.l.scoreScale()
	seen := min(q+1-k0, len(row))                        // (13)
	unseen := min(max(f.l.firstSeen(q)-k0, 0), len(row)) // (L20)
	clear(row[:unseen])
	clear(drow[:unseen])
	clear(row[seen:])
	clear(drow[seen:]) // (27)
	lse, visible := f.c.lse.Row(h)[seg.q+q], row[unseen:seen]
	if len(visible) == 0 {
		clear(kept)
		return
	}
	a := kernel.ScaleLarge(visible, scale, lse)
	kernel.ExpSum(visible, a, lse) // (12), (15)
	if f.l.drop.On() {
		at := f.l.position(s, h, q, k0)
		kernel.MaskRow(kept, row, f.l.drop, at)
		kernel.MaskRow(drow, drow, f.l.drop, at)
	}
	kernel.SoftmaxBackward(drow[unseen:seen], visible, f.c.scratch.d.Row(h)[seg.q+q], scale) // (25), (28)
}

// others is the number of query head h among those that are not the first of their group.
func (l *attention[T]) others(h int) int { return h - h/l.group() - 1 }

// sumGroups adds the errors on keys and values of the other heads of every group to those of
// the first, in the order of the heads (L18.b), (L18.c).
type sumGroups[T Float] struct {
	l                      attention[T]
	dk, dv, otherK, otherV Mat[T]
}

func (f *sumGroups[T]) Do(_ *kernel.Pool, part int) {
	l := f.l
	from, to := rowRange(part, f.dk.Rows)
	for t := from; t < to; t++ {
		for h := range l.heads {
			if h%l.group() == 0 {
				continue
			}
			kv := h / l.group()
			kernel.Add(head(f.dk, t, 1, kv, l.keyDim).Row(0), head(f.otherK, t, 1, l.others(h), l.keyDim).Row(0))
			kernel.Add(head(f.dv, t, 1, kv, l.valueDim).Row(0), head(f.otherV, t, 1, l.others(h), l.valueDim).Row(0))
		}
	}
}
