package paper

import "github.com/pedestrian-ml/pedestrian"

// addTo adds the gradients of one sequence to dp and to dlora: those of norms and
// biases to dlora where it trains them. Of the heads it adds them to sum, for
// unmerge. A tied matrix gets both of its contributions.
func (w weights) addTo(sum *weights, dp *pedestrian.Params[float64], dlora *pedestrian.Adapter[float64]) {
	if dlora == nil {
		dlora = without(dp.Config)
	}
	add := func(g []float64, dst ...pedestrian.Tensor[float64]) { // to the first that is there
		for _, t := range dst {
			if t.V != nil {
				for i := range t.V {
					t.V[i] += g[i]
				}
				return
			}
		}
	}
	norm := func(g Norm, own, base pedestrian.Affine[float64]) {
		add(g.W, own.W, base.W)
		add(g.B, own.B, base.B)
	}
	layer := func(g Layer, base pedestrian.Affine[float64], bias pedestrian.Tensor[float64], own pedestrian.LoRA[float64]) {
		add(g.W.V, base.W)
		add(g.B, bias, base.B)
		add(g.D.V, own.Down)
		add(g.U.V, own.Up)
		add(g.M, own.Magnitude)
	}
	ids := dlora.Config.Tokens
	add(withoutRows(w.Tok, ids, dlora.TokRows).V, dp.Tok)
	add(w.Pos.V, dp.Pos)
	for i, g := range w.Blocks {
		b, l := dp.Blocks[i], dlora.Blocks[i]
		norm(g.LN1, l.Own.LN1, b.LN1)
		if g.Heads != nil {
			qkv, bias := fuse(g.Heads)
			if sum.qkv[i].V == nil {
				sum.qkv[i] = Zeros(qkv.N, qkv.D)
			}
			sum.qkv[i] = sum.qkv[i].Add(qkv)
			add(bias, l.Own.QKV.B, b.QKV.B)
		} else {
			var ws []Mat
			var bias Vec
			for j, part := range projections(dp.Config, i, l) {
				d := g.QKV[j]
				ws, bias = append(ws, d.W), append(bias, d.B...)
				layer(Layer{D: d.D, U: d.U, M: d.M}, pedestrian.Affine[float64]{}, pedestrian.Tensor[float64]{}, *dlora.LoRA(i, part.Target))
			}
			layer(Layer{W: Concat(ws...), B: bias}, b.QKV, l.Own.QKV.B, pedestrian.LoRA[float64]{})
			norm(g.Grouped.QNorm, l.Own.QNorm, b.QNorm)
			norm(g.Grouped.KNorm, l.Own.KNorm, b.KNorm)
		}
		layer(g.AttProj, b.AttProj, l.Own.AttProj.B, l.AttProj)
		norm(g.LN2, l.Own.LN2, b.LN2)
		layer(g.Expand, b.Expand, l.Own.Expand.B, l.Expand)
		layer(g.Contract, b.Contract, l.Own.Contract.B, l.Contract)
		layer(g.Gate, b.Gate, l.Own.Gate.B, l.Gate)
		layer(g.Up, b.Up, l.Own.Up.B, l.Up)
		layer(g.Down, b.Down, l.Own.Down.B, l.Down)
	}
	norm(w.LNFinal, dlora.LNFinal, dp.LNFinal)
	if dlora.LogitsRows.V != nil {
		w.Logits.W = withoutRows(w.Logits.W.T(), ids, dlora.LogitsRows).T()
	}
	layer(w.Logits, dp.Logits, dlora.LogitsBias, dlora.Logits)
	if dp.Config.Tied {
		add(withoutRows(w.Logits.W.T(), ids, dlora.TokRows).V, dp.Tok) // w_11 = w_tokᵗ (tied)
	}
}

// unmerge turns the gradients of the heads' weights, complete in w.qkv, into those
// of the fused matrices and of the adapters of queries, keys and values.
func (w weights) unmerge(dp *pedestrian.Params[float64], dlora *pedestrian.Adapter[float64]) {
	for i, b := range dp.Blocks {
		if w.qkv[i].V != nil {
			copy(b.QKV.W.V, w.qkv[i].V) // the upper rows, where there are others
		}
	}
	for _, m := range w.merges {
		g := w.qkv[m.Block].Columns(m.From, m.Out)
		width := dp.Config.Width
		dw := Mat{width, g.D, g.V[:width*g.D]}
		dv := Mat{width, g.D, g.V[len(g.V)-width*g.D:]}
		dl := m.back(dw, dv)
		base, f := matrix(dp.Blocks[m.Block].QKV.W), dlora.LoRA(m.Block, m.Target)
		copy(base.V, put(base, m.Linear, dl.W).V)
		copy(f.Down.V, dl.D.V)
		copy(f.Up.V, dl.U.V)
		copy(f.Magnitude.V, dl.M)
	}
}
