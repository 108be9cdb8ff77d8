package paper

import "fmt"

// LoRA is a low-rank layer (§6). aPrev is n×f_{i-1}, d ("down") is f_{i-1}×r, u
// ("up") is r×f_i, a is n×f_i. α is the number that multiplies, whatever the
// convention it came from; pedestrian.Scaling names them.
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
// U are the zero Mat; without a bias B is nil; without DoRA M is.
type Layer struct {
	W    Mat
	B    Vec
	D, U Mat // down and up
	M    Vec // magnitudes of DoRA

	Alpha  float64 // multiplier; in a gradient it is 0
	Masked bool    // the adapter reads its input under the mask of [Dropout]
	Exact  bool    // the gradient of DoRA goes through the norm

	own []int32 // columns of W that are an adapter's, see withRows: mixed precision does not round them
}

// masked is the input of the adapter.
func (p Layer) masked(tr *Trace, aPrev Mat) (a Mat, back func(Δ Mat) (ΔPrev Mat)) {
	if !p.Masked {
		return aPrev, func(Δ Mat) Mat { return Δ }
	}
	return Dropout(tr, aPrev)
}

// Adapted is a fully connected layer with LoRA beside it, when p has one (§7).
// Their outputs add, and so do their error signals: the frozen layer's weights
// have no use for a gradient, but all layers below need its part of Δ_{i-1},
// which the paper's box leaves out.
//
//	a_i     = FC(a_{i-1}) + LoRA(a_{i-1})     (FC+LoRA)
//	Δ_{i-1} = Δ_i (w + α d u)ᵗ                (FC+LoRA)
//
// A layer with magnitudes is [DoRA]. The gradients of the frozen parameters are
// returned too.
func Adapted(tr *Trace, aPrev Mat, p Layer) (a Mat, back func(Δ Mat) (ΔPrev Mat, dp Layer)) {
	switch {
	case p.D.V == nil:
		a, backFC := FC(tr, aPrev, p.W, p.B)
		return a, func(Δ Mat) (ΔPrev Mat, dp Layer) {
			ΔPrev, dp.W, dp.B = backFC(Δ)
			return ΔPrev, dp
		}
	case p.M != nil:
		return DoRA(tr, aPrev, p)
	}
	aPrev = tr.Eq("", "a_{i-1}", aPrev)
	aMasked, backMask := p.masked(tr, aPrev)
	frozen, backFC := FC(tr.In("frozen"), aPrev, p.W, p.B)
	adapter, backLoRA := LoRA(tr.In("lora"), aMasked, p.D, p.U, p.Alpha)
	a = tr.Eq("FC+LoRA", "a_i", frozen.Add(adapter))

	back = func(Δ Mat) (ΔPrev Mat, dp Layer) {
		var ΔFrozen, ΔAdapter Mat
		ΔFrozen, dp.W, dp.B = backFC(Δ)
		ΔAdapter, dp.D, dp.U = backLoRA(Δ)
		ΔPrev = tr.Eq("FC+LoRA", "Δ_{i-1}", ΔFrozen.Add(backMask(ΔAdapter)))
		return ΔPrev, dp
	}
	return a, back
}

// Merge returns the weight that acts like the frozen layer, and the one that acts
// like the adapter; their sum acts like both. That is how an adapter reaches the
// heads, whose projections are columns of one layer with one d. Under a mask the
// two weights have inputs of their own, and without one their gradients dw and dv
// are the same a_{i-1}ᵗ Δ_i.
//
//	∂L/∂d = α (∂L/∂v) uᵗ     (45)
//	∂L/∂u = α dᵗ (∂L/∂v)     (46)
//
// With DoRA both weights are multiplied by diag(m/‖v‖), and (DoRA) reads
//
//	∂L/∂m = (Σ_rows w ∘ dw + α d u ∘ dv) / ‖v‖             (DoRA)
//	∂L/∂w = dw diag(m/‖v‖) + N, ∂L/∂v = dv diag(m/‖v‖) + N  (DoRA)
func Merge(tr *Trace, p Layer) (frozen, adapter Mat, back func(dw, dv Mat) (dp Layer)) {
	if p.W.N != p.D.N || p.W.D != p.U.D || p.D.D != p.U.N {
		panic(fmt.Sprintf("paper.Merge: weight %d×%d, down %d×%d, up %d×%d", p.W.N, p.W.D, p.D.N, p.D.D, p.U.N, p.U.D))
	}
	du := p.D.Mul(p.U).Scale(p.Alpha)
	if p.M == nil {
		back = func(dw, dv Mat) (dp Layer) {
			dp.W = dw
			dp.D = tr.Eq("45", "∂L/∂d", dv.Mul(p.U.T()).Scale(p.Alpha))
			dp.U = tr.Eq("46", "∂L/∂u", p.D.T().Mul(dv).Scale(p.Alpha))
			return dp
		}
		return tr.Eq("", "w", p.W), tr.Eq("", "α d u", du), back
	}
	v, norm := p.direction(tr)
	gain := p.M.row().Div(norm.row()).V
	frozen = tr.Eq("", "w", p.W.Had(Rows(gain, v.N)))
	adapter = tr.Eq("", "α d u", du.Had(Rows(gain, v.N)))

	back = func(dw, dv Mat) (dp Layer) {
		dp.M = tr.Vec("DoRA", "∂L/∂m", p.W.Had(dw).Add(du.Had(dv)).SumTokens().row().Div(norm.row()).V)
		N := tr.Eq("DoRA-N", "N", p.throughNorm(v, norm, dp.M))
		dp.W = tr.Eq("DoRA", "∂L/∂w", dw.Had(Rows(gain, v.N)).Add(N))
		dv = dv.Had(Rows(gain, v.N)).Add(N)
		dp.D = tr.Eq("DoRA", "∂L/∂d", dv.Mul(p.U.T()).Scale(p.Alpha))
		dp.U = tr.Eq("DoRA", "∂L/∂u", p.D.T().Mul(dv).Scale(p.Alpha))
		return dp
	}
	return frozen, adapter, back
}
