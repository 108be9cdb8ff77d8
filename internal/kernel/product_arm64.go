package kernel

// mulNEON sets the 8×12 numbers at c, or adds to them, the product of a strip of
// 8 with a strip of 12, of k ≥ 1 terms. Rows of c are stride bytes apart.
//
//go:noescape
func mulNEON(k int, a, b, c *float32, stride, add int)

const (
	neonDown   = 8
	neonAcross = 12
)

func detect() []Path { return []Path{NEON} } // every arm64 has it

func vectorTile(p Path, m, n int) (tile size, longest int) { return size{neonDown, neonAcross}, 256 }

// readsUnpacked reports whether the tile kernel can read operands that are not packed.
func readsUnpacked(p Path) bool { return false }

func packRowsVector(t *product[float32], dst []float32, k, k1, i, i1 int) {
	packStrips(dst, t.a.from(t.i0+i, t.k0+k).transposed(), k1-k, i1-i, neonDown)
}

func packColumnsVector(p Path, dst []float32, b view[float32], n, cols, across int) {
	packStrips(dst, b, n, cols, across)
}

func tilesVector(t *product[float32], right []float32, k, k1, i, i1, j, j1 int) {
	n, first := k1-k, t.k0+k == 0
	add := 1
	if first && !t.acc {
		add = 0
	}
	for ; i < i1; i += neonDown {
		a := &t.left[k*roundUp(t.mi, neonDown)+i*n]
		for x := j; x < j1; x += neonAcross {
			b, rows, cols := &right[(x-j)*n], min(neonDown, i1-i), min(neonAcross, j1-x)
			if rows == neonDown && cols == neonAcross && (t.bias == nil || !first) {
				c := &t.c.V[(t.i0+i)*t.c.Stride+t.j0+x]
				mulNEON(n, a, b, c, 4*t.c.Stride, add)
				continue
			}
			var sums [neonDown * neonAcross]float32
			mulNEON(n, a, b, &sums[0], 4*neonAcross, 0)
			for r := range rows {
				t.store(sums[r*neonAcross:][:cols], t.i0+i+r, t.j0+x, first)
			}
		}
	}
}

func peakVector(p Path, n int) int { return 0 }

// tileVector computes one whole tile c from packed operands with k terms.
func tileVector(p Path, k int, a, b, c []float32) {
	mulNEON(k, &a[0], &b[0], &c[0], 4*neonAcross, 0)
}

// canTranspose reports whether b is transposed in registers; here it never is.
func canTranspose(t *product[float32]) bool { return false }

// packNarrowVector packs no columns of a b of 16 bits: they are widened first.
func packNarrowVector(p Path, dst []float32, b view[float32], n, cols, across int) int { return 0 }

// readsNarrow reports whether b, of 16 bits, is read where it is; here it never is.
func readsNarrow(t *product[float32]) bool { return false }

// packBlocksVector packs no columns of a b in blocks: they are widened first.
func packBlocksVector(p Path, dst []float32, b Blocks, lines bool, n, cols, across int) int { return 0 }
