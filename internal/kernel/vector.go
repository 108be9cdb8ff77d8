package kernel

import (
	"fmt"
	"math"
)

// The functions on slices run on the calling goroutine. The order of a sum depends
// on the path and the length only.

func mustLen(fn string, n int, others ...int) {
	for _, m := range others {
		if m != n {
			panic(fmt.Sprintf("kernel.%s: lengths %d and %d differ", fn, n, m))
		}
	}
}

// Dot returns the scalar product of x and y:
//
//	s := 0; for i { s += x[i] * y[i] }; return s
func Dot[T Float](x, y []T) (s T) {
	mustLen("Dot", len(x), len(y))
	if vectors && hasVectors[T]() {
		return T(dotVector(as32(x), as32(y)))
	}
	for i, v := range x {
		s += v * y[i]
	}
	return s
}

// Axpy adds a x to y:
//
//	for i { y[i] += a * x[i] }
func Axpy[T Float](y []T, a T, x []T) {
	mustLen("Axpy", len(y), len(x))
	if vectors && hasVectors[T]() {
		axpyVector(as32(y), float32(a), as32(x))
		return
	}
	for i, v := range x {
		y[i] += a * v
	}
}

// Add adds x to y:
//
//	for i { y[i] += x[i] }
func Add[T Float](y, x []T) {
	mustLen("Add", len(y), len(x))
	if vectors && hasVectors[T]() {
		addToVector(as32(y), as32(y), as32(x))
		return
	}
	for i, v := range x {
		y[i] += v
	}
}

// addTo sets z to the sum of x and y; z may be one of them:
//
//	for i { z[i] = x[i] + y[i] }
func addTo[T Float](z, x, y []T) {
	mustLen("AddTo", len(z), len(x), len(y))
	if vectors && hasVectors[T]() {
		addToVector(as32(z), as32(x), as32(y))
		return
	}
	for i, v := range x {
		z[i] = v + y[i]
	}
}

// AddRows adds the rows of x to y, in ascending order:
//
//	for i, j { y[j] += x[i][j] }
func AddRows[T Float](y []T, x Mat[T]) {
	mustLen("AddRows", len(y), x.Cols)
	if vectors && hasVectors[T]() {
		addRowsVector(as32(y), Mat[float32]{x.Rows, x.Cols, x.Stride, as32(x.V)})
		return
	}
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			y[j] += v
		}
	}
}

// MulAdd adds the elementwise product of a and x to y:
//
//	for i { y[i] += a[i] * x[i] }
func MulAdd[T Float](y, a, x []T) {
	mustLen("MulAdd", len(y), len(a), len(x))
	if vectors && hasVectors[T]() {
		mulAddVector(as32(y), as32(a), as32(x))
		return
	}
	for i, v := range x {
		y[i] += a[i] * v
	}
}

// Scale multiplies x by a:
//
//	for i { x[i] *= a }
func Scale[T Float](x []T, a T) {
	if vectors && hasVectors[T]() {
		scaleVector(as32(x), float32(a))
		return
	}
	for i := range x {
		x[i] *= a
	}
}

// sumOf returns the sum of x:
//
//	s := 0; for i { s += x[i] }; return s
func sumOf[T Float](x []T) (s T) {
	if vectors && hasVectors[T]() {
		return T(sumVector(as32(x)))
	}
	for _, v := range x {
		s += v
	}
	return s
}

// SumSquares returns the sum of the squares of x, squared and summed in float64:
//
//	s := 0.0; for i { s += float64(x[i]) * float64(x[i]) }; return s
func SumSquares[T Float](x []T) (s float64) {
	if vectors && hasVectors[T]() {
		return sumSquaresVector(as32(x))
	}
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}

// Extent returns the largest |x|, and whether an element has its sign bit set, even -0. The
// largest |x| of an empty x is 0; a NaN is larger than all numbers:
//
//	m, s := 0, false; for i { a := |x[i]|; if !(a <= m) && m == m { m = a }; s = s || signbit(x[i]) }; return m, s
func Extent[T Float](x []T) (most T, minus bool) {
	if vectors && hasVectors[T]() {
		m, bits := extentVector(as32(x))
		return T(m), math.Signbit(float64(bits))
	}
	for _, v := range x {
		a := T(math.Abs(float64(v)))
		if !(a <= most) && most == most {
			most = a
		}
		minus = minus || math.Signbit(float64(v))
	}
	return most, minus
}

// Max returns the largest of x, -Inf if x is empty. It ignores NaNs:
//
//	m := -Inf; for i { if x[i] > m { m = x[i] } }; return m
func Max[T Float](x []T) T {
	if vectors && hasVectors[T]() {
		return T(maxVector(as32(x)))
	}
	m := T(math.Inf(-1))
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}
