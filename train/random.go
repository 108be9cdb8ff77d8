package train

import "math"

// A stream separates the uses of a seed, so that none of them shares numbers.
type stream uint64

const (
	streamWeights stream = iota + 1
	streamSampling
	streamOrder
)

// mix scrambles x one to one: the output function of SplitMix64 (Steele, Lea and
// Flood, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// draw is the random number of a place: a pure function, so that there is no
// generator to save and the same place has the same number in any order.
func draw(seed uint64, s stream, i, j, k uint64) uint64 {
	return mix(mix(mix(mix(seed^uint64(s)<<56)+i)+j) + k)
}

// uniform is draw as a number in (0, 1): the middle of one of 2⁵² equal intervals.
func uniform(seed uint64, s stream, i, j, k uint64) float64 {
	return (float64(draw(seed, s, i, j, k)>>12) + 0.5) * 0x1p-52
}

// normals is a pair of independent N(0, 1) numbers of a place, by Marsaglia's polar
// method: a point in the unit disc at squared distance s, times √(−2 ln s / s).
func normals(seed uint64, s stream, i, j uint64) (x, y float64) {
	for k := uint64(0); ; k += 2 {
		u := 2*uniform(seed, s, i, j, k) - 1
		v := 2*uniform(seed, s, i, j, k+1) - 1
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
