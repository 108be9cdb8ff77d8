package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// Adapted is a fully connected layer with the adapters that stand beside it: one,
// or three beside the fused queries, keys and values. With magnitudes it is DoRA.
type Adapted[T Float] struct {
	FC[T]
	LoRA [3]LoRA[T]

	dora *DoRA[T] // nil without magnitudes
}

// AdaptedCache holds what the backward pass of an adapted layer needs.
type AdaptedCache[T Float] struct {
	FCCache[T]
	LoRA  [3]LoRACache[T]
	Mask  kernel.Mask // of the input of the adapters in this pass
	Under Mat[T]      // the input under the mask, and then the error on that; shared by layers
	Z     Mat[T]      // with DoRA: the output before its magnitudes, and then the error on that
	drop  Dropout[T]
}

// masked is the input of the adapters.
func (c *AdaptedCache[T]) masked(p *Pool, x Mat[T]) Mat[T] {
	if !c.Mask.On() {
		return x
	}
	under := over(c.Under.V, x.Rows, x.Cols)
	c.drop.Mask = c.Mask
	c.drop.Apply(p, under, x, false)
	return under
}

// adapted says whether any adapter stands beside l.
func (l *Adapted[T]) adapted() bool { return l.LoRA[0].on() || l.LoRA[1].on() || l.LoRA[2].on() }

// trained says whether l, a gradient, has anything.
func (l *Adapted[T]) trained() bool { return l.W.V != nil || l.B != nil || l.adapted() }

// Forward sets y to the sum of the layer and its adapters, or adds it to y.
func (l *Adapted[T]) Forward(p *Pool, y Mat[T], c *AdaptedCache[T], x Mat[T], add bool) {
	if l.dora != nil {
		l.before(p, c, x)
		l.dora.Forward(p, y, first(c.Z, x.Rows), l.B, add)
		return
	}
	l.FC.Forward(p, y, x, add)
	l.adapters(p, y, c, x)
}

// before sets the cache's Z to what DoRA multiplies by its magnitudes.
func (l *Adapted[T]) before(p *Pool, c *AdaptedCache[T], x Mat[T]) {
	z, fc := first(c.Z, x.Rows), l.FC
	fc.B = nil
	fc.Forward(p, z, x, false)
	l.adapters(p, z, c, x)
}

// adapters adds the outputs of the adapters to y.
func (l *Adapted[T]) adapters(p *Pool, y Mat[T], c *AdaptedCache[T], x Mat[T]) {
	if l.adapted() {
		x = c.masked(p, x)
	}
	for i := range l.LoRA {
		if a := &l.LoRA[i]; a.on() {
			a.Forward(p, y, &c.LoRA[i], x)
		}
	}
}

// again fills the cache as Forward does, and computes no output that it can do without.
func (l *Adapted[T]) again(p *Pool, c *AdaptedCache[T], x Mat[T]) {
	if l.dora != nil {
		l.before(p, c, x)
		return
	}
	x = c.masked(p, x)
	for i := range l.LoRA {
		if a := &l.LoRA[i]; a.on() {
			a.Inner(p, &c.LoRA[i], x)
		}
	}
}

// Error sets dx to the error that the layer and its adapters hand down; without
// dx.V it only prepares Grad.
func (l *Adapted[T]) Error(p *Pool, dx, dy Mat[T], c *AdaptedCache[T]) {
	if l.dora != nil {
		dy = l.dora.Error(p, dy, first(c.Z, dy.Rows)) // Δ_z
	}
	if dx.V != nil {
		l.FC.Error(p, dx, dy)
	}
	e, add := dx, true
	masked := c.Mask.On() && dx.V != nil && l.adapted()
	if masked {
		e, add = over(c.Under.V, dx.Rows, dx.Cols), false
	}
	for i := range l.LoRA {
		if a := &l.LoRA[i]; a.on() {
			a.Error(p, e, dy, &c.LoRA[i], add)
			add = true
		}
	}
	if masked {
		c.drop.Mask = c.Mask
		c.drop.Apply(p, dx, e, true)
	}
}

// Grad adds to grad the gradients of what grad has: of the layer, of its
// adapters, or of both. Error comes first.
func (l *Adapted[T]) Grad(p *Pool, grad *Adapted[T], dy, x Mat[T], c *AdaptedCache[T]) {
	dz, bias := dy, grad.FC
	if l.dora != nil {
		dz, bias.W = first(c.Z, dy.Rows), Mat[T]{} // biases are added after the magnitudes
		weight := grad.FC
		weight.B = nil
		l.FC.Grad(p, weight, dz, x, &c.FCCache)
	}
	l.FC.Grad(p, bias, dy, x, &c.FCCache)
	if grad.adapted() {
		x = c.masked(p, x)
	}
	for i := range grad.LoRA {
		if g := &grad.LoRA[i]; g.on() {
			l.LoRA[i].Grad(p, *g, dz, x, &c.LoRA[i])
		}
	}
	if l.dora != nil {
		l.dora.Grad(p, grad.W, &grad.LoRA)
	}
}
