package kernel

import "fmt"

func mustMul(fn string, ok bool, m ...int) {
	if !ok {
		panic(fmt.Sprintf("kernel.%s: shapes do not fit: %d×%d = %d×%d times %d×%d", fn, m[0], m[1], m[2], m[3], m[4], m[5]))
	}
}

// The three products have two properties in common. First, element (i, j) of c is a sum over k
// in ascending order, in blocks of fixed length that are added in ascending
// order: its bits depend on the values and the number of terms, not on the
// threads of p, on other rows or columns, or on strides. Second, c must not
// overlap a or b.

// MulNN sets c to a b, plus bias in every row if bias is not nil, plus the old
// c if acc:
//
//	for i, j { s := 0; for k { s += a[i][k] * b[k][j] }; c[i][j] = s (+ bias[j]) (+ c[i][j]) }
func MulNN[T Float](p *Pool, c, a, b Mat[T], bias []T, acc bool) {
	mustMul("MulNN", a.Cols == b.Rows && c.Rows == a.Rows && c.Cols == b.Cols, c.Rows, c.Cols, a.Rows, a.Cols, b.Rows, b.Cols)
	mustBias("MulNN", bias, c.Cols)
	multiply(p, c, a.view(), b.view(), a.Cols, bias, acc)
}

// MulNT sets c to a bᵗ, plus the old c if acc:
//
//	for i, j { s := 0; for k { s += a[i][k] * b[j][k] }; c[i][j] = s (+ c[i][j]) }
func MulNT[T Float](p *Pool, c, a, b Mat[T], acc bool) {
	mustMul("MulNT", a.Cols == b.Cols && c.Rows == a.Rows && c.Cols == b.Rows, c.Rows, c.Cols, a.Rows, a.Cols, b.Cols, b.Rows)
	multiply(p, c, a.view(), b.view().transposed(), a.Cols, nil, acc)
}

// MulTN sets c to aᵗ b, plus the old c if acc:
//
//	for i, j { s := 0; for k { s += a[k][i] * b[k][j] }; c[i][j] = s (+ c[i][j]) }
func MulTN[T Float](p *Pool, c, a, b Mat[T], acc bool) {
	mustMul("MulTN", a.Rows == b.Rows && c.Rows == a.Cols && c.Cols == b.Cols, c.Rows, c.Cols, a.Cols, a.Rows, b.Rows, b.Cols)
	multiply(p, c, a.view().transposed(), b.view(), a.Rows, nil, acc)
}

// A view is an operand of a product: element (i, j) is v[i*down + j*right], or that of
// narrow, if it is there. In blocks, right is 1 if columns are lines, and down if rows are.
type view[T Float] struct {
	v           []T
	down, right int
	narrow      Narrow
}

func (m Mat[T]) view() view[T] { return view[T]{v: m.V, down: m.Stride, right: 1} }

func (v view[T]) transposed() view[T] {
	v.down, v.right = v.right, v.down
	return v
}

func (v view[T]) from(i, j int) view[T] {
	at := i*v.down + j*v.right
	if v.inBlocks() {
		if v.right == 0 {
			i, j = j, i
		}
		v.narrow.Blocks.at += i
		v.narrow.Blocks.line += j
	} else if v.isNarrow() {
		v.narrow.V = v.narrow.V[at:]
	} else {
		v.v = v.v[at:]
	}
	return v
}

func (v view[T]) isNarrow() bool { return v.narrow.on() }
