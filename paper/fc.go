package paper

import "fmt"

// FC is a fully connected layer, from the paper's predecessor (arXiv 1811.11987).
// aPrev is n×f_{i-1}, w is f_{i-1}×f_i, b has f_i numbers or is nil, a is n×f_i.
//
//	a_i     = a_{i-1} w + b̃      (FC)
//	Δ_{i-1} = Δ_i wᵗ             (FC)
//	∂L/∂w   = a_{i-1}ᵗ Δ_i       (FC)
//	∂L/∂b   = Σ_tokens Δ_i       (FC)
//
// Derivation: docs/07-network.md.
func FC(tr *Trace, aPrev, w Mat, b Vec) (a Mat, back func(Δ Mat) (ΔPrev, dw Mat, db Vec)) {
	if aPrev.D != w.N || b != nil && len(b) != w.D {
		panic(fmt.Sprintf("paper.FC: input %d×%d, weight %d×%d, bias of %d", aPrev.N, aPrev.D, w.N, w.D, len(b)))
	}
	aPrev = tr.Eq("", "a_{i-1}", aPrev)
	a = tr.Eq("FC", "a_i", aPrev.Mul(w).Bias(b))

	back = func(Δ Mat) (ΔPrev, dw Mat, db Vec) {
		Δ.like(a, "FC: error signal")
		ΔPrev = tr.Eq("FC", "Δ_{i-1}", Δ.Mul(w.T()))
		dw = tr.Eq("FC", "∂L/∂w", aPrev.T().Mul(Δ))
		db = tr.Vec("FC", "∂L/∂b", Δ.SumTokens())
		return ΔPrev, dw, db
	}
	return a, back
}
