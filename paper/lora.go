package paper

import "fmt"

// LoRA is a low-rank layer (§6). aPrev is n×f_{i-1}, d ("down") is f_{i-1}×r, u
// ("up") is r×f_i, a is n×f_i. α is the number that multiplies, whatever the
// convention it came from; pedestrian.AdapterConfig.Multiplier names them.
//
//	a_i     = α a_{i-1} d u         (43)
//	Δ_{i-1} = α Δ_i (d u)ᵗ          (44)
//	∂L/∂d   = α a_{i-1}ᵗ Δ_i uᵗ     (45)
//	∂L/∂u   = α (a_{i-1} d)ᵗ Δ_i    (46)
//
// Derivation: docs/06-lora.md.
func LoRA(tr *Trace, aPrev, d, u Mat, α float64) (a Mat, back func(Δ Mat) (ΔPrev, dd, du Mat)) {
	if aPrev.D != d.N || d.D != u.N {
		panic(fmt.Sprintf("paper.LoRA: input %d×%d, down %d×%d, up %d×%d", aPrev.N, aPrev.D, d.N, d.D, u.N, u.D))
	}
	aPrev = tr.Eq("", "a_{i-1}", aPrev)
	a = tr.Eq("43", "a_i", aPrev.Mul(d).Mul(u).Scale(α))

	back = func(Δ Mat) (ΔPrev, dd, du Mat) {
		Δ.like(a, "LoRA: error signal")
		ΔPrev = tr.Eq("44", "Δ_{i-1}", Δ.Mul(d.Mul(u).T()).Scale(α))
		dd = tr.Eq("45", "∂L/∂d", aPrev.T().Mul(Δ).Mul(u.T()).Scale(α))
		du = tr.Eq("46", "∂L/∂u", aPrev.Mul(d).T().Mul(Δ).Scale(α))
		return ΔPrev, dd, du
	}
	return a, back
}

// A Layer holds the parameters of a fully connected layer that may have an
// adapter beside it, or gradients with respect to them. Without an adapter D and
// U are the zero Mat; without a bias B is nil.
type Layer struct {
	W     Mat
	B     Vec
	D, U  Mat     // down and up
	Alpha float64 // multiplier; in a gradient it is 0
}

// Adapted is a fully connected layer with LoRA beside it, when p has one (§7).
// Their outputs add, and so do their error signals: the frozen layer's weights
// have no use for a gradient, but all layers below need its part of Δ_{i-1},
// which the paper's box leaves out.
//
//	a_i     = FC(a_{i-1}) + LoRA(a_{i-1})     (FC+LoRA)
//	Δ_{i-1} = Δ_i (w + α d u)ᵗ                (FC+LoRA)
//
// The gradients of the frozen parameters are returned too.
func Adapted(tr *Trace, aPrev Mat, p Layer) (a Mat, back func(Δ Mat) (ΔPrev Mat, dp Layer)) {
	if p.D.V == nil {
		a, backFC := FC(tr, aPrev, p.W, p.B)
		return a, func(Δ Mat) (ΔPrev Mat, dp Layer) {
			ΔPrev, dp.W, dp.B = backFC(Δ)
			return ΔPrev, dp
		}
	}
	aPrev = tr.Eq("", "a_{i-1}", aPrev)
	frozen, backFC := FC(tr.In("frozen"), aPrev, p.W, p.B)
	adapter, backLoRA := LoRA(tr.In("lora"), aPrev, p.D, p.U, p.Alpha)
	a = tr.Eq("FC+LoRA", "a_i", frozen.Add(adapter))

	back = func(Δ Mat) (ΔPrev Mat, dp Layer) {
		var ΔFrozen, ΔAdapter Mat
		ΔFrozen, dp.W, dp.B = backFC(Δ)
		ΔAdapter, dp.D, dp.U = backLoRA(Δ)
		ΔPrev = tr.Eq("FC+LoRA", "Δ_{i-1}", ΔFrozen.Add(ΔAdapter))
		return ΔPrev, dp
	}
	return a, back
}

// Merge returns w + α d u, the one weight that acts like a frozen layer and its
// adapter together: that is how an adapter reaches the heads, whose projections
// are columns of one layer with one d. Because ∂L/∂w = a_{i-1}ᵗ Δ_i,
//
//	∂L/∂d = α (∂L/∂w) uᵗ     (45)
//	∂L/∂u = α dᵗ (∂L/∂w)     (46)
func Merge(tr *Trace, w, d, u Mat, α float64) (merged Mat, back func(dw Mat) (dd, du Mat)) {
	if w.N != d.N || w.D != u.D || d.D != u.N {
		panic(fmt.Sprintf("paper.Merge: weight %d×%d, down %d×%d, up %d×%d", w.N, w.D, d.N, d.D, u.N, u.D))
	}
	merged = tr.Eq("", "w + α d u", w.Add(d.Mul(u).Scale(α)))

	back = func(dw Mat) (dd, du Mat) {
		dd = tr.Eq("45", "∂L/∂d", dw.Mul(u.T()).Scale(α))
		du = tr.Eq("46", "∂L/∂u", d.T().Mul(dw).Scale(α))
		return dd, du
	}
	return merged, back
}
