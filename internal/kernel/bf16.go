package kernel

import (
	"fmt"
	"math"
	"unsafe"
)

// BF16 is a bfloat16: the upper half of a float32, with its sign, its exponent and seven
// bits of its fraction.
type BF16 uint16

// float converts v to float32.
func (v BF16) float() float32 { return math.Float32frombits(uint32(v) << 16) }

// toBF16 rounds to nearest, ties to even. Every NaN becomes the same NaN.
func toBF16(x float32) BF16 {
	if x != x {
		return 0x7fc0
	}
	b := math.Float32bits(x)
	return BF16((b + 0x7fff + b>>16&1) >> 16)
}

// RoundBF16 rounds x to y, which has the same length:
//
//	for i { y[i] = toBF16(x[i]) }
func RoundBF16(y []BF16, x []float32) {
	mustLen("RoundBF16", len(y), len(x))
	if vectors && current >= AVX2 {
		roundVector(y, x)
		return
	}
	for i, v := range x {
		y[i] = toBF16(v)
	}
}

// SplitParts is the number of bf16 numbers whose sum is any float32.
const SplitParts = 3

// SplitBF16 sets y, which has the length of x, to a part of x: the parts 0 to SplitParts-1
// of a number add up to it, exactly. Part 0 has the upper 8 bits of its fraction, part 1 the
// upper 8 bits of the rest, and part 2 what then is left. Two things are lost: bits below
// 2⁻¹³³, and a number that is not finite, whose parts add up to NaN.
//
//	for i {
//		v := x[i]
//		for range part { v -= upper half of v }
//		y[i] = upper half of v
//	}
func SplitBF16(y []BF16, x []float32, part int) {
	mustLen("SplitBF16", len(y), len(x))
	if part < 0 || part >= SplitParts {
		panic(fmt.Sprintf("kernel.SplitBF16: part %d of %d", part, SplitParts))
	}
	if vectors && current >= AVX512 {
		splitVector(y, x, part)
		return
	}
	for i, v := range x {
		for range part {
			v -= math.Float32frombits(math.Float32bits(v) &^ 0xffff)
		}
		y[i] = BF16(math.Float32bits(v) >> 16)
	}
}

// widenBF16 converts x to y, which has the same length:
//
//	for i { y[i] = x[i].float() }
func widenBF16(y []float32, x []BF16) {
	mustLen("WidenBF16", len(y), len(x))
	if vectors && current >= AVX2 {
		widenVector(y, x)
		return
	}
	for i, v := range x {
		y[i] = v.float()
	}
}

// A MatBF16 is a view of a row-major matrix: row i is V[i*Stride : i*Stride+Cols].
type MatBF16 struct {
	Rows, Cols, Stride int    // number of rows and columns; distance of two rows in V // sizes, and the numbers row by row
	V                  []BF16 // the elements
}

// NewMatBF16 allocates a zero matrix with a stride that is good for products.
func NewMatBF16(rows, cols int) MatBF16 {
	stride := oddStride(cols)
	return MatBF16{rows, cols, stride, alignedBF16(rows * stride)}
}

// oddStride is a stride for rows of n elements: an odd number of whole cache lines. So the
// elements of one column lie in different sets of a cache.
func oddStride(n int) int { return (ceil(n, align/2) | 1) * align / 2 }

// alignedBF16 allocates n elements, aligned to 64 bytes.
func alignedBF16(n int) []BF16 {
	v := make([]BF16, n+align/2)
	HugePages(v)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(v)))%align) / 2
	return v[skip : skip+n : skip+n]
}

// Row is row i.
func (m MatBF16) Row(i int) []BF16 {
	return m.V[i*m.Stride : i*m.Stride+m.Cols : i*m.Stride+m.Cols]
}

// Sub is the view of rows [r0, r1) and columns [c0, c1).
func (m MatBF16) sub(r0, r1, c0, c1 int) MatBF16 {
	if r0 >= r1 || c0 >= c1 {
		return MatBF16{max(r1-r0, 0), max(c1-c0, 0), m.Stride, nil}
	}
	return MatBF16{r1 - r0, c1 - c0, m.Stride, m.V[r0*m.Stride+c0 : (r1-1)*m.Stride+c1]}
}

// The products of bf16 matrices: products of two numbers are exact and are summed in
// float32, in an order that depends on the path and the number of terms.
// As with float32 matrices, the bits of an element do not depend on the number of threads,
// on other rows or columns, or on strides. c must not overlap the operands.

// mulNNBF16 sets c to a b, plus bias in every row if bias is not nil, plus the old c if acc:
//
//	for i, j { s := 0; for k { s += a[i][k] * b[k][j] }; c[i][j] = s (+ bias[j]) (+ c[i][j]) }
func mulNNBF16(p *Pool, c Mat[float32], a, b MatBF16, bias []float32, acc bool) {
	mustMul("MulNNBF16", a.Cols == b.Rows && c.Rows == a.Rows && c.Cols == b.Cols, c.Rows, c.Cols, a.Rows, a.Cols, b.Rows, b.Cols)
	mustBias("MulNNBF16", bias, c.Cols)
	multiplyBF16(p, productBF16{form: formNN, path: current, c: c, a: a, b: b, bias: bias, acc: acc, k: a.Cols})
}

// mulNTBF16 sets c to a bᵗ, plus the old c if acc:
//
//	for i, j { s := 0; for k { s += a[i][k] * b[j][k] }; c[i][j] = s (+ c[i][j]) }
func mulNTBF16(p *Pool, c Mat[float32], a, b MatBF16, acc bool) {
	mustMul("MulNTBF16", a.Cols == b.Cols && c.Rows == a.Rows && c.Cols == b.Rows, c.Rows, c.Cols, a.Rows, a.Cols, b.Cols, b.Rows)
	multiplyBF16(p, productBF16{form: formNT, path: current, c: c, a: a, b: b, acc: acc, k: a.Cols})
}

// MulTNBF16 sets c to aᵗ b, plus the old c if acc:
//
//	for i, j { s := 0; for k { s += a[k][i] * b[k][j] }; c[i][j] = s (+ c[i][j]) }
func MulTNBF16(p *Pool, c Mat[float32], a, b MatBF16, acc bool) {
	mustMul("MulTNBF16", a.Rows == b.Rows && c.Rows == a.Cols && c.Cols == b.Cols, c.Rows, c.Cols, a.Cols, a.Rows, b.Rows, b.Cols)
	multiplyBF16(p, productBF16{form: formTN, path: current, c: c, a: a, b: b, acc: acc, k: a.Rows})
}

// MulPacked sets c to a b, plus bias in every row if bias is not nil, plus the old c if acc.
// b is packed.
func MulPacked(p *Pool, c Mat[float32], a MatBF16, b *PackedBF16, bias []float32, acc bool) {
	mustMul("MulPacked", a.Cols == b.rows && c.Rows == a.Rows && c.Cols == b.cols, c.Rows, c.Cols, a.Rows, a.Cols, b.rows, b.cols)
	mustBias("MulPacked", bias, c.Cols)
	b.mustBePackedFor("MulPacked", b.nn)
	multiplyBF16(p, productBF16{form: formNN, c: c, a: a, b: b.rounded, packed: b.nn, path: b.path, bias: bias, acc: acc, k: a.Cols})
}

// MulPackedT sets c to a bᵗ, plus the old c if acc. b is packed.
func MulPackedT(p *Pool, c Mat[float32], a MatBF16, b *PackedBF16, acc bool) {
	mustMul("MulPackedT", a.Cols == b.cols && c.Rows == a.Rows && c.Cols == b.rows, c.Rows, c.Cols, a.Rows, a.Cols, b.cols, b.rows)
	b.mustBePackedFor("MulPackedT", b.nt)
	multiplyBF16(p, productBF16{form: formNT, c: c, a: a, b: b.rounded, packed: b.nt, path: b.path, acc: acc, k: a.Cols})
}

func mustBias[T Float](fn string, bias []T, cols int) {
	if bias != nil && len(bias) != cols {
		panic(fmt.Sprintf("kernel.%s: bias of %d for %d columns", fn, len(bias), cols))
	}
}

// A form says which operand of a product is transposed.
type form int

const (
	formNN form = iota
	formNT
	formTN
)

// A productBF16 is the state of one product. With tiles it is also the Task.
type productBF16 struct {
	form   form
	path   Path
	c      Mat[float32]
	a, b   MatBF16
	packed []BF16 // b in tiles; nil: b is in b
	bias   []float32
	acc    bool
	k      int

	tileProduct
}

// transposeMax is about how many elements of a are transposed at a time for tiles.
var transposeMax = 4 << 20

// hasTiles reports whether a path multiplies bf16 matrices in tiles.
func hasTiles(p Path) bool { return p >= AVX512BF16 }

func multiplyBF16(p *Pool, t productBF16) {
	if t.c.Rows == 0 || t.c.Cols == 0 {
		return
	}
	if t.k == 0 {
		productOfNothing(t.c, t.bias, t.acc)
		return
	}
	if p == nil {
		p = spares.Get().(*Pool)
		defer spares.Put(p)
	}
	if !hasTiles(t.path) {
		t.widen(p)
		return
	}
	p.bf16 = t
	p.bf16.tiles(p)
	p.bf16 = productBF16{}
}
