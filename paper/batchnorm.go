package paper

import "fmt"

// BatchNorm centers and scales every feature by its own mean and deviation over
// the m samples of a batch, then maps it by a gain w and a bias b. aPrev and a are
// m×f; w has f numbers, b too or is nil. It is here for the duality (39): what
// LayerNorm does to a, it does to aᵗ, forward and backward, gain and bias apart.
// No network uses it.
//
//	ā       = (a_{i-1} - μ̃) / σ̃                            (BN)
//	a_i     = ā diag(w) + b̃                                 (BN)
//	Δ_{i-1} = (m g - Σ_m g - ā ∘ Σ_m ā∘g) / (m σ̃)           (BN)
//
// with g = Δ_i diag(w) and sums over samples where (40) has sums over features.
// A feature that is the same in every sample, with ε = 0, is treated as LayerNorm
// treats a constant token. Derivation: docs/05-layernorm.md.
func BatchNorm(tr *Trace, aPrev Mat, w, b Vec, ε float64) (a Mat, back func(Δ Mat) (ΔPrev Mat, dw, db Vec)) {
	m, f := aPrev.N, aPrev.D
	if len(w) != f || b != nil && len(b) != f {
		panic(fmt.Sprintf("paper.BatchNorm: input %d×%d, gain of %d, bias of %d", m, f, len(w), len(b)))
	}
	aPrev = tr.Eq("", "a_{i-1}", aPrev)
	μ, σ := Moments(aPrev.T(), ε)
	σ = withoutSize(tr, "BN", σ)

	ā := tr.Eq("BN", "ā_{i-1}", aPrev.Sub(Rows(μ, m)).Div(Rows(σ, m)))
	a = tr.Eq("BN", "a_i", ā.Had(Rows(w, m)).Bias(b))

	back = func(Δ Mat) (ΔPrev Mat, dw, db Vec) {
		Δ.like(a, "BatchNorm: error signal")
		g := Δ.Had(Rows(w, m))
		Σg := Rows(g.SumTokens(), m)
		Σāg := Rows(ā.Had(g).SumTokens(), m)

		ΔPrev = tr.Eq("BN", "Δ_{i-1}", g.Scale(float64(m)).Sub(Σg).Sub(ā.Had(Σāg)).Div(Rows(σ, m).Scale(float64(m))))
		dw = tr.Vec("BN", "∂L/∂w", ā.Had(Δ).SumTokens())
		db = tr.Vec("BN", "∂L/∂b", Δ.SumTokens())
		return ΔPrev, dw, db
	}
	return a, back
}
