package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// adapted is a fully connected layer with the adapters that stand beside it: one,
// or three beside the fused queries, keys and values. With magnitudes it is DoRA.
type adapted[T Float] struct {
	fc[T]
	lora [3]lora[T]

	dora *dora[T] // nil without magnitudes
}

// adaptedCache holds what the backward pass of an adapted layer needs.
type adaptedCache[T Float] struct {
	fcCache[T]
	lora   [3]loraCache[T]
	mask   kernel.Mask // dropout of the adapters' input in this pass
	masked Mat[T]      // the masked input, then the error on it; layers share it
	z      Mat[T]      // with DoRA: the output before the magnitudes, then the error on it
	drop   dropout[T]
}

// maskInput returns what the adapters read: x, or with dropout x under the mask.
func (c *adaptedCache[T]) maskInput(p *kernel.Pool, x Mat[T]) Mat[T] {
	if !c.mask.On() {
		return x
	}
	masked := over(c.masked.V, x.Rows, x.Cols)
	c.drop.mask = c.mask
	c.drop.apply(p, masked, x, false)
	return masked
}

// hasAdapter says whether any adapter stands beside l.
func (l *adapted[T]) hasAdapter() bool { return l.lora[0].on() || l.lora[1].on() || l.lora[2].on() }

// trained says whether l, a gradient, holds any.
func (l *adapted[T]) trained() bool { return l.w.V != nil || l.b != nil || l.hasAdapter() }

// forward sets y to the sum of the layer and its adapters, or adds it to y.
func (l *adapted[T]) forward(p *kernel.Pool, y Mat[T], c *adaptedCache[T], x Mat[T], add bool) {
	if l.dora != nil {
		l.forwardZ(p, c, x)
		l.dora.forward(p, y, first(c.z, x.Rows), l.b, add)
		return
	}
	l.fc.forward(p, y, x, add)
	l.addAdapters(p, y, c, x)
}

// forwardZ sets the cache's z, which DoRA multiplies by its magnitudes.
func (l *adapted[T]) forwardZ(p *kernel.Pool, c *adaptedCache[T], x Mat[T]) {
	z, fc := first(c.z, x.Rows), l.fc
	fc.b = nil
	fc.forward(p, z, x, false)
	l.addAdapters(p, z, c, x)
}

// addAdapters adds the outputs of the adapters to y.
func (l *adapted[T]) addAdapters(p *kernel.Pool, y Mat[T], c *adaptedCache[T], x Mat[T]) {
	if l.hasAdapter() {
		x = c.maskInput(p, x)
	}
	for i := range l.lora {
		if a := &l.lora[i]; a.on() {
			a.forward(p, y, &c.lora[i], x)
		}
	}
}

// recompute fills the cache as forward does, without the output.
func (l *adapted[T]) recompute(p *kernel.Pool, c *adaptedCache[T], x Mat[T]) {
	if l.dora != nil {
		l.forwardZ(p, c, x)
		return
	}
	x = c.maskInput(p, x)
	for i := range l.lora {
		if a := &l.lora[i]; a.on() {
			a.forwardDown(p, &c.lora[i], x)
		}
	}
}

// backwardInput sets dx to the gradient with respect to the input, of the layer and its
// adapters, or adds that to dx. Without dx.V it only prepares backwardWeights.
func (l *adapted[T]) backwardInput(p *kernel.Pool, dx, dy Mat[T], c *adaptedCache[T], add bool) {
	if l.dora != nil {
		dy = l.dora.backwardInput(p, dy, first(c.z, dy.Rows)) // Δ_z
	}
	if dx.V != nil {
		l.fc.backwardInput(p, dx, dy, add)
	}
	e, add := dx, true
	masked := c.mask.On() && dx.V != nil && l.hasAdapter()
	if masked {
		e, add = over(c.masked.V, dx.Rows, dx.Cols), false
	}
	for i := range l.lora {
		if a := &l.lora[i]; a.on() {
			a.backwardInput(p, e, dy, &c.lora[i], add)
			add = true
		}
	}
	if masked {
		c.drop.mask = c.mask
		c.drop.apply(p, dx, e, true)
	}
}

// backwardWeights adds the gradients of the parameters that grad has: of the layer, of
// its adapters, or of both. Call backwardInput first.
func (l *adapted[T]) backwardWeights(p *kernel.Pool, grad *adapted[T], dy, x Mat[T], c *adaptedCache[T]) {
	dz, bias := dy, grad.fc
	if l.dora != nil {
		dz, bias.w.V = first(c.z, dy.Rows), nil // biases are added after the magnitudes
		weight := grad.fc
		weight.b = nil
		l.fc.backwardWeights(p, weight, dz, x, &c.fcCache)
	}
	l.fc.backwardWeights(p, bias, dy, x, &c.fcCache)
	if grad.hasAdapter() {
		x = c.maskInput(p, x)
	}
	for i := range grad.lora {
		if g := &grad.lora[i]; g.on() {
			l.lora[i].backwardWeights(p, *g, dz, x, &c.lora[i])
		}
	}
	if l.dora != nil {
		l.dora.backwardWeights(p, grad.w.Mat, &grad.lora)
	}
}
