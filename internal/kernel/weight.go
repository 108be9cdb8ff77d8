package kernel

import (
	"math"
	"unsafe"
)

// A Weight is a matrix that products read. It has the numbers of a Mat, or it is narrow:
// V is nil, and Narrow holds the numbers in fewer bits; they are widened where they are read.
// Each of them is a T exactly, so a result has the bits of that with the widened matrix.
type Weight[T Float] struct {
	Mat[T]
	Narrow Narrow
}

// Narrow holds numbers of 16 bits, bf16 or with F16 those of IEEE 754 half precision; or
// numbers in Blocks, whose order makes the stride of the matrix meaningless.
type Narrow struct {
	V      []uint16 // the numbers of 16 bits
	F16    bool     // their format
	Blocks Blocks
}

func (n Narrow) on() bool { return n.V != nil || n.Blocks.on() }

// On reports whether there is a matrix.
func (w Weight[T]) On() bool { return w.V != nil || w.Narrow.on() }

// Sub is the view of rows [r0, r1) and columns [c0, c1).
func (w Weight[T]) Sub(r0, r1, c0, c1 int) Weight[T] {
	switch {
	case !w.Narrow.on():
		return Weight[T]{Mat: w.Mat.Sub(r0, r1, c0, c1)}
	case w.Narrow.Blocks.on():
		return Weight[T]{Mat[T]{max(r1-r0, 0), max(c1-c0, 0), w.Stride, nil}, Narrow{Blocks: w.Narrow.Blocks.sub(r0, c0)}}
	}
	if r0 >= r1 || c0 >= c1 {
		return Weight[T]{Mat: Mat[T]{max(r1-r0, 0), max(c1-c0, 0), w.Stride, nil}}
	}
	return Weight[T]{Mat[T]{r1 - r0, c1 - c0, w.Stride, nil}, Narrow{V: w.Narrow.V[r0*w.Stride+c0 : (r1-1)*w.Stride+c1], F16: w.Narrow.F16}}
}

// Part returns numbers [from, to) of row i: where they are, or widened in the scratch memory
// of p, a pool of one thread, until p is used again.
func (w Weight[T]) Part(p *Pool, i, from, to int) []T {
	if b := w.Narrow.Blocks; b.on() {
		part := floats[T](&p.scratch.wide, to-from)
		for j := range part {
			part[j] = T(b.numberAt(i, from+j))
		}
		return part
	}
	from, to = i*w.Stride+from, i*w.Stride+to
	if w.Narrow.V == nil {
		return w.V[from:to:to]
	}
	part := floats[T](&p.scratch.wide, to-from)
	widen(part, w.Narrow, from)
	return part
}

// widen sets dst to the numbers of n, of 16 bits, from number first on:
//
//	for i { dst[i] = T(float(n.V[first+i])) }
func widen[T Float](dst []T, n Narrow, first int) {
	src := n.V[first:][:len(dst)]
	switch {
	case n.F16 && is32[T]() && vectors && current >= AVX2:
		widenF16Vector(as32(dst), src)
	case n.F16:
		for i, v := range src {
			dst[i] = T(f16Float(v))
		}
	case is32[T]():
		widenBF16(as32(dst), asBF16(src))
	default:
		for i, v := range src {
			dst[i] = T(BF16(v).float())
		}
	}
}

// asBF16 converts x without copying.
func asBF16(x []uint16) []BF16 {
	return unsafe.Slice((*BF16)(unsafe.SliceData(x)), len(x))
}

// asUint16 converts x without copying.
func asUint16(x []BF16) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.SliceData(x)), len(x))
}

// f16Float converts a number of half precision: 1 bit of sign, 5 of exponent, 10 of
// fraction. As bits of a float32, exponent and fraction are 2^-112 times the number.
func f16Float(h uint16) float32 {
	sign, rest := uint32(h&0x8000)<<16, uint32(h&0x7fff)<<13
	if rest >= 0x7c00<<13 { // infinite, or not a number
		return math.Float32frombits(sign | 0x7f800000 | rest&0x7fffff)
	}
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(rest)*0x1p112))
}

// MulWeight sets c to a w, plus bias in every row if bias is not nil, plus the old c if acc.
// It is MulNN with the widened w.
func MulWeight[T Float](p *Pool, c, a Mat[T], w Weight[T], bias []T, acc bool) {
	mustMul("MulWeight", a.Cols == w.Rows && c.Rows == a.Rows && c.Cols == w.Cols, c.Rows, c.Cols, a.Rows, a.Cols, w.Rows, w.Cols)
	mustBias("MulWeight", bias, c.Cols)
	multiply(p, c, a.view(), w.view(), a.Cols, bias, acc)
}

// MulWeightT sets c to a wᵗ, plus the old c if acc. It is MulNT with the widened w.
func MulWeightT[T Float](p *Pool, c, a Mat[T], w Weight[T], acc bool) {
	mustMul("MulWeightT", a.Cols == w.Cols && c.Rows == a.Rows && c.Cols == w.Rows, c.Rows, c.Cols, a.Rows, a.Cols, w.Cols, w.Rows)
	multiply(p, c, a.view(), w.view().transposed(), a.Cols, nil, acc)
}

// MulTWeight sets c to aᵗ w, plus the old c if acc. It is MulTN with the widened w.
func MulTWeight[T Float](p *Pool, c, a Mat[T], w Weight[T], acc bool) {
	mustMul("MulTWeight", a.Rows == w.Rows && c.Rows == a.Cols && c.Cols == w.Cols, c.Rows, c.Cols, a.Cols, a.Rows, w.Rows, w.Cols)
	multiply(p, c, a.view().transposed(), w.view(), a.Rows, nil, acc)
}

// WeightMulT sets c to w bᵗ, plus the old c if acc. It is MulNT with the widened w.
func WeightMulT[T Float](p *Pool, c Mat[T], w Weight[T], b Mat[T], acc bool) {
	mustMul("WeightMulT", w.Cols == b.Cols && c.Rows == w.Rows && c.Cols == b.Rows, c.Rows, c.Cols, w.Rows, w.Cols, b.Cols, b.Rows)
	multiply(p, c, w.view(), b.view().transposed(), w.Cols, nil, acc)
}

func (w Weight[T]) view() view[T] {
	v := view[T]{w.V, w.Stride, 1, w.Narrow}
	if v.inBlocks() {
		v.down, v.right = 0, 1
		if w.Narrow.Blocks.Rows {
			v = v.transposed()
		}
	}
	return v
}

// widened returns rows×cols numbers of a narrow v, widened, in the memory of *buf. Rows of the
// result are contiguous where those of v are, or its columns.
func (v view[T]) widened(buf *[]byte, rows, cols int) view[T] {
	if v.inBlocks() {
		return v.widenedBlocks(buf, rows, cols)
	}
	wide := view[T]{v: floats[T](buf, rows*cols), down: cols, right: 1}
	from, to := v, wide
	if v.right != 1 {
		wide.down, wide.right = 1, rows
		from, to = v.transposed(), wide.transposed()
		rows, cols = cols, rows
	}
	for i := range rows {
		widen(to.v[i*to.down:][:cols], from.narrow, i*from.down)
	}
	return wide
}
