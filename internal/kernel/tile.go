package kernel

// The portable tile: eight sums and a row of b fit in the registers of amd64
// next to what the loop needs; sixteen sums do not, and run slower.
const (
	goDown   = 2
	goAcross = 4
	goBlock  = 256
)

// plan chooses the tile kernel and the length of a block of terms, which may
// depend on the number of terms only.
func (t *product[T]) plan() {
	t.path = Portable
	t.tile = size{goDown, goAcross}
	longest := goBlock
	t.block = roundUp(ceil(t.k, ceil(t.k, longest)), 8)
}

// packs tells which operands are packed.
func (t *product[T]) packs() (left, right bool) {
	return true, true
}

// packLeft packs rows [i0, i1) of a, counted from the corner in work.
func (t *product[T]) packLeft(i0, i1 int) {
	a := view[T]{t.a.v, t.a.down, t.a.right}.from(t.i0, t.k0)
	packStrips(t.left, a.transposed(), t.ki, t.block, t.mi, i0, i1, t.tile.down)
}

// packRight packs columns [j0, j1) of b, counted from the corner in work.
func (t *product[T]) packRight(j0, j1 int) {
	packStrips(t.right, t.b.from(t.k0, t.j0), t.ki, t.block, t.ni, j0, j1, t.tile.across)
}

// packStrips packs columns [j0, j1) of x, which has k rows and n columns, to
// strips of a width. Blocks of rows lie one after the other, each with all its
// strips.
func packStrips[T Float](dst []T, x view[T], k, block, n, j0, j1, width int) {
	strips := ceil(n, width)
	for k0 := 0; k0 < k; k0 += block {
		kb := min(block, k-k0)
		for j := j0; j < j1; j += width {
			w := min(width, n-j)
			d := dst[k0*strips*width+j*kb:][:kb*width]
			for r := range kb {
				row := d[r*width : (r+1)*width]
				s := x.v[(k0+r)*x.down+j*x.right:]
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
}

// tiles computes rows [i0, i1) and columns [j0, j1), counted from the corner in
// work, from all terms in work.
func (t *product[T]) tiles(i0, i1, j0, j1 int) {
	down, across := ceil(t.mi, goDown)*goDown, ceil(t.ni, goAcross)*goAcross
	for k := 0; k < t.ki; k += t.block {
		kb := min(t.block, t.ki-k)
		for j := j0; j < j1; j += goAcross {
			b := t.right[k*across+j*kb:][:kb*goAcross]
			for i := i0; i < i1; i += goDown {
				a := t.left[k*down+i*kb:][:kb*goDown]
				s := dot2x4(a, b)
				for r := range min(goDown, i1-i) {
					t.store(s[r*goAcross:][:min(goAcross, j1-j)], t.i0+i+r, t.j0+j, t.k0+k == 0)
				}
			}
		}
	}
}

// store adds sums of one block to row i of c from column j; the first block
// also brings the bias.
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

// dot2x4 is the product of a strip of a, two values a term, with a strip of b,
// four values a term.
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
