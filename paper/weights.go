package paper

import (
	"fmt"
	"strconv"

	"github.com/pedestrian-ml/pedestrian"
)

// weights is the parameters of a network, and its adapter's, as the layers of
// this package take them; or the gradients of one sequence.
type weights struct {
	Tok, Pos Mat
	Blocks   []BlockParams
	LNFinal  Norm
	Logits   Layer

	merges []merge // of read, in the order of blocks
}

// read looks at p and lora through the eyes of the layers. Matrices are views of
// the slab, so a changed number is seen; heads are columns cut out of the fused
// matrix [q of every head | k of every head | v of every head], after adapters
// were merged into it.
func read(tr *Trace, p *pedestrian.Params[float64], lora *pedestrian.Adapter[float64]) weights {
	c := p.Config
	var none pedestrian.Adapter[float64]
	if lora == nil {
		lora = &none
		lora.Blocks = make([]pedestrian.AdapterBlock[float64], c.Blocks)
	} else {
		if lora.Base != c {
			panic(fmt.Sprintf("paper.Network: adapter for %+v beside a network %+v", lora.Base, c))
		}
	}
	norm := func(a pedestrian.Affine[float64]) Norm { return Norm{a.W.V, a.B.V, c.Eps} }
	layer := func(a pedestrian.Affine[float64], l pedestrian.LoRA[float64]) Layer {
		return Layer{matrix(a.W), a.B.V, matrix(l.Down), matrix(l.Up), l.Multiplier}
	}
	w := weights{
		Tok: matrix(p.Tok), Pos: matrix(p.Pos), LNFinal: norm(p.LNFinal), Logits: layer(p.Logits, lora.Logits),
	}
	if c.Tied {
		w.Logits.W = w.Tok.T()
	}
	for i, b := range p.Blocks {
		l := lora.Blocks[i]
		qkv := matrix(b.QKV.W)
		for _, part := range fused(c) {
			if f := part.of(l); f.Down.V != nil {
				at := tr.In("block." + strconv.Itoa(i) + "." + part.name)
				merged, back := Merge(at, qkv.Columns(part.from, part.cols), matrix(f.Down), matrix(f.Up), f.Multiplier)
				qkv = Concat(qkv.Columns(0, part.from), merged, qkv.Columns(part.from+part.cols, qkv.D-part.from-part.cols))
				w.merges = append(w.merges, merge{i, part, back})
			}
		}
		w.Blocks = append(w.Blocks, BlockParams{
			LN1: norm(b.LN1), Heads: heads(c, qkv, b.QKV.B.V), AttProj: layer(b.AttProj, l.AttProj),
			LN2: norm(b.LN2), Expand: layer(b.Expand, l.Expand), Contract: layer(b.Contract, l.Contract),
			Activation: c.Activation,
		})
	}
	return w
}

// matrix is a tensor as a Mat, a view; the zero Mat when the tensor is not there.
func matrix(t pedestrian.Tensor[float64]) Mat {
	if t.V == nil {
		return Mat{}
	}
	return Mat{t.Rows, t.Cols, t.V}
}

// A third is the columns of the fused matrix that hold the queries, keys or
// values of every head; the last one is all of it.
type third struct {
	name       string
	from, cols int
	of         func(l pedestrian.AdapterBlock[float64]) pedestrian.LoRA[float64]
}

func fused(c pedestrian.Config) [4]third {
	qk := c.Heads * c.QueryDim()
	return [4]third{
		{"q", 0, qk, func(l pedestrian.AdapterBlock[float64]) pedestrian.LoRA[float64] { return l.Q }},
		{"k", qk, qk, func(l pedestrian.AdapterBlock[float64]) pedestrian.LoRA[float64] { return l.K }},
		{"v", 2 * qk, c.Width, func(l pedestrian.AdapterBlock[float64]) pedestrian.LoRA[float64] { return l.V }},
		{"qkv", 0, c.QKVDim(), func(l pedestrian.AdapterBlock[float64]) pedestrian.LoRA[float64] { return l.QKV }},
	}
}

// A merge remembers how an adapter went into a third of a block's fused matrix.
type merge struct {
	block int
	third
	back func(dw Mat) (dd, du Mat)
}

// heads cuts the fused matrix and its bias, nil or a number per column, by heads.
func heads(c pedestrian.Config, w Mat, b Vec) []Head {
	cut := func(from, d int) (Mat, Vec) {
		if b == nil {
			return w.Columns(from, d), nil
		}
		return w.Columns(from, d), b[from : from+d]
	}
	hs := make([]Head, c.Heads)
	parts, dρ, dh := fused(c), c.QueryDim(), c.ValueDim()
	for h := range hs {
		hs[h].Wq, hs[h].Bq = cut(parts[0].from+h*dρ, dρ)
		hs[h].Wk, hs[h].Bk = cut(parts[1].from+h*dρ, dρ)
		hs[h].Wv, hs[h].Bv = cut(parts[2].from+h*dh, dh)
	}
	return hs
}

// fuse is the inverse of heads.
func fuse(hs []Head) (w Mat, b Vec) {
	var wq, wk, wv []Mat
	var bq, bk, bv Vec
	for _, h := range hs {
		wq, wk, wv = append(wq, h.Wq), append(wk, h.Wk), append(wv, h.Wv)
		bq, bk, bv = append(bq, h.Bq...), append(bk, h.Bk...), append(bv, h.Bv...)
	}
	return Concat(append(append(wq, wk...), wv...)...), append(append(bq, bk...), bv...)
}

// addTo adds the gradients of one sequence to dp and, beside layers other than
// the heads, to dlora. A tied matrix gets both of its contributions.
func (w weights) addTo(dp *pedestrian.Params[float64], dlora *pedestrian.Adapter[float64]) {
	add := func(dst pedestrian.Tensor[float64], g []float64) {
		for i := range dst.V {
			dst.V[i] += g[i]
		}
	}
	norm := func(dst pedestrian.Affine[float64], g Norm) { add(dst.W, g.W); add(dst.B, g.B) }
	layer := func(dst pedestrian.Affine[float64], g Layer) { add(dst.W, g.W.V); add(dst.B, g.B) }
	adapter := func(dst pedestrian.LoRA[float64], g Layer) { add(dst.Down, g.D.V); add(dst.Up, g.U.V) }

	add(dp.Tok, w.Tok.V)
	add(dp.Pos, w.Pos.V)
	for i, g := range w.Blocks {
		b := dp.Blocks[i]
		norm(b.LN1, g.LN1)
		qkv, bias := fuse(g.Heads)
		layer(b.QKV, Layer{W: qkv, B: bias})
		layer(b.AttProj, g.AttProj)
		norm(b.LN2, g.LN2)
		layer(b.Expand, g.Expand)
		layer(b.Contract, g.Contract)
		if dlora != nil {
			l := dlora.Blocks[i]
			adapter(l.AttProj, g.AttProj)
			adapter(l.Expand, g.Expand)
			adapter(l.Contract, g.Contract)
		}
	}
	norm(dp.LNFinal, w.LNFinal)
	layer(dp.Logits, w.Logits)
	if dp.Config.Tied {
		add(dp.Tok, w.Logits.W.T().V) // w_11 = w_tokᵗ (tied)
	}
	if dlora != nil {
		adapter(dlora.Logits, w.Logits)
	}
}

// unmerge turns the gradients of merged weights, complete in dp, into those of
// the adapters of queries, keys and values.
func (w weights) unmerge(dp *pedestrian.Params[float64], dlora *pedestrian.Adapter[float64]) {
	for _, m := range w.merges {
		dd, du := m.back(matrix(dp.Blocks[m.block].QKV.W).Columns(m.from, m.cols))
		f := m.of(dlora.Blocks[m.block])
		copy(f.Down.V, dd.V)
		copy(f.Up.V, du.V)
	}
}
