package kernel

// FMA keeps the arithmetic units busy with n ≥ 1 rounds of independent fused
// multiplications and additions on registers, in float32 on the path in use, and
// returns how many floating-point operations that were: with a clock, the limit
// that products are held against.
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
	if s0+s1+s2+s3+s4+s5+s6+s7 != 0 { // never, but the compiler does not know
		return 0
	}
	return float64(n) * 8 * 2
}

// Dots is FMA for products in bf16, of tiles or of vectors, in registers; 0 where
// the path in use has neither.
func Dots(n int) (operations float64) {
	if !tiled(current) {
		return 0
	}
	return float64(n) * peakBF16(current, n)
}
