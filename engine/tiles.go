package engine

import (
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// A tiling says how attention is cut into pieces. A unit of the forward pass has strip
// queries. A tile of ρ has diagonal or below queries, by keys keys. A tile on the diagonal
// has few queries, because everything above the diagonal is computed for nothing. A tile
// below it has more, because the products of the backward pass sum over queries. A tile
// has many keys, because exponentials are computed row by row.
type tiling struct{ strip, diagonal, below, keys int }

var usualTiling = tiling{256, 32, 128, 384}

// limitedTo returns t with no size larger than context.
func (t tiling) limitedTo(context int) tiling {
	return tiling{min(t.strip, context), min(t.diagonal, context), min(t.below, context), min(t.keys, context)}
}

// queries returns the number of queries of the tile that begins at query q, in a strip
// that ends before query to. The tile has nk keys; query late is the first one that sees
// any of them.
func (t tiling) queries(q, to, late, nk int) int {
	n := t.diagonal
	if q >= late+nk {
		n = t.below
	}
	return min(n, to-q)
}

// tileSize is the largest number of elements of a tile.
func (t tiling) tileSize() int { return max(t.diagonal, t.below) * t.keys }

// fewQueries is the largest number of queries for which the keys are not transposed,
// because that would take more time than it saves.
const fewQueries = 4

// fewKeys is the largest number of keys of a tile whose matrices are not copied, for the same
// reason.
const fewKeys = 64

// attentionScratch is the scratch memory of attention. The blocks of a network share it.
type attentionScratch[T Float] struct {
	tiling
	d     Mat[T]     // rowsum(Δ∘a), n_h × rows
	dk    Mat[T]     // errors on the keys and values of each group by those of its query heads that are not the first,
	dv    Mat[T]     // rows × (n_h - n_kv)·d_ρ and rows × (n_h - n_kv)·d_h
	slots []tiles[T] // one for each thread
}

// tiles is the scratch memory of one thread: its pool, three tiles of ρ, a transposed
// tile of keys and one of values, and the row maxima and row sums of a strip. The other
// matrices are copies of one head's columns of tiles of the matrix of their name: its rows lie
// one after the other, and a product reads them up to half again as fast.
type tiles[T Float] struct {
	pool     *kernel.Pool
	a, b, c  []T
	kt, vt   Mat[T]
	max, sum []T

	k, v, dk, dv, q, dy []T
}

// copyTo copies m to the start of buf and returns the copy.
func copyTo[T Float](buf []T, m Mat[T]) Mat[T] {
	c := over(buf, m.Rows, m.Cols)
	setTo(c, m)
	return c
}

// setTo copies src to dst on the calling goroutine.
func setTo[T Float](dst, src Mat[T]) {
	for i := range src.Rows {
		copy(dst.Row(i), src.Row(i))
	}
}

// transposeTo writes the transpose of m to the start of buf and returns it.
func transposeTo[T Float](buf, m Mat[T]) Mat[T] {
	t := buf.Sub(0, m.Cols, 0, m.Rows)
	kernel.Transpose(t, m)
	return t
}

// planForward places the scratch memory of a forward pass over at most context tokens;
// width is the larger of d_ρ and d_h.
func (s *attentionScratch[T]) planForward(a *arena[T], threads, context, width int) {
	s.tiling, s.slots = usualTiling.limitedTo(context), make([]tiles[T], threads)
	for i := range s.slots {
		s.slots[i] = tiles[T]{pool: kernel.NewPool(1), a: a.vec(s.tileSize()), kt: s.planTransposed(a, width),
			max: a.vec(s.strip), sum: a.vec(s.strip), v: a.vec(s.keys * width)}
	}
	if a.slab != nil {
		s.warm(width)
	}
}

// planTransposed places a transposed tile of keys or values. Its stride spreads the rows over
// the sets of the processor's cache.
func (s *attentionScratch[T]) planTransposed(a *arena[T], width int) Mat[T] {
	m := a.mat(width, (s.keys+15)/16*16+16)
	m.Cols = s.keys
	return m
}

// planBackward places what a backward pass of l needs in addition.
func (s *attentionScratch[T]) planBackward(a *arena[T], l attention[T], rows int, drop bool) {
	s.d = a.mat(l.heads, rows)
	if others := l.heads - l.keyHeads(); others > 0 {
		s.dk, s.dv = a.mat(rows, others*l.keyDim), a.mat(rows, others*l.valueDim)
	}
	for i := range s.slots {
		t, width := &s.slots[i], max(l.keyDim, l.valueDim)
		t.b, t.vt = a.vec(s.tileSize()), s.planTransposed(a, width)
		t.k, t.dk, t.dv = a.vec(s.keys*width), a.vec(s.keys*width), a.vec(s.keys*width)
		t.q, t.dy = a.vec(s.below*width), a.vec(s.below*width)
		if drop {
			t.c = a.vec(s.tileSize())
		}
	}
}

// warm computes the largest products once in every slot. The scratch memory of each
// pool then has its final size, and no later step allocates, whenever a slot gets its
// first work.
func (s *attentionScratch[T]) warm(width int) {
	const alias = 1024 // the stride with the most conflicts in the cache
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
