package gradcheck

import (
	"math"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// threeBranches adds up (33).
func threeBranches(r *pass) []Claim {
	if !paper.OwnHeads(r.Config) {
		return nil
	}
	var w worst
	r.inHeads(func(at string, _, _ int) {
		sum := r.at(at, "Δ_{v_h}").Add(r.at(at, "Δ_{q_h}")).Add(r.at(at, "Δ_{k_h}"))
		w.add(relativeDifference(sum.V, r.at(at, "Δ_{i-1}^h").V))
	})
	return []Claim{atMost("Δ_v + Δ_q + Δ_k against Δ_{i-1}^h", float64(w), rounding)}
}

// valueBias scrambles ρ with Δ^h fixed.
func valueBias(r *pass) []Claim {
	t := newRandomLayers(r)
	p, a, e := t.head(toyD, toyKeys, toyValues), t.mat(toyN, toyD), t.mat(toyN, toyValues)
	_, back := paper.Attention(nil, a, p, paper.Causal(toyN))
	_, g := back(e)
	other := paper.Softmax(t.mat(toyN, toyN))
	tr := &paper.Trace{Rewrite: func(s paper.Step) paper.Mat {
		if s.Name == "ρ" {
			s.V = other
		}
		return s.V
	}}
	_, back = paper.Attention(tr, a, p, paper.Causal(toyN))
	_, scrambled := back(e)
	return []Claim{
		exactly("∂b_v with other weights", relativeDifference(g.Bv, scrambled.Bv)),
		atLeast("∂w_v with other weights", relativeDifference(g.Wv.V, scrambled.Wv.V), visible),
		atMost("Σ ρᵗ Δ against Σ Δ", relativeDifference(other.T().Mul(e).SumTokens(), e.SumTokens()), rounding),
	}
}

// association multiplies in both orders; ρᵗ Δ first costs less when d_h < d.
func association(r *pass) []Claim {
	t := newRandomLayers(r)
	weights, a, e := paper.Softmax(t.mat(toyN, toyN)), t.mat(toyN, toyD), t.mat(toyN, toyValues)
	mul := func(cost *int, a, b paper.Mat) paper.Mat {
		*cost += a.N * a.D * b.D
		return a.Mul(b)
	}
	var first, second int
	left := mul(&first, mul(&first, weights, a).T(), e)
	right := mul(&second, a.T(), mul(&second, weights.T(), e))
	return []Claim{
		atMost("(ρ a)ᵗ Δ against aᵗ (ρᵗ Δ)", relativeDifference(left.V, right.V), rounding),
		atLeast("multiplications of the first order over the second", float64(first)/float64(second), 1.2),
	}
}

// softmaxJacobian applies diag ρ - ρ ρᵗ to every row of the error on ρ.
func softmaxJacobian(r *pass) []Claim {
	var w worst
	r.inHeads(func(at string, _, _ int) {
		weights, e, got := r.at(at, "ρ"), r.at(at, "Δ_ρ"), r.at(at, "Δ^causal")
		want := paper.Zeros(e.N, e.D)
		for t := range e.N {
			for i := range e.D {
				for j := range e.D {
					jacobian := -weights.At(t, i) * weights.At(t, j)
					if i == j {
						jacobian += weights.At(t, i)
					}
					want.Row(t)[i] += jacobian * e.At(t, j)
				}
			}
		}
		w.add(relativeDifference(got.V, want.V))
	})
	return []Claim{atMost("(25) against the Jacobian", float64(w), rounding)}
}

// rowsOfCausal sums the rows of Δ^causal.
func rowsOfCausal(r *pass) []Claim {
	var w worst
	r.inHeads(func(at string, _, _ int) {
		e := r.at(at, "Δ^causal")
		w.add(largest(e.SumFeatures()) / max(largest(e.V), math.SmallestNonzeroFloat64))
	})
	return []Claim{atMost("rows of Δ^causal sum to 0 but for", float64(w), rounding)}
}

// transparentMask compares the errors on both sides of the mask.
func transparentMask(r *pass) []Claim {
	var above, equal worst
	r.inHeads(func(at string, _, _ int) {
		e := r.at(at, "Δ^causal")
		for t := range e.N {
			above.add(largest(e.Row(t)[t+1:]))
		}
		equal.add(relativeDifference(e.V, r.at(at, "Δ^scaled").V))
	})
	return []Claim{exactly("Δ^causal above its diagonal", float64(above)), exactly("Δ^scaled against Δ^causal", float64(equal))}
}

// keyBiasBackward computes (32.b) the long way.
func keyBiasBackward(r *pass) []Claim {
	if !paper.OwnHeads(r.Config) {
		return nil
	}
	var long, short worst
	r.inHeads(func(at string, _, _ int) {
		raw, q := r.at(at, "Δ^raw"), r.at(at, "q_h")
		long.add(largest(raw.T().Mul(q).SumTokens()) / max(largest(raw.V)*largest(q.V), math.SmallestNonzeroFloat64))
		short.add(largest(r.at(at, "∂L/∂b_{k_h}").V))
	})
	return []Claim{atMost("Σ Δ_rawᵗ q", float64(long), rounding), exactly("∂b_k", float64(short))}
}

// firstQuery looks at the first row of Δ^causal and of the error on queries.
func firstQuery(r *pass) []Claim {
	var row, query worst
	name := "Δ_{q_h}"
	if !paper.OwnHeads(r.Config) {
		name = "Δ_{q'_h}"
	}
	r.inHeads(func(at string, _, _ int) {
		row.add(largest(r.at(at, "Δ^causal").Row(0)))
		query.add(largest(r.at(at, name).Row(0)))
	})
	return []Claim{exactly("first row of Δ^causal", float64(row)), exactly("first row of Δ_q", float64(query))}
}

// permutations shuffles the tokens of a head, without and with the mask.
func permutations(r *pass) []Claim {
	t := newRandomLayers(r)
	p, a, e := t.head(toyD, toyKeys, toyValues), t.mat(toyN, toyD), t.mat(toyN, toyValues)
	shuffle := paper.OneHot([]int{3, 0, 5, 1, 4, 2}, toyN)
	both := func(mask paper.Mat) (forward, backward float64) {
		out, back := paper.Attention(nil, a, p, mask)
		err, _ := back(e)
		out2, back2 := paper.Attention(nil, shuffle.Mul(a), p, mask)
		err2, _ := back2(shuffle.Mul(e))
		return relativeDifference(shuffle.Mul(out).V, out2.V), relativeDifference(shuffle.Mul(err).V, err2.V)
	}
	forward, backward := both(paper.Unmasked(toyN))
	masked, _ := both(paper.Causal(toyN))
	return []Claim{
		atMost("Att(P a) against P Att(a)", forward, rounding),
		atMost("the same of the error signals", backward, rounding),
		atLeast("with the causal mask", masked, visible),
	}
}

// gauge checks that a mixing of queries that keys undo has no slope (X7).
func gauge(r *pass) []Claim {
	if !paper.OwnHeads(r.Config) {
		return nil
	}
	var w worst
	grads := headsOf(r.Config, r.params.Blocks, nil)
	points := headsOf(r.Config, r.Params.Blocks, r.LoRA)
	for b := range points {
		for h, p := range points[b] {
			g := grads[b][h]
			left := p.Wq.T().Mul(g.Wq)
			if p.Bq != nil {
				left = left.Add(paper.Mat{N: len(p.Bq), D: 1, V: p.Bq}.Mul(paper.Mat{N: 1, D: len(g.Bq), V: g.Bq}))
			}
			w.add(relativeDifference(left.V, g.Wk.T().Mul(p.Wk).V))
		}
	}
	return []Claim{atMost("w_qᵗ ∂w_q + b_qᵗ ∂b_q against ∂w_kᵗ w_k", float64(w), rounding)}
}
