package engine

import (
	"sync/atomic"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// attentionTile is the number of queries and of keys in a tile of ρ.
const attentionTile = 64

// attentionScratch is what the parts of an attention work in; the blocks of a
// network share it.
type attentionScratch[T Float] struct {
	tile  int        // queries or keys in a tile
	d     Mat[T]     // rowsum(Δ∘a), n_h × rows
	slots []tiles[T] // one for each thread
}

// tiles is the scratch of one thread: its pool, three tiles of ρ and the row
// maxima and sums of one.
type tiles[T Float] struct {
	pool     *Pool
	a, b, c  []T
	max, sum []T
}

// planForward places what a forward pass needs; width is the larger of d_ρ and d_h.
func (s *attentionScratch[T]) planForward(a *arena[T], threads, tile, width int) {
	s.tile, s.slots = tile, make([]tiles[T], threads)
	for i := range s.slots {
		s.slots[i] = tiles[T]{pool: kernel.NewPool(1), a: a.take(tile * tile), max: a.take(tile), sum: a.take(tile)}
	}
	if a.slab != nil {
		s.warm(width)
	}
}

// planBackward places what a backward pass needs beyond that.
func (s *attentionScratch[T]) planBackward(a *arena[T], heads, rows int, drop bool) {
	s.d = a.mat(heads, rows)
	for i := range s.slots {
		s.slots[i].b = a.take(s.tile * s.tile)
		if drop {
			s.slots[i].c = a.take(s.tile * s.tile)
		}
	}
}

// warm makes every slot take the largest products once, so that the scratch of
// its pool need not grow later, in whatever step it gets its first work.
func (s *attentionScratch[T]) warm(width int) {
	x, y, a := NewMat[T](s.tile, width), NewMat[T](s.tile, width), NewMat[T](s.tile, s.tile)
	for _, t := range s.slots {
		kernel.MulNT(t.pool, a, x, x, false)
		kernel.MulNN(t.pool, y, a, x, nil, false)
		kernel.MulTN(t.pool, y, a, x, false)
	}
}

// units deals work out to the slots of a task: who computes a unit is not
// fixed, what is computed is.
type units struct {
	next  atomic.Int64
	count int64
}

func (u *units) start(count int) {
	u.count = int64(count)
	u.next.Store(0)
}

func (u *units) take() (unit int, ok bool) {
	i := u.next.Add(1) - 1
	return int(i), i < u.count
}
