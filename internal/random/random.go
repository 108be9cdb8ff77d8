// Package random makes random numbers without a generator: a number is a function of a
// seed, a stream and a position. So there is no state to save, numbers may be asked for
// in any order, and the same position has the same bits on every machine.
package random

import "math"

// A Stream is one use of a seed: two streams share no numbers.
type Stream uint64

const (
	Weights  Stream = iota + 1 // what a network's weights start from
	Sampling                   // the choice of tokens
)

// Key is the position of what has a name, such as a tensor.
func Key(name string) (key uint64) {
	for _, c := range []byte(name) {
		key = mix(key ^ uint64(c))
	}
	return key
}

// mix scrambles x one to one: the output function of SplitMix64 (Steele, Lea and
// Flood, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Bits is the number at position (i, j, k): 64 random bits.
func Bits(seed uint64, s Stream, i, j, k uint64) uint64 {
	return mix(mix(mix(mix(seed^uint64(s)<<56)+i)+j) + k)
}

// Uniform is [Bits] as a number in (0, 1): the middle of one of 2⁵² equal intervals.
func Uniform(seed uint64, s Stream, i, j, k uint64) float64 {
	return (float64(Bits(seed, s, i, j, k)>>12) + 0.5) * 0x1p-52
}

// Normals is a pair of independent N(0, 1) numbers at position (i, j), by Marsaglia's
// polar method: a point in the unit disc at squared distance r from its center, times
// √(−2 ln r / r).
func Normals(seed uint64, s Stream, i, j uint64) (x, y float64) {
	for k := uint64(0); ; k += 2 {
		u := 2*Uniform(seed, s, i, j, k) - 1
		v := 2*Uniform(seed, s, i, j, k+1) - 1
		if r := float64(u*u) + float64(v*v); r < 1 && r > 0 {
			f := math.Sqrt(-2 * ln(r) / r)
			return u * f, v * f
		}
	}
}

// ln is the natural logarithm of x > 0 with the same bits on every processor:
// math.Log may be compiled to fused multiply-adds on some. With x = m·2ᵉ, m in
// [√½, √2), and t = (m−1)/(m+1): ln x = e ln 2 + 2(t + t³/3 + t⁵/5 + …); |t| is
// below 0.172, so the first term left out is below 1e-18.
func ln(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	t := (m - 1) / (m + 1)
	t2 := float64(t * t)
	sum := 0.0
	for n := 21; n >= 1; n -= 2 {
		sum = 1/float64(n) + float64(sum*t2)
	}
	return float64(float64(e)*math.Ln2) + float64(2*t*sum)
}
