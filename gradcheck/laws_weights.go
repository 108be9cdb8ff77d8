package gradcheck

import (
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// convex looks at every ρ: no entry negative, rows that sum to one, the first
// token alone with itself, and no output beyond the values it may mix.
func convex(r *pass) []Claim {
	var negative, sum, first, outside worst
	r.inHeads(func(at string, _, _ int) {
		weights, v, a := r.at(at, "ρ"), r.at(at, r.valuesOfHead()), r.at(at, "a_i^h")
		for _, x := range weights.V {
			negative.add(max(-x, 0))
		}
		for _, s := range weights.SumFeatures() {
			sum.add(math.Abs(s - 1))
		}
		first.add(relativeDifference(a.Row(0), v.Row(0)))
		for j := range v.D {
			lo, hi := math.Inf(1), math.Inf(-1)
			for t := range v.N {
				lo, hi = min(lo, v.At(t, j)), max(hi, v.At(t, j))
				outside.add(max(a.At(t, j)-hi, lo-a.At(t, j), 0))
			}
		}
	})
	return []Claim{
		exactly("negative part of ρ", float64(negative)),
		atMost("rows of ρ sum to 1 but for", float64(sum), rounding),
		exactly("first output against first value", float64(first)),
		atMost("outputs outside of the hull of values", float64(outside), rounding),
	}
}

// valuesOfHead is the name of the values that a head reads.
func (r *pass) valuesOfHead() string {
	if paper.OwnHeads(r.Config) {
		return "v_h"
	}
	return "v→h"
}

// symmetry compares ρ^raw with its transpose, with one projection and with two.
func symmetry(r *pass) []Claim {
	t := newRandomLayers(r)
	p, a := t.head(toyD, toyKeys, toyValues), t.mat(toyN, toyD)
	raw := func(p paper.Head) paper.Mat { return headStep(a, p, paper.Causal(toyN), nil, "ρ^raw") }
	two := raw(p)
	p.Wk, p.Bk = p.Wq, p.Bq
	one := raw(p)
	return []Claim{
		atMost("ρ^raw against its transpose, w_k = w_q", relativeDifference(one.V, one.T().V), rounding),
		atLeast("the same with two projections", relativeDifference(two.V, two.T().V), visible),
	}
}

// headStep runs one head and returns a step of it; rewrite may be nil.
func headStep(a paper.Mat, p paper.Head, mask paper.Mat, rewrite func(s paper.Step) paper.Mat, name string) paper.Mat {
	tr := &paper.Trace{Rewrite: rewrite}
	paper.Attention(tr, a, p, mask)
	s, _ := tr.Find("", name)
	return s.V
}

// variance sends tokens of N(0, 1) through a head whose queries are the first half
// of the features and whose keys are the second.
func variance(r *pass) []Claim {
	const width, tokens = 64, 300
	t := newRandomLayers(r)
	half := func(from int) (w paper.Mat) {
		w = paper.Zeros(2*width, width)
		for j := range width {
			w.Row(from + j)[j] = 1
		}
		return w
	}
	a, p := t.mat(tokens, 2*width), paper.Head{Wq: half(0), Wk: half(width), Wv: paper.Zeros(2*width, 1)}
	// The mean square of n² products is known to √(2/(n d_ρ)) = 1 % through the
	// queries, as well through the keys, and √2/n through their angles: 1.5 %
	// together. Five times that is the limit.
	const limit = 0.075
	off := func(name string, want float64) float64 {
		m := headStep(a, p, paper.Unmasked(tokens), nil, name)
		return math.Abs(m.Dot(m)/tokens/tokens/want - 1)
	}
	return []Claim{
		atMost("variance of ρ^raw over d_ρ, minus 1", off("ρ^raw", width), limit),
		atMost("variance of ρ^scaled, minus 1", off("ρ^scaled", 1), limit),
	}
}

// causality looks for weights above the diagonal, then changes the last token and
// looks at everything before it.
func causality(r *pass) []Claim {
	var above, before worst
	r.inHeads(func(at string, _, _ int) {
		weights := r.at(at, "ρ")
		for t := range weights.N {
			above.add(largest(weights.Row(t)[t+1:]))
		}
	})
	q := r.Point
	q.Batch = slices.Clone(q.Batch)
	last := len(q.Batch[0].Tokens) - 1
	q.Batch[0].Tokens = slices.Clone(q.Batch[0].Tokens)
	q.Batch[0].Tokens[last] = (q.Batch[0].Tokens[last] + 1) % q.Config.Vocab
	other := q.run(r.plant)
	a, b := r.at("seq.0", "a_12"), other.at("seq.0", "a_12")
	for t := range last {
		before.add(relativeDifference(a.Row(t), b.Row(t)))
	}
	return []Claim{
		exactly("ρ above its diagonal", float64(above)),
		exactly("logits before a changed token", float64(before)),
		atLeast("logits of the changed token", relativeDifference(a.Row(last), b.Row(last)), visible),
	}
}

func identityWeights(r *pass) []Claim {
	t := newRandomLayers(r)
	tr := &paper.Trace{Rewrite: func(s paper.Step) paper.Mat {
		if s.Name == "ρ" {
			s.V = paper.OneHot([]int{0, 1, 2, 3, 4, 5}, toyN)
		}
		return s.V
	}}
	a, _ := paper.Attention(tr, t.mat(toyN, toyD), t.head(toyD, toyKeys, toyValues), paper.Causal(toyN))
	v, _ := tr.Find("", "v_h")
	return []Claim{exactly("a_i^h against v_h", relativeDifference(a.V, v.V.V))}
}

// quadratic counts the numbers that a head computes, as a function of n_T: a
// polynomial whose third difference is 0 and whose second is twice as many n_T²
// as there are n_T×n_T steps: ρ^raw, ρ^scaled, ρ^causal, ρ and their errors.
func quadratic(r *pass) []Claim {
	t := newRandomLayers(r)
	p := t.head(toyD, toyKeys, toyValues)
	count := func(n int) (c int) {
		tr := &paper.Trace{}
		_, back := paper.Attention(tr, t.mat(n, toyD), p, paper.Causal(n))
		back(t.mat(n, toyValues))
		for _, s := range tr.Steps {
			c += len(s.V.V)
		}
		return c
	}
	const n, squares = 13, 8
	c1, c2, c3, c4 := count(n), count(2*n), count(3*n), count(4*n)
	return []Claim{
		exactly("third difference of the count of numbers", float64(c4-3*c3+3*c2-c1)),
		exactly("second difference over 2 n_T², minus the 8 steps with n_T² numbers", float64(c3-2*c2+c1)/(2*n*n)-squares),
	}
}

// keyBiasForward moves b_k by ±10.
func keyBiasForward(r *pass) []Claim {
	t := newRandomLayers(r)
	p, a := t.head(toyD, toyKeys, toyValues), t.mat(toyN, toyD)
	before, _ := paper.Attention(nil, a, p, paper.Causal(toyN))
	q := p
	q.Bk = slices.Clone(p.Bk)
	for j := range q.Bk {
		q.Bk[j] += 20*t.Float64() - 10
	}
	after, _ := paper.Attention(nil, a, q, paper.Causal(toyN))
	q = p
	q.Bq = slices.Clone(p.Bq)
	q.Bq[0]++
	moved, _ := paper.Attention(nil, a, q, paper.Causal(toyN))
	return []Claim{
		atMost("output moved by b_k ± 10", relativeDifference(before.V, after.V), rounding),
		atLeast("output moved by b_q + 1", relativeDifference(before.V, moved.V), visible),
	}
}

// swapped computes softmax(k qᵗ) by exchanging the parameters of q and k.
func swapped(r *pass) []Claim {
	t := newRandomLayers(r)
	p, a := t.head(toyD, toyKeys, toyValues), t.mat(toyN, toyD)
	swap := func(p paper.Head) paper.Head { p.Wq, p.Wk, p.Bq, p.Bk = p.Wk, p.Wq, p.Bk, p.Bq; return p }
	raw := headStep(a, p, paper.Causal(toyN), nil, "ρ^raw")
	turned := headStep(a, swap(p), paper.Causal(toyN), nil, "ρ^raw")
	before, _ := paper.Attention(nil, a, swap(p), paper.Causal(toyN))
	q := p
	q.Bq = t.vec(toyKeys)
	after, _ := paper.Attention(nil, a, swap(q), paper.Causal(toyN))
	var c paper.HeadCache // keeps queries and values now
	var last paper.Mat
	for i := range toyN {
		last = c.Next(nil, paper.Mat{N: 1, D: toyD, V: a.Row(i)}, swap(p))
	}
	return []Claim{
		atMost("k qᵗ against (q kᵗ)ᵗ", relativeDifference(turned.V, raw.T().V), rounding),
		atMost("output of softmax(k qᵗ) moved by b_q", relativeDifference(before.V, after.V), rounding),
		atMost("a cache of queries and values against the full pass", relativeDifference(last.V, before.Row(toyN-1)), rounding),
	}
}

// thirdOrder writes two stacked heads as a sum over three tokens (20).
func thirdOrder(r *pass) []Claim {
	t := newRandomLayers(r)
	a := t.mat(toyN, toyD)
	p1, p2 := t.head(toyD, toyKeys, toyD), t.head(toyD, toyKeys, toyValues)
	a1, _ := paper.Attention(nil, a, p1, paper.Causal(toyN))
	a2, _ := paper.Attention(nil, a1, p2, paper.Causal(toyN))
	w1 := headStep(a, p1, paper.Causal(toyN), nil, "ρ")
	w2 := headStep(a1, p2, paper.Causal(toyN), nil, "ρ")
	sum := paper.Zeros(toyN, toyValues)
	for t1 := range toyN {
		for t2 := range toyN {
			for t3 := range toyN {
				c := w2.At(t1, t2) * w1.At(t2, t3)
				v := paper.Mat{N: 1, D: toyD, V: a.Row(t3)}.Mul(p1.Wv).Mul(p2.Wv)
				for j := range v.V {
					sum.Row(t1)[j] += c * v.V[j]
				}
			}
		}
	}
	bias := paper.Mat{N: 1, D: toyD, V: p1.Bv}.Mul(p2.Wv).V // rows of ρ sum to one: biases pass through
	for j := range bias {
		bias[j] += p2.Bv[j]
	}
	return []Claim{atMost("two heads against Σ_{t' t''} ρ² ρ¹ a w_v w_v", relativeDifference(a2.V, sum.Bias(bias).V), rounding)}
}
