package gradcheck

import "math"

// A Curve is a central difference at many steps h. Its error has the shape of a V: at large
// steps the series is cut off too early, an error of h² with two evaluations and of h⁴ with
// four; at small ones the rounding of the two losses is divided by h.
type Curve struct {
	Steps []float64 // 1, 1/2, 1/4 … 2⁻⁴⁴; DefaultStep is number CurveDefault
	Two   []float64 // (L(h) - L(-h)) / 2h; NaN where a nudge crosses a kink
	Four  []float64 // by the four evaluations of DefaultStep; NaN as above
}

// CurveDefault is where DefaultStep stands among the steps of a Curve.
const CurveDefault = 10

// smallestStep is the exponent of the last step of a Curve: the rounding of a loss of order
// ten, over h, is larger there than a gradient.
const smallestStep = 44

// CurveOf evaluates f, the loss after a nudge by x, at ±2, ±1, ±1/2 … ±2⁻⁴⁴, and says what
// central differences make of it. crossed says that a nudge crosses a kink.
func CurveOf(f func(x float64) (loss float64, crossed bool)) (c Curve) {
	at := func(h float64) float64 { // L(h) - L(-h)
		above, c1 := f(h)
		below, c2 := f(-h)
		if c1 || c2 {
			return math.NaN()
		}
		return above - below
	}
	double := at(2)
	for k := range smallestStep + 1 {
		h := math.Ldexp(1, -k)
		d := at(h)
		c.Steps = append(c.Steps, h)
		c.Two = append(c.Two, d/(2*h))
		c.Four = append(c.Four, (8*d-double)/(12*h))
		double = d
	}
	return c
}

// Deviation is how far a difference is from what the backward pass says, relative to the
// larger of the two; below DifferenceFloor it is in units of that. NaN where either is NaN.
func Deviation(analytic, difference float64) float64 {
	return math.Abs(analytic-difference) / max(DifferenceFloor, math.Abs(analytic), math.Abs(difference))
}
