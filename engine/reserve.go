package engine

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// reserve takes the memory of a forward pass, and if train is not nil that of a backward
// pass for g as well: whatever of it is not there yet.
func (n *Network[T]) reserve(train *trained, g gradients[T]) {
	w := &n.work
	o := n.o
	o.Threads = n.pool.Threads()
	s := o.passes(n.params.Config, n.adapterConfig(), train)
	reused := s.reuse && w.reused != nil
	more := s.backward && (w.dx.V == nil || s.low < w.low || w.reused != nil && !s.reuse)
	moved := reused && &w.reused[0] != &g.params.Slab[0]
	if w.x.V != nil && !more && !moved {
		return
	}
	if !more && moved {
		w.reused = g.params.Slab
		w.planBackward(&arena[T]{slab: w.backward}, s, w.reused)
		return
	}
	p := newPlan[T](s)
	if s.precision.takesBF16() {
		n.reserveBF16(s)
	}
	if w.x.V == nil {
		n.reserveDoRA(p)
		p.forward.cut(func(a *arena[T]) { w.planForward(a, s) })
	}
	if more {
		w.reused = nil
		if s.reuse {
			w.reused, w.gaps = g.params.Slab, gaps(&g.params.Values)
		}
		w.backward = p.backward.cut(func(a *arena[T]) { w.planBackward(a, s, w.reused) })
	}
}

// adapterConfig is the configuration of the adapter beside n, or nil.
func (n *Network[T]) adapterConfig() *pedestrian.AdapterConfig {
	if n.adapter == nil {
		return nil
	}
	return &n.adapter.Config
}

// reserveDoRA gives every layer with magnitudes its dora, if it has none yet.
func (n *Network[T]) reserveDoRA(p *plan[T]) {
	if n.adapter == nil || !n.adapter.Config.DoRA || n.doras != nil {
		return
	}
	add := func(layer *[3]lora[T], w kernel.Weight[T], tied bool) *dora[T] {
		if !layer[0].on() && !layer[1].on() && !layer[2].on() {
			return nil
		}
		d := &dora[T]{exact: n.adapter.Config.DoRAExact, layer: layer, w: w, tied: tied}
		n.doras = append(n.doras, d)
		return d
	}
	for i := range n.blocks {
		for _, l := range n.blocks[i].linears() {
			l.dora = add(&l.lora, l.w, false)
		}
	}
	if l := &n.logits; l.tok.On() {
		l.dora = add(&l.lora, l.tok, true)
	} else {
		l.dora = add(&l.lora, l.w, false)
	}
	p.doras.cut(func(a *arena[T]) { planDoRA(a, p.shape, n.doras) })
}
