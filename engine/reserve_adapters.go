package engine

import "github.com/pedestrian-ml/pedestrian"

// planDoRA places what layers with magnitudes keep: that of doras, or when a counts of
// as many as s has.
func planDoRA[T Float](a *arena[T], s shape, doras []*dora[T]) {
	if s.adapter == nil || !s.adapter.DoRA {
		return
	}
	a.in("adapters")
	for _, d := range doras {
		d.plan(a)
	}
	if !a.counts() {
		return
	}
	blocks := s.Blocks
	if n := len(s.adapter.Layers); n > 0 {
		blocks = n
	}
	places := s.adapters()
	for len(places) > 0 {
		layer, n := places[0].Layer, 0
		d := &dora[T]{layer: new([3]lora[T])}
		for ; n < len(places) && places[n].Layer == layer; n++ {
			p := places[n]
			d.layer[p.number].up = Mat[T]{Rows: p.rank, Cols: p.Out}
		}
		whole := s.Linear(0, layer)
		d.w.Rows, d.w.Cols = whole.In, whole.Out
		times := blocks
		if whole.Block < 0 {
			times = 1
		}
		a.times(times, func() { d.plan(a) })
		places = places[n:]
	}
}

// planAdapters places what the adapters of one block keep.
func (c *blockCache[T]) planAdapters(a *arena[T], s shape) {
	if len(s.adapter.Targets) == 0 {
		return
	}
	part := a.in("adapters")
	for _, p := range s.adapters() {
		if l := c.linear(p.Layer); l != nil {
			l.lora[p.number].h = a.mat(s.rows, p.rank)
		}
	}
	if s.adapter.DoRA {
		var last pedestrian.Target
		for _, p := range s.adapters() {
			if l := c.linear(p.Layer); l != nil && p.Layer != last {
				l.z, last = a.mat(s.rows, s.Linear(0, p.Layer).Out), p.Layer
			}
		}
	}
	a.in(part)
}

// planAdapters places what all adapters share in a backward pass, and with dropout in
// the forward pass before it.
func (w *workspace[T]) planAdapters(a *arena[T], s shape) {
	places := s.adapters()
	if len(places) == 0 {
		return
	}
	a.in("adapters")
	var ranks [3]int // the largest, of the adapters of each number
	in := s.Width    // the most inputs
	for _, p := range places {
		ranks[p.number], in = max(ranks[p.number], p.rank), max(in, p.In)
	}
	var dh [3]Mat[T]
	for i, r := range ranks {
		dh[i] = a.mat(s.rows, r)
	}
	if p := places[len(places)-1]; p.Target == pedestrian.TargetLogits {
		w.logits.lora.dh = over(dh[0].V, s.rows, p.rank)
		if s.adapter.DoRA {
			w.logits.z = a.mat(s.chunk, s.Vocab)
		}
	}
	var masked Mat[T]
	if s.adapter.Dropout > 0 {
		masked = a.mat(s.rows, in)
		w.logits.masked = over(masked.V, min(s.chunk, s.rows), s.Width)
	}
	for i := range w.blocks {
		c := &w.blocks[i]
		for _, l := range c.linears() {
			l.masked = masked
		}
		for _, p := range places {
			if l := c.linear(p.Layer); l != nil {
				l.lora[p.number].dh = over(dh[p.number].V, s.rows, p.rank)
			}
		}
	}
}

// linear is the cache of a layer of the block; nil if the layer lies outside.
func (c *blockCache[T]) linear(t pedestrian.Target) *adaptedCache[T] {
	switch t {
	case pedestrian.TargetQKV:
		return &c.qkv
	case pedestrian.TargetAttProj:
		return &c.attProj
	case pedestrian.TargetGate:
		return &c.gate
	case pedestrian.TargetExpand, pedestrian.TargetUp:
		return &c.expand
	case pedestrian.TargetContract, pedestrian.TargetDown:
		return &c.contract
	}
	return nil
}
