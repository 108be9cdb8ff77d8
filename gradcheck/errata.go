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
