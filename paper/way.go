package paper

// A way is how a block is computed, with the same equations: its layers as they stand or
// with rounded operands, its tokens all at once or one after the other.
type way struct {
	layer  func(tr *Trace, aPrev Mat, p Layer) (a Mat, back func(Δ Mat) (ΔPrev Mat, dp Layer)) // Adapted, or Rounding.layer
	starts []int                                                                               // beginnings of documents, see Causal
	cache  *blockCache                                                                         // of the tokens before, for a new one; nil: all tokens at once
}

// attention is what makes a_3 of a_2: the paper's heads, which read a_2, or layers that
// read it and make the queries, keys and values of the heads.
func (w way) attention(tr *Trace, a2 Mat, p BlockParams) (a3 Mat, back func(Δ3 Mat, dp *BlockParams) (Δ2 Mat)) {
	n := a2.N
	if p.Heads != nil {
		in, backIn := p.headInput(tr, a2)
		if w.cache != nil {
			return w.cache.heads(tr, in, p.Heads), nil
		}
		a3, backHeads := MultiHead(tr, in, p.Heads, Causal(n, w.starts...))
		return a3, func(Δ3 Mat, dp *BlockParams) (Δ2 Mat) {
			Δ2, dp.Heads = backHeads(Δ3)
			return backIn(Δ2)
		}
	}
	q, k, v, backQKV := w.project(tr, a2, p)
	if w.cache != nil {
		return w.cache.grouped.Next(tr, q, k, v, p.Grouped), nil
	}
	a3, backHeads := GroupedAttention(tr, q, k, v, p.Grouped, positions(n, w.starts), SlidingWindow(n, p.Window, w.starts...))
	return a3, func(Δ3 Mat, dp *BlockParams) (Δ2 Mat) {
		Δq, Δk, Δv, dqNorm, dkNorm := backHeads(Δ3)
		dp.Grouped = Grouped{QNorm: Norm{W: dqNorm}, KNorm: Norm{W: dkNorm}}
		Δ2, dp.QKV = backQKV(Concat(Δq, Δk, Δv))
		return Δ2
	}
}

// headInput is what the heads read. Adapters of theirs that have an input of their
// own, under a mask, are further rows of their weights:
//
//	a_2 w + ã_2 α d u = [a_2 | ã_2] (w above α d u)
func (p BlockParams) headInput(tr *Trace, a2 Mat) (a Mat, back func(Δ Mat) (Δ2 Mat)) {
	if !p.Masked {
		return a2, func(Δ Mat) Mat { return Δ }
	}
	masked, backMask := Dropout(tr.In("qkv"), a2)
	return Concat(a2, masked), func(Δ Mat) Mat {
		return Δ.Columns(0, a2.D).Add(backMask(Δ.Columns(a2.D, a2.D)))
	}
}

// project is the layers in front of the heads, [q | k | v] of all of them. The gradient
// of the keys' bias is zero by (29) where keys neither turn nor are normed.
func (w way) project(tr *Trace, a2 Mat, p BlockParams) (q, k, v Mat, back func(Δ Mat) (Δ2 Mat, dp []Layer)) {
	outs, backs := make([]Mat, len(p.QKV)), make([]func(Mat) (Mat, Layer), len(p.QKV))
	for i, name := range p.projections() {
		outs[i], backs[i] = w.layer(tr.In("qkv").In(name), a2, p.QKV[i])
	}
	all := tr.Eq("", "q, k, v", Concat(outs...))
	g := p.Grouped
	values := p.AttProj.W.N / g.Heads * g.KVHeads
	keys := (all.D - values) / (g.Heads + g.KVHeads) * g.KVHeads
	queries := all.D - keys - values
	q, k, v = all.Columns(0, queries), all.Columns(queries, keys), all.Columns(queries+keys, values)

	back = func(Δ Mat) (Δ2 Mat, dp []Layer) {
		Δ = tr.Eq("", "Δ_q, Δ_k, Δ_v", Δ)
		Δ2, dp = Zeros(a2.N, a2.D), make([]Layer, len(outs))
		from := 0
		for i, out := range outs {
			var e Mat
			e, dp[i] = backs[i](Δ.Columns(from, out.D))
			for j := range dp[i].B {
				if at := from + j; !g.movesKeys() && at >= queries && at < queries+keys {
					dp[i].B[j] = 0
				}
			}
			Δ2, from = Δ2.Add(e), from+out.D
		}
		return Δ2, dp
	}
	return q, k, v, back
}

// projections are the names of QKV.
func (p BlockParams) projections() []string {
	switch len(p.QKV) {
	case 0:
		return nil
	case 1:
		return []string{"qkv"}
	}
	return []string{"q", "k", "v"}
}

// movesKeys says whether a key's bias is not the same for every key that meets a query.
func (p Grouped) movesKeys() bool { return p.KNorm.W != nil || len(p.Rotation.Freqs) > 0 }
