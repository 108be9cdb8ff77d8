package kernel

import (
	"math"
	"testing"
)

// From a mean of 16 σ on, a row is normalized in float64, for the rounding error of a
// mean in float32 begins to show. Three numbers c-1, c, c+2 have the mean c + 1/3 and
// σ = √(14/9) = 1.2472191; of the middle one ā is (c - μ)/σ = -1/√14 = -0.26726124.
//
// In float32 the mean of 19 + 1/3 is 19.33333397 (the next number is 1.9e-6 away), and
// (19 - 19.33333397)/1.2472191 = -0.26726174; below the threshold, 15.5 σ, that is what
// comes. Beyond it, at 16.3 σ, it is what float64 has: in float32 it would be
// (20 - 20.33333397)/1.2472191, the same -0.26726174.
func TestLayerNormThreshold(t *testing.T) {
	const exact, rounded, within = -0.26726124, -0.26726174, 1e-7
	eachPath(t, func(t *testing.T) {
		for _, c := range []struct {
			at   float32
			want float64
		}{{19, rounded}, {20, exact}, {-19, rounded}, {-20, exact}} {
			x := []float32{c.at - 1, c.at, c.at + 2}
			sign := 1.0
			if c.at < 0 { // the mirrored row, whose mean is on the other side of zero
				x = []float32{c.at + 1, c.at, c.at - 2}
				sign = -1
			}
			xhat, y := make([]float32, 3), make([]float32, 3)
			Normalize(xhat, x, 0)
			if got := sign * float64(xhat[1]); !(math.Abs(got-c.want) < within) {
				t.Errorf("Normalize of %v: ā of the second is %.8f, want %.8f", x, got, c.want)
			}
			LayerNorm(y, xhat, x, []float32{1, 1, 1}, []float32{0, 0, 0}, 0)
			if got := sign * float64(y[1]); !(math.Abs(got-c.want) < within) {
				t.Errorf("LayerNorm of %v: the second is %.8f, want %.8f", x, got, c.want)
			}
		}
	})
}
