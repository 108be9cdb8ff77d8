package gradcheck

// Gradient holds gradient, the derivatives of loss with respect to x, against central
// differences of four evaluations in float64, entry by entry: the check of a layer of one's
// own. x is what loss reads; Gradient changes its entries one at a time and puts them back.
// The entries should be of order one, and x no special point: a gain of 1 or a bias of 0
// hides a factor that is missing. It panics if the two have other lengths.
func Gradient(loss func() float64, x, gradient []float64) Comparison {
	if len(x) != len(gradient) {
		panic("gradcheck.Gradient: x and its gradient differ in length")
	}
	differences := make([]float64, len(x))
	for i, at := range x {
		differences[i], _ = Slope(DefaultStep, func(h float64) (float64, bool) {
			x[i] = at + h
			return loss(), false
		})
		x[i] = at
	}
	return Compare(gradient, differences, max(1, len(x)), DifferenceTolerance, func(a, n float64) float64 { return Relative(a, n, DifferenceFloor) })
}
