package kernel

// FMA runs n ≥ 1 rounds of independent fused multiply-adds in float32 registers on the path
// in use, and returns the number of floating-point operations. With a clock it measures the
// peak rate, the upper limit for products.
func FMA(n int) (operations float64) {
	if w := peakVector(current, n); w > 0 {
		return float64(n) * 48 * 2 * float64(w)
	}
	x, y := float32(n), float32(0)
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for range n {
		s0 += x * y
		s1 += x * y
		s2 += x * y
		s3 += x * y
		s4 += x * y
		s5 += x * y
		s6 += x * y
		s7 += x * y
	}
	if s0+s1+s2+s3+s4+s5+s6+s7 != 0 { // never true, but the compiler does not know
		return 0
	}
	return float64(n) * 8 * 2
}

// Dots is FMA for bf16: products of tiles or dot products of vectors in registers. It
// returns 0 if the path in use has neither.
func Dots(n int) (operations float64) {
	if !hasTiles(current) {
		return 0
	}
	return float64(n) * peakBF16(current, n)
}

// Tiles computes n ≥ 1 times a whole tile of a float32 product, on the path in use, from
// packed operands that stay in the first-level cache, and returns the number of floating-point
// operations. With a clock it measures the second upper limit for products: that of the tile
// kernel, which also loads and stores, where memory costs nothing.
func Tiles(n int) (operations float64) {
	p := spares.Get().(*Pool)
	defer spares.Put(p)
	down, across, k := goDown, goAcross, goBlock
	if current != Portable {
		tile, _ := vectorTile(current, 64, 192)
		down, across, k = tile.down, tile.across, (6<<10)/(tile.down+tile.across)&^7 // 24 KiB
	}
	a, b := floats[float32](&p.scratch.left, down*k), floats[float32](&p.scratch.right, across*(k+down))
	c := b[across*k:]
	clear(a)
	clear(b)
	for range n {
		if current != Portable {
			tileVector(current, k, a, b, c)
		} else {
			sums := dot2x4(a, b[:across*k])
			copy(c, sums[:])
		}
	}
	return 2 * float64(n) * float64(down*across*k)
}

// TilesBF16 is Tiles for products of bf16 in tiles. It returns 0 if the path in use has none.
func TilesBF16(n int) (operations float64) {
	if !hasTiles(current) {
		return 0
	}
	return tilesBF16(n)
}
