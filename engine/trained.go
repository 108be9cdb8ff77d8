package engine

import (
	"github.com/pedestrian-ml/pedestrian"
)

// blockOf is block i of p and a, either of which may be nil; what a trains of norms
// and biases stands in the place of p's.
func blockOf[T Float](c pedestrian.Config, p *pedestrian.Params[T], a *pedestrian.Adapter[T], i int) (b block[T]) {
	keys := c.Heads * c.QueryDim()
	b.att = Attention[T]{Heads: c.Heads, KeyDim: c.QueryDim(), ValueDim: c.ValueDim(), Scale: T(c.ScoreScale(i))}
	b.act = Activation[T]{c.Activation}
	b.ln1.Eps, b.ln2.Eps = c.Eps, c.Eps
	if p != nil {
		s := &p.Blocks[i]
		b.ln1, b.ln2 = layerNormOf(s.LN1, c.Eps), layerNormOf(s.LN2, c.Eps)
		b.qkv.FC, b.attProj.FC, b.expand.FC, b.contract.FC = fcOf(s.QKV), fcOf(s.AttProj), fcOf(s.Expand), fcOf(s.Contract)
	}
	b.qkv.Impotent = [2]int{keys, 2 * keys}
	if a != nil {
		b.take(&a.Blocks[i])
	}
	return b
}

// take puts the factors of a beside the layers of b, and what a has of norms and
// biases in the place of b's.
func (b *block[T]) take(a *pedestrian.AdapterBlock[T]) {
	keys := b.att.Heads * b.att.KeyDim
	b.qkv.LoRA = [3]LoRA[T]{loraOf(a.Q, 0), loraOf(a.K, keys), loraOf(a.V, 2*keys)}
	if a.QKV.Down.V != nil {
		b.qkv.LoRA[0] = loraOf(a.QKV, 0)
	}
	b.attProj.LoRA[0], b.expand.LoRA[0], b.contract.LoRA[0] = loraOf(a.AttProj, 0), loraOf(a.Expand, 0), loraOf(a.Contract, 0)
	b.ln1.take(a.Own.LN1)
	b.ln2.take(a.Own.LN2)
	b.qkv.take(a.Own.QKV.B)
	b.attProj.take(a.Own.AttProj.B)
	b.expand.take(a.Own.Expand.B)
	b.contract.take(a.Own.Contract.B)
}

// take puts the gain and the bias of a, where it has them, in the place of l's.
func (l *LayerNorm[T]) take(a pedestrian.Affine[T]) {
	if a.W.V != nil {
		l.W = a.W.V
	}
	if a.B.V != nil {
		l.B = a.B.V
	}
}

// take puts b, if it is there, in the place of l's bias.
func (l *FC[T]) take(b pedestrian.Tensor[T]) {
	if b.V != nil {
		l.B = b.V
	}
}

func layerNormOf[T Float](a pedestrian.Affine[T], eps float64) LayerNorm[T] {
	return LayerNorm[T]{W: a.W.V, B: a.B.V, Eps: eps}
}

func fcOf[T Float](a pedestrian.Affine[T]) FC[T] { return FC[T]{W: view(a.W), B: a.B.V} }

func loraOf[T Float](a pedestrian.LoRA[T], from int) LoRA[T] {
	return LoRA[T]{Down: view(a.Down), Up: view(a.Up), Magnitude: a.Magnitude.V, Scale: T(a.Multiplier), From: from}
}

// Layers of a block that can be trained alone, from the bottom.
const (
	layerLN1 = iota
	layerQKV
	layerAttProj
	layerLN2
	layerExpand
	layerContract
	layers
)

// lowest is the lowest layer of b, a gradient, that has anything; layers if none has.
func (b *block[T]) lowest() int {
	switch {
	case b.ln1.trained():
		return layerLN1
	case b.qkv.trained():
		return layerQKV
	case b.attProj.trained():
		return layerAttProj
	case b.ln2.trained():
		return layerLN2
	case b.expand.trained():
		return layerExpand
	case b.contract.trained():
		return layerContract
	}
	return layers
}

// trained says whether l, a gradient, has anything.
func (l *LayerNorm[T]) trained() bool { return l.W != nil || l.B != nil }

// A trainee is what gradients are wanted of: dp, dlora, or both.
type trainee[T Float] struct {
	dp      *pedestrian.Params[T]
	dlora   *pedestrian.Adapter[T]
	without *pedestrian.Adapter[T] // of the network: norms and biases that stand in place of dp's
	fresh   bool                   // old numbers do not count
}

// block is the gradient of block i. What stands in the place of a parameter of dp
// leaves that one without effect, and so without gradient.
func (t trainee[T]) block(c pedestrian.Config, i int) block[T] {
	b := blockOf(c, t.dp, nil, i)
	if t.without != nil {
		a := &t.without.Blocks[i]
		b.ln1.leave(a.Own.LN1, t.fresh)
		b.ln2.leave(a.Own.LN2, t.fresh)
		b.qkv.leave(a.Own.QKV.B, t.fresh)
		b.attProj.leave(a.Own.AttProj.B, t.fresh)
		b.expand.leave(a.Own.Expand.B, t.fresh)
		b.contract.leave(a.Own.Contract.B, t.fresh)
	}
	if t.dlora != nil {
		b.take(&t.dlora.Blocks[i])
	}
	if t.fresh {
		b.fresh()
	}
	return b
}

// final and logits are the gradients of the layers above the blocks.
func (t trainee[T]) final() (l LayerNorm[T]) {
	if t.dp != nil {
		l = layerNormOf(t.dp.LNFinal, 0)
	}
	if t.without != nil {
		l.leave(t.without.LNFinal, t.fresh)
	}
	if t.dlora != nil {
		l.take(t.dlora.LNFinal)
	}
	l.Fresh = t.fresh
	return l
}

func (t trainee[T]) logits() Logits[T] {
	l := logitsOf(t.dp, nil)
	if t.without != nil {
		leave(&l.B, t.without.LogitsBias, t.fresh)
	}
	if t.dlora != nil {
		l.take(t.dlora)
	}
	l.Fresh, l.LoRA[0].Fresh = t.fresh, t.fresh
	return l
}

// leave removes what a has from l, a gradient.
func (l *LayerNorm[T]) leave(a pedestrian.Affine[T], fresh bool) {
	leave(&l.W, a.W, fresh)
	leave(&l.B, a.B, fresh)
}

func (l *FC[T]) leave(b pedestrian.Tensor[T], fresh bool) { leave(&l.B, b, fresh) }

// leave removes g, a gradient, if the adapter's by stands in the place of what it is
// of: nothing will be added to it, and where old numbers do not count it is zero.
func leave[T Float](g *[]T, by pedestrian.Tensor[T], fresh bool) {
	if by.V == nil {
		return
	}
	if fresh {
		clear(*g)
	}
	*g = nil
}

// fresh marks b, a gradient, as one whose old numbers do not count.
func (b *block[T]) fresh() {
	b.ln1.Fresh, b.ln2.Fresh = true, true
	for _, l := range []*Adapted[T]{&b.qkv, &b.attProj, &b.expand, &b.contract} {
		l.Fresh = true
		for i := range l.LoRA {
			l.LoRA[i].Fresh = true
		}
	}
}

// embedding is the gradient of the tables.
func (t trainee[T]) embedding(c pedestrian.Config) (g Embedding[T]) {
	if t.dp != nil {
		g = Embedding[T]{Tok: view(t.dp.Tok), Pos: view(t.dp.Pos), FreshTok: t.fresh && !c.Tied, FreshPos: t.fresh}
	}
	if t.dlora != nil && t.dlora.TokRows.V != nil {
		g.own, g.freshOwn = rowsOf(t.dlora.TokRows, t.dlora.Config.Tokens), t.fresh && !c.Tied
	}
	return g
}

// bottom is the lowest layer that has something to train, counted in layers of
// blocks: -1 when everything is trained, or rows of the embedding, layers·n_blocks when the final norm is the
// lowest, and one more when nothing below FC_logits is trained.
func (t trainee[T]) bottom(c pedestrian.Config) int {
	if t.dp != nil {
		return -1
	}
	if t.dlora != nil && t.dlora.TokRows.V != nil {
		return -1
	}
	if t.dlora != nil {
		for i := range c.Blocks {
			if b := t.block(c, i); b.lowest() < layers {
				return layers*i + b.lowest()
			}
		}
		if f := t.final(); f.trained() {
			return layers * c.Blocks
		}
	}
	return layers*c.Blocks + 1
}
