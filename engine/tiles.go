package engine

import (
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// A tiling says how an attention is cut: a unit of the forward pass has strip
// queries, a tile of ρ some queries by some keys. On the diagonal queries are few,
// since what is above it is computed in vain; below it there are more, since they are
// the terms of the sums over queries. Keys are many, since rows are what exponentials
// are taken of.
type tiling struct{ strip, diagonal, below, keys int }

var usualTiling = tiling{256, 32, 128, 384}

// fits is t for a context that is no longer than some tokens.
func (t tiling) fits(context int) tiling {
	return tiling{min(t.strip, context), min(t.diagonal, context), min(t.below, context), min(t.keys, context)}
}

// queries is how many queries a tile has that begins with one and ends before to; nk
// keys that begin as much later as late says.
func (t tiling) queries(q, to, late, nk int) int {
	n := t.diagonal
	if q >= late+nk {
		n = t.below
	}
	return min(n, to-q)
}

// tile is the most numbers in a tile.
func (t tiling) tile() int { return max(t.diagonal, t.below) * t.keys }

// fewQueries is up to how many queries it does not pay to transpose keys for.
const fewQueries = 4

// attentionScratch is what the parts of an attention work in; the blocks of a
// network share it.
type attentionScratch[T Float] struct {
	tiling
	d     Mat[T]     // rowsum(Δ∘a), n_h × rows
	slots []tiles[T] // one for each thread
}

// tiles is the scratch of one thread: its pool, three tiles of ρ, a tile of keys and
// one of values, transposed, and the row maxima and sums of a strip.
type tiles[T Float] struct {
	pool     *kernel.Pool
	a, b, c  []T
	kt, vt   Mat[T]
	max, sum []T
}

// transposeTo puts m, transposed, at the start of buf.
func transposeTo[T Float](buf, m Mat[T]) Mat[T] {
	t := buf.Sub(0, m.Cols, 0, m.Rows)
	kernel.Transpose(t, m)
	return t
}

// planForward places what a forward pass needs for a context; width is the larger of d_ρ and d_h.
func (s *attentionScratch[T]) planForward(a *arena[T], threads, context, width int) {
	s.tiling, s.slots = usualTiling.fits(context), make([]tiles[T], threads)
	for i := range s.slots {
		s.slots[i] = tiles[T]{pool: kernel.NewPool(1), a: a.vec(s.tile()), kt: s.turned(a, width),
			max: a.vec(s.strip), sum: a.vec(s.strip)}
	}
	if a.slab != nil {
		s.warm(width)
	}
}

// turned is room for a transposed tile of keys or values; its rows spread over the
// sets of a cache.
func (s *attentionScratch[T]) turned(a *arena[T], width int) Mat[T] {
	m := a.mat(width, (s.keys+15)/16*16+16)
	m.Cols = s.keys
	return m
}

// planBackward places what a backward pass needs beyond that.
func (s *attentionScratch[T]) planBackward(a *arena[T], heads, rows, width int, drop bool) {
	s.d = a.mat(heads, rows)
	for i := range s.slots {
		t := &s.slots[i]
		t.b, t.vt = a.vec(s.tile()), s.turned(a, width)
		if drop {
			t.c = a.vec(s.tile())
		}
	}
}

// warm makes every slot take the largest products once, so that the scratch of
// its pool need not grow later, in whatever step it gets its first work.
func (s *attentionScratch[T]) warm(width int) {
	const alias = 1024 // the worst distance of rows
	q := NewMat[T](max(s.diagonal, s.below), width)
	k := Mat[T]{Rows: s.keys, Cols: width, Stride: (width + alias - 1) / alias * alias}
	k.V = make([]T, k.Rows*k.Stride)
	a := NewMat[T](q.Rows, s.keys)
	for _, t := range s.slots {
		kernel.MulNT(t.pool, a, q, k, false)
		kernel.MulNN(t.pool, a, q, transposeTo(t.kt, k), nil, false)
		kernel.MulNN(t.pool, q, a, k, nil, false)
		kernel.MulTN(t.pool, k, a, q, false)
	}
}
