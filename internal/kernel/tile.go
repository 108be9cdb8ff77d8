package kernel

// The size of the portable tile: eight sums and a row of b fit in the registers of amd64
// with the variables of the loop; sixteen sums do not, and are slower.
const (
	goDown   = 2
	goAcross = 4
	goBlock  = 256
)

// packStrips packs the first k rows and the first columns of x to strips of the given
// width, one after the other.
func packStrips[T Float](dst []T, x view[T], k, columns, width int) {
	for j := 0; j < columns; j += width {
		w := min(width, columns-j)
		for i := range k {
			row := dst[(j*k + i*width):][:width]
			s := x.v[i*x.down+j*x.right:]
			if x.right == 1 {
				copy(row[:w], s)
			} else {
				for c := range w {
					row[c] = s[c*x.right]
				}
			}
			clear(row[w:])
		}
	}
}

// store adds sums of one block to row i of c from column j on. The first block also adds the
// bias.
func (t *product[T]) store(s []T, i, j int, first bool) {
	c := t.c.V[i*t.c.Stride+j:][:len(s)]
	if first && t.bias != nil {
		for x, v := range t.bias[j:][:len(s)] {
			s[x] += v
		}
	}
	if first && !t.acc {
		copy(c, s)
		return
	}
	for x, v := range s {
		c[x] += v
	}
}

// dot2x4 is the product of a strip of a, with two values per term, and a strip of b, with
// four values per term.
func dot2x4[T Float](a, b []T) [goDown * goAcross]T {
	var s00, s01, s02, s03, s10, s11, s12, s13 T
	for len(a) >= goDown && len(b) >= goAcross {
		a0, a1 := a[0], a[1]
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		s00 += a0 * b0
		s01 += a0 * b1
		s02 += a0 * b2
		s03 += a0 * b3
		s10 += a1 * b0
		s11 += a1 * b1
		s12 += a1 * b2
		s13 += a1 * b3
		a, b = a[goDown:], b[goAcross:]
	}
	return [...]T{s00, s01, s02, s03, s10, s11, s12, s13}
}
