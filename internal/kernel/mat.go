// Package kernel is the lowest level: matrix products, operations on rows, and the pool of
// workers that runs them. The doc comment of each function is a plain Go loop with the same
// result, up to rounding. The portable Go code is the contract; SIMD only makes it faster.
package kernel

// Float is the type of the numbers: float32 or float64.
type Float interface{ float32 | float64 }

// A Mat is a view of a row-major matrix: row i is V[i*Stride : i*Stride+Cols].
type Mat[T Float] struct {
	Rows, Cols, Stride int // number of rows and columns; distance of two rows in V // sizes, and the numbers row by row
	V                  []T // the elements
}

// NewMat allocates a zero matrix.
func NewMat[T Float](rows, cols int) Mat[T] {
	return Mat[T]{rows, cols, cols, make([]T, rows*cols)}
}

// Row is row i.
func (m Mat[T]) Row(i int) []T { return m.V[i*m.Stride : i*m.Stride+m.Cols : i*m.Stride+m.Cols] }

// Sub is the view of rows [r0, r1) and columns [c0, c1).
func (m Mat[T]) Sub(r0, r1, c0, c1 int) Mat[T] {
	if r0 >= r1 || c0 >= c1 {
		return Mat[T]{max(r1-r0, 0), max(c1-c0, 0), m.Stride, nil}
	}
	return Mat[T]{r1 - r0, c1 - c0, m.Stride, m.V[r0*m.Stride+c0 : (r1-1)*m.Stride+c1]}
}
