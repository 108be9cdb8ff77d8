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

// A mixedInput is what a layer reads, and what the adapter beside it does.
type mixedInput struct {
	a, masked Mat
	back      func(Δ Mat) Mat // through the mask
}

func (p Layer) mixedInput(tr *Trace, a Mat) mixedInput {
	in := mixedInput{a: a, masked: a, back: func(Δ Mat) Mat { return Δ }}
	if p.D.V != nil {
		in.masked, in.back = p.masked(tr, a)
	}
	return in
}

// layer is [Adapted] in mixed precision. The operands of the layer's three products
// are rounded; its bias, what an adapter adds, DoRA's magnitudes and norms are not.
// With r for rounding, and Δ_z = Δ_i without DoRA:
//
//	z       = r(a_{i-1}) r(w) + α ã d u
//	Δ_{i-1} = r(Δ_z) r(w)ᵗ + α Δ_z (d u)ᵗ ∘ mask
//	∂L/∂w   = r(a_{i-1})ᵗ r(Δ_z) + N
func (r Rounding) layer(tr *Trace, in mixedInput, p Layer) (a Mat, back func(Δ Mat) (ΔPrev Mat, dp Layer)) {
	round := func(name string, m Mat) Mat { return r(Step{Name: name, At: tr.at, V: m}) }
	x, w := round("a_{i-1}", in.a), round("w", p.W)
	z := x.Mul(w)
	if p.D.V != nil {
		z = z.Add(in.masked.Mul(p.D).Mul(p.U).Scale(p.Alpha))
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
		dv := in.masked.T().Mul(Δz)
		if p.M != nil {
			dp.M = Δ.Had(z).SumTokens().row().Div(norm.row()).V
			N := p.throughNorm(v, norm, dp.M)
			dp.W, dv = dp.W.Add(N), dv.Add(N)
		}
		dp.D, dp.U = dv.Mul(p.U.T()).Scale(p.Alpha), p.D.T().Mul(dv).Scale(p.Alpha)
		return ΔPrev.Add(in.back(Δz.Mul(p.D.Mul(p.U).T()).Scale(p.Alpha))), dp
	}
	return a, back
}

// A mixedBlock is a block whose heads are not cut out of one matrix yet, since
// their projections are one layer with one Δ_i.
type mixedBlock struct {
	BlockParams
	parts []pedestrian.Linear // of the fused matrix: queries, keys and values, or all of it
	qkv   []Layer             // of each part
	pick  []Head              // what cuts q, k and v of every head out of the layer's output
}

func mixedBlocks(p *pedestrian.Params[float64], lora *pedestrian.Adapter[float64], blocks []BlockParams) []mixedBlock {
	c := p.Config
	all := make([]mixedBlock, len(blocks))
	eye := each(c.QKVDim(), c.QKVDim(), func(i, j int) float64 {
		if i == j {
			return 1
		}
		return 0
	})
	for i, b := range p.Blocks {
		m := mixedBlock{BlockParams: blocks[i], pick: heads(c, c.ScoreScale(i), eye, nil)}
		l := lora
		if l == nil {
			l = without(c)
		}
		parts := fused(c, i)
		whole := len(parts) - 1
		m.parts = parts[:whole]
		if l.Blocks[i].QKV.Down.V != nil {
			m.parts = parts[whole:]
		}
		bias := instead(l.Blocks[i].Own.QKV.B, b.QKV.B)
		for _, part := range m.parts {
			f := l.LoRA(i, part.Target)
			layer := Layer{W: matrix(b.QKV.W).Columns(part.From, part.Out), D: matrix(f.Down), U: matrix(f.Up), M: f.Magnitude.V,
				Alpha: f.Multiplier, Masked: l.Config.Dropout > 0, Exact: l.Config.DoRAExact}
			if bias != nil {
				layer.B = bias[part.From : part.From+part.Out]
			}
			m.qkv = append(m.qkv, layer)
		}
		all[i] = m
	}
	return all
}

// projections is the layer in front of the heads, [q | k | v] of all of them. The
// gradient of the keys' biases is zero by (29), as in [Attention].
func (r Rounding) projections(tr *Trace, a2 Mat, p mixedBlock) (qkv Mat, back func(Δ Mat) (Δ2 Mat, dp []Layer)) {
	tr = tr.In("qkv")
	in := Layer{}.mixedInput(tr, a2)
	if p.Masked {
		in.masked, in.back = Dropout(tr, a2)
	}
	outs, backs := make([]Mat, len(p.qkv)), make([]func(Mat) (Mat, Layer), len(p.qkv))
	for i, l := range p.qkv {
		outs[i], backs[i] = r.layer(tr.In(string(p.parts[i].Target)), in, l)
	}
	back = func(Δ Mat) (Δ2 Mat, dp []Layer) {
		Δ2 = Zeros(a2.N, a2.D)
		for i, part := range p.parts {
			e, d := backs[i](Δ.Columns(part.From, part.Out))
			Δ2, dp = Δ2.Add(e), append(dp, d)
		}
		keys := len(p.pick) * p.pick[0].Wk.D
		for j := keys; j < 2*keys; j++ {
			i := min(j/keys, len(dp)-1)
			dp[i].B[j-p.parts[i].From] = 0
		}
		return Δ2, dp
	}
	return Concat(outs...), back
}
