package pedestrian

import "fmt"

// LoRA holds the adapter of one layer; without V when the layer has none.
type LoRA[T Float] struct {
	Down      Tensor[T] // d, input×r
	Up        Tensor[T] // u, r×output
	Magnitude Tensor[T] // m of DoRA, one number for each output; without V when there is no DoRA

	Multiplier float64 // the α that multiplies a d u in (43), whatever the convention
}

// AdapterBlock holds what an adapter has in one transformer block.
type AdapterBlock[T Float] struct {
	Q, K, V, QKV, AttProj, Expand, Contract, Gate, Up, Down LoRA[T] // the layers that have a pair; the others are zero

	// Own are the gains and biases that are trained. They stand in the place of the
	// network's, which never change; those that are not trained are without V.
	Own Block[T]
}

// Adapter holds all that is trained beside a frozen network: factors, such as
// "block.0.q.down", magnitudes, such as "block.0.q.magnitude", rows of single tokens,
// "tok.rows", and gains and biases under the names that they have in the network, such
// as "block.0.ln1.w". Its gradient is another Adapter.
type Adapter[T Float] struct {
	Base   Config // of the network it stands beside
	Config AdapterConfig
	Values[T]
	Blocks []AdapterBlock[T]

	TokRows    Tensor[T] // rows of the embedding, one for each of Config.Tokens, in the place of the network's
	LogitsRows Tensor[T] // and of the logits' columns, as rows, unless they are tied
	LNFinal    Affine[T] // in the place of the network's
	Logits     LoRA[T]
	LogitsBias Tensor[T] // in the place of the network's
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
	p := &Adapter[T]{Base: c, Config: a, Values: newValues[T](a.Slots(c), nil), Blocks: make([]AdapterBlock[T], c.Blocks)}
	for _, t := range p.tensors {
		switch {
		case t.Role == Down:
			l := p.LoRA(t.Block, Target(t.Layer))
			l.Down, l.Multiplier = t, a.MultiplierOf(Target(t.Layer))
		case t.Role == Up:
			p.LoRA(t.Block, Target(t.Layer)).Up = t
		case t.Role == Magnitude:
			p.LoRA(t.Block, Target(t.Layer)).Magnitude = t
		case t.Layer == "tok":
			p.TokRows = t
		case t.Layer == "lnFinal":
			p.LNFinal.put(t)
		case t.Layer == "logits" && t.Role == TokenRows:
			p.LogitsRows = t
		case t.Layer == "logits":
			p.LogitsBias = t
		default:
			p.Blocks[t.Block].Own.layer(t.Layer).put(t)
		}
	}
	return p
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
	case TargetGate:
		return &b.Gate
	case TargetUp:
		return &b.Up
	case TargetDown:
		return &b.Down
	}
	panic(fmt.Sprintf("pedestrian.Adapter.LoRA: unknown target %q", t))
}
