package gradcheck

import (
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// errata evaluates the paper as printed in the two places where it is wrong in
// substance, S1 and S2, and shows by how much (docs/errata.md).
func errata(seed uint64) []Identity {
	all := []Identity{
		{ID: "S1", Title: "a 0/1 mask before the softmax is not causal", Eqs: "13, 27, 29, 32.b", Claims: literalMaskFigures(seed)},
		{ID: "S2", Title: "Δ_11 without the frozen path is not the error", Eqs: "§7, 44", Claims: frozenPathFigures(seed)},
	}
	for i := range all {
		all[i].OK = !slices.ContainsFunc(all[i].Claims, func(c Claim) bool { return !c.OK })
	}
	return all
}

// literalMaskFigures runs the paper's own configuration with the mask as it is
// printed.
func literalMaskFigures(seed uint64) []Claim {
	p := Paper().At(seed, kinkMargin*DefaultStep)
	r := p.run(literalMask)
	q := p
	q.Batch = []paper.Sequence{{Tokens: slices.Clone(p.Batch[0].Tokens), Targets: p.Batch[0].Targets}}
	q.Batch[0].Tokens[3]++
	leak := minus(q.run(literalMask).at("seq.0", "a_12").Row(0), r.at("seq.0", "a_12").Row(0))

	keys := p.Params.Blocks[0].QKV.B
	bias, query := 0.0, 0.0
	qk := p.Config.Heads * p.Config.QueryDim()
	for j := range qk {
		bias = max(bias, math.Abs(p.difference(literalMask, keys.V, qk+j)))
	}
	w := p.Params.Blocks[0].QKV.W
	for j := range qk {
		i := j // first row of w_q
		query = max(query, math.Abs(p.difference(literalMask, w.V, i)-r.params.Blocks[0].QKV.W.V[i]))
	}
	first := r.at("seq.0.block.0.head.0", "ρ").Row(0)
	return []Claim{
		atLeast("the first token attends to later ones by", first[1]+first[2]+first[3], visible),
		atLeast("its logits move with the last token by", largest(leak), visible),
		atLeast("the slope along b_k, which (29) says is 0, is", bias, visible),
		atLeast("∂w_q by (27) is off by", query, visible),
	}
}

// frozenPathFigures runs the case with LoRA beside every layer.
func frozenPathFigures(seed uint64) []Claim {
	c, _ := Find("relu")
	p := c.At(seed, kinkMargin*DefaultStep)
	right, wrong := p.run(nil), p.run(missingFrozenPath)
	g := right.params.LNFinal.W.V
	return []Claim{
		atLeast("∂w_10, largest entry", largest(g), visible),
		atLeast("∂w_10 is off by", largest(minus(wrong.params.LNFinal.W.V, g)), visible),
		atLeast("∂w_tok, largest entry", largest(right.params.Tok.V), visible),
		atLeast("∂w_tok is off by", largest(minus(wrong.params.Tok.V, right.params.Tok.V)), visible),
	}
}

// difference is the slope of the planted loss along number i of v, one of the
// point's parameters.
func (p Point) difference(pl plant, v []float64, i int) float64 {
	at := v[i]
	defer func() { v[i] = at }()
	d, _ := Slope(DefaultStep, func(x float64) (float64, bool) {
		v[i] = at + x
		return p.run(pl).loss, false
	})
	return d
}

// counterExamples are those that can be evaluated here, by the codes of docs/errata.md.
var counterExamples = map[string]func(seed uint64) []Claim{
	"S1": literalMaskFigures, "S2": frozenPathFigures, "S4": sumAndMean, "S5": lastTarget, "S6": epsilonOutside,
	"S3": func(seed uint64) []Claim { return loraGauge(pointOf("relu", seed).run(nil)) },
	"S7": func(seed uint64) []Claim { return cache(pointOf("tied", seed).run(nil)) },
	"S8": func(seed uint64) []Claim { return thirdOrder(&pass{Point: Point{Seed: seed}}) },
	"S9": func(uint64) []Claim { return counts(nil) },
	"S10": func(seed uint64) []Claim {
		r := pointOf("tied", seed).run(nil)
		return slices.Concat(tied(r), top(r))
	},
}

// CounterExample evaluates the counter-example of an erratum of the paper, S1 to S10, at the
// point of a seed: claims that the paper's letter breaks. Its title is empty; docs/errata.md
// has the text. ok is false where there is none of that name.
func CounterExample(id string, seed uint64) (i Identity, ok bool) {
	f := counterExamples[id]
	if f == nil {
		return i, false
	}
	i = Identity{ID: id, Claims: f(seed)}
	i.OK = !slices.ContainsFunc(i.Claims, func(c Claim) bool { return !c.OK })
	return i, true
}

func pointOf(name string, seed uint64) Point {
	c, _ := Find(name)
	return c.At(seed, 0)
}

// sumAndMean compares the gradients of both losses (S4).
func sumAndMean(seed uint64) []Claim {
	c := Paper()
	sum := c.At(seed, kinkMargin*DefaultStep).run(nil)
	c.Reduction = paper.Mean
	mean := c.At(seed, kinkMargin*DefaultStep).run(nil)
	var w worst
	for i, g := range sum.gradients() {
		h := mean.gradients()[i]
		w.add(relativeDifference(g.V, paper.Mat{N: 1, D: len(h.V), V: h.V}.Scale(4).V))
	}
	return []Claim{
		atMost("gradients of the sum against 4 × those of the mean", float64(w), rounding),
		atLeast("Δ_12 of the mean against y_pred - y_gt", relativeDifference(mean.at("seq.0", "Δ_12").V, sum.at("seq.0", "Δ_12").V), visible),
	}
}

// withoutLastTarget is a pass whose last position has no target (S5).
func withoutLastTarget(seed uint64) *pass {
	c := Paper()
	c.Reduction = paper.Mean
	c.Batch = []paper.Sequence{{Tokens: []int{3, 7, 3, 1}, Targets: []int{7, 3, 1, paper.Ignored}}}
	return c.At(seed, kinkMargin*DefaultStep).run(nil)
}

func lastTarget(seed uint64) []Claim {
	r := withoutLastTarget(seed)
	e, pred := r.at("seq.0", "Δ_12"), r.at("seq.0", "y_pred")
	return []Claim{
		exactly("row of the last position", largest(e.Row(3))),
		atMost("row 1 times n_T - 1 = 3 against y_pred - y_gt", math.Abs(3*e.At(0, 7)-(pred.At(0, 7)-1)), rounding),
		atLeast("the same times n_T = 4", math.Abs(4*e.At(0, 7)-(pred.At(0, 7)-1)), visible),
	}
}

// epsilonOutside differentiates a norm whose ε stands outside of the root (S6).
func epsilonOutside(seed uint64) []Claim {
	const eps = 0.05
	s := newRandomLayers(&pass{Point: Point{Seed: seed}})
	a, e, v := s.mat(toyN, toyD), s.mat(toyN, toyD), s.mat(toyN, toyD)
	ones := make(paper.Vec, toyD)
	for j := range ones {
		ones[j] = 1
	}
	// outside is (a - μ)/(std + ε), and its (40) the paper's formula with σ = std + ε.
	outside := func(a paper.Mat) (normal, fraction paper.Mat, deviation paper.Vec) {
		mean, std := paper.Moments(a, 0)
		centered := a.Sub(paper.Cols(mean, a.D))
		fraction = centered.Div(paper.Cols(std, a.D))
		deviation = slices.Clone(std)
		for i := range deviation {
			deviation[i] += eps
		}
		return centered.Div(paper.Cols(deviation, a.D)), fraction, deviation
	}
	formula := func(first, second paper.Mat, deviation paper.Vec) paper.Mat {
		d := float64(toyD)
		return e.Scale(d).Sub(paper.Cols(e.SumFeatures(), toyD)).Sub(first.Had(paper.Cols(second.FeatureDot(e), toyD))).
			Div(paper.Cols(deviation, toyD).Scale(d))
	}
	normal, fraction, deviation := outside(a)
	truth := func(f func(a paper.Mat) paper.Mat) float64 {
		d, _ := Slope(DefaultStep, func(x float64) (float64, bool) { return f(a.Add(v.Scale(x))).Dot(e), false })
		return d
	}
	numeric := truth(func(a paper.Mat) paper.Mat { n, _, _ := outside(a); return n })
	_, back := paper.LayerNorm(nil, a, ones, nil, eps)
	inside, _, _ := back(e)
	numericInside := truth(func(a paper.Mat) paper.Mat { n, _ := paper.LayerNorm(nil, a, ones, nil, eps); return n })
	paper40, repaired := formula(normal, normal, deviation), formula(fraction, normal, deviation)
	return []Claim{
		atMost("ε = 0.05 under the root: (40) against differences", Relative(inside.Dot(v), numericInside, DifferenceFloor), DifferenceTolerance),
		atLeast("ε outside: (40) against differences", Relative(paper40.Dot(v), numeric, DifferenceFloor), visible),
		atLeast("ε outside: largest error of (40) in one entry", largest(minus(paper40.V, repaired.V)), visible),
		atMost("ε outside, c/std for one ā: against differences", Relative(repaired.Dot(v), numeric, DifferenceFloor), DifferenceTolerance),
	}
}
