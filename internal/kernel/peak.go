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
