package gradcheck

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// tensorMat is a tensor as a matrix, a view.
func tensorMat(t pedestrian.Tensor[float64]) paper.Mat {
	return paper.Mat{N: t.Rows, D: t.Cols, V: t.V}
}

// merged is w + α d u, the weight that a layer and its adapter make together.
func merged(w paper.Mat, l pedestrian.LoRA[float64], a *pedestrian.Adapter[float64]) paper.Mat {
	if a == nil || l.Down.V == nil {
		return w
	}
	return w.Add(tensorMat(l.Down).Mul(tensorMat(l.Up)).Scale(a.Config.Multiplier()))
}

// adapters is the LoRA factors of a block; all nil without an adapter.
func adapters(a *pedestrian.Adapter[float64], block int) (b pedestrian.AdapterBlock[float64]) {
	if a != nil {
		b = a.Blocks[block]
	}
	return b
}

// headsOf cuts the fused projections of every block by heads, with adapters
// merged into them; the same of gradients when lora is nil.
func headsOf(c pedestrian.Config, blocks []pedestrian.Block[float64], lora *pedestrian.Adapter[float64]) [][]paper.Head {
	qk := c.Heads * c.QueryDim()
	all := make([][]paper.Head, len(blocks))
	for i, b := range blocks {
		w, l := tensorMat(b.QKV.W), adapters(lora, i)
		q, k, v := merged(w.Columns(0, qk), l.Q, lora), merged(w.Columns(qk, qk), l.K, lora), merged(w.Columns(2*qk, c.Width), l.V, lora)
		for h := range c.Heads {
			keys, values := c.QueryDim(), c.ValueDim()
			p := paper.Head{Wq: q.Columns(h*keys, keys), Wk: k.Columns(h*keys, keys), Wv: v.Columns(h*values, values)}
			if bias := b.QKV.B.V; bias != nil {
				p.Bq, p.Bk = bias[h*keys:(h+1)*keys], bias[qk+h*keys:qk+(h+1)*keys]
				p.Bv = bias[2*qk+h*values : 2*qk+(h+1)*values]
			}
			all[i] = append(all[i], p)
		}
	}
	return all
}

// logitsWeight is w_11 with its adapter merged, whichever matrix it is.
func (r *pass) logitsWeight() paper.Mat {
	w := tensorMat(r.Params.Logits.W)
	if r.Config.Tied {
		w = tensorMat(r.Params.Tok).T()
	}
	if r.LoRA == nil {
		return w
	}
	return merged(w, r.LoRA.Logits, r.LoRA)
}

// embeddingGradient is ∂w_tok without the contribution of tied logits.
func (r *pass) embeddingGradient() paper.Mat {
	g := tensorMat(r.params.Tok)
	if r.Config.Tied {
		for s := range r.Batch {
			g = g.Sub(r.at(fmt.Sprintf("seq.%d", s), "∂L/∂w_11").T())
		}
	}
	return g
}

// lookup scatters Δ_1 by hand.
func lookup(r *pass) []Claim {
	var forward, absent worst
	tok, pos := paper.Zeros(r.Config.Vocab, r.Config.Width), paper.Zeros(r.Config.Context, r.Config.Width)
	occurs := make([]bool, r.Config.Vocab)
	for s, seq := range r.Batch {
		a, e := r.at(fmt.Sprintf("seq.%d.tok", s), "a_i"), r.at(fmt.Sprintf("seq.%d.block.0", s), "Δ_1")
		for t, id := range seq.Tokens {
			occurs[id] = true
			forward.see(apart(a.Row(t), tensorMat(r.Params.Tok).Row(id)))
			for j, x := range e.Row(t) {
				tok.Row(id)[j] += x
				pos.Row(t)[j] += x
			}
		}
	}
	g := r.embeddingGradient()
	for id, here := range occurs {
		if !here && !r.Config.Tied {
			absent.see(largest(g.Row(id)))
		}
	}
	return []Claim{
		exactly("a_i against rows of w_tok", float64(forward)),
		atMost("∂w_tok against a scatter-add of Δ_1", apart(g.V, tok.V), rounding),
		atMost("∂w_pos against a scatter-add of Δ_1", apart(r.params.Pos.V, pos.V), rounding),
		exactly("rows of absent tokens", float64(absent)),
	}
}

// columnSums compares what Δ_1 gives to tokens and to positions.
func columnSums(r *pass) []Claim {
	a, b := r.embeddingGradient().SumTokens(), tensorMat(r.params.Pos).SumTokens()
	return []Claim{atMost("Σ_rows ∂w_tok against Σ_rows ∂w_pos", apart(a, b), rounding)}
}

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
			total = total.Add(r.at(head, "Δ_{i-1}^h"))
		}
		concat.see(apart(paper.Concat(outs...).V, a3.V))
		adjoint.see(math.Abs(inner-a3.Dot(e3)) / (largest(a3.V) * largest(e3.V) * float64(len(a3.V))))
		sum.see(apart(total.V, e2.V))
	})
	return []Claim{
		exactly("a_3 against the heads side by side", float64(concat)),
		atMost("Σ_h a_i^h · Δ_i^h against a_3 · Δ_3", float64(adjoint), rounding),
		atMost("Σ_h Δ_{i-1}^h against Δ_2", float64(sum), rounding),
	}
}

// A normalization is one layer norm of the pass: its input, its gain, the error
// on its output and the one it handed down.
type normalization struct {
	a, down, up, normal paper.Mat
	gain                []float64
}

// norms visits every layer normalization of the pass.
func (r *pass) norms(visit func(n normalization)) {
	see := func(at string, up paper.Mat, gain []float64) {
		visit(normalization{a: r.at(at, "a_{i-1}"), down: r.at(at, "Δ_{i-1}"), up: up, normal: r.at(at, "ā_{i-1}"), gain: gain})
	}
	for s := range r.Batch {
		at := fmt.Sprintf("seq.%d", s)
		see(at+".lnFinal", r.at(at, "Δ_11"), r.Params.LNFinal.W.V)
	}
	r.inBlocks(func(at string, b int) {
		see(at+".ln2", r.at(at, "Δ_6"), r.Params.Blocks[b].LN2.W.V)
		see(at+".ln1", r.at(at, "Δ_2"), r.Params.Blocks[b].LN1.W.V)
	})
}

// duality transposes every layer norm into a batch norm, forward and backward.
func duality(r *pass) []Claim {
	var forward, backward worst
	r.norms(func(n normalization) {
		ones := make(paper.Vec, n.a.N)
		for i := range ones {
			ones[i] = 1
		}
		b, back := paper.BatchNorm(nil, n.a.T(), ones, nil, r.Config.Eps)
		down, _, _ := back(n.up.Had(paper.Rows(n.gain, n.a.N)).T())
		forward.see(apart(n.normal.V, b.T().V))
		backward.see(apart(n.down.V, down.T().V))
	})
	return []Claim{
		atMost("ā against BN(aᵗ)ᵗ", float64(forward), rounding),
		atMost("Δ_{i-1} against the same of BN", float64(backward), rounding),
	}
}

// lostDirections projects the error below every layer norm on 1 and on ā. With ε
// under the root ā·ā is d (1 - ε/σ²), so that (ā·g) ε/σ³ is left of the second.
func lostDirections(r *pass) []Claim {
	var mean, along worst
	r.norms(func(n normalization) {
		d := float64(n.a.D)
		_, deviation := paper.Moments(n.a, r.Config.Eps)
		g := n.up.Had(paper.Rows(n.gain, n.a.N))
		scale := max(largest(n.down.V)*d, math.SmallestNonzeroFloat64)
		for t := range n.a.N {
			s := deviation[t]
			left := dot(n.normal.Row(t), g.Row(t)) * r.Config.Eps / (s * s * s)
			mean.see(math.Abs(n.down.SumFeatures()[t]) / scale)
			along.see(math.Abs(dot(n.down.Row(t), n.normal.Row(t))-left) / scale)
		}
	})
	return []Claim{
		atMost("Σ_features Δ_{i-1}", float64(mean), rounding),
		atMost("Δ_{i-1} · ā, but for (ā·g) ε/σ³", float64(along), rounding),
	}
}

func scaleFree(r *pass) []Claim {
	t := newToy(r)
	a, e, w, b := t.mat(toyN, toyD), t.mat(toyN, toyD), t.vec(toyD), t.vec(toyD)
	one, back1 := paper.LayerNorm(nil, a, w, b, 0)
	two, back2 := paper.LayerNorm(nil, a.Scale(2), w, b, 0)
	d1, _, _ := back1(e)
	d2, _, _ := back2(e)
	return []Claim{
		atMost("LN(2a) against LN(a)", apart(one.V, two.V), rounding),
		atMost("2 Δ_{i-1} of 2a against that of a", apart(d1.V, d2.Scale(2).V), rounding),
	}
}

// top writes Δ_12 from y_pred and the targets.
func top(r *pass) []Claim {
	var w, dark worst
	for s, seq := range r.Batch {
		at := fmt.Sprintf("seq.%d", s)
		e := r.at(at, "Δ_12")
		want := r.at(at, "y_pred").Sub(paper.OneHot(seq.Targets, r.Config.Vocab)).Scale(r.scale())
		for t, y := range seq.Targets {
			if y == paper.Ignored {
				dark.see(largest(e.Row(t)))
				clear(want.Row(t))
			}
		}
		w.see(apart(e.V, want.V))
	}
	return []Claim{atMost("Δ_12 against (y_pred - y_gt)/N or its sum", float64(w), rounding), exactly("rows of ignored targets", float64(dark))}
}

func skips(r *pass) []Claim {
	var forward, backward worst
	r.inBlocks(func(at string, b int) {
		forward.see(apart(r.at(at, "a_5").V, r.at(at, "a_1").Add(r.at(at, "a_4")).V))
		forward.see(apart(r.at(at, "a_10").V, r.at(at, "a_5").Add(r.at(at, "a_9")).V))
		backward.see(apart(r.at(at, "Δ_5").V, r.at(at, "Δ_10").Add(r.at(at+".ln2", "Δ_{i-1}")).V))
		backward.see(apart(r.at(at, "Δ_1").V, r.at(at, "Δ_5").Add(r.at(at+".ln1", "Δ_{i-1}")).V))
	})
	return []Claim{
		exactly("a_5 - a_1 - a_4 and a_10 - a_5 - a_9", float64(forward)),
		exactly("Δ_5 - Δ_10 - LN(Δ_6) and Δ_1 - Δ_5 - LN(Δ_2)", float64(backward)),
	}
}

// tied compares a tied matrix's gradient with the two of an untied network that
// has w_11 = w_tokᵗ; a case that is not tied lends the law one that is.
func tied(r *pass) []Claim {
	gpt2 := pedestrian.Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12, Activation: pedestrian.GELUTanh, Bias: true, Tied: true}
	claims := []Claim{exactly("parameters minus 124,439,808", float64(gpt2.Ledger().Total()-124439808))}
	if !r.Config.Tied {
		c, _ := Find("gelu")
		r = c.At(r.Seed, 0).run(nil)
	}
	free := r.Point
	free.Config.Tied = false
	free.Params = pedestrian.NewParams[float64](free.Config)
	for _, t := range free.Params.Tensors() {
		for _, s := range r.Params.Tensors() {
			if s.Name == t.Name {
				copy(t.V, s.V)
			}
		}
	}
	copy(free.Params.Logits.W.V, tensorMat(r.Params.Tok).T().V)
	if r.LoRA != nil {
		free.LoRA = pedestrian.NewAdapter[float64](free.Config, *free.Case.Adapter)
		copy(free.LoRA.Slab, r.LoRA.Slab)
	}
	g := free.run(nil)
	sum := tensorMat(g.params.Tok).Add(tensorMat(g.params.Logits.W).T())
	return append(claims, atMost("∂w of the tied matrix against ∂w_tok + ∂w_11ᵗ", apart(r.params.Tok.V, sum.V), rounding))
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

// logitShift moves all logits by one constant, and looks at what that forbids.
func logitShift(r *pass) []Claim {
	var rows, bias, weight, loss worst
	scale := largest(r.at("seq.0", "Δ_12").V)
	for s, seq := range r.Batch {
		at := fmt.Sprintf("seq.%d", s)
		rows.see(largest(r.at(at, "Δ_12").SumFeatures()) / scale)
		g := r.at(at, "∂L/∂w_11")
		weight.see(largest(g.SumFeatures()) / max(largest(g.V), scale))
		a := r.at(at, "a_12")
		moved := a.Add(paper.Rows(slices.Repeat([]float64{7}, a.D), a.N))
		l1, _ := paper.Loss(nil, a, seq.Targets, r.scale())
		l2, _ := paper.Loss(nil, moved, seq.Targets, r.scale())
		loss.see(math.Abs(l1-l2) / max(math.Abs(l1), scale))
	}
	claims := []Claim{
		atMost("rows of Δ_12 sum to 0 but for", float64(rows), rounding),
		atMost("rows of ∂w_11 sum to 0 but for", float64(weight), rounding),
		atMost("loss moved by 7 on all logits", float64(loss), rounding),
	}
	if b := r.params.Logits.B.V; b != nil {
		bias.see(math.Abs(paper.Mat{N: 1, D: len(b), V: b}.SumFeatures()[0]) / scale)
		claims = append(claims, atMost("Σ ∂b_11", float64(bias), rounding))
	}
	return claims
}

// biasChains needs biases in the blocks.
func biasChains(r *pass) []Claim {
	if !r.Config.Bias {
		return nil
	}
	through := func(b []float64, w paper.Mat) []float64 { return paper.Mat{N: 1, D: len(b), V: b}.Mul(w.T()).V }
	var claims []Claim
	if b := r.params.Logits.B.V; b != nil {
		claims = append(claims, atMost("∂b_10 against ∂b_11 w_11ᵗ", apart(r.params.LNFinal.B.V, through(b, r.logitsWeight())), rounding))
	}
	var b5, bv, b1 worst
	points, grads := headsOf(r.Config, r.Params.Blocks, r.LoRA), headsOf(r.Config, r.params.Blocks, nil)
	for i, b := range r.Params.Blocks {
		g, l := r.params.Blocks[i], adapters(r.LoRA, i)
		b5.see(apart(g.LN2.B.V, through(g.Expand.B.V, merged(tensorMat(b.Expand.W), l.Expand, r.LoRA))))
		var values []float64
		sum := make([]float64, r.Config.Width)
		for h, p := range points[i] {
			values = append(values, grads[i][h].Bv...)
			v, q := through(grads[i][h].Bv, p.Wv), through(grads[i][h].Bq, p.Wq)
			for j := range sum {
				sum[j] += v[j] + q[j]
			}
		}
		bv.see(apart(values, through(g.AttProj.B.V, merged(tensorMat(b.AttProj.W), l.AttProj, r.LoRA))))
		b1.see(apart(g.LN1.B.V, sum))
	}
	return append(claims,
		atMost("∂b_5 against ∂b_6 w_6ᵗ", float64(b5), rounding),
		atMost("∂b_v of all heads against ∂b_3 w_3ᵗ", float64(bv), rounding),
		atMost("∂b_1 against Σ_h (∂b_v w_vᵗ + ∂b_q w_qᵗ)", float64(b1), rounding))
}

// rank eliminates ∂w_6 of one sequence: after n_T pivots nothing is left.
func rank(r *pass) []Claim {
	n := len(r.Batch[0].Tokens)
	g := r.at("seq.0.block.0", "∂L/∂w_6")
	if n >= min(g.N, g.D) {
		return nil
	}
	first, left := eliminate(g, n)
	return []Claim{atMost(fmt.Sprintf("pivot %d of ∂w_6 (%d×%d) over the first", n+1, g.N, g.D), left/first, rounding)}
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
	early = worst(math.Inf(1))
	for keep := range n {
		q := r.Point
		targets := slices.Repeat([]int{paper.Ignored}, n)
		targets[keep] = 1
		q.Batch = []paper.Sequence{{Tokens: r.Batch[0].Tokens, Targets: targets}}
		e := q.run(nil).at("seq.0.block.0", "Δ_1")
		for t := range n {
			if t > keep {
				late.see(largest(e.Row(t)))
			} else {
				early = min(early, worst(largest(e.Row(t))))
			}
		}
	}
	return []Claim{exactly("Δ_1 of tokens after the only loss", float64(late)), atLeast("Δ_1 of tokens up to it", float64(early), 1e-9)}
}

// deadUnit switches one ReLU off.
func deadUnit(r *pass) []Claim {
	q := r.Point.clone()
	if q.Config.Activation != pedestrian.ReLU || !q.Config.Bias {
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

// cache feeds the first sequence token by token to both rungs' caches.
func cache(r *pass) []Claim {
	full := r.at("seq.0", "a_12")
	kept := paper.NewCache(r.Params, r.LoRA)
	n := engine.New(r.Params, r.LoRA, engine.Options{Threads: 1})
	defer n.Close()
	decoder := n.NewDecoder(1)
	var first, second worst
	for t, id := range r.Batch[0].Tokens {
		first.see(apart(kept.Next(nil, id), full.Row(t)))
		second.see(apart(decoder.Feed(0, []int32{int32(id)}), full.Row(t)))
	}
	return []Claim{
		atMost("logits of paper.Cache against the full pass", float64(first), rounding),
		atMost("logits of engine.Decoder against the full pass", float64(second), rounding),
	}
}
