package engine

import (
	"github.com/pedestrian-ml/pedestrian"
)

// blockOf is block i of p and a, either of which may be nil; what a trains of norms
// and biases stands in the place of p's.
func blockOf[T Float](c pedestrian.Config, p *pedestrian.Params[T], a *pedestrian.Adapter[T], i int) (b block[T]) {
	keys := c.Heads * c.QueryDim()
	b.att = attention[T]{heads: c.Heads, keyDim: c.QueryDim(), valueDim: c.ValueDim(), scale: T(c.ScoreScale(i))}
	b.act = activation[T]{c.Activation}
	b.ln1.eps, b.ln2.eps = c.Eps, c.Eps
	if p != nil {
		s := &p.Blocks[i]
		b.ln1, b.ln2 = layerNormOf(s.LN1, c.Eps), layerNormOf(s.LN2, c.Eps)
		b.qkv.fc, b.attProj.fc, b.expand.fc, b.contract.fc = fcOf(s.QKV), fcOf(s.AttProj), fcOf(s.Expand), fcOf(s.Contract)
	}
	b.qkv.noBiasGradient = [2]int{keys, 2 * keys}
	if a != nil {
		b.attach(&a.Blocks[i])
	}
	return b
}

// take puts the factors of a beside the layers of b, and what a has of norms and
// biases in the place of b's.
func (b *block[T]) attach(a *pedestrian.AdapterBlock[T]) {
	keys := b.att.heads * b.att.keyDim
	b.qkv.lora = [3]lora[T]{loraOf(a.Q, 0), loraOf(a.K, keys), loraOf(a.V, 2*keys)}
	if a.QKV.Down.V != nil {
		b.qkv.lora[0] = loraOf(a.QKV, 0)
	}
	b.attProj.lora[0], b.expand.lora[0], b.contract.lora[0] = loraOf(a.AttProj, 0), loraOf(a.Expand, 0), loraOf(a.Contract, 0)
	b.ln1.replace(a.Own.LN1)
	b.ln2.replace(a.Own.LN2)
	b.qkv.replaceBias(a.Own.QKV.B)
	b.attProj.replaceBias(a.Own.AttProj.B)
	b.expand.replaceBias(a.Own.Expand.B)
	b.contract.replaceBias(a.Own.Contract.B)
}

// take puts the gain and the bias of a, where it has them, in the place of l's.
func (l *layerNorm[T]) replace(a pedestrian.Affine[T]) {
	if a.W.V != nil {
		l.w = a.W.V
	}
	if a.B.V != nil {
		l.b = a.B.V
	}
}

// take puts b, if it is there, in the place of l's bias.
func (l *fc[T]) replaceBias(b pedestrian.Tensor[T]) {
	if b.V != nil {
		l.b = b.V
	}
}

func layerNormOf[T Float](a pedestrian.Affine[T], eps float64) layerNorm[T] {
	return layerNorm[T]{w: a.W.V, b: a.B.V, eps: eps}
}

func fcOf[T Float](a pedestrian.Affine[T]) fc[T] { return fc[T]{w: view(a.W), b: a.B.V} }

func loraOf[T Float](a pedestrian.LoRA[T], from int) lora[T] {
	return lora[T]{down: view(a.Down), up: view(a.Up), magnitude: a.Magnitude.V, scale: T(a.Multiplier), from: from}
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
func (l *layerNorm[T]) trained() bool { return l.w != nil || l.b != nil }

// A gradients is what gradients are wanted of: dp, dlora, or both.
type gradients[T Float] struct {
	params    *pedestrian.Params[T]
	adapter   *pedestrian.Adapter[T]
	replacing *pedestrian.Adapter[T] // of the network: norms and biases that stand in place of dp's
	overwrite bool                   // old numbers do not count
}

// block is the gradient of block i. What stands in the place of a parameter of dp
// leaves that one without effect, and so without gradient.
func (t gradients[T]) block(c pedestrian.Config, i int) block[T] {
	b := blockOf(c, t.params, nil, i)
	if t.replacing != nil {
		a := &t.replacing.Blocks[i]
		b.ln1.freeze(a.Own.LN1, t.overwrite)
		b.ln2.freeze(a.Own.LN2, t.overwrite)
		b.qkv.freezeBias(a.Own.QKV.B, t.overwrite)
		b.attProj.freezeBias(a.Own.AttProj.B, t.overwrite)
		b.expand.freezeBias(a.Own.Expand.B, t.overwrite)
		b.contract.freezeBias(a.Own.Contract.B, t.overwrite)
	}
	if t.adapter != nil {
		b.attach(&t.adapter.Blocks[i])
	}
	if t.overwrite {
		b.overwrite()
	}
	return b
}

// final and logits are the gradients of the layers above the blocks.
func (t gradients[T]) final() (l layerNorm[T]) {
	if t.params != nil {
		l = layerNormOf(t.params.LNFinal, 0)
	}
	if t.replacing != nil {
		l.freeze(t.replacing.LNFinal, t.overwrite)
	}
	if t.adapter != nil {
		l.replace(t.adapter.LNFinal)
	}
	l.overwrite = t.overwrite
	return l
}

func (t gradients[T]) logits() logits[T] {
	l := logitsOf(t.params, nil)
	if t.replacing != nil {
		freeze(&l.b, t.replacing.LogitsBias, t.overwrite)
	}
	if t.adapter != nil {
		l.attach(t.adapter)
	}
	l.overwrite, l.lora[0].overwrite = t.overwrite, t.overwrite
	return l
}

// leave removes what a has from l, a gradient.
func (l *layerNorm[T]) freeze(a pedestrian.Affine[T], overwrite bool) {
	freeze(&l.w, a.W, overwrite)
	freeze(&l.b, a.B, overwrite)
}

func (l *fc[T]) freezeBias(b pedestrian.Tensor[T], overwrite bool) { freeze(&l.b, b, overwrite) }

// leave removes g, a gradient, if the adapter's by stands in the place of what it is
// of: nothing will be added to it, and where old numbers do not count it is zero.
func freeze[T Float](g *[]T, by pedestrian.Tensor[T], overwrite bool) {
	if by.V == nil {
		return
	}
	if overwrite {
		clear(*g)
	}
	*g = nil
}

// overwrite marks b, a gradient, as one whose old numbers do not count.
func (b *block[T]) overwrite() {
	b.ln1.overwrite, b.ln2.overwrite = true, true
	for _, l := range []*adapted[T]{&b.qkv, &b.attProj, &b.expand, &b.contract} {
		l.overwrite = true
		for i := range l.lora {
			l.lora[i].overwrite = true
		}
	}
}

// embedding is the gradient of the tables.
func (t gradients[T]) embedding(c pedestrian.Config) (g embedding[T]) {
	if t.params != nil {
		g = embedding[T]{tok: view(t.params.Tok), pos: view(t.params.Pos), overwriteTok: t.overwrite && !c.Tied, overwritePos: t.overwrite}
	}
	if t.adapter != nil && t.adapter.TokRows.V != nil {
		g.own, g.overwriteOwn = rowsOf(t.adapter.TokRows, t.adapter.Config.Tokens), t.overwrite && !c.Tied
	}
	return g
}

// bottom is the lowest layer that has something to train, counted in layers of
// blocks: -1 when everything is trained, or rows of the embedding, layers·n_blocks when the final norm is the
// lowest, and one more when nothing below FC_logits is trained.
func (t gradients[T]) bottom(c pedestrian.Config) int {
	if t.params != nil {
		return -1
	}
	if t.adapter != nil && t.adapter.TokRows.V != nil {
		return -1
	}
	if t.adapter != nil {
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
