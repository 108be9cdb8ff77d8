//go:build long

package kernel

import (
	"math"
	"testing"
)

// Every float32 of a magnitude from 1e-6 to 14.2, where neither GELU is almost x/2 nor
// almost x or 0, on the paths that have kernels of their own.
func TestAccuracyOfEveryNumber(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		if current != AVX2 && current != AVX512 {
			return
		}
		for _, c := range []struct {
			name       string
			f          func(y, x []float32)
			want       func(x float64) float64
			sign, most float64
		}{
			{"GELU", GELU[float32], func(x float64) float64 { return x * normalCDF(x) }, 1, 2},
			{"GELU", GELU[float32], func(x float64) float64 { return x * normalCDF(x) }, -1, 2},
			{"GELUTanh", GELUTanh[float32], func(x float64) float64 { return x * logistic(2*tanhScale*(x+tanhCube*x*x*x)) }, 1, 2},
			{"GELUTanh", GELUTanh[float32], func(x float64) float64 { return x * logistic(2*tanhScale*(x+tanhCube*x*x*x)) }, -1, 2},
		} {
			worst, at := 0.0, float32(0)
			x, y := make([]float32, 1<<16), make([]float32, 1<<16)
			from, to := math.Float32bits(float32(1e-6*c.sign)), math.Float32bits(float32(14.2*c.sign))
			for ; from <= to; from += uint32(len(x)) {
				for i := range x {
					x[i] = math.Float32frombits(from + uint32(i))
				}
				c.f(y, x)
				for i, v := range x {
					if e := ulps(y[i], c.want(float64(v))); !(e <= worst) && worst == worst { // a NaN stays
						worst, at = e, v
					}
				}
			}
			t.Logf("%s: %.2f units in the last place at %v", c.name, worst, at)
			if !(worst <= c.most) {
				t.Errorf("%s is off by %.2f units in the last place at %v, want %v at most", c.name, worst, at, c.most)
			}
		}
	})
}
