package kernel

import "fmt"

func mustMul(fn string, ok bool, m ...int) {
	if !ok {
		panic(fmt.Sprintf("kernel.%s: shapes do not fit: %d×%d = %d×%d times %d×%d", fn, m[0], m[1], m[2], m[3], m[4], m[5]))
	}
}

// MulNN sets c to a b, plus bias in every row when bias is not nil, plus the old
// c when acc:
//
//	for i, j { s := 0; for k { s += a[i][k] * b[k][j] }; c[i][j] = s (+ bias[j]) (+ c[i][j]) }
func MulNN[T Float](p *Pool, c, a, b Mat[T], bias []T, acc bool) {
	mustMul("MulNN", a.Cols == b.Rows && c.Rows == a.Rows && c.Cols == b.Cols, c.Rows, c.Cols, a.Rows, a.Cols, b.Rows, b.Cols)
	for i := range c.Rows {
		row := c.Row(i)
		if !acc {
			clear(row)
		}
		if bias != nil {
			for j := range row {
				row[j] += bias[j]
			}
		}
		for k, v := range a.Row(i) {
			for j, w := range b.Row(k) {
				row[j] += v * w
			}
		}
	}
}

// MulNT sets c to a bᵗ, plus the old c when acc:
//
//	for i, j { s := 0; for k { s += a[i][k] * b[j][k] }; c[i][j] = s (+ c[i][j]) }
func MulNT[T Float](p *Pool, c, a, b Mat[T], acc bool) {
	mustMul("MulNT", a.Cols == b.Cols && c.Rows == a.Rows && c.Cols == b.Rows, c.Rows, c.Cols, a.Rows, a.Cols, b.Cols, b.Rows)
	for i := range c.Rows {
		row, x := c.Row(i), a.Row(i)
		for j := range row {
			var s T
			for k, w := range b.Row(j) {
				s += x[k] * w
			}
			if acc {
				s += row[j]
			}
			row[j] = s
		}
	}
}

// MulTN sets c to aᵗ b, plus the old c when acc:
//
//	for i, j { s := 0; for k { s += a[k][i] * b[k][j] }; c[i][j] = s (+ c[i][j]) }
func MulTN[T Float](p *Pool, c, a, b Mat[T], acc bool) {
	mustMul("MulTN", a.Rows == b.Rows && c.Rows == a.Cols && c.Cols == b.Cols, c.Rows, c.Cols, a.Cols, a.Rows, b.Rows, b.Cols)
	for i := range c.Rows {
		row := c.Row(i)
		if !acc {
			clear(row)
		}
		for k := range a.Rows {
			v := a.Row(k)[i]
			for j, w := range b.Row(k) {
				row[j] += v * w
			}
		}
	}
}
