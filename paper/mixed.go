package paper

import (
	"math"

	"github.com/pedestrian-ml/pedestrian"
)

// A Rounding is what mixed precision makes of an operand of a product. The step has
// the operand before it, its name ("a_{i-1}", "w", and "Δ_i" or, with DoRA, "Δ_z")
// and the layer's place; queries, keys and values are at "qkv.q", "qkv.k", "qkv.v",
// or together at "qkv.qkv".
type Rounding func(s Step) Mat

// BF16 rounds to the nearest number of eight binary digits, ties to even.
func BF16(s Step) Mat { return s.V.mapped(bf16) }

// bf16 leaves out that numbers below 2⁻¹²⁶ have fewer digits.
func bf16(x float64) float64 {
	f, exp := math.Frexp(x)
	return math.Ldexp(math.RoundToEven(math.Ldexp(f, 8)), exp-8)
}

// Mixed is [Network] as mixed precision computes it: the operands of every product
// of a fully connected layer, forward and backward, are rounded by r, and all else
// is as precise as there. It is what package engine is held against at bf16. Its
// gradients are not those of its loss, which is constant between two roundings: no
// difference can check them, and with an r that rounds nothing they are Network's.
//
// The projections of the paper's heads are layers in front of them here, as in the Llama
// family, since a rounded operand belongs to a whole layer. Else the trace has the steps of
// Network, at the places where Network has them.
func Mixed(tr *Trace, p *pedestrian.Params[float64], lora *pedestrian.Adapter[float64], batch []Sequence, reduction Reduction, r Rounding) (
	loss float64, back func() (dp *pedestrian.Params[float64], dlora *pedestrian.Adapter[float64])) {

	if tr == nil {
		tr = &Trace{} // roundings are told where they are
	}
	return network(tr, p.Config, read(nil, p, lora, true), lora, batch, reduction, r.layer)
}

// layer is [Adapted] in mixed precision. The operands of the layer's three products
// are rounded; its bias, what an adapter adds, DoRA's magnitudes and norms, and columns
// that an adapter trains are not. With r for rounding, and Δ_z = Δ_i without DoRA:
//
//	z       = r(a_{i-1}) r(w) + α ã d u
//	Δ_{i-1} = r(Δ_z) r(w)ᵗ + α Δ_z (d u)ᵗ ∘ mask
//	∂L/∂w   = r(a_{i-1})ᵗ r(Δ_z) + N
func (r Rounding) layer(tr *Trace, aPrev Mat, p Layer) (a Mat, back func(Δ Mat) (ΔPrev Mat, dp Layer)) {
	if len(p.own) > 0 {
		return r.layerWithColumns(tr, aPrev, p)
	}
	round := func(name string, m Mat) Mat { return r(Step{Name: name, At: tr.at, V: m}) }
	masked, backMask := aPrev, func(Δ Mat) Mat { return Δ }
	if p.D.V != nil {
		masked, backMask = p.masked(tr, aPrev)
	}
	x, w := round("a_{i-1}", aPrev), round("w", p.W)
	z := x.Mul(w)
	if p.D.V != nil {
		z = z.Add(masked.Mul(p.D).Mul(p.U).Scale(p.Alpha))
	}
	gained, error := func(m Mat) Mat { return m }, "Δ_i"
	var v Mat
	var norm Vec
	if p.M != nil {
		v, norm = p.direction(tr)
		gain := p.M.row().Div(norm.row()).V
		gained, error = func(m Mat) Mat { return m.Had(Rows(gain, m.N)) }, "Δ_z"
	}
	a = gained(z).Bias(p.B)

	back = func(Δ Mat) (ΔPrev Mat, dp Layer) {
		Δz := gained(Δ)
		δ := round(error, Δz)
		ΔPrev, dp.W, dp.B = δ.Mul(w.T()), x.T().Mul(δ), Δ.SumTokens()
		if p.D.V == nil {
			return ΔPrev, dp
		}
		dv := masked.T().Mul(Δz)
		if p.M != nil {
			dp.M = Δ.Had(z).SumTokens().row().Div(norm.row()).V
			N := p.throughNorm(v, norm, dp.M)
			dp.W, dv = dp.W.Add(N), dv.Add(N)
		}
		dp.D, dp.U = dv.Mul(p.U.T()).Scale(p.Alpha), p.D.T().Mul(dv).Scale(p.Alpha)
		return ΔPrev.Add(backMask(Δz.Mul(p.D.Mul(p.U).T()).Scale(p.Alpha))), dp
	}
	return a, back
}

// layerWithColumns is layer with columns that an adapter trains: a layer without them, and
// beside it a matrix of them alone, whose products are not rounded.
func (r Rounding) layerWithColumns(tr *Trace, aPrev Mat, p Layer) (a Mat, back func(Δ Mat) (ΔPrev Mat, dp Layer)) {
	ids := p.own
	p, own := p.split()
	a, backRest := r.layer(tr, aPrev, p)
	a = a.Add(aPrev.Mul(own))

	back = func(Δ Mat) (ΔPrev Mat, dp Layer) {
		ΔPrev, dp = backRest(Δ)
		dp.W = columns(dp.W, aPrev.T().Mul(Δ), ids)
		return ΔPrev.Add(Δ.Mul(own.T())), dp
	}
	return a, back
}
