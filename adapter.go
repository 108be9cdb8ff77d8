package pedestrian

import (
	"fmt"
	"slices"
)

// LoRA holds the adapter of one layer; without V when the layer has none.
type LoRA[T Float] struct {
	Down      Tensor[T] // d, input×r
	Up        Tensor[T] // u, r×output
	Magnitude Tensor[T] // m of DoRA, one number for each output; without V when there is no DoRA

	Multiplier float64 // the α that multiplies a d u in (43), whatever the convention
}

// AdapterBlock holds what an adapter has in one transformer block. Norms and
// biases that it trains stand in the place of the network's, which never change;
// those that it does not train are without V.
type AdapterBlock[T Float] struct {
	Q, K, V, QKV, AttProj, Expand, Contract LoRA[T]

	LN1, LN2                                       Affine[T]
	QKVBias, AttProjBias, ExpandBias, ContractBias Tensor[T]
}

// Adapter holds all that is trained beside a frozen network, in one flat slab with
// named views: factors, such as "block.0.q.down", magnitudes, such as
// "block.0.q.magnitude", rows of single tokens, "tok.rows", and norms and biases under the names that they have in
// the network, such as "block.0.ln1.w". Its gradient is another Adapter.
type Adapter[T Float] struct {
	Base   Config // of the network it stands beside
	Config AdapterConfig
	Slab   []T
	Blocks []AdapterBlock[T]

	TokRows    Tensor[T] // rows of the embedding, one for each of Config.Tokens, in the place of the network's
	LogitsRows Tensor[T] // and of the logits' columns, as rows, unless they are tied
	LNFinal    Affine[T]
	Logits     LoRA[T]
	LogitsBias Tensor[T]

	tensors []Tensor[T] // all of these that it has, in slab order
}

// NewAdapter allocates an adapter for a network of configuration c, all zero. At
// zero it is no adapter yet: magnitudes, gains and biases must be the network's.
// It panics when either configuration is not valid.
func NewAdapter[T Float](c Config, a AdapterConfig) *Adapter[T] {
	if err := c.Validate(); err != nil {
		panic("pedestrian.NewAdapter: " + err.Error())
	}
	if err := a.ValidateFor(c); err != nil {
		panic("pedestrian.NewAdapter: " + err.Error())
	}
	p := &Adapter[T]{Base: c, Config: a, Blocks: make([]AdapterBlock[T], c.Blocks)}
	size := p.layout(func(t *Tensor[T], offset int) {})
	p.Slab = make([]T, size)
	p.layout(func(t *Tensor[T], offset int) {
		n := t.Rows * t.Cols
		t.V = p.Slab[offset : offset+n : offset+n]
		p.tensors = append(p.tensors, *t)
	})
	return p
}

// layout names and shapes every tensor that an adapter can have, visits those that
// this one has with their offset in the slab, in slab order, and returns the slab's
// size.
func (p *Adapter[T]) layout(visit func(t *Tensor[T], offset int)) (size int) {
	c, a := p.Base, p.Config
	tensor := func(t *Tensor[T], present bool, name string, rows, cols int, vec bool) {
		*t = Tensor[T]{Name: name, Rows: rows, Cols: cols, Vec: vec}
		if present {
			visit(t, size)
			size += (rows*cols + align - 1) / align * align
		}
	}
	lora := func(l *LoRA[T], block int, target Target, name string) {
		has := a.Has(block, target)
		in, out := target.Shape(c)
		r := 0
		if has {
			r, l.Multiplier = a.RankOf(target), a.MultiplierOf(target)
		}
		tensor(&l.Down, has, name+".down", in, r, false)
		tensor(&l.Up, has, name+".up", r, out, false)
		tensor(&l.Magnitude, has && a.DoRA, name+".magnitude", 1, out, true)
	}
	norm := func(n *Affine[T], name string) {
		tensor(&n.W, a.Norms, name+".w", 1, c.Width, true)
		tensor(&n.B, c.Bias && (a.Norms || a.Bias == BiasAll), name+".b", 1, c.Width, true)
	}
	tensor(&p.TokRows, len(a.Tokens) > 0, "tok.rows", len(a.Tokens), c.Width, false)
	for i := range p.Blocks {
		b, name := &p.Blocks[i], fmt.Sprintf("block.%d.", i)
		norm(&b.LN1, name+"ln1")
		lora(&b.Q, i, TargetQ, name+"q")
		lora(&b.K, i, TargetK, name+"k")
		lora(&b.V, i, TargetV, name+"v")
		lora(&b.QKV, i, TargetQKV, name+"qkv")
		tensor(&b.QKVBias, c.Bias && a.trainsBias(i, TargetQ, TargetK, TargetV, TargetQKV), name+"qkv.b", 1, c.QKVDim(), true)
		lora(&b.AttProj, i, TargetAttProj, name+"attProj")
		tensor(&b.AttProjBias, c.Bias && a.trainsBias(i, TargetAttProj), name+"attProj.b", 1, c.Width, true)
		norm(&b.LN2, name+"ln2")
		lora(&b.Expand, i, TargetExpand, name+"expand")
		tensor(&b.ExpandBias, c.Bias && a.trainsBias(i, TargetExpand), name+"expand.b", 1, c.HiddenDim(), true)
		lora(&b.Contract, i, TargetContract, name+"contract")
		tensor(&b.ContractBias, c.Bias && a.trainsBias(i, TargetContract), name+"contract.b", 1, c.Width, true)
	}
	norm(&p.LNFinal, "lnFinal")
	lora(&p.Logits, 0, TargetLogits, "logits")
	tensor(&p.LogitsRows, len(a.Tokens) > 0 && !c.Tied, "logits.rows", len(a.Tokens), c.Width, false)
	tensor(&p.LogitsBias, c.LogitsBias && a.trainsBias(0, TargetLogits), "logits.b", 1, c.Vocab, true)
	return size
}

// LoRA is the adapter beside layer t of a block; block does not matter when t is
// the logits. It panics when there is no such layer.
func (p *Adapter[T]) LoRA(block int, t Target) *LoRA[T] {
	if t == TargetLogits {
		return &p.Logits
	}
	b := &p.Blocks[block]
	switch t {
	case TargetQ:
		return &b.Q
	case TargetK:
		return &b.K
	case TargetV:
		return &b.V
	case TargetQKV:
		return &b.QKV
	case TargetAttProj:
		return &b.AttProj
	case TargetExpand:
		return &b.Expand
	case TargetContract:
		return &b.Contract
	}
	panic(fmt.Sprintf("pedestrian.Adapter.LoRA: unknown target %q", t))
}

// Tensors returns the views of everything that the adapter has, in slab order.
func (p *Adapter[T]) Tensors() []Tensor[T] { return slices.Clone(p.tensors) }

// Count is the number of trainable parameters of the adapter.
func (p *Adapter[T]) Count() (n int) {
	for _, t := range p.Tensors() {
		n += len(t.V)
	}
	return n
}
