package kernel

import (
	"math"
	"testing"
)

// On every path and for every length and place, Extent finds the largest |x|, a NaN
// whatever its sign and its bits, and a minus, also that of -0.
func TestExtent(t *testing.T) {
	nan, negative := math.Float32frombits(0x7fc00000), math.Float32frombits(0xff800001)
	minusZero := float32(math.Copysign(0, -1))
	eachPath(t, func(t *testing.T) {
		eachLength(t, func(n int, slice func() []float32) {
			x := slice()
			for i := range x {
				x[i] = float32(math.Abs(float64(x[i])))
			}
			check := func(what string) {
				t.Helper()
				most, minus := float32(0), false
				for _, v := range x {
					if a := float32(math.Abs(float64(v))); !(a <= most) && most == most {
						most = a
					}
					minus = minus || math.Signbit(float64(v))
				}
				got, gotMinus := Extent(x)
				got64, gotMinus64 := Extent(to64(x))
				same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
				if !same(float64(got), float64(most)) || gotMinus != minus || !same(got64, float64(most)) || gotMinus64 != minus {
					t.Fatalf("%s, %d numbers: %g, %v and in float64 %g, %v, want %g, %v", what, n, got, gotMinus, got64, gotMinus64, most, minus)
				}
			}
			check("no minus")
			for _, i := range []int{0, n / 3, n - 1} {
				if n == 0 {
					continue
				}
				old := x[i]
				for _, v := range []float32{nan, negative, float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, -math.MaxFloat32, minusZero, -math.SmallestNonzeroFloat32} {
					x[i] = v
					check("with one of another kind")
				}
				x[i] = old
			}
		})
	})
}
