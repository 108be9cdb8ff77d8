package paper

import (
	"fmt"
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// At z = 0 the gate is shut: g = 0. Its slope is 1/2, so u decides the error of z.
func ExampleGated() {
	z, u := Mat{1, 2, []float64{0, 0}}, Mat{1, 2, []float64{6, -2}}
	h, back := Gated(nil, z, u, pedestrian.SiLU)
	Δz, Δu := back(Mat{1, 2, []float64{1, 1}})
	fmt.Println(h.V, Δz.V, Δu.V)
	// Output: [0 -0] [3 -1] [0 0]
}

// TestGated differentiates L = Δ·h numerically for every gate.
func TestGated(t *testing.T) {
	for _, g := range []pedestrian.Activation{pedestrian.SiLU, pedestrian.GELU, pedestrian.GELUTanh} {
		s := draw(70)
		z, u, Δ := s.mat(4, 5), s.mat(4, 5), s.mat(4, 5)
		loss := func() float64 {
			h, _ := Gated(nil, z, u, g)
			return h.Dot(Δ)
		}
		h, back := Gated(nil, z, u, g)
		Δz, Δu := back(Δ)
		check(t, string(g)+" (L15.a)", u.V, Δu.V, loss)
		check(t, string(g)+" (L15.b)", z.V, Δz.V, loss)
		same(t, string(g)+" (L16)", Δu.FeatureDot(u), Δ.FeatureDot(h), rounding)
	}
	panics(t, "paper.Gated: gate and up: 2×3 is not 2×2", func() { Gated(nil, Zeros(2, 3), Zeros(2, 2), pedestrian.SiLU) })
	panics(t, "paper.Activate: unknown activation", func() { Gated(nil, Zeros(2, 3), Zeros(2, 3), "tanh") })
}

// TestSiLU: its figures (L13). It is half a straight line plus an even function,
// falls to -0.278465 at -1.2785, and its slope stays within -0.0998 and 1.0998; it
// neither overflows nor becomes NaN far out.
func TestSiLU(t *testing.T) {
	low, at, least, most := 0.0, 0.0, 1.0, 0.0
	for i := -200000; i <= 200000; i++ {
		x := float64(i) / 1e4
		g, slope := silu(x), siluSlope(x)
		if math.Abs(g-silu(-x)-x) > rounding {
			t.Fatalf("silu(%g) - silu(-%g) = %g", x, x, g-silu(-x))
		}
		if g < low {
			low, at = g, x
		}
		least, most = min(least, slope), max(most, slope)
	}
	if got, want := fmt.Sprintf("%.6f %.4f %.4f %.4f", low, at, least, most), "-0.278465 -1.2785 -0.0998 1.0998"; got != want {
		t.Errorf("silu: %s, want %s", got, want)
	}
	for _, x := range []float64{-1e4, 1e4} {
		if g, slope := silu(x), siluSlope(x); g != max(0, x) || slope != max(0, x)/1e4 {
			t.Errorf("silu(%g) = %g with slope %g", x, g, slope)
		}
	}
}
