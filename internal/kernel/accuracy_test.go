package kernel

import (
	"fmt"
	"math"
	"testing"
)

// dense is every so-many-th float32 there is, the edges and random numbers of
// moderate size; the count is no multiple of a vector.
func dense() []float32 {
	x := []float32{0, float32(math.Copysign(0, -1)), 1, -1, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 88.72283, 88.72284, -87.33654, -87.33655, -103.97, 9.98, -9.98, 9.99, -9.99, 14, -14,
		-5.0026007, -2.7593079} // where GELUTanh without a part of its correction is worst
	for b := uint64(0); b < 1<<32; b += 9973 {
		x = append(x, math.Float32frombits(uint32(b)))
	}
	for i := range 200_001 {
		x = append(x, float32(i-100_000)*0.00014159)
	}
	return x
}

// tiny is where results count as 0: the vector kernels make no subnormal numbers,
// and the exponential in GELU stops at 1e-38.
const tiny = 2e-37

// ulps is the distance of got from want in units of the last place of a float32
// near want, 0 where both are tiny.
func ulps(got float32, want float64) float64 {
	g := float64(got)
	if g == want || math.IsNaN(g) && math.IsNaN(want) || math.Abs(g-want) < tiny {
		return 0
	}
	if w := float32(want); math.IsInf(float64(w), 0) && w == got {
		return 0
	}
	_, e := math.Frexp(want)
	return math.Abs(g-want) / math.Ldexp(1, e-24)
}

// Limits are what was measured, rounded up; portable results are correctly
// rounded float64 ones, up to half a unit.
func TestAccuracy(t *testing.T) {
	normalDensity := func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
	twoU := func(x float64) float64 { return 2 * tanhScale * (x + tanhCube*x*x*x) }
	gelu := func(x float64) float64 { return x * normalCDF(x) }
	geluTanh := func(x float64) float64 { return x * logistic(twoU(x)) }
	silu := func(x float64) float64 { return x * logistic(x) }
	relative := func(limit float64) func(g float32, w, x float64) float64 {
		return func(g float32, w, _ float64) float64 { return ulps(g, w) / limit }
	}
	siluError := func(g float32, w, x float64) float64 { // below 2e-36 results count as 0
		if math.Abs(float64(g)-w) < 2e-36 {
			return 0
		}
		return relative(2.5)(g, w, x)
	}
	// Derivatives are of the order of 1 and have a zero: their error is counted in
	// units of the last place of 1.
	absolute := func(limit float64) func(g float32, w, x float64) float64 {
		return func(g float32, w, _ float64) float64 {
			if float64(g) == w || math.IsNaN(float64(g)) && math.IsNaN(w) {
				return 0
			}
			return math.Abs(float64(g)-w) * (1 << 23) / limit
		}
	}
	factor := func(g float32, w, x float64) float64 { // of x, in units of 2⁻²²
		if ulps(g, w) == 0 {
			return 0
		}
		return math.Abs(float64(g)-w) / math.Abs(x) * (1 << 22)
	}
	one := func(x []float32) []float32 {
		y := make([]float32, len(x))
		for i := range y {
			y[i] = 1
		}
		return y
	}
	cases := []struct {
		name string
		run  func(x []float32) []float32
		want func(x float64) float64
		// error in units of the limit
		measure func(got float32, want, x float64) float64
	}{
		{"Exp", func(x []float32) []float32 { expSlice(x); return x }, math.Exp, relative(1)},
		{"GELU", func(x []float32) []float32 { GELU(x, x); return x }, gelu, relative(2)},
		{"GELU, Φ", func(x []float32) []float32 { GELU(x, x); return x }, gelu, factor},
		{"GELUTanh, factor of x", func(x []float32) []float32 { GELUTanh(x, x); return x }, geluTanh, factor},
		{"GELUTanh", func(x []float32) []float32 { GELUTanh(x, x); return x }, geluTanh, relative(2)},
		{"GELUTanhBackward, y", func(x []float32) []float32 { GELUTanhBackward(one(x), x, one(x), x); return x }, geluTanh, relative(2)},
		{"GELUBackward, y", func(x []float32) []float32 { GELUBackward(one(x), x, one(x), x); return x }, gelu, relative(2)},
		{"SiLU", func(x []float32) []float32 { SiLU(x, x); return x }, silu, siluError},
		{"SiLUBackward, y", func(x []float32) []float32 { SiLUBackward(one(x), x, one(x), x); return x }, silu, siluError},
		{"SiLUBackward", func(x []float32) []float32 { dx := one(x); SiLUBackward(dx, one(x), dx, x); return dx },
			func(x float64) float64 {
				if math.IsInf(x, 0) {
					return logistic(x)
				}
				s := logistic(x)
				return s * (1 + x*(1-s))
			}, absolute(2)},
		{"GELUBackward", func(x []float32) []float32 { dx := one(x); GELUBackward(dx, one(x), dx, x); return dx },
			func(x float64) float64 {
				if math.IsInf(x, 0) {
					return math.NaN()
				}
				return normalCDF(x) + x*normalDensity(x)
			}, absolute(1)},
		{"GELUTanhBackward", func(x []float32) []float32 { dx := one(x); GELUTanhBackward(dx, one(x), dx, x); return dx },
			func(x float64) float64 {
				if x > 20 || x < -20 {
					return math.Max(0, math.Copysign(1, x))
				}
				p := logistic(twoU(x))
				return p + x*p*(1-p)*2*tanhScale*(1+3*tanhCube*x*x)
			}, absolute(2)},
	}
	eachFloatPath(t, func(t *testing.T) {
		x := dense()
		for _, c := range cases {
			got := c.run(append([]float32(nil), x...))
			worst, at := 0.0, ""
			for i, v := range x {
				w := c.want(float64(v))
				if e := c.measure(got[i], w, float64(v)); !(e <= worst) && worst == worst { // a NaN stays
					worst, at = e, fmt.Sprintf("f(%v) = %v, want %v", v, got[i], w)
				}
			}
			if !(worst <= 1) {
				t.Errorf("%s: %.3g times the limit, %s", c.name, worst, at)
			}
			t.Logf("%s: %.3g of the limit, %s", c.name, worst, at)
		}
	})
}
