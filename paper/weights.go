package paper

import (
	"fmt"
	"math"
	"strconv"

	"github.com/pedestrian-ml/pedestrian"
)

// weights is the parameters of a network, and its adapter's, as the layers of
// this package take them; or the gradients of one sequence.
type weights struct {
	Tok, Pos Mat // Pos is the zero Mat where positions are not learned
	Blocks   []BlockParams
	LNFinal  Norm
	Logits   Layer

	scale   float64 // of the embeddings, as a_1 has them
	context int
	llama   bool // it is recorded as table (L23), and not as table 2

	merges []merge // of read, in the order of blocks
	qkv    []Mat   // of a sum over sequences: gradients of the fused matrices as the heads have them
}

// OwnHeads says whether heads of a network of configuration c are the paper's, [Attention],
// each with projections of its own: there are as many keys as queries, they neither turn
// nor are normed, and there is no window. Other heads are [GroupedAttention].
func OwnHeads(c pedestrian.Config) bool {
	return c.Positions != pedestrian.Rotary && c.KeyHeads() == c.Heads && !c.QKNorm && c.SlidingWindow == 0
}

// IsTable2 says whether a network of configuration c is one of table 2, and not of (L22) and
// (L23).
func IsTable2(c pedestrian.Config) bool {
	return OwnHeads(c) && c.Norm == pedestrian.LayerNorm && c.Positions == pedestrian.Learned && !c.Gated && !c.ScaleEmbedding
}

// read looks at p and lora through the eyes of the layers. Matrices are views of
// the slab, so a changed number is seen. Norms and biases that lora trains stand in the
// place of p's. The paper's heads are columns cut out of the fused matrix [q of every head
// | k of every head | v of every head], after adapters were merged into it. Else, and if
// projected, the fused matrix stays in front of the heads.
func read(tr *Trace, p *pedestrian.Params[float64], lora *pedestrian.Adapter[float64], projected bool) weights {
	c := p.Config
	if lora == nil {
		lora = without(c)
	}
	if lora.Base != c {
		panic(fmt.Sprintf("paper.Network: adapter for %+v beside a network %+v", lora.Base, c))
	}
	norm := func(a, own pedestrian.Affine[float64]) Norm {
		return Norm{instead(own.W, a.W), instead(own.B, a.B), c.Eps, c.Norm == pedestrian.RMSNorm}
	}
	adapted := func(w Mat, b Vec, l pedestrian.LoRA[float64]) Layer {
		return Layer{W: w, B: b, D: matrix(l.Down), U: matrix(l.Up), M: l.Magnitude.V,
			Alpha: l.Multiplier, Masked: lora.Config.Dropout > 0, Exact: lora.Config.DoRAExact}
	}
	layer := func(a, own pedestrian.Affine[float64], l pedestrian.LoRA[float64]) Layer {
		return adapted(matrix(a.W), instead(own.B, a.B), l)
	}
	ids := lora.Config.Tokens
	w := weights{
		Tok: withRows(matrix(p.Tok), ids, lora.TokRows), Pos: matrix(p.Pos), LNFinal: norm(p.LNFinal, lora.LNFinal),
		Logits: layer(p.Logits, pedestrian.Affine[float64]{B: lora.LogitsBias}, lora.Logits),
		scale:  1, context: c.Context, llama: !IsTable2(c),
	}
	if c.ScaleEmbedding {
		w.scale = math.Sqrt(float64(c.Width))
	}
	w.Logits.own = ids
	if c.Tied {
		w.Logits.W = w.Tok.T()
	} else if lora.LogitsRows.V != nil {
		w.Logits.W = withRows(w.Logits.W.T(), ids, lora.LogitsRows).T()
	}
	for i, b := range p.Blocks {
		l := lora.Blocks[i]
		block := BlockParams{
			LN1: norm(b.LN1, l.Own.LN1), AttProj: layer(b.AttProj, l.Own.AttProj, l.AttProj), LN2: norm(b.LN2, l.Own.LN2),
			Expand: layer(b.Expand, l.Own.Expand, l.Expand), Contract: layer(b.Contract, l.Own.Contract, l.Contract),
			Gate: layer(b.Gate, l.Own.Gate, l.Gate), Up: layer(b.Up, l.Own.Up, l.Up), Down: layer(b.Down, l.Own.Down, l.Down),
			Activation: c.Activation, Window: c.SlidingWindow, llama: w.llama,
		}
		qkv, bias := matrix(b.QKV.W), instead(l.Own.QKV.B, b.QKV.B)
		if projected || !OwnHeads(c) {
			block.Grouped = grouped(c, i, b, l)
			for _, part := range projections(c, i, l) {
				own := Vec(nil)
				if bias != nil {
					own = bias[part.From : part.From+part.Out]
				}
				block.QKV = append(block.QKV, adapted(qkv.Columns(part.From, part.Out), own, *lora.LoRA(i, part.Target)))
			}
			w.Blocks = append(w.Blocks, block)
			continue
		}
		low, any := Zeros(qkv.N, qkv.D), false
		for _, part := range fused(c, i) {
			if f := lora.LoRA(i, part.Target); f.Down.V != nil {
				at := tr.In("block." + strconv.Itoa(i) + "." + string(part.Target))
				frozen, adapter, back := Merge(at, adapted(qkv.Columns(part.From, part.Out), nil, *f))
				qkv, low, any = put(qkv, part, frozen), put(low, part, adapter), true
				w.merges = append(w.merges, merge{part, back})
			}
		}
		block.Masked = any && lora.Config.Dropout > 0
		if block.Masked {
			qkv = qkv.Append(low)
		} else if any {
			qkv = qkv.Add(low)
		}
		block.Heads = heads(c, c.ScoreScale(i), qkv, bias)
		w.Blocks = append(w.Blocks, block)
	}
	return w
}

// grouped is what the heads of a block do with their queries, keys and values.
func grouped(c pedestrian.Config, block int, b pedestrian.Block[float64], l pedestrian.AdapterBlock[float64]) Grouped {
	norm := func(own, base pedestrian.Tensor[float64]) Norm {
		return Norm{W: instead(own, base), Eps: c.Eps, RMS: true}
	}
	g := Grouped{Heads: c.Heads, KVHeads: c.KeyHeads(), Scale: c.ScoreScale(block),
		QNorm: norm(l.Own.QNorm.W, b.QNorm.W), KNorm: norm(l.Own.KNorm.W, b.KNorm.W)}
	if c.Positions == pedestrian.Rotary {
		g.Rotation = RotationOf(c.Rotation, c.QueryDim())
	}
	return g
}

// projections are the layers in front of the heads of a block: queries, keys and values,
// or all of them as one when an adapter stands beside that.
func projections(c pedestrian.Config, block int, l pedestrian.AdapterBlock[float64]) []pedestrian.Linear {
	parts := fused(c, block)
	whole := len(parts) - 1
	if l.QKV.Down.V != nil {
		return parts[whole:]
	}
	return parts[:whole]
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
