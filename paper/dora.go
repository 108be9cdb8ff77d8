package paper

import (
	"fmt"
	"math"
)

// DoRA is a fully connected layer whose adapted weight is taken apart into the
// directions of its columns, which the factors turn, and their lengths m, which are
// numbers of their own (Liu et al., 2024). aPrev is n×f_{i-1}; v, the sum of the
// frozen weight and the adapter's, is f_{i-1}×f_i, and ‖v‖ holds the length of each
// of its columns; m has f_i numbers. ã is aPrev, or aPrev under the mask of
// [Dropout], which only the adapter reads.
//
//	v       = w + α d u                           (DoRA)
//	z       = a_{i-1} w + α ã d u                 (DoRA)
//	a_i     = z diag(m/‖v‖) + b̃                   (DoRA)
//	Δ_z     = Δ_i diag(m/‖v‖)                     (DoRA)
//	Δ_{i-1} = Δ_z wᵗ + α Δ_z (d u)ᵗ ∘ mask        (DoRA)
//	∂L/∂m   = (Σ_tokens Δ_i ∘ z) / ‖v‖            (DoRA)
//	∂L/∂w   = a_{i-1}ᵗ Δ_z + N                    (DoRA)
//	∂L/∂d   = α (ãᵗ Δ_z + N) uᵗ                   (DoRA)
//	∂L/∂u   = α dᵗ (ãᵗ Δ_z + N)                   (DoRA)
//
// N is what comes through the length, since a column that grows is divided by more.
// It is 0 when ‖v‖ counts as a constant, as in the original and in PEFT; with
// p.Exact these are the gradients of a_i:
//
//	N = -v diag(m/‖v‖² ∘ ∂L/∂m)    (DoRA-N)
//
// A column without length gives zero, forward and backward, as a constant token
// does in layer normalization. Derivation: docs/06-lora.md.
func DoRA(tr *Trace, aPrev Mat, p Layer) (a Mat, back func(Δ Mat) (ΔPrev Mat, dp Layer)) {
	aPrev = tr.Eq("", "a_{i-1}", aPrev)
	aMasked, backMask := p.masked(tr, aPrev)
	v, norm := p.direction(tr)
	z := tr.Eq("DoRA", "z", aPrev.Mul(p.W).Add(aMasked.Mul(p.D).Mul(p.U).Scale(p.Alpha)))
	gain := p.M.row().Div(norm.row()).V
	a = tr.Eq("DoRA", "a_i", z.Had(Rows(gain, z.N)).Bias(p.B))

	back = func(Δ Mat) (ΔPrev Mat, dp Layer) {
		Δ.like(a, "DoRA: error signal")
		Δz := tr.Eq("DoRA", "Δ_z", Δ.Had(Rows(gain, Δ.N)))
		ΔPrev = tr.Eq("DoRA", "Δ_{i-1}", Δz.Mul(p.W.T()).Add(backMask(Δz.Mul(p.D.Mul(p.U).T()).Scale(p.Alpha))))
		dp.M = tr.Vec("DoRA", "∂L/∂m", Δ.Had(z).SumTokens().row().Div(norm.row()).V)
		N := tr.Eq("DoRA-N", "N", p.throughNorm(v, norm, dp.M))
		dp.W = tr.Eq("DoRA", "∂L/∂w", aPrev.T().Mul(Δz).Add(N))
		dp.B = tr.Vec("FC", "∂L/∂b", Δ.SumTokens())
		dp.D = tr.Eq("DoRA", "∂L/∂d", aMasked.T().Mul(Δz).Add(N).Mul(p.U.T()).Scale(p.Alpha))
		dp.U = tr.Eq("DoRA", "∂L/∂u", p.D.T().Mul(aMasked.T().Mul(Δz).Add(N)).Scale(p.Alpha))
		return ΔPrev, dp
	}
	return a, back
}

// ColumnNorm is the name of the step that records ‖v‖. Whoever differentiates a
// layer without Exact holds it constant, by Trace.Rewrite.
const ColumnNorm = "‖v‖"

// direction is v = w + α d u and the length of each of its columns; ∞ where that
// is 0, so that dividing by it gives zero.
func (p Layer) direction(tr *Trace) (v Mat, norm Vec) {
	if p.W.N != p.D.N || p.W.D != p.U.D || p.D.D != p.U.N || len(p.M) != p.W.D {
		panic(fmt.Sprintf("paper.DoRA: weight %d×%d, down %d×%d, up %d×%d, %d magnitudes", p.W.N, p.W.D, p.D.N, p.D.D, p.U.N, p.U.D, len(p.M)))
	}
	v = tr.Eq("DoRA", "v", p.W.Add(p.D.Mul(p.U).Scale(p.Alpha)))
	norm = v.Had(v).SumTokens()
	for j, s := range norm {
		if norm[j] = math.Sqrt(s); s == 0 {
			norm[j] = math.Inf(1)
		}
	}
	return v, tr.Vec("DoRA", ColumnNorm, norm)
}

// throughNorm is N.
func (p Layer) throughNorm(v Mat, norm, dm Vec) Mat {
	if !p.Exact {
		return Zeros(v.N, v.D)
	}
	c := p.M.row().Had(dm.row()).Div(norm.row().Had(norm.row())).V
	return v.Had(Rows(c, v.N)).Scale(-1)
}
