package kernel

import (
	"sync"
	"unsafe"
)

// scratch is the memory that a pool keeps for its kernels.
type scratch struct {
	left, right []byte // packed operands of a product
	wide        []byte // a part of a narrow operand, widened
	f32         product[float32]
	f64         product[float64]

	wideA    []byte // a bf16 operand in float32
	bf16     productBF16
	widening widening
	packing  packing
}

// spares holds pools of one thread for calls with a nil pool.
var spares = sync.Pool{New: func() any { return &Pool{threads: 1} }}

const align = 64 // a cache line, and the widest vector register

// floats returns n elements in *buf, aligned to 64 bytes. It allocates a new buffer
// if *buf is too small. The values are unspecified.
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

// is32 reports whether T is float32. The compiler evaluates it.
func is32[T Float]() bool {
	var zero T
	return unsafe.Sizeof(zero) == 4
}

// hasVectors reports whether the path in use has vector kernels for slices of T.
func hasVectors[T Float]() bool { return is32[T]() && current >= AVX2 }

// as32 converts x to []float32 without copying. T must be float32.
func as32[T Float](x []T) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
