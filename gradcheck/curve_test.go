package gradcheck_test

import (
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
)

// The differences of a sine are known: sin(x+h) - sin(x-h) is 2 cos x sin h, so that two
// evaluations give cos x (sin h)/h, and four give cos x (8 sin h - sin 2h)/6h.
func TestCurve(t *testing.T) {
	const x = 0.4
	c := gradcheck.CurveOf(func(nudge float64) (float64, bool) { return math.Sin(x + nudge), false })
	if len(c.Steps) != 45 || len(c.Two) != 45 || len(c.Four) != 45 || c.Steps[0] != 1 || c.Steps[gradcheck.CurveDefault] != gradcheck.DefaultStep || c.Steps[44] != math.Pow(2, -44) {
		t.Fatalf("%d steps, %v", len(c.Steps), c.Steps)
	}
	for k, h := range c.Steps {
		rounding := 4e-16 / h
		if want := math.Cos(x) * math.Sin(h) / h; math.Abs(c.Two[k]-want) > rounding {
			t.Errorf("two evaluations at %g: %g, want %g", h, c.Two[k], want)
		}
		if want := math.Cos(x) * (8*math.Sin(h) - math.Sin(2*h)) / (6 * h); math.Abs(c.Four[k]-want) > rounding {
			t.Errorf("four evaluations at %g: %g, want %g", h, c.Four[k], want)
		}
	}
	// The V: the error falls by 2⁴ while the series is what is wrong, and at the end it is rounding.
	off := func(k int) float64 { return gradcheck.Deviation(math.Cos(x), c.Four[k]) }
	if r := off(3) / off(4); r < 15 || r > 17 {
		t.Errorf("halving h divides the error of four evaluations by %g", r)
	}
	if off(gradcheck.CurveDefault) > 1e-11 || off(40) < 1e-6 {
		t.Errorf("%g at the step of every check, %g at 2⁻⁴⁰", off(gradcheck.CurveDefault), off(40))
	}
	// A kink between 2⁻³ and 2⁻⁴ refuses the larger steps, and one more of four evaluations.
	c = gradcheck.CurveOf(func(nudge float64) (float64, bool) { return math.Sin(x + nudge), math.Abs(nudge) > 0.1 })
	for k := range c.Steps {
		if math.IsNaN(c.Two[k]) != (k < 4) || math.IsNaN(c.Four[k]) != (k < 5) {
			t.Errorf("at %g: %g %g", c.Steps[k], c.Two[k], c.Four[k])
		}
	}
}

func TestDeviation(t *testing.T) {
	for _, c := range []struct{ a, d, want float64 }{{1, 1, 0}, {2, 1, 0.5}, {-1, 1, 2}, {0, 1e-5, 0.1}, {0, 0, 0}} {
		if got := gradcheck.Deviation(c.a, c.d); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("Deviation(%g, %g) = %g, want %g", c.a, c.d, got, c.want)
		}
	}
	if !math.IsNaN(gradcheck.Deviation(math.NaN(), 1)) {
		t.Error("NaN agrees with something")
	}
}
