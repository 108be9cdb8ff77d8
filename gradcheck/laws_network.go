package gradcheck

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// heads checks (34), (35) and that concatenation and slicing are adjoint.
func heads(r *pass) []Claim {
	var concat, adjoint, sum worst
	r.inBlocks(func(at string, _ int) {
		a3, e3, e2 := r.at(at, "a_3"), r.at(at, "Δ_3"), r.at(at, "Δ_2")
		var outs []paper.Mat
		inner, total := 0.0, paper.Zeros(e2.N, e2.D)
		for h := range r.Config.Heads {
			head := fmt.Sprintf("%s.head.%d", at, h)
			outs = append(outs, r.at(head, "a_i^h"))
			inner += r.at(head, "a_i^h").Dot(r.at(head, "Δ_i^h"))
			if paper.OwnHeads(r.Config) {
				total = total.Add(r.at(head, "Δ_{i-1}^h"))
			}
		}
		concat.add(relativeDifference(paper.Concat(outs...).V, a3.V))
		adjoint.add(math.Abs(inner-a3.Dot(e3)) / (largest(a3.V) * largest(e3.V) * float64(len(a3.V))))
		sum.add(relativeDifference(total.V, e2.V))
	})
	claims := []Claim{
		exactly("a_3 against the heads side by side", float64(concat)),
		atMost("Σ_h a_i^h · Δ_i^h against a_3 · Δ_3", float64(adjoint), rounding),
	}
	if paper.OwnHeads(r.Config) {
		claims = append(claims, atMost("Σ_h Δ_{i-1}^h against Δ_2", float64(sum), rounding))
	}
	return claims
}

func skips(r *pass) []Claim {
	var forward, backward worst
	r.inBlocks(func(at string, b int) {
		forward.add(relativeDifference(r.at(at, "a_5").V, r.at(at, "a_1").Add(r.at(at, "a_4")).V))
		forward.add(relativeDifference(r.at(at, "a_10").V, r.at(at, "a_5").Add(r.at(at, "a_9")).V))
		backward.add(relativeDifference(r.at(at, "Δ_5").V, r.at(at, "Δ_10").Add(r.at(at+".ln2", "Δ_{i-1}")).V))
		backward.add(relativeDifference(r.at(at, "Δ_1").V, r.at(at, "Δ_5").Add(r.at(at+".ln1", "Δ_{i-1}")).V))
	})
	return []Claim{
		exactly("a_5 - a_1 - a_4 and a_10 - a_5 - a_9", float64(forward)),
		exactly("Δ_5 - Δ_10 - LN(Δ_6) and Δ_1 - Δ_5 - LN(Δ_2)", float64(backward)),
	}
}

// shapesAndOrder compares every error signal with what it is the gradient of,
// and the order of table 3's gradients with the paper's arrow.
func shapesAndOrder(r *pass) []Claim {
	misfits := 0
	for _, s := range r.signals() {
		if v := r.at(s.step.At, s.of); v.N != s.step.V.N || v.D != s.step.V.D {
			misfits++
		}
	}
	disorder := 0
	last := map[string]int{}
	for _, s := range r.tr.Steps[r.split:] {
		var row int
		if _, err := fmt.Sscanf(strings.TrimLeft(strings.TrimPrefix(s.Name, "∂L/∂"), "wbdu_"), "%d", &row); err != nil || s.Eq != "T3" {
			continue
		}
		if before, seen := last[s.At]; seen && row > before {
			disorder++
		}
		last[s.At] = row
	}
	return []Claim{exactly("error signals of another shape", float64(misfits)), exactly("gradients found before one above them", float64(disorder))}
}

// biasChains needs biases in the blocks of table 2.
func biasChains(r *pass) []Claim {
	if c := r.Config; !c.Bias || !paper.OwnHeads(c) || c.Norm != pedestrian.LayerNorm || c.Gated {
		return nil
	}
	through := func(b []float64, w paper.Mat) []float64 { return paper.Mat{N: 1, D: len(b), V: b}.Mul(w.T()).V }
	var claims []Claim
	if b := r.params.Logits.B.V; b != nil {
		claims = append(claims, atMost("∂b_10 against ∂b_11 w_11ᵗ", relativeDifference(r.params.LNFinal.B.V, through(b, r.logitsWeight())), rounding))
	}
	var b5, bv, b1 worst
	points, grads := headsOf(r.Config, r.Params.Blocks, r.LoRA), headsOf(r.Config, r.params.Blocks, nil)
	for i, b := range r.Params.Blocks {
		g, l := r.params.Blocks[i], adapters(r.LoRA, i)
		b5.add(relativeDifference(g.LN2.B.V, through(g.Expand.B.V, merged(tensorMat(b.Expand.W), l.Expand))))
		var values []float64
		sum := make([]float64, r.Config.Width)
		for h, p := range points[i] {
			values = append(values, grads[i][h].Bv...)
			v, q := through(grads[i][h].Bv, p.Wv), through(grads[i][h].Bq, p.Wq)
			for j := range sum {
				sum[j] += v[j] + q[j]
			}
		}
		bv.add(relativeDifference(values, through(g.AttProj.B.V, merged(tensorMat(b.AttProj.W), l.AttProj))))
		b1.add(relativeDifference(g.LN1.B.V, sum))
	}
	return append(claims,
		atMost("∂b_5 against ∂b_6 w_6ᵗ", float64(b5), rounding),
		atMost("∂b_v of all heads against ∂b_3 w_3ᵗ", float64(bv), rounding),
		atMost("∂b_1 against Σ_h (∂b_v w_vᵗ + ∂b_q w_qᵗ)", float64(b1), rounding))
}

// rank eliminates ∂w_6, or ∂w_up, of one sequence: after n_T pivots nothing is left.
func rank(r *pass) []Claim {
	n, name := len(r.Batch[0].Tokens), "w_6"
	if r.Config.Gated {
		name = "w_up"
	}
	g := r.at("seq.0.block.0", "∂L/∂"+name)
	if n >= min(g.N, g.D) {
		return nil
	}
	first, left := eliminate(g, n)
	return []Claim{atMost(fmt.Sprintf("pivot %d of ∂%s (%d×%d) over the first", n+1, name, g.N, g.D), left/first, rounding)}
}

// eliminate takes n pivots out of g by Gauss's elimination with full pivoting and
// returns the first pivot and the largest number left.
func eliminate(g paper.Mat, n int) (first, left float64) {
	a := paper.Mat{N: g.N, D: g.D, V: slices.Clone(g.V)}
	first = largest(a.V)
	for range n {
		pi := 0
		for i, x := range a.V {
			if math.Abs(x) > math.Abs(a.V[pi]) {
				pi = i
			}
		}
		if a.V[pi] == 0 {
			return first, 0
		}
		row, col := slices.Clone(a.Row(pi/a.D)), pi%a.D
		for t := range a.N {
			f := a.At(t, col) / row[col]
			for j := range a.D {
				a.Row(t)[j] -= f * row[j]
			}
			a.Row(t)[col] = 0
		}
	}
	return first, largest(a.V)
}

// causalityInReverse keeps one target in the loss and looks at who gets errors.
func causalityInReverse(r *pass) []Claim {
	var late, early worst
	n := len(r.Batch[0].Tokens)
	reach := n
	if w := r.Config.SlidingWindow; w > 0 {
		reach = r.Config.Blocks * (w - 1)
	}
	early = worst(math.Inf(1))
	for keep := range n {
		q := r.Point
		targets := slices.Repeat([]int{paper.Ignored}, n)
		targets[keep] = 1
		q.Batch = []paper.Sequence{{Tokens: r.Batch[0].Tokens, Targets: targets}}
		e := q.run(nil).at("seq.0.block.0", "Δ_1")
		for t := range n {
			if t > keep || t < keep-reach {
				late.add(largest(e.Row(t)))
			} else {
				early = min(early, worst(largest(e.Row(t))))
			}
		}
	}
	return []Claim{exactly("Δ_1 of tokens after the only loss, or out of its reach", float64(late)), atLeast("Δ_1 of tokens up to it", float64(early), 1e-9)}
}

// deadUnit switches one ReLU off.
func deadUnit(r *pass) []Claim {
	q := r.Point.clone()
	if q.Config.Activation != pedestrian.ReLU || !q.Config.Bias || q.Config.Gated {
		c, _ := Find("relu")
		q = c.At(r.Seed, 0)
	}
	q.Params.Blocks[0].Expand.B.V[1] = -1000
	g := q.run(nil).params.Blocks[0]
	w6, w8 := tensorMat(g.Expand.W), tensorMat(g.Contract.W)
	return []Claim{
		exactly("its column of ∂w_6", largest(w6.Columns(1, 1).V)),
		exactly("its row of ∂w_8", largest(w8.Row(1))),
		atLeast("the other columns of ∂w_6", largest(w6.V), visible),
	}
}

// cache feeds the first sequence token by token to the cache, which knows no second
// document.
func cache(r *pass) []Claim {
	if len(r.Batch[0].Starts) > 0 {
		return nil
	}
	full := r.at("seq.0", "a_12")
	if a := r.Case.Adapter; a != nil && a.Dropout > 0 { // which the cache does not know
		tr := &paper.Trace{}
		paper.Network(tr, r.Params, r.LoRA, r.Batch[:1], r.Reduction)
		s, _ := tr.Find("seq.0", "a_12")
		full = s.V
	}
	kept := paper.NewCache(r.Params, r.LoRA)
	var off worst
	for t, id := range r.Batch[0].Tokens {
		off.add(relativeDifference(kept.Next(nil, id), full.Row(t)))
	}
	return []Claim{atMost("logits of paper.Cache against the full pass", float64(off), rounding)}
}
