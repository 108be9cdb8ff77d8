package gradcheck

import (
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// blowUp multiplies twelve N(0, 1) matrices, with and without normalization.
func blowUp(r *pass) []Claim {
	t := newRandomLayers(r)
	free := t.mat(toyN, toyD)
	ones := make(paper.Vec, toyD)
	for j := range ones {
		ones[j] = 1
	}
	normal, _ := paper.LayerNorm(nil, free, ones, nil, 0)
	before := math.Sqrt(free.Dot(free))
	for range 12 {
		w := t.mat(toyD, toyD)
		free = free.Mul(w)
		normal, _ = paper.LayerNorm(nil, normal.Mul(w), ones, nil, 0)
	}
	return []Claim{
		atLeast("norm after 12 products over that before", math.Sqrt(free.Dot(free))/before, 1e3),
		atMost("norm² with layer normalization over n_T d, minus 1", math.Abs(normal.Dot(normal)/toyN/toyD-1), rounding),
	}
}

// unequalHeads differentiates heads of different d_ρ and d_h along a direction.
func unequalHeads(r *pass) []Claim {
	t := newRandomLayers(r)
	heads := []paper.Head{t.head(toyD, 3, 2), t.head(toyD, 5, 4), t.head(toyD, 1, 1)}
	a, e := t.mat(toyN, toyD), t.mat(toyN, 7)
	_, back := paper.MultiHead(nil, a, heads, paper.Causal(toyN))
	down, _ := back(e)
	v := t.mat(toyN, toyD)
	d, _ := Slope(DefaultStep, func(x float64) (float64, bool) {
		out, _ := paper.MultiHead(nil, a.Add(v.Scale(x)), heads, paper.Causal(toyN))
		return out.Dot(e), false
	})
	return []Claim{atMost("d_ρ = 3, 5, 1 and d_h = 2, 4, 1: Δ_{i-1} against differences", Relative(down.Dot(v), d, DifferenceFloor), DifferenceTolerance)}
}

// cycles moves the factors of A·(B C) around.
func cycles(r *pass) []Claim {
	t := newRandomLayers(r)
	a, b, c := t.mat(4, 6), t.mat(4, 5), t.mat(5, 6)
	one, two, three, turned := a.Dot(b.Mul(c)), b.T().Mul(a).Dot(c), a.Mul(c.T()).Dot(b), a.T().Dot(b.Mul(c).T())
	return []Claim{atMost("A·(B C), (Bᵗ A)·C, (A Cᵗ)·B and Aᵗ·(B C)ᵗ", relativeDifference([]float64{one, one, one}, []float64{two, three, turned}), rounding)}
}

// lora differentiates L = Δ·LoRA(a), which is linear in each factor, exactly.
func lora(r *pass) []Claim {
	t := newRandomLayers(r)
	const rankR = 3
	a, d, u, e := t.mat(toyN, toyD), t.mat(toyD, rankR), t.mat(rankR, toyValues), t.mat(toyN, toyValues)
	vd, vu, va := t.mat(toyD, rankR), t.mat(rankR, toyValues), t.mat(toyN, toyD)
	f := func(a, d, u paper.Mat) float64 {
		out, _ := paper.LoRA(nil, a, d, u, 0.7)
		return out.Dot(e)
	}
	_, back := paper.LoRA(nil, a, d, u, 0.7)
	down, dd, du := back(e)
	_, twice := paper.LoRA(nil, a, d, u, 1.4)
	_, dd2, du2 := twice(e)
	base := f(a, d, u)
	return []Claim{
		atMost("(44), (45), (46) against exact differences", relativeDifference([]float64{down.Dot(va), dd.Dot(vd), du.Dot(vu)},
			[]float64{f(a.Add(va), d, u) - base, f(a, d.Add(vd), u) - base, f(a, d, u.Add(vu)) - base}), rounding),
		atMost("∂d and ∂u at 2α against 2∂d and 2∂u", max(relativeDifference(dd2.V, dd.Scale(2).V), relativeDifference(du2.V, du.Scale(2).V)), rounding),
	}
}

// loraGauge looks at the factors of every adapter, and at a toy whose effective
// weight takes one step of gradient descent and one of a sign-like optimizer.
func loraGauge(r *pass) []Claim {
	var recorded worst
	claims := []Claim{}
	if r.LoRA != nil {
		ts, gs := r.LoRA.Tensors(), r.lora.Tensors()
		for i := 0; i < len(ts); i += 2 {
			left := tensorMat(ts[i]).T().Mul(tensorMat(gs[i]))
			right := tensorMat(gs[i+1]).Mul(tensorMat(ts[i+1]).T())
			recorded.add(relativeDifference(left.V, right.V))
		}
		claims = append(claims, atMost("dᵗ ∂d against ∂u uᵗ", float64(recorded), rounding))
	}
	t := newRandomLayers(r)
	const rankR, rate = 3, 1e-7
	a, d, e := t.mat(toyN, toyD), t.mat(toyD, rankR), t.mat(toyN, toyValues)
	none := paper.Zeros(rankR, toyValues)
	out, back := paper.LoRA(nil, a, d, none, 2)
	_, dd, du := back(e)
	_, stuck := paper.LoRA(nil, a, paper.Zeros(toyD, rankR), none, 2)
	_, dd0, du0 := stuck(e)
	u := t.mat(rankR, toyValues)
	one, _ := paper.LoRA(nil, a, d, u, 2)
	other, _ := paper.LoRA(nil, a, d.Scale(2), u.Scale(2), 0.5)
	// step is how far α d u moves along itself in one step of size rate at fixed Δ.
	step := func(alpha float64, direction func(x float64) float64) float64 {
		_, back := paper.LoRA(nil, a, d, u, alpha)
		_, dd, du := back(e)
		move := func(w, g paper.Mat) paper.Mat {
			m := paper.Mat{N: w.N, D: w.D, V: append([]float64(nil), w.V...)}
			for i := range m.V {
				m.V[i] -= rate * direction(g.V[i])
			}
			return m
		}
		change := move(d, dd).Mul(move(u, du)).Sub(d.Mul(u)).Scale(alpha)
		return math.Sqrt(change.Dot(change))
	}
	plain := func(x float64) float64 { return x }
	sign := func(x float64) float64 { return math.Copysign(1, x) }
	// A step of 1e-7 has a quadratic part of the same relative size times |g|; 1e-5 is above both.
	const linear = 1e-5
	return append(claims,
		exactly("u = 0: output and ∂d", largest(out.V)+largest(dd.V)),
		atLeast("u = 0: ∂u", largest(du.V), visible),
		exactly("d = u = 0: ∂d and ∂u", largest(dd0.V)+largest(du0.V)),
		exactly("(2d, 2u, α/4) against (d, u, α)", relativeDifference(one.V, other.V)),
		atMost("step of α d u by gradient descent at α = 2 over α = 1, minus 4", math.Abs(step(2, plain)/step(1, plain)-4), 4*linear),
		atMost("step of α d u by signs at α = 2 over α = 1, minus 2", math.Abs(step(2, sign)/step(1, sign)-2), 2*linear),
	)
}

// adamNoise lets Adam take its first step on what rounding leaves of Σ Δ_rawᵗ q, the
// gradient of key biases that is zero. With both moments at rest and unbiased, that step is
// g / (√g² + eps) times the learning rate.
func adamNoise(r *pass) []Claim {
	if !r.Config.Bias || !paper.OwnHeads(r.Config) {
		c, _ := Find("relu")
		r = c.At(r.Seed, 0).run(nil)
	}
	noise := make([][]float64, r.Config.Blocks*r.Config.Heads)
	r.inHeads(func(at string, b, h int) {
		g := r.at(at, "Δ^raw").T().Mul(r.at(at, "q_h")).SumTokens()
		sum := &noise[b*r.Config.Heads+h]
		if *sum == nil {
			*sum = make([]float64, len(g))
		}
		for j, x := range g {
			(*sum)[j] += x
		}
	})
	all := slices.Concat(noise...)
	step := func(eps float64) (most float64) {
		beta1, beta2 := 0.9, 0.99
		for _, g := range all {
			m, v := (1-beta1)*g, (1-beta2)*g*g
			most = max(most, math.Abs(1/(1-beta1)*m/(math.Sqrt(v)*(1/math.Sqrt(1-beta2))+eps)))
		}
		return most
	}
	return []Claim{
		atMost("Σ Δ_rawᵗ q, rounding alone", largest(all), rounding),
		atLeast("largest step of b_k over the learning rate, eps = 1e-30", step(1e-30), 0.99),
		atMost("the same with eps = 1e-8", step(1e-8), 1e-3),
	}
}

// counts holds every figure of §7 against the ledger.
func counts(*pass) []Claim {
	c := pedestrian.Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12, Activation: pedestrian.GELUTanh, Bias: true, LogitsBias: true}
	one := c
	one.Blocks = 1
	all := pedestrian.AdapterConfig{Rank: 16, Alpha: 16, Scaling: pedestrian.ScaleRank, Targets: c.Targets()}
	logits := all
	logits.Targets = []pedestrian.Target{pedestrian.TargetLogits}
	wrong := 0
	for _, f := range [][2]int{
		{c.BlockLedger().Total(), 7087872}, {one.Ledger().Total(), 85120849}, {c.Ledger().Total(), 163087441},
		{c.Width*c.Vocab + c.Vocab, 38647633}, {logits.Ledger(c).Total(), 816400}, {all.Ledger(c).Total(), 3470608},
	} {
		if f[0] != f[1] {
			wrong++
		}
	}
	return []Claim{exactly("figures of six that differ", float64(wrong))}
}
