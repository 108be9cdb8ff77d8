package paper

import (
	"fmt"
	"math"
)

// RMSNorm divides every token by its own size, the root of its mean square, and
// multiplies by a learned gain w. No mean is taken out and there is no bias. aPrev
// and a are n×d; w has d numbers. A network that stores its gain as w - 1 (Gemma)
// passes w; the gradient is the same.
//
//	σ   = √((a_{i-1} ⊖ a_{i-1})/d + ε)
//	ā   = a_{i-1} / σ̃                                 (L1)
//	a_i = ā diag(w)                                   (L2)
//
// The result back takes Δ_i to the gradients with respect to a_{i-1} and w. Because
// σ depends on a_{i-1}, the error on ā loses its component along ā. It is (40)
// without the term of the mean:
//
//	g       = Δ_i diag(w)
//	Δ_{i-1} = (g - ā ∘ (g ⊖ ā)/d) / σ̃                (L3)
//	∂L/∂w   = Σ_tokens ā ∘ Δ_i                        (L4)
//
// With ε = 0 a token of zeros has no direction. It is treated as [LayerNorm] treats a
// constant token: ā and Δ_{i-1} are zero, and the trace holds a step [ConstantTokens].
//
// Derivation: docs/09-llama.md.
func RMSNorm(tr *Trace, aPrev Mat, w Vec, ε float64) (a Mat, back func(Δ Mat) (ΔPrev Mat, dw Vec)) {
	n, d := aPrev.N, aPrev.D
	if len(w) != d {
		panic(fmt.Sprintf("paper.RMSNorm: input %d×%d, gain of %d", n, d, len(w)))
	}
	aPrev = tr.Eq("", "a_{i-1}", aPrev)
	σ := withoutSize(tr, "L1", rootMeanSquare(aPrev, ε))

	ā := tr.Eq("L1", "ā_{i-1}", aPrev.Div(Cols(σ, d)))
	a = tr.Eq("L2", "a_i", ā.Had(Rows(w, n)))

	back = func(Δ Mat) (ΔPrev Mat, dw Vec) {
		Δ.like(a, "RMSNorm: error signal")
		g := Δ.Had(Rows(w, n))
		along := Cols(g.FeatureDot(ā), d).Scale(1 / float64(d))

		ΔPrev = tr.Eq("L3", "Δ_{i-1}", g.Sub(ā.Had(along)).Div(Cols(σ, d)))
		dw = tr.Vec("L4", "∂L/∂w", ā.Had(Δ).SumTokens())
		return ΔPrev, dw
	}
	return a, back
}

// rootMeanSquare is the size of each token's features, with ε under the root.
func rootMeanSquare(a Mat, ε float64) Vec {
	d := float64(a.D)
	return a.FeatureDot(a).row().mapped(func(x float64) float64 { return math.Sqrt(x/d + ε) }).V
}
