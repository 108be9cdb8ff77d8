package engine

import (
	"math"
	"unsafe"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// An arena is one piece of memory from which matrices are cut. Without a slab it
// only counts.
type arena[T Float] struct {
	slab   []T
	used   int64 // elements of slab
	budget Budget
	part   string

	rooms []*room[T] // where there is place, none of the slab is taken
	lent  *lent[T]   // one of them, or nil
}

// A room is memory that something else needs at another time of a pass, so that what
// is cut from it costs nothing: the elements from at up to end.
type room[T Float] struct {
	v       []T // nil where an arena only counts
	at, end int64
}

// room is what was taken since the arena had used as much as from says.
func (a *arena[T]) room(from int64) room[T] { return room[T]{a.slab, from, a.used} }

// allocate runs plan twice, to count and to cut, and returns what it is cut from.
func allocate[T Float](plan func(a *arena[T])) (slab []T) {
	var count arena[T]
	plan(&count)
	slab = make([]T, count.used)
	kernel.HugePages(slab)
	plan(&arena[T]{slab: slab})
	return slab
}

// in names the part that what follows belongs to, and returns the former one.
func (a *arena[T]) in(part string) (former string) {
	former, a.part = a.part, part
	return former
}

func (a *arena[T]) count(bytes int64) {
	for i := range a.budget {
		if p := &a.budget[i]; p.Name == a.part {
			p.Bytes = saturated(p.Bytes, 1, bytes)
			return
		}
	}
	a.budget = append(a.budget, Part{a.part, bytes})
}

// vec cuts n elements that start at a multiple of 64 bytes from the start of a room
// or of the slab: from the first room that has place.
func (a *arena[T]) vec(n int) []T {
	size := (int64(n) + 15) / 16 * 16
	for _, r := range a.rooms {
		if at, end := r.at, saturated(r.at, 1, size); end <= r.end {
			r.at = end
			return cut(r.v, at, n)
		}
	}
	at := a.used
	a.used = saturated(at, 1, size)
	a.count(saturated(0, size, int64(unsafe.Sizeof(T(0)))))
	return cut(a.slab, at, n)
}

func cut[T Float](v []T, at int64, n int) []T {
	if v == nil {
		return nil
	}
	return v[at : at+int64(n) : at+int64(n)]
}

func (a *arena[T]) mat(rows, cols int) Mat[T] {
	n := saturated(0, int64(rows), int64(cols))
	return over(a.vec(int(min(n, math.MaxInt64-15))), rows, cols)
}

// list makes a list of n, which the arena counts.
func list[E any, T Float](a *arena[T], n int) []E {
	var e E
	a.count(saturated(0, int64(n), int64(unsafe.Sizeof(e))))
	if a.slab == nil {
		return nil
	}
	return make([]E, n)
}

// over is a matrix at the start of v.
func over[T Float](v []T, rows, cols int) Mat[T] {
	if v == nil {
		return Mat[T]{Rows: rows, Cols: cols, Stride: cols}
	}
	return Mat[T]{Rows: rows, Cols: cols, Stride: cols, V: v[:rows*cols]}
}
