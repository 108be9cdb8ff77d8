package gradcheck

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// tensorMat is a tensor as a matrix, a view.
func tensorMat(t pedestrian.Tensor[float64]) paper.Mat {
	return paper.Mat{N: t.Rows, D: t.Cols, V: t.V}
}

// merged is w + α d u, the weight that a layer and its adapter make together.
func merged(w paper.Mat, l pedestrian.LoRA[float64]) paper.Mat {
	if l.Down.V == nil {
		return w
	}
	return w.Add(tensorMat(l.Down).Mul(tensorMat(l.Up)).Scale(l.Multiplier))
}

// adapters is the LoRA factors of a block; all nil without an adapter.
func adapters(a *pedestrian.Adapter[float64], block int) (b pedestrian.AdapterBlock[float64]) {
	if a != nil {
		b = a.Blocks[block]
	}
	return b
}

// headsOf cuts the fused projections of every block by the paper's heads, with adapters
// merged into them; the same of gradients when lora is nil, but for the scale.
func headsOf(c pedestrian.Config, blocks []pedestrian.Block[float64], lora *pedestrian.Adapter[float64]) [][]paper.Head {
	qk := c.Heads * c.QueryDim()
	all := make([][]paper.Head, len(blocks))
	for i, b := range blocks {
		l := adapters(lora, i)
		w := merged(tensorMat(b.QKV.W), l.QKV)
		q, k, v := merged(w.Columns(0, qk), l.Q), merged(w.Columns(qk, qk), l.K), merged(w.Columns(2*qk, c.Heads*c.ValueDim()), l.V)
		for h := range c.Heads {
			keys, values := c.QueryDim(), c.ValueDim()
			p := paper.Head{Wq: q.Columns(h*keys, keys), Wk: k.Columns(h*keys, keys), Wv: v.Columns(h*values, values), Scale: c.ScoreScale(i)}
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
	return merged(w, r.LoRA.Logits)
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
