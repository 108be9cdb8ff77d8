package engine

import (
	"fmt"
	"math"
	"slices"
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

	rooms    []*room[T]       // where there is place, none of the slab is taken
	gradient *gradientRoom[T] // one of them, or nil
}

// A room is memory that something else needs at another time of a pass, so that what is
// cut from it costs nothing: the elements from at up to end of a slab.
type room[T Float] struct {
	v       []T // nil where an arena only counts
	at, end int64
}

// room is what was taken since the arena had used as much as from says.
func (a *arena[T]) room(from int64) room[T] { return room[T]{a.slab, from, a.used} }

// counts says whether a only counts.
func (a *arena[T]) counts() bool { return a.slab == nil }

// allocate runs place twice, to count and to cut.
func allocate[T Float](place func(a *arena[T])) {
	var counted arena[T]
	place(&counted)
	counted.cut(place)
}

// cut takes the memory that a has counted, lets place cut it into matrices, and returns
// it. It panics when place does not take exactly what was counted.
func (a *arena[T]) cut(place func(a *arena[T])) (slab []T) {
	slab = make([]T, a.used)
	kernel.HugePages(slab)
	taken := &arena[T]{slab: slab}
	place(taken)
	if taken.used != a.used || !slices.Equal(taken.budget, a.budget) {
		panic(fmt.Sprintf("engine: %d numbers and %v were planned, %d and %v are taken", a.used, a.budget, taken.used, taken.budget))
	}
	return slab
}

// times counts n times what place takes.
func (a *arena[T]) times(n int, place func()) {
	if n < 1 {
		return
	}
	used, budget, more := a.used, slices.Clone(a.budget), int64(n-1)
	place()
	a.used = saturated(a.used, more, a.used-used)
	for i := range a.budget {
		p, before := &a.budget[i], int64(0)
		if i < len(budget) {
			before = budget[i].Bytes
		}
		p.Bytes = saturated(p.Bytes, more, p.Bytes-before)
	}
}

// in names the part that what follows belongs to, and returns the former one.
func (a *arena[T]) in(part string) (former string) {
	former, a.part = a.part, part
	return former
}

func (a *arena[T]) count(bytes int64) { a.budget.add(a.part, bytes) }

// vec cuts n elements that start at a multiple of 64 bytes from the start of a room
// or of the slab: from the first room that has place.
func (a *arena[T]) vec(n int) []T {
	size := (int64(n) + 15) / 16 * 16
	for _, r := range a.rooms {
		if at, end := r.at, saturated(r.at, 1, size); end <= r.end {
			r.at = end
			return slice(r.v, at, n)
		}
	}
	at := a.used
	a.used = saturated(at, 1, size)
	a.count(saturated(0, size, int64(unsafe.Sizeof(T(0)))))
	return slice(a.slab, at, n)
}

func slice[T Float](v []T, at int64, n int) []T {
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
