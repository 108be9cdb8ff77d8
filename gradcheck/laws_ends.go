package gradcheck

import (
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// lookup scatters Δ_1 by hand.
func lookup(r *pass) []Claim {
	var forward, absent worst
	tok, pos := paper.Zeros(r.Config.Vocab, r.Config.Width), paper.Zeros(r.Config.Context, r.Config.Width)
	scale := 1.0
	if r.Config.ScaleEmbedding {
		scale = math.Sqrt(float64(r.Config.Width))
	}
	var first worst
	occurs := make([]bool, r.Config.Vocab)
	for s, seq := range r.Batch {
		a, e := r.at(fmt.Sprintf("seq.%d.tok", s), "a_i"), r.at(fmt.Sprintf("seq.%d.block.0", s), "Δ_1")
		a1 := a.Scale(scale)
		if r.Config.Positions == pedestrian.Learned {
			a1 = a1.Add(r.at(fmt.Sprintf("seq.%d.pos", s), "a_i"))
		}
		first.add(relativeDifference(a1.V, r.at(fmt.Sprintf("seq.%d.block.0", s), "a_1").V))
		for t, id := range seq.Tokens {
			occurs[id] = true
			forward.add(relativeDifference(a.Row(t), tensorMat(r.Params.Tok).Row(id)))
			for j, x := range e.Row(t) {
				tok.Row(id)[j] += scale * x
				pos.Row(t)[j] += x
			}
		}
	}
	g := r.embeddingGradient()
	for id, here := range occurs {
		if !here && !r.Config.Tied {
			absent.add(largest(g.Row(id)))
		}
	}
	claims := []Claim{
		exactly("a_i against rows of w_tok", float64(forward)),
		exactly("a_1 against these rows, scaled, and positions", float64(first)),
		atMost("∂w_tok against a scatter-add of Δ_1", relativeDifference(g.V, tok.V), rounding),
		exactly("rows of absent tokens", float64(absent)),
	}
	if r.Config.Positions == pedestrian.Learned {
		claims = append(claims, atMost("∂w_pos against a scatter-add of Δ_1", relativeDifference(r.params.Pos.V, pos.V), rounding))
	}
	return claims
}

// columnSums compares what Δ_1 gives to tokens and to positions.
func columnSums(r *pass) []Claim {
	if r.Config.Positions != pedestrian.Learned {
		return nil
	}
	a, b := r.embeddingGradient().SumTokens(), tensorMat(r.params.Pos).SumTokens()
	return []Claim{atMost("Σ_rows ∂w_tok against Σ_rows ∂w_pos", relativeDifference(a, b), rounding)}
}

// top writes Δ_12 from y_pred and the targets.
func top(r *pass) []Claim {
	var w, dark worst
	for s, seq := range r.Batch {
		at := fmt.Sprintf("seq.%d", s)
		e := r.at(at, "Δ_12")
		want := r.at(at, "y_pred").Sub(paper.OneHot(seq.Targets, r.Config.Vocab)).Scale(r.Scale())
		for t, y := range seq.Targets {
			if y == paper.Ignored {
				dark.add(largest(e.Row(t)))
				clear(want.Row(t))
			}
		}
		w.add(relativeDifference(e.V, want.V))
	}
	return []Claim{atMost("Δ_12 against (y_pred - y_gt)/N or its sum", float64(w), rounding), exactly("rows of ignored targets", float64(dark))}
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
	return append(claims, atMost("∂w of the tied matrix against ∂w_tok + ∂w_11ᵗ", relativeDifference(r.params.Tok.V, sum.V), rounding))
}

// logitShift moves all logits by one constant, and looks at what that forbids.
func logitShift(r *pass) []Claim {
	var rows, bias, weight, loss worst
	scale := largest(r.at("seq.0", "Δ_12").V)
	for s, seq := range r.Batch {
		at := fmt.Sprintf("seq.%d", s)
		rows.add(largest(r.at(at, "Δ_12").SumFeatures()) / scale)
		g := r.at(at, "∂L/∂w_11")
		weight.add(largest(g.SumFeatures()) / max(largest(g.V), scale))
		a := r.at(at, "a_12")
		moved := a.Add(paper.Rows(slices.Repeat([]float64{7}, a.D), a.N))
		l1, _ := paper.Loss(nil, a, seq.Targets, r.Scale())
		l2, _ := paper.Loss(nil, moved, seq.Targets, r.Scale())
		loss.add(math.Abs(l1-l2) / max(math.Abs(l1), scale))
	}
	claims := []Claim{
		atMost("rows of Δ_12 sum to 0 but for", float64(rows), rounding),
		atMost("rows of ∂w_11 sum to 0 but for", float64(weight), rounding),
		atMost("loss moved by 7 on all logits", float64(loss), rounding),
	}
	if b := r.params.Logits.B.V; b != nil {
		bias.add(math.Abs(paper.Mat{N: 1, D: len(b), V: b}.SumFeatures()[0]) / scale)
		claims = append(claims, atMost("Σ ∂b_11", float64(bias), rounding))
	}
	return claims
}
