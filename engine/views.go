package engine

import (
	"github.com/pedestrian-ml/pedestrian"
)

// blockOf is block i of p with the adapter a; either may be nil. Norms and biases of a
// stand in the place of those of p.
func blockOf[T Float](c pedestrian.Config, p *pedestrian.Params[T], a *pedestrian.Adapter[T], i int) (b block[T]) {
	b.att, b.rotary, b.gated = attentionOf[T](c, i), rotaryOf[T](c), c.Gated
	b.act = activation[T]{c.Activation}
	if p != nil {
		for _, l := range b.layers(&p.Blocks[i]) {
			if l.norm != nil {
				*l.norm = normOf(*l.params, c)
			} else {
				l.linear.fc = fcOf(*l.params)
			}
		}
	}
	b.qkNorm.q.rms, b.qkNorm.k.rms = true, true
	if c.Positions != pedestrian.Rotary && !c.QKNorm { // else keys' biases learn (L12)
		keys, values := b.columns()
		b.qkv.noBiasGradient = [2]int{keys, values}
	}
	if a != nil {
		b.attach(&a.Blocks[i])
	}
	return b
}

// attentionOf is the attention of block i.
func attentionOf[T Float](c pedestrian.Config, i int) attention[T] {
	return attention[T]{heads: c.Heads, kvHeads: c.KeyHeads(), keyDim: c.QueryDim(), valueDim: c.ValueDim(), window: c.SlidingWindow, scale: T(c.ScoreScale(i))}
}

// A layerView is a layer of a block, one of norm and linear, and its parameters.
type layerView[T Float] struct {
	norm   *norm[T]
	linear *adapted[T]
	params *pedestrian.Affine[T]
}

// layers are the layers of b that have parameters, each with those that it has in p.
func (b *block[T]) layers(p *pedestrian.Block[T]) [9]layerView[T] {
	expand, contract := &p.Expand, &p.Contract
	if b.gated {
		expand, contract = &p.Up, &p.Down
	}
	return [9]layerView[T]{
		{norm: &b.ln1, params: &p.LN1},
		{linear: &b.qkv, params: &p.QKV},
		{norm: &b.qkNorm.q, params: &p.QNorm},
		{norm: &b.qkNorm.k, params: &p.KNorm},
		{linear: &b.attProj, params: &p.AttProj},
		{norm: &b.ln2, params: &p.LN2},
		{linear: &b.gate, params: &p.Gate},
		{linear: &b.expand, params: expand},
		{linear: &b.contract, params: contract},
	}
}

// attach puts the factors of a beside the layers of b, and norms and biases of a in the
// place of those of b.
func (b *block[T]) attach(a *pedestrian.AdapterBlock[T]) {
	keys, values := b.columns()
	b.qkv.lora = [3]lora[T]{loraOf(a.Q, 0), loraOf(a.K, keys), loraOf(a.V, values)}
	if a.QKV.Down.V != nil {
		b.qkv.lora[0] = loraOf(a.QKV, 0)
	}
	b.attProj.lora[0], b.expand.lora[0], b.contract.lora[0] = loraOf(a.AttProj, 0), loraOf(a.Expand, 0), loraOf(a.Contract, 0)
	if b.gated {
		b.gate.lora[0], b.expand.lora[0], b.contract.lora[0] = loraOf(a.Gate, 0), loraOf(a.Up, 0), loraOf(a.Down, 0)
	}
	for _, l := range b.layers(&a.Own) {
		if l.norm != nil {
			l.norm.replace(*l.params)
		} else {
			l.linear.replaceBias(l.params.B)
		}
	}
}

// replace puts the gain and the bias of a, where it has them, in the place of those of l.
func (l *norm[T]) replace(a pedestrian.Affine[T]) {
	if a.W.V != nil {
		l.w = a.W.V
	}
	if a.B.V != nil {
		l.b = a.B.V
	}
}

// replaceBias puts b, if it is there, in the place of the bias of l.
func (l *fc[T]) replaceBias(b pedestrian.Tensor[T]) {
	if b.V != nil {
		l.b = b.V
	}
}

func normOf[T Float](a pedestrian.Affine[T], c pedestrian.Config) norm[T] {
	return norm[T]{w: a.W.V, b: a.B.V, eps: c.Eps, rms: c.Norm == pedestrian.RMSNorm}
}

func fcOf[T Float](a pedestrian.Affine[T]) fc[T] { return fc[T]{w: weight(a.W), b: a.B.V} }

func loraOf[T Float](a pedestrian.LoRA[T], from int) lora[T] {
	return lora[T]{down: view(a.Down), up: view(a.Up), magnitude: a.Magnitude.V, scale: T(a.Multiplier), from: from}
}

// gradients is where a backward pass puts its gradients: those of params, of adapter, or
// of both.
type gradients[T Float] struct {
	params    *pedestrian.Params[T]
	adapter   *pedestrian.Adapter[T]
	replacing *pedestrian.Adapter[T] // the network's adapter, whose norms and biases stand in the place of the network's
	overwrite bool                   // set them; else add to them
}

// block is the gradient of block i. A parameter in whose place one of the adapter stands
// has no effect, and so no gradient.
func (t gradients[T]) block(c pedestrian.Config, i int) block[T] {
	b := blockOf(c, t.params, nil, i)
	if t.replacing != nil {
		for _, l := range b.layers(&t.replacing.Blocks[i].Own) {
			if l.norm != nil {
				l.norm.freeze(*l.params, t.overwrite)
			} else {
				l.linear.freezeBias(l.params.B, t.overwrite)
			}
		}
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
func (t gradients[T]) final() (l norm[T]) {
	if t.params != nil {
		l = norm[T]{w: t.params.LNFinal.W.V, b: t.params.LNFinal.B.V}
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

// freeze removes what a has from l, a gradient.
func (l *norm[T]) freeze(a pedestrian.Affine[T], overwrite bool) {
	freeze(&l.w, a.W, overwrite)
	freeze(&l.b, a.B, overwrite)
}

func (l *fc[T]) freezeBias(b pedestrian.Tensor[T], overwrite bool) { freeze(&l.b, b, overwrite) }

// freeze removes g, the gradient of a parameter, if by stands in the parameter's place.
// Nothing is added to g then; if it is to be overwritten, it is zero.
func freeze[T Float](g *[]T, by pedestrian.Tensor[T], overwrite bool) {
	if by.V == nil {
		return
	}
	if overwrite {
		clear(*g)
	}
	*g = nil
}

// overwrite says of b, a gradient, that it is set, not added to.
func (b *block[T]) overwrite() {
	for _, l := range b.layers(&pedestrian.Block[T]{}) {
		if l.norm != nil {
			l.norm.overwrite = true
			continue
		}
		l.linear.overwrite = true
		for i := range l.linear.lora {
			l.linear.lora[i].overwrite = true
		}
	}
}

// embedding is the gradient of the tables.
func (t gradients[T]) embedding(c pedestrian.Config) (g embedding[T]) {
	if t.params != nil {
		g = embedding[T]{tok: weight(t.params.Tok), pos: weight(t.params.Pos), overwriteTok: t.overwrite && !c.Tied, overwritePos: t.overwrite}
	}
	if t.adapter != nil && t.adapter.TokRows.V != nil {
		g.own, g.overwriteOwn = rowsOf(t.adapter.TokRows, t.adapter.Config.Tokens), t.overwrite && !c.Tied
	}
	return g
}

// trained says what a backward pass computes into g.
func (n *Network[T]) trained(g gradients[T]) trained {
	t := trained{params: g.params != nil, overwrite: g.overwrite, bottom: stages*n.params.Config.Blocks + 1}
	switch {
	case g.params != nil:
		t.bottom = -1
	case g.adapter != nil:
		t.bottom = n.adapterBottom
	}
	return t
}
