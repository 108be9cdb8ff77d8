package engine

import (
	"slices"

	"github.com/pedestrian-ml/pedestrian"
)

// reserve takes the memory of a forward pass, and if train that of the gradients of
// t as well: whatever of it is not there yet.
func (n *Network[T]) reserve(train bool, t gradients[T]) {
	low := 0
	if train && t.params == nil {
		low = min(max(t.bottom(n.params.Config), 0)/layers, n.params.Config.Blocks-1)
	}
	w := &n.work
	lend := train && n.lends(t)
	more := train && (w.dx.V == nil || low < w.low || w.reused != nil && !lend)
	moved := lend && w.reused != nil && &w.reused[0] != &t.params.Slab[0]
	if w.x.V != nil && !more && !moved {
		return
	}
	var l *pedestrian.AdapterConfig
	if n.adapter != nil {
		l = &n.adapter.Config
	}
	o := n.o
	o.Threads = n.pool.Threads()
	s := o.shape(n.params.Config, l, low)
	s.lend = lend
	if o.Precision == BF16 {
		n.reserveBF16(s.rows, train)
	}
	if w.x.V == nil {
		n.planDoRA()
		allocate(func(a *arena[T]) { w.planForward(a, s) })
	}
	if more || moved {
		w.reused = nil
		if lend {
			w.reused, w.gaps = t.params.Slab, gaps(&t.params.Values)
		}
	}
	if more {
		w.backward = allocate(func(a *arena[T]) { w.planBackward(a, s, w.reused) })
	} else if moved {
		w.planBackward(&arena[T]{slab: w.backward}, s, w.reused)
	}
}

// planDoRA gives every layer with magnitudes what holds their side.
func (n *Network[T]) planDoRA() {
	if n.adapter == nil || !n.adapter.Config.DoRA || n.doras != nil {
		return
	}
	add := func(layer *[3]lora[T], w Mat[T], tied bool) *dora[T] {
		if !layer[0].on() && !layer[1].on() && !layer[2].on() {
			return nil
		}
		d := &dora[T]{exact: n.adapter.Config.DoRAExact, layer: layer, w: w, tied: tied}
		n.doras = append(n.doras, d)
		return d
	}
	for i := range n.blocks {
		b := &n.blocks[i]
		for _, l := range []*adapted[T]{&b.qkv, &b.attProj, &b.expand, &b.contract} {
			l.dora = add(&l.lora, l.w, false)
		}
	}
	if l := &n.logits; l.tok.V != nil {
		l.dora = add(&l.lora, l.tok, true)
	} else {
		l.dora = add(&l.lora, l.w, false)
	}
	allocate(func(a *arena[T]) {
		for _, d := range n.doras {
			d.plan(a)
		}
	})
}

// adapts says whether block i has adapters.
func (s shape) adapts(i int) bool {
	return s.lora != nil && (len(s.lora.Layers) == 0 || slices.Contains(s.lora.Layers, i))
}

// planAdapters places what the adapters of one block keep.
func (c *blockCache[T]) planAdapters(a *arena[T], s shape) {
	if len(s.lora.Targets) == 0 {
		return
	}
	part := a.in("adapters")
	for _, t := range s.lora.Targets {
		if l, _ := c.lora(t); l != nil {
			l.h = a.mat(s.rows, s.lora.RankOf(t))
		}
	}
	if s.lora.DoRA {
		for _, l := range []struct {
			z     *Mat[T]
			layer pedestrian.Target
		}{{&c.qkv.z, pedestrian.TargetQKV}, {&c.attProj.z, pedestrian.TargetAttProj}, {&c.expand.z, pedestrian.TargetExpand}, {&c.contract.z, pedestrian.TargetContract}} {
			if s.targets(l.layer) {
				*l.z = a.mat(s.rows, s.Linear(0, l.layer).Out)
			}
		}
	}
	a.in(part)
}

// targets says whether any adapter stands beside the layer that t names.
func (s shape) targets(t pedestrian.Target) bool {
	return slices.ContainsFunc(s.lora.Targets, func(u pedestrian.Target) bool {
		return u == t || t == pedestrian.TargetQKV && (u == pedestrian.TargetQ || u == pedestrian.TargetK || u == pedestrian.TargetV)
	})
}

// planAdapters places what the adapters share in a backward pass, and with dropout
// in the forward pass before it.
func (w *workspace[T]) planAdapters(a *arena[T], s shape) {
	if len(s.lora.Targets) == 0 {
		return
	}
	a.in("adapters")
	var dh [3]Mat[T]
	for i, r := range s.widest() {
		dh[i] = a.mat(s.rows, r)
	}
	logits := s.targets(pedestrian.TargetLogits)
	if logits {
		w.logits.lora.dh = over(dh[0].V, s.rows, s.lora.RankOf(pedestrian.TargetLogits))
		if s.lora.DoRA {
			w.logits.z = a.mat(s.chunk, s.Vocab)
		}
	}
	var under Mat[T]
	if s.lora.Dropout > 0 {
		in := s.Width
		if s.targets(pedestrian.TargetContract) {
			in = max(in, s.HiddenDim())
		}
		under = a.mat(s.rows, in)
		w.logits.masked = over(under.V, min(s.chunk, s.rows), s.Width)
	}
	for i := range w.blocks {
		c := &w.blocks[i]
		c.qkv.masked, c.attProj.masked, c.expand.masked, c.contract.masked = under, under, under, under
		for _, t := range s.lora.Targets {
			if l, slot := c.lora(t); l != nil {
				l.dh = over(dh[slot].V, s.rows, s.lora.RankOf(t))
			}
		}
	}
}

// lora is the cache of the adapter beside target t of a block, and its number
// beside that layer; nil when t is outside of the blocks.
func (c *blockCache[T]) lora(t pedestrian.Target) (l *loraCache[T], slot int) {
	switch t {
	case pedestrian.TargetQ, pedestrian.TargetQKV:
		return &c.qkv.lora[0], 0
	case pedestrian.TargetK:
		return &c.qkv.lora[1], 1
	case pedestrian.TargetV:
		return &c.qkv.lora[2], 2
	case pedestrian.TargetAttProj:
		return &c.attProj.lora[0], 0
	case pedestrian.TargetExpand:
		return &c.expand.lora[0], 0
	case pedestrian.TargetContract:
		return &c.contract.lora[0], 0
	}
	return nil, 0
}

// widest is the largest rank of the adapters with each number beside a layer.
func (s shape) widest() (ranks [3]int) {
	var c blockCache[float64]
	for _, t := range s.lora.Targets {
		_, slot := c.lora(t)
		ranks[slot] = max(ranks[slot], s.lora.RankOf(t))
	}
	return ranks
}
