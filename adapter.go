package pedestrian

import (
	"fmt"
	"math"
	"slices"
)

// Target names a fully connected layer that an adapter stands beside (§6).
type Target string

const (
	TargetQ        Target = "q" // the columns of the queries of all heads, as one width×(heads·d_ρ) layer
	TargetK        Target = "k"
	TargetV        Target = "v"
	TargetAttProj  Target = "attProj"
	TargetExpand   Target = "expand"
	TargetContract Target = "contract"
	TargetLogits   Target = "logits"
)

// Targets lists every layer that can carry an adapter, in the order of table 2.
var Targets = []Target{TargetQ, TargetK, TargetV, TargetAttProj, TargetExpand, TargetContract, TargetLogits}

// Scaling says how an adapter's α becomes the number that multiplies a d u in (43).
type Scaling string

const (
	ScalePaper Scaling = "alpha"        // α itself, as the paper writes (43)
	ScaleRank  Scaling = "alpha/r"      // α/r, as in Hu et al. and PEFT's default
	ScaleRSqrt Scaling = "alpha/sqrt_r" // α/√r, rank-stabilized LoRA
)

// AdapterConfig is the shape of a LoRA adapter.
type AdapterConfig struct {
	Rank    int      `json:"rank" yaml:"rank"`       // r
	Alpha   float64  `json:"alpha" yaml:"alpha"`     // α
	Scaling Scaling  `json:"scaling" yaml:"scaling"` // how α and r make the multiplier
	Targets []Target `json:"targets" yaml:"targets"` // layers adapted, in every block
}

// Multiplier is the number in front of a d u in (43).
func (a AdapterConfig) Multiplier() float64 {
	switch a.Scaling {
	case ScaleRank:
		return a.Alpha / float64(a.Rank)
	case ScaleRSqrt:
		return a.Alpha / math.Sqrt(float64(a.Rank))
	}
	return a.Alpha
}

// Validate reports the first thing wrong with a.
func (a AdapterConfig) Validate() error {
	if a.Rank < 1 || a.Rank > 1<<20 {
		return fmt.Errorf("rank is %d: it must be at least 1 and at most %d", a.Rank, 1<<20)
	}
	if math.IsNaN(a.Alpha) || math.IsInf(a.Alpha, 0) {
		return fmt.Errorf("alpha is %g: it must be a finite number", a.Alpha)
	}
	if a.Scaling != ScalePaper && a.Scaling != ScaleRank && a.Scaling != ScaleRSqrt {
		return fmt.Errorf("unknown scaling %q: choose %q, %q or %q", a.Scaling, ScalePaper, ScaleRank, ScaleRSqrt)
	}
	if len(a.Targets) == 0 {
		return fmt.Errorf("an adapter needs at least one target of %v", Targets)
	}
	for i, t := range a.Targets {
		if !slices.Contains(Targets, t) {
			return fmt.Errorf("unknown target %q: choose from %v", t, Targets)
		}
		if slices.Contains(a.Targets[:i], t) {
			return fmt.Errorf("target %q is named twice", t)
		}
	}
	return nil
}

// LoRA holds the two factors of one adapted layer; V of both is nil when the
// layer is not a target.
type LoRA[T Float] struct {
	Down Tensor[T] // d, input×r
	Up   Tensor[T] // u, r×output
}

// AdapterBlock holds the adapters of one transformer block.
type AdapterBlock[T Float] struct{ Q, K, V, AttProj, Expand, Contract LoRA[T] }

// Adapter holds the LoRA factors of a network in one flat slab with named views,
// such as "block.0.q.down". Its gradient is another Adapter.
type Adapter[T Float] struct {
	Base   Config // of the network it stands beside
	Config AdapterConfig
	Slab   []T
	Blocks []AdapterBlock[T]
	Logits LoRA[T]
}

// NewAdapter allocates an adapter for a network of configuration c, all zero.
// It panics when either configuration is not valid.
func NewAdapter[T Float](c Config, a AdapterConfig) *Adapter[T] {
	if err := c.Validate(); err != nil {
		panic("pedestrian.NewAdapter: " + err.Error())
	}
	if err := a.Validate(); err != nil {
		panic("pedestrian.NewAdapter: " + err.Error())
	}
	p := &Adapter[T]{Base: c, Config: a, Blocks: make([]AdapterBlock[T], c.Blocks)}
	size := p.layout(func(t *Tensor[T], offset int) {})
	p.Slab = make([]T, size)
	p.layout(func(t *Tensor[T], offset int) {
		n := t.Rows * t.Cols
		t.V = p.Slab[offset : offset+n : offset+n]
	})
	return p
}

func (p *Adapter[T]) layout(visit func(t *Tensor[T], offset int)) (size int) {
	c, r := p.Base, p.Config.Rank
	at := func(l *LoRA[T], target Target, name string, in, out int) {
		l.Down = Tensor[T]{Name: name + ".down", Rows: in, Cols: r}
		l.Up = Tensor[T]{Name: name + ".up", Rows: r, Cols: out}
		if !slices.Contains(p.Config.Targets, target) {
			return
		}
		for _, t := range []*Tensor[T]{&l.Down, &l.Up} {
			visit(t, size)
			size += (t.Rows*t.Cols + align - 1) / align * align
		}
	}
	for i := range p.Blocks {
		b, name := &p.Blocks[i], fmt.Sprintf("block.%d.", i)
		at(&b.Q, TargetQ, name+"q", c.Width, c.Heads*c.QueryDim())
		at(&b.K, TargetK, name+"k", c.Width, c.Heads*c.QueryDim())
		at(&b.V, TargetV, name+"v", c.Width, c.Width)
		at(&b.AttProj, TargetAttProj, name+"attProj", c.Width, c.Width)
		at(&b.Expand, TargetExpand, name+"expand", c.Width, c.HiddenDim())
		at(&b.Contract, TargetContract, name+"contract", c.HiddenDim(), c.Width)
	}
	at(&p.Logits, TargetLogits, "logits", c.Width, c.Vocab)
	return size
}

// Tensors returns the views of every factor the adapter has, in slab order.
func (p *Adapter[T]) Tensors() []Tensor[T] {
	var ts []Tensor[T]
	add := func(ls ...LoRA[T]) {
		for _, l := range ls {
			if l.Down.V != nil {
				ts = append(ts, l.Down, l.Up)
			}
		}
	}
	for _, b := range p.Blocks {
		add(b.Q, b.K, b.V, b.AttProj, b.Expand, b.Contract)
	}
	add(p.Logits)
	return ts
}

// Count is the number of trainable parameters of the adapter.
func (p *Adapter[T]) Count() (n int) {
	for _, t := range p.Tensors() {
		n += len(t.V)
	}
	return n
}
