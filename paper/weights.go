package paper

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// weights is the parameters of a network, and its adapter's, as the layers of
// this package take them; or the gradients of one sequence.
type weights struct {
	Tok, Pos Mat
	Blocks   []BlockParams
	LNFinal  Norm
	Logits   Layer

	ids    []int32 // tokens whose rows are the adapter's
	merges []merge // of read, in the order of blocks
	qkv    []Mat   // of a sum over sequences: gradients of the fused matrices as the heads have them
}

// read looks at p and lora through the eyes of the layers. Matrices are views of
// the slab, so a changed number is seen; heads are columns cut out of the fused
// matrix [q of every head | k of every head | v of every head], after adapters
// were merged into it. Norms and biases that lora trains stand in the place of p's.
func read(tr *Trace, p *pedestrian.Params[float64], lora *pedestrian.Adapter[float64]) weights {
	c := p.Config
	if more := c.BeyondGPT2(); len(more) > 0 {
		panic(fmt.Sprintf("paper.Network: %s: see Llama", strings.Join(more, ", ")))
	}
	if lora == nil {
		lora = without(c)
	}
	if lora.Base != c {
		panic(fmt.Sprintf("paper.Network: adapter for %+v beside a network %+v", lora.Base, c))
	}
	norm := func(a, own pedestrian.Affine[float64]) Norm {
		return Norm{instead(own.W, a.W), instead(own.B, a.B), c.Eps}
	}
	adapted := func(w Mat, b Vec, l pedestrian.LoRA[float64]) Layer {
		return Layer{w, b, matrix(l.Down), matrix(l.Up), l.Magnitude.V, l.Multiplier, lora.Config.Dropout > 0, lora.Config.DoRAExact}
	}
	layer := func(a, own pedestrian.Affine[float64], l pedestrian.LoRA[float64]) Layer {
		return adapted(matrix(a.W), instead(own.B, a.B), l)
	}
	w := weights{
		Tok: withRows(matrix(p.Tok), lora.Config.Tokens, lora.TokRows), Pos: matrix(p.Pos), ids: lora.Config.Tokens, LNFinal: norm(p.LNFinal, lora.LNFinal),
		Logits: layer(p.Logits, pedestrian.Affine[float64]{B: lora.LogitsBias}, lora.Logits),
	}
	if c.Tied {
		w.Logits.W = w.Tok.T()
	} else if lora.LogitsRows.V != nil {
		w.Logits.W = withRows(w.Logits.W.T(), w.ids, lora.LogitsRows).T()
	}
	for i, b := range p.Blocks {
		l := lora.Blocks[i]
		qkv := matrix(b.QKV.W)
		low, any := Zeros(qkv.N, qkv.D), false
		for _, part := range fused(c, i) {
			if f := lora.LoRA(i, part.Target); f.Down.V != nil {
				at := tr.In("block." + strconv.Itoa(i) + "." + string(part.Target))
				frozen, adapter, back := Merge(at, adapted(qkv.Columns(part.From, part.Out), nil, *f))
				qkv, low, any = put(qkv, part, frozen), put(low, part, adapter), true
				w.merges = append(w.merges, merge{part, back})
			}
		}
		masked := any && lora.Config.Dropout > 0
		if masked {
			qkv = qkv.Append(low)
		} else if any {
			qkv = qkv.Add(low)
		}
		w.Blocks = append(w.Blocks, BlockParams{
			LN1: norm(b.LN1, l.Own.LN1), Heads: heads(c, c.ScoreScale(i), qkv, instead(l.Own.QKV.B, b.QKV.B)), AttProj: layer(b.AttProj, l.Own.AttProj, l.AttProj),
			LN2: norm(b.LN2, l.Own.LN2), Expand: layer(b.Expand, l.Own.Expand, l.Expand), Contract: layer(b.Contract, l.Own.Contract, l.Contract),
			Activation: c.Activation, Masked: masked,
		})
	}
	return w
}

// without is an adapter that has nothing.
func without(c pedestrian.Config) *pedestrian.Adapter[float64] {
	return &pedestrian.Adapter[float64]{Base: c, Blocks: make([]pedestrian.AdapterBlock[float64], c.Blocks)}
}

// instead is the numbers of own, or of base when there are none.
func instead(own, base pedestrian.Tensor[float64]) Vec {
	if own.V != nil {
		return own.V
	}
	return base.V
}

// matrix is a tensor as a Mat, a view; the zero Mat when the tensor is not there.
func matrix(t pedestrian.Tensor[float64]) Mat {
	if t.V == nil {
		return Mat{}
	}
	return Mat{t.Rows, t.Cols, t.V}
}

// fused are the queries, keys and values of every head in the fused matrix of a block,
// and last all of it.
func fused(c pedestrian.Config, block int) (parts []pedestrian.Linear) {
	c.Blocks = 1
	for _, l := range c.Linears() {
		if l.Layer == pedestrian.TargetQKV {
			l.Block = block
			parts = append(parts, l)
		}
	}
	return parts
}

// put is a with the columns of a part of the fused matrix replaced by m.
func put(a Mat, part pedestrian.Linear, m Mat) Mat {
	end := part.From + part.Out
	return Concat(a.Columns(0, part.From), m, a.Columns(end, a.D-end))
}

// A merge remembers how an adapter went into a part of a block's fused matrix.
type merge struct {
	pedestrian.Linear
	back func(dw, dv Mat) (dp Layer)
}

// heads cuts the fused matrix and its bias, nil or a number per column, by heads whose
// scores are multiplied by scale.
func heads(c pedestrian.Config, scale float64, w Mat, b Vec) []Head {
	cut := func(from, d int) (Mat, Vec) {
		if b == nil {
			return w.Columns(from, d), nil
		}
		return w.Columns(from, d), b[from : from+d]
	}
	hs := make([]Head, c.Heads)
	parts, dρ, dh := fused(c, 0), c.QueryDim(), c.ValueDim()
	for h := range hs {
		hs[h].Scale = scale
		hs[h].Wq, hs[h].Bq = cut(parts[0].From+h*dρ, dρ)
		hs[h].Wk, hs[h].Bk = cut(parts[1].From+h*dρ, dρ)
		hs[h].Wv, hs[h].Bv = cut(parts[2].From+h*dh, dh)
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
