package engine

import (
	"math"
	"math/bits"
	"runtime"
	"unsafe"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// A Part is a part of the memory of a network.
type Part struct {
	Name  string // "activations", "attention", "logits", "errors", "adapters" or "bf16"
	Bytes int64
}

// Budget lists the memory of a network by part.
type Budget []Part

// Total is the sum over the parts.
func (b Budget) Total() (bytes int64) {
	for _, p := range b {
		bytes = saturated(bytes, 1, p.Bytes)
	}
	return bytes
}

// Memory tells how many bytes the Gradients of a network of that shape will take
// for itself, by the same plan. Parameters, gradients and moments are the
// caller's and do not count. l may be nil. Numbers that do not fit into an int64
// are given as the largest that does.
func Memory[T Float](c pedestrian.Config, l *pedestrian.AdapterConfig, o Options) (Budget, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if l != nil {
		if err := l.ValidateFor(c); err != nil {
			return nil, err
		}
	}
	o, err := o.withDefaults(c)
	if err != nil {
		return nil, err
	}
	if most := runtime.GOMAXPROCS(0); o.Threads <= 0 || o.Threads > most {
		o.Threads = most
	}
	w := workspace[T]{blocks: make([]blockCache[T], 1)}
	var a, block arena[T]
	w.planForward(&a, o.shape(c, l))
	w.planBackward(&a, o.shape(c, l))
	block.in("activations")
	w.planBlock(&block, &w.blocks[0], o.shape(c, l))
	for _, p := range block.budget {
		if o.Recompute {
			break // all blocks share the first one's
		}
		a.in(p.Name)
		a.count(saturated(0, int64(c.Blocks-1), p.Bytes))
	}
	if o.Precision == BF16 {
		a.in("bf16")
		a.count(o.shape(c, l).mixedBytes())
	}
	return a.budget, nil
}

// An arena is one piece of memory from which matrices are cut. Without a slab it
// only counts.
type arena[T Float] struct {
	slab   []T
	used   int64 // elements of slab
	budget Budget
	part   string
}

// allocate runs plan twice: to count, then to cut.
func allocate[T Float](plan func(a *arena[T])) {
	var count arena[T]
	plan(&count)
	slab := make([]T, count.used)
	kernel.HugePages(slab)
	plan(&arena[T]{slab: slab})
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

// take cuts n zeros that start at a multiple of 64 bytes from the slab's start.
func (a *arena[T]) take(n int) []T {
	size := (int64(n) + 15) / 16 * 16
	at := a.used
	a.used = saturated(at, 1, size)
	a.count(saturated(0, size, int64(unsafe.Sizeof(T(0)))))
	if a.slab == nil {
		return nil
	}
	return a.slab[at : at+int64(n) : at+int64(n)]
}

func (a *arena[T]) mat(rows, cols int) Mat[T] {
	n := saturated(0, int64(rows), int64(cols))
	return over(a.take(int(min(n, math.MaxInt64-15))), rows, cols)
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

// saturated is a + b·c, at most the largest int64; none is negative.
func saturated(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(b), uint64(c))
	lo, carry := bits.Add64(lo, uint64(a), 0)
	if hi+carry > 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(lo)
}

// over is a matrix at the start of v.
func over[T Float](v []T, rows, cols int) Mat[T] {
	if v == nil {
		return Mat[T]{Rows: rows, Cols: cols, Stride: cols}
	}
	return Mat[T]{Rows: rows, Cols: cols, Stride: cols, V: v[:rows*cols]}
}
