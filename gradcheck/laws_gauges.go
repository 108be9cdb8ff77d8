package gradcheck

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A network does not change when a factor moves from a layer to the next one. So gradients
// of both are tied to each other, whatever the loss: what follows costs no differences. A
// bias is one more row of its weights.

// projection is the weight of the queries, keys or values of a block, with adapters merged
// into it and its bias as a last row where there is one.
func (r *pass) projection(block int, t pedestrian.Target) paper.Mat {
	b, l := r.Params.Blocks[block], adapters(r.LoRA, block)
	part := r.Config.Linear(block, t)
	own := map[pedestrian.Target]pedestrian.LoRA[float64]{pedestrian.TargetQ: l.Q, pedestrian.TargetK: l.K, pedestrian.TargetV: l.V}[t]
	w := merged(merged(tensorMat(b.QKV.W), l.QKV).Columns(part.From, part.Out), own)
	return withBias(w, columnsOf(b.QKV.B.V, part))
}

// projectionGradient is the gradient of projection.
func (r *pass) projectionGradient(block int, t pedestrian.Target) paper.Mat {
	g, part := r.params.Blocks[block], r.Config.Linear(block, t)
	return withBias(tensorMat(g.QKV.W).Columns(part.From, part.Out), columnsOf(g.QKV.B.V, part))
}

// columnsOf is the bias of a part of a layer; nil without one.
func columnsOf(b []float64, part pedestrian.Linear) []float64 {
	if b == nil {
		return nil
	}
	return b[part.From : part.From+part.Out]
}

func withBias(w paper.Mat, b []float64) paper.Mat {
	if b == nil {
		return w
	}
	return w.Append(paper.Mat{N: 1, D: len(b), V: b})
}

// A layerPair is a fully connected layer, adapters merged, and its gradient.
type layerPair struct{ w, g paper.Mat }

func pairOf(p, g pedestrian.Affine[float64], l pedestrian.LoRA[float64]) layerPair {
	return layerPair{merged(tensorMat(p.W), l), tensorMat(g.W)}
}

// gainGauge (Y13) moves a factor from a gain, and the bias beside it, to what reads them.
func gainGauge(r *pass) []Claim {
	var w worst
	hold := func(p, g pedestrian.Affine[float64], readers ...layerPair) {
		left, right := paper.Mat{N: 1, D: len(p.W.V), V: p.W.V}.Had(paper.Mat{N: 1, D: len(g.W.V), V: g.W.V}), paper.Zeros(1, len(p.W.V))
		if p.B.V != nil {
			left = left.Add(paper.Mat{N: 1, D: len(p.B.V), V: p.B.V}.Had(paper.Mat{N: 1, D: len(g.B.V), V: g.B.V}))
		}
		for _, l := range readers {
			right = right.Add(paper.Mat{N: 1, D: l.w.N, V: l.w.FeatureDot(l.g)})
		}
		w.add(relativeDifference(left.V, right.V))
	}
	for i, p := range r.Params.Blocks {
		g, l := r.params.Blocks[i], adapters(r.LoRA, i)
		var qkv []layerPair
		for _, t := range []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetK, pedestrian.TargetV} {
			a, b, n := r.projection(i, t), r.projectionGradient(i, t), r.Config.Width
			qkv = append(qkv, layerPair{paper.Mat{N: n, D: a.D, V: a.V[:n*a.D]}, paper.Mat{N: n, D: b.D, V: b.V[:n*b.D]}})
		}
		hold(p.LN1, g.LN1, qkv...)
		if r.Config.Gated {
			hold(p.LN2, g.LN2, pairOf(p.Gate, g.Gate, l.Gate), pairOf(p.Up, g.Up, l.Up))
		} else {
			hold(p.LN2, g.LN2, pairOf(p.Expand, g.Expand, l.Expand))
		}
	}
	if !r.Config.Tied {
		hold(r.Params.LNFinal, r.params.LNFinal, layerPair{r.logitsWeight(), tensorMat(r.params.Logits.W)})
	}
	return []Claim{atMost("w ∘ ∂w + b ∘ ∂b of a norm against Σ rows of W ∘ ∂W of its readers", float64(w), rounding)}
}

// hiddenGauge (Y14) moves a factor from a column of up to a row of down.
func hiddenGauge(r *pass) []Claim {
	if !r.Config.Gated {
		return nil
	}
	var w worst
	for i, p := range r.Params.Blocks {
		g, l := r.params.Blocks[i], adapters(r.LoRA, i)
		up, dUp := withBias(merged(tensorMat(p.Up.W), l.Up), p.Up.B.V), withBias(tensorMat(g.Up.W), g.Up.B.V)
		down := pairOf(p.Down, g.Down, l.Down)
		w.add(relativeDifference(up.Had(dUp).SumTokens(), down.w.FeatureDot(down.g)))
	}
	return []Claim{atMost("Σ rows of w_up ∘ ∂w_up against Σ columns of w_down ∘ ∂w_down", float64(w), rounding)}
}

// valueGauge (Y15) puts a matrix between the values of a group and the rows of w_o that
// read them.
func valueGauge(r *pass) []Claim {
	var w worst
	d, group := r.Config.ValueDim(), r.Config.Heads/r.Config.KeyHeads()
	for i, p := range r.Params.Blocks {
		v, dv := r.projection(i, pedestrian.TargetV), r.projectionGradient(i, pedestrian.TargetV)
		out := pairOf(p.AttProj, r.params.Blocks[i].AttProj, adapters(r.LoRA, i).AttProj)
		rows := func(a paper.Mat, h int) paper.Mat { return paper.Mat{N: d, D: a.D, V: a.V[h*d*a.D : (h+1)*d*a.D]} }
		for j := range r.Config.KeyHeads() {
			sum := paper.Zeros(d, d)
			for h := j * group; h < (j+1)*group; h++ {
				sum = sum.Add(rows(out.g, h).Mul(rows(out.w, h).T()))
			}
			w.add(relativeDifference(v.Columns(j*d, d).T().Mul(dv.Columns(j*d, d)).V, sum.V))
		}
	}
	return []Claim{atMost("w_vᵗ ∂w_v against Σ_group ∂w_o w_oᵗ", float64(w), rounding)}
}

// pairGauge (Y16) multiplies each pair of columns of the queries of a group by a complex
// number that their keys undo: what commutes with a rotation.
func pairGauge(r *pass) []Claim {
	c := r.Config
	if c.Positions != pedestrian.Rotary || c.QKNorm {
		return nil
	}
	var real, imaginary worst
	d, pairs, group := c.QueryDim(), c.Rotation.WithDefaults(c.QueryDim()).Dims/2, c.Heads/c.KeyHeads()
	number := func(w, g paper.Mat) (re, im []float64) { // (w_x - i w_y) · (∂w_x + i ∂w_y)
		x, y, dx, dy := w.Columns(0, pairs), w.Columns(pairs, pairs), g.Columns(0, pairs), g.Columns(pairs, pairs)
		return x.Had(dx).Add(y.Had(dy)).SumTokens(), x.Had(dy).Sub(y.Had(dx)).SumTokens()
	}
	for i := range r.Params.Blocks {
		q, dq := r.projection(i, pedestrian.TargetQ), r.projectionGradient(i, pedestrian.TargetQ)
		k, dk := r.projection(i, pedestrian.TargetK), r.projectionGradient(i, pedestrian.TargetK)
		for j := range c.KeyHeads() {
			re, im := number(k.Columns(j*d, d), dk.Columns(j*d, d))
			sumRe, sumIm := make([]float64, pairs), make([]float64, pairs)
			for h := j * group; h < (j+1)*group; h++ {
				a, b := number(q.Columns(h*d, d), dq.Columns(h*d, d))
				for i := range a {
					sumRe[i], sumIm[i] = sumRe[i]+a[i], sumIm[i]-b[i]
				}
			}
			scale := append(append(append([]float64{}, re...), im...), sumRe...)
			real.add(largest(minus(re, sumRe)) / largest(scale))
			imaginary.add(largest(minus(im, sumIm)) / largest(scale))
		}
	}
	return []Claim{
		atMost("stretches of queries and keys balance, pair by pair", float64(real), rounding),
		atMost("and so do their turns", float64(imaginary), rounding),
	}
}
