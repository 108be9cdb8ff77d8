package engine

import (
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

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
	dkHead, dvHead := head(dks, seg.k+k0, nk, at, l.keyDim), head(dvs, seg.k+k0, nk, at, l.valueDim)
	dk, dv := dkHead, dvHead
	copies := nk > fewKeys
	if copies {
		k, dk, dv = copyTo(t.k, k), over(t.dk, nk, l.keyDim), over(t.dv, nk, l.valueDim)
	}
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
		if copies {
			q, dy = copyTo(t.q, q), copyTo(t.dy, dy)
		}
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
	if copies && on.keys {
		setTo(dkHead, dk)
		setTo(dvHead, dv)
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
