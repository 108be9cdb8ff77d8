package engine

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// logits is FC_logits with the loss behind it. A layer with a matrix of its own has w,
// input×output. A layer tied to the embedding has tok, whose gradient is a sum of two
// contributions. Tokens are taken in chunks, so that logits of all tokens never exist at
// once. Tokens without a target are left out before anything is computed.
type logits[T Float] struct {
	w, tok    kernel.Weight[T] // one of the two is On; of a gradient, wide
	b         []T
	lora      [3]lora[T] // of which the first can be there
	own       tokenRows[T]
	overwrite bool // of a gradient: it is set, not added to

	dora  *dora[T] // nil without magnitudes
	mixed *mixed   // the weight in mixed precision, or nil
}

// logitsOf is FC_logits of p and a, either of which may be nil.
func logitsOf[T Float](p *pedestrian.Params[T], a *pedestrian.Adapter[T]) (l logits[T]) {
	if p != nil {
		l.w, l.b = weight(p.Logits.W), p.Logits.B.V
		if p.Config.Tied {
			l.tok = weight(p.Tok)
		}
	}
	if a != nil {
		l.attach(a)
	}
	return l
}

// attach puts what a has for this layer beside l or in its place, as in a block.
func (l *logits[T]) attach(a *pedestrian.Adapter[T]) {
	l.lora[0] = loraOf(a.Logits, 0)
	l.own = rowsOf(a.LogitsRows, a.Config.Tokens)
	if a.Base.Tied {
		l.own = rowsOf(a.TokRows, a.Config.Tokens)
	}
	if a.LogitsBias.V != nil {
		l.b = a.LogitsBias.V
	}
}

// logitsCache holds what a chunk needs.
type logitsCache[T Float] struct {
	size    int     // tokens at once
	y       Mat[T]  // logits, then Δ_12
	x, dx   Mat[T]  // a_11 and Δ_11 of a chunk, where ignored tokens lie between
	rows    []int32 // tokens that have a target
	targets []int32 // of those
	loss    lossCache[T]
	lora    loraCache[T]
	mask    kernel.Mask // dropout of the adapter's input in this pass
	masked  Mat[T]      // as in adaptedCache
	z       Mat[T]
	own     Mat[T] // logits of the tokens that have rows of an adapter's, then the errors on them
	drop    dropout[T]
	bias    sumTokens[T]
	watch   func(Place, Mat[T])
}

// maskInput returns what the adapter reads of a chunk: x, or with dropout x under the mask.
func (c *logitsCache[T]) maskInput(p *kernel.Pool, x Mat[T], rows []int32) Mat[T] {
	if !c.mask.On() {
		return x
	}
	masked := first(c.masked, x.Rows)
	c.drop.mask, c.drop.rows = c.mask, rows
	c.drop.apply(p, masked, x, false)
	return masked
}

// forward sets y to the logits (a_12) of x (a_11). rows are the tokens that x holds
// when a backward pass follows, and nil otherwise.
func (l *logits[T]) forward(p *kernel.Pool, y Mat[T], c *logitsCache[T], x Mat[T], rows []int32) {
	z, b := y, l.b
	if l.dora != nil {
		b = nil
		if rows != nil {
			z = first(c.z, x.Rows)
		}
	}
	l.product(p, z, x, b)
	l.own.forward(p, z, c.own, x, b)
	if l.lora[0].on() {
		l.lora[0].forward(p, z, &c.lora, c.maskInput(p, x, rows))
	}
	if l.dora != nil {
		l.dora.forward(p, y, z, l.b, false)
	}
}

// product sets y to x w_11 + b.
func (l *logits[T]) product(p *kernel.Pool, y, x Mat[T], b []T) {
	switch {
	case l.mixed != nil:
		l.mixedForward(p, as32(y), as32(x), vec32(b))
	case l.w.On():
		kernel.MulWeight(p, y, x, l.w, b, false)
	case b != nil:
		for t := range y.Rows {
			copy(y.Row(t), b)
		}
		kernel.MulWeightT(p, y, x, l.tok, true)
	default:
		kernel.MulWeightT(p, y, x, l.tok, false)
	}
}

// mixedForward is product in mixed precision; it leaves r(x) for backwardWeights.
func (l *logits[T]) mixedForward(p *kernel.Pool, y, x Mat[float32], b []float32) {
	m := l.mixed
	if l.w.On() {
		m.forward(p, y, x, b, false)
		return
	}
	for t := range y.Rows {
		copy(y.Row(t), b)
	}
	m.each(p, &m.x, x, func(x kernel.MatBF16, more bool) { kernel.MulPackedT(p, y, x, m.w, b != nil || more) })
}

// mixedBackwardInput is backwardInput in mixed precision, for which dy is rounded already
// unless it is split.
func (l *logits[T]) mixedBackwardInput(p *kernel.Pool, dx, dy Mat[float32]) {
	m := l.mixed
	product := func(dy kernel.MatBF16, add bool) {
		if l.w.On() {
			kernel.MulPackedT(p, dx, dy, m.w, add)
		} else {
			kernel.MulPacked(p, dx, dy, m.w, nil, add)
		}
	}
	if m.task.split {
		m.each(p, &m.dy, dy, product)
	} else {
		product(shaped(m.dy.buf, dy.Rows, dy.Cols), false)
	}
}

// backwardInput sets dx (Δ_11) given dy (Δ_12), for the tokens of rows. Without dx.V it
// only prepares backwardWeights.
func (l *logits[T]) backwardInput(p *kernel.Pool, dx, dy Mat[T], c *logitsCache[T], rows []int32) {
	if l.dora != nil {
		dy = l.dora.backwardInput(p, dy, first(c.z, dy.Rows)) // Δ_z
		c.show("Δ_z", rows, dy)
		if l.mixed != nil && !l.mixed.task.split {
			l.mixed.task.run(p, shaped(l.mixed.dy.buf, dy.Rows, dy.Cols), as32(dy))
		}
	}
	switch {
	case dx.V == nil:
	case l.mixed != nil:
		l.mixedBackwardInput(p, as32(dx), as32(dy))
	case l.w.On():
		kernel.MulWeightT(p, dx, dy, l.w, false)
	default:
		kernel.MulWeight(p, dx, dy, l.tok, nil, false)
	}
	switch {
	case !l.lora[0].on():
	case c.mask.On() && dx.V != nil:
		masked := first(c.masked, dx.Rows)
		l.lora[0].backwardInput(p, masked, dy, &c.lora, false)
		c.drop.mask, c.drop.rows = c.mask, rows
		c.drop.apply(p, dx, masked, true)
	default:
		l.lora[0].backwardInput(p, dx, dy, &c.lora, true)
	}
}

// backwardWeights adds the gradients of the parameters that grad has, or sets them if
// grad is to be overwritten. Call backwardInput first.
func (l *logits[T]) backwardWeights(p *kernel.Pool, grad *logits[T], dy, x Mat[T], c *logitsCache[T], rows []int32) {
	if grad.overwrite {
		clear(grad.b)
	}
	c.bias.run(p, grad.b, dy)
	if l.dora != nil {
		dy = first(c.z, dy.Rows)
	}
	dw := grad.w.Mat
	switch {
	case l.mixed != nil && grad.w.V != nil:
		m := l.mixed
		kernel.MulTNBF16(p, as32(grad.w.Mat), shaped(m.x.buf, x.Rows, x.Cols), shaped(m.dy.buf, dy.Rows, dy.Cols), !grad.overwrite)
	case l.mixed != nil && grad.tok.V != nil:
		m := l.mixed
		kernel.MulTNBF16(p, as32(grad.tok.Mat), shaped(m.dy.buf, dy.Rows, dy.Cols), shaped(m.x.buf, x.Rows, x.Cols), !grad.overwrite)
	case grad.w.V != nil:
		kernel.MulTN(p, grad.w.Mat, x, dy, !grad.overwrite)
	case grad.tok.V != nil:
		kernel.MulTN(p, grad.tok.Mat, dy, x, !grad.overwrite)
	}
	if grad.tok.V != nil {
		dw = grad.tok.Mat
	}
	if grad.lora[0].on() {
		l.lora[0].backwardWeights(p, grad.lora[0], dy, c.maskInput(p, x, rows), &c.lora)
	}
	if l.dora != nil {
		l.dora.backwardWeights(p, dw, &grad.lora)
	}
}

// setTargets records which tokens have a target and returns their number.
func (c *logitsCache[T]) setTargets(targets []int32) (counted int) {
	c.rows, c.targets = c.rows[:0], c.targets[:0]
	for t, id := range targets {
		if id != Ignored {
			c.rows, c.targets = append(c.rows, int32(t)), append(c.targets, id)
		}
	}
	return len(c.rows)
}

// loss returns the sum of the losses of the tokens that have a target.
func (l *logits[T]) loss(p *kernel.Pool, c *logitsCache[T], x Mat[T]) (sum float64) {
	for from := 0; from < len(c.rows); from += evenChunk(len(c.rows), c.size) {
		rows, targets := c.chunk(from)
		xc, y := gather(c.x, x, rows), first(c.y, len(rows))
		l.forward(p, y, c, xc, nil)
		sum += loss[T]{}.forward(p, y, &c.loss, targets)
	}
	return sum
}

// lossAndGradients returns what loss does, sets dx to s times the gradient of that sum
// with respect to x, unless dx is without V, and adds s times that of l to grad or sets
// grad to it. After the first chunk grad is added to.
func (l *logits[T]) lossAndGradients(p *kernel.Pool, dx Mat[T], grad *logits[T], s float64, c *logitsCache[T], x Mat[T]) (sum float64) {
	if dx.V != nil && len(c.rows) < dx.Rows {
		for t := range dx.Rows {
			clear(dx.Row(t))
		}
	}
	for from := 0; from < len(c.rows); from += evenChunk(len(c.rows), c.size) {
		rows, targets := c.chunk(from)
		xc, y := gather(c.x, x, rows), first(c.y, len(rows))
		l.forward(p, y, c, xc, rows)
		c.show("a_12", rows, y)
		loss := loss[T]{scale: s, backward: true}
		if l.mixed != nil && l.dora == nil && !l.mixed.task.split {
			loss.round = shaped(l.mixed.dy.buf, y.Rows, y.Cols)
		}
		sum += loss.forward(p, y, &c.loss, targets) // Δ_12
		c.show("Δ_12", rows, y)
		dxc := dx
		if dx.V != nil {
			dxc = chunkOf(c.dx, dx, rows)
		}
		var errors Mat[T]
		if l.own.V != nil {
			errors = l.own.takeErrors(c.own, y, loss.round)
		}
		l.backwardInput(p, dxc, y, c, rows) // Δ_11
		l.backwardWeights(p, grad, y, xc, c, rows)
		if l.own.V != nil {
			l.own.backward(p, dxc, &grad.own, grad.b, errors, xc, grad.overwrite)
		}
		grad.overwrite, grad.lora[0].overwrite = false, false // for the next chunk
		if dx.V != nil && !contiguous(rows) {
			for i, t := range rows {
				copy(dx.Row(int(t)), dxc.Row(i))
			}
		}
	}
	return sum
}
