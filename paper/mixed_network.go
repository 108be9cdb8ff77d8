package paper

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
)

// Mixed is [Network] as mixed precision computes it: the operands of every product
// of a fully connected layer, forward and backward, are rounded by r, and all else
// is as precise as there. It is what package engine is held against at bf16. Its
// gradients are not those of its loss, which is constant between two roundings: no
// difference can check them, and with an r that rounds nothing they are Network's.
//
// The trace has the steps of table 2, at the places where Network has them.
func Mixed(tr *Trace, p *pedestrian.Params[float64], lora *pedestrian.Adapter[float64], batch []Sequence, reduction Reduction, r Rounding) (
	loss float64, back func() (dp *pedestrian.Params[float64], dlora *pedestrian.Adapter[float64])) {

	if tr == nil {
		tr = &Trace{} // roundings are told where they are
	}
	w := read(nil, p, lora)
	w.merges = nil // adapters stand beside the heads' layer here, and not in it
	blocks, weight := mixedBlocks(p, lora, w.Blocks), reduction.Weight(batch)
	backs := make([]func() (weights, [][]Layer), len(batch))
	for s, seq := range batch {
		seq.check(s, p.Config)
		l, back := r.sequence(tr.In(fmt.Sprintf("seq.%d", s)), w, blocks, p.Config, seq, weight)
		loss, backs[s] = loss+l, back
	}

	back = func() (dp *pedestrian.Params[float64], dlora *pedestrian.Adapter[float64]) {
		dp = pedestrian.NewParams[float64](p.Config)
		if lora != nil {
			dlora = pedestrian.NewAdapter[float64](lora.Base, lora.Config)
		}
		w.qkv = make([]Mat, len(w.Blocks))
		for _, back := range backs {
			g, qkv := back()
			g.addTo(&w, dp, dlora)
			for i, parts := range qkv {
				for j, d := range parts {
					if d.D.V != nil {
						f := dlora.LoRA(i, blocks[i].parts[j].Target)
						copy(f.Down.V, matrix(f.Down).Add(d.D).V)
						copy(f.Up.V, matrix(f.Up).Add(d.U).V)
						if d.M != nil {
							copy(f.Magnitude.V, Vec(f.Magnitude.V).row().Add(d.M.row()).V)
						}
					}
				}
			}
		}
		w.unmerge(dp, dlora)
		return dp, dlora
	}
	return loss, back
}

// sequence is that of table 2. Its pullback returns the adapters' gradients of the
// heads' layers beside the rest.
func (r Rounding) sequence(tr *Trace, p weights, blocks []mixedBlock, c pedestrian.Config, seq Sequence, weight float64) (
	loss float64, back func() (dp weights, qkv [][]Layer)) {

	n := len(seq.Tokens)
	tok, backTok, _ := Embedding(tr.In("tok"), seq.Tokens, p.Tok)
	pos, backPos, _ := Embedding(tr.In("pos"), positions(n, seq.Starts), p.Pos)
	a := tok.Add(pos)
	backs := make([]func(Δ Mat) (Mat, BlockParams, []Layer), len(blocks))
	for i, b := range blocks {
		a, backs[i] = r.block(tr.In(fmt.Sprintf("block.%d", i)), a, b, c, Causal(n, seq.Starts...))
	}
	a11, back10 := LayerNorm(tr.In("lnFinal"), a, p.LNFinal.W, p.LNFinal.B, p.LNFinal.Eps)
	a11 = tr.Eq("T2", "a_11", a11)
	logits := tr.In("logits")
	rest, own := p.Logits.split(p.ids)
	a12, back11 := r.layer(logits, rest.mixedInput(logits, a11), rest)
	a12 = tr.Eq("T2", "a_12", a12.Add(a11.Mul(own)))
	loss, backLoss := Loss(tr, a12, seq.Targets, weight)

	back = func() (dp weights, qkv [][]Layer) {
		Δ12 := tr.Eq("T2", "Δ_12", backLoss())
		Δ11, d11 := back11(Δ12)
		d11.W = columns(d11.W, a11.T().Mul(Δ12), p.ids)
		Δ11 = tr.Eq("T2", "Δ_11", Δ11.Add(Δ12.Mul(own.T())))
		Δ, dw10, db10 := back10(Δ11)
		dp.Logits, dp.LNFinal = d11, Norm{W: dw10, B: db10}
		dp.Blocks, qkv = make([]BlockParams, len(backs)), make([][]Layer, len(backs))
		for i := len(backs) - 1; i >= 0; i-- {
			Δ, dp.Blocks[i], qkv[i] = backs[i](Δ)
		}
		dp.Tok, dp.Pos = backTok(Δ), backPos(Δ)
		return dp, qkv
	}
	return loss, back
}

// block is [Block], with the heads' projections as one layer before them.
func (r Rounding) block(tr *Trace, a1 Mat, p mixedBlock, c pedestrian.Config, m Mat) (
	a10 Mat, back func(Δ10 Mat) (Δ1 Mat, dp BlockParams, dqkv []Layer)) {

	layer := func(name string, a Mat, p Layer) (Mat, func(Δ Mat) (Mat, Layer)) {
		tr := tr.In(name)
		return r.layer(tr, p.mixedInput(tr, a), p)
	}
	a1 = tr.Eq("T2", "a_1", a1)
	a2, back1 := LayerNorm(tr.In("ln1"), a1, p.LN1.W, p.LN1.B, p.LN1.Eps)
	a2 = tr.Eq("T2", "a_2", a2)
	qkv, backQKV := r.projections(tr, a2, p)
	qkv = tr.Eq("", "q, k, v", qkv)
	a3, back2 := MultiHead(tr.In("attention"), qkv, p.pick, m)
	a3 = tr.Eq("T2", "a_3", a3)
	a4, back3 := layer("attProj", a3, p.AttProj)
	a5 := tr.Eq("T2", "a_5", a1.Add(a4))
	a6, back5 := LayerNorm(tr.In("ln2"), a5, p.LN2.W, p.LN2.B, p.LN2.Eps)
	a6 = tr.Eq("T2", "a_6", a6)
	a7, back6 := layer("expand", a6, p.Expand)
	a7 = tr.Eq("T2", "a_7", a7)
	a8, back7 := Activate(tr.In("g"), a7, p.Activation)
	a8 = tr.Eq("T2", "a_8", a8)
	a9, back8 := layer("contract", a8, p.Contract)
	a10 = tr.Eq("T2", "a_10", a5.Add(a9))

	back = func(Δ10 Mat) (Δ1 Mat, dp BlockParams, dqkv []Layer) {
		Δ10 = tr.Eq("T2", "Δ_10", Δ10)
		Δ8, d8 := back8(Δ10)
		Δ7 := tr.Eq("T2", "Δ_7", back7(tr.Eq("T2", "Δ_8", Δ8)))
		Δ6, d6 := back6(Δ7)
		Δ6 = tr.Eq("T2", "Δ_6", Δ6)
		Δ5, dw5, db5 := back5(Δ6)
		Δ5 = tr.Eq("T2", "Δ_5", Δ10.Add(Δ5))
		Δ3, d3 := back3(Δ5)
		Δqkv, _ := back2(tr.Eq("T2", "Δ_3", Δ3))
		Δ2, dqkv := backQKV(tr.Eq("", "Δ_q, Δ_k, Δ_v", Δqkv))
		Δ2 = tr.Eq("T2", "Δ_2", Δ2)
		Δ1, dw1, db1 := back1(Δ2)
		Δ1 = tr.Eq("T2", "Δ_1", Δ5.Add(Δ1))

		var w []Mat
		var b Vec
		for _, d := range dqkv {
			w, b = append(w, d.W), append(b, d.B...)
		}
		dp = BlockParams{LN1: Norm{W: dw1, B: db1}, Heads: heads(c, 0, Concat(w...), b), AttProj: d3,
			LN2: Norm{W: dw5, B: db5}, Expand: d6, Contract: d8}
		return Δ1, dp, dqkv
	}
	return a10, back
}
