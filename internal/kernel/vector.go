package kernel

import "fmt"

// The functions on slices run on the calling goroutine. A sum is taken in an
// order that depends on the path and on the length alone.

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
	for i, v := range x {
		s += v * y[i]
	}
	return s
}

// Axpy adds a multiple of x to y:
//
//	for i { y[i] += a * x[i] }
func Axpy[T Float](y []T, a T, x []T) {
	mustLen("Axpy", len(y), len(x))
	for i, v := range x {
		y[i] += a * v
	}
}

// Add adds x to y:
//
//	for i { y[i] += x[i] }
func Add[T Float](y, x []T) {
	mustLen("Add", len(y), len(x))
	for i, v := range x {
		y[i] += v
	}
}

// AddTo sets z to the sum of x and y; z may be one of them:
//
//	for i { z[i] = x[i] + y[i] }
func AddTo[T Float](z, x, y []T) {
	mustLen("AddTo", len(z), len(x), len(y))
	for i, v := range x {
		z[i] = v + y[i]
	}
}

// AddRows adds the rows of x to y, the first row first:
//
//	for i, j { y[j] += x[i][j] }
func AddRows[T Float](y []T, x Mat[T]) {
	mustLen("AddRows", len(y), x.Cols)
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
	for i, v := range x {
		y[i] += a[i] * v
	}
}

// Scale multiplies x by a:
//
//	for i { x[i] *= a }
func Scale[T Float](x []T, a T) {
	for i := range x {
		x[i] *= a
	}
}

// Sum returns the sum of x:
//
//	s := 0; for i { s += x[i] }; return s
func Sum[T Float](x []T) (s T) {
	for _, v := range x {
		s += v
	}
	return s
}

// SumSquares returns the sum of the squares of x, squared and summed in float64:
//
//	s := 0.0; for i { s += float64(x[i]) * float64(x[i]) }; return s
func SumSquares[T Float](x []T) (s float64) {
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}

// Max returns the largest of x, and NaN if one of x is; x must not be empty:
//
//	m := x[0]; for i { m = max(m, x[i]) }; return m
func Max[T Float](x []T) T {
	m := x[0]
	for _, v := range x[1:] {
		m = max(m, v)
	}
	return m
}
