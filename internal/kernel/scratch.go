package kernel

import (
	"sync"
	"unsafe"
)

// scratch is the memory that a pool keeps for its kernels; it grows once.
type scratch struct {
	left, right []byte // packed operands of a product
	f32         product[float32]
	f64         product[float64]

	wideA, wideB []byte // operands in bf16, widened
	bf16         productBF16
	widening     widening
	packing      packing
}

// spare lends pools of one thread to calls with a nil pool.
var spare = sync.Pool{New: func() any { return &Pool{threads: 1} }}

const align = 64 // a cache line, and the widest vector register

// floats returns n elements of *buf, aligned to 64 bytes, and makes room first
// if there is not enough. What they hold is unspecified.
func floats[T Float](buf *[]byte, n int) []T {
	var zero T
	size := n*int(unsafe.Sizeof(zero)) + align
	if len(*buf) < size {
		*buf = make([]byte, size+size/8)
		HugePages(*buf)
	}
	p := unsafe.Pointer(unsafe.SliceData(*buf))
	p = unsafe.Add(p, -uintptr(p)&(align-1))
	return unsafe.Slice((*T)(p), n)
}

// is32 reports whether T is float32; the compiler decides it.
func is32[T Float]() bool {
	var zero T
	return unsafe.Sizeof(zero) == 4
}

// fast reports whether the kernels on slices of T have a vector form in use.
func fast[T Float]() bool { return is32[T]() && current >= AVX2 }

// as32 is x as the []float32 that it is when is32 holds.
func as32[T Float](x []T) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
