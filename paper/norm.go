package paper

// A Norm holds the parameters of a normalization, or gradients with respect to them: of
// [LayerNorm], or of [RMSNorm], which has no bias. A bias that is switched off is nil.
type Norm struct {
	W, B Vec
	Eps  float64 // in a gradient it is 0
	RMS  bool    // RMSNorm; in a gradient it is false
}

// normalize is the layer whose parameters p are.
func (p Norm) normalize(tr *Trace, aPrev Mat) (a Mat, back func(Δ Mat) (ΔPrev Mat, dp Norm)) {
	if p.RMS {
		a, backRMS := RMSNorm(tr, aPrev, p.W, p.Eps)
		return a, func(Δ Mat) (ΔPrev Mat, dp Norm) {
			ΔPrev, dp.W = backRMS(Δ)
			return ΔPrev, dp
		}
	}
	a, backLN := LayerNorm(tr, aPrev, p.W, p.B, p.Eps)
	return a, func(Δ Mat) (ΔPrev Mat, dp Norm) {
		ΔPrev, dp.W, dp.B = backLN(Δ)
		return ΔPrev, dp
	}
}
