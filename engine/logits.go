package engine

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// Logits is FC_logits with the loss behind it. W is input×output when the layer
// has a matrix of its own; when it is tied to the embedding, Tok is, and its
// gradient has two contributions that add. Tokens are taken in chunks, so that
// there are never logits of all tokens at once, and those without a target are
// left out before anything is computed.
type Logits[T Float] struct {
	W, Tok Mat[T] // one of the two has V
	B      []T
	LoRA   [3]LoRA[T] // of which the first can be there
	own    tokenRows[T]
	Fresh  bool // of a gradient: its old numbers do not count

	dora  *DoRA[T] // nil without magnitudes
	mixed *mixed   // the weight in mixed precision, or nil
}

// logitsOf is FC_logits of p and a, either of which may be nil.
func logitsOf[T Float](p *pedestrian.Params[T], a *pedestrian.Adapter[T]) (l Logits[T]) {
	if p != nil {
		l.W, l.B = view(p.Logits.W), p.Logits.B.V
		if p.Config.Tied {
			l.Tok = view(p.Tok)
		}
	}
	if a != nil {
		l.take(a)
	}
	return l
}

// take is that of a block.
func (l *Logits[T]) take(a *pedestrian.Adapter[T]) {
	l.LoRA[0] = loraOf(a.Logits, 0)
	l.own = rowsOf(a.LogitsRows, a.Config.Tokens)
	if a.Base.Tied {
		l.own = rowsOf(a.TokRows, a.Config.Tokens)
	}
	if a.LogitsBias.V != nil {
		l.B = a.LogitsBias.V
	}
}

// LogitsCache holds what a chunk needs.
type LogitsCache[T Float] struct {
	Chunk   int     // tokens at once
	Y       Mat[T]  // logits, then Δ_12
	X, DX   Mat[T]  // a_11 and Δ_11 of a chunk, where ignored tokens lie between
	Rows    []int32 // tokens that have a target
	Targets []int32 // of those
	Loss    LossCache[T]
	LoRA    LoRACache[T]
	Mask    kernel.Mask // of the input of the adapter in this pass
	Under   Mat[T]      // as in AdaptedCache
	Z       Mat[T]
	own     Mat[T] // logits of the tokens that have rows of an adapter's, then the errors on them
	drop    Dropout[T]
	bias    sumTokens[T]
	watch   func(Place, Mat[T])
}

// masked is x, a chunk, as the adapter reads it.
func (c *LogitsCache[T]) masked(p *Pool, x Mat[T], rows []int32) Mat[T] {
	if !c.Mask.On() {
		return x
	}
	under := first(c.Under, x.Rows)
	c.drop.Mask, c.drop.Rows = c.Mask, rows
	c.drop.Apply(p, under, x, false)
	return under
}

// Forward sets y to the logits (a_12) of x (a_11). rows are the tokens that x holds
// when a backward pass follows, and nil otherwise.
func (l *Logits[T]) Forward(p *Pool, y Mat[T], c *LogitsCache[T], x Mat[T], rows []int32) {
	z, b := y, l.B
	if l.dora != nil {
		b = nil
		if rows != nil {
			z = first(c.Z, x.Rows)
		}
	}
	l.product(p, z, x, b)
	l.own.forward(p, z, c.own, x, b)
	if l.LoRA[0].on() {
		l.LoRA[0].Forward(p, z, &c.LoRA, c.masked(p, x, rows))
	}
	if l.dora != nil {
		l.dora.Forward(p, y, z, l.B, false)
	}
}

// product sets y to x w_11 + b.
func (l *Logits[T]) product(p *Pool, y, x Mat[T], b []T) {
	switch {
	case l.mixed != nil:
		l.mixedForward(p, as32(y), as32(x), vec32(b))
	case l.W.V != nil:
		kernel.MulNN(p, y, x, l.W, b, false)
	case b != nil:
		for t := range y.Rows {
			copy(y.Row(t), b)
		}
		kernel.MulNT(p, y, x, l.Tok, true)
	default:
		kernel.MulNT(p, y, x, l.Tok, false)
	}
}

// mixedForward is product in mixed precision; it leaves r(x) for Grad.
func (l *Logits[T]) mixedForward(p *Pool, y, x Mat[float32], b []float32) {
	m := l.mixed
	if l.W.V != nil {
		m.forward(p, y, x, b, false)
		return
	}
	for t := range y.Rows {
		copy(y.Row(t), b)
	}
	kernel.MulPackedT(p, y, m.take(p, &m.x, x), m.w, b != nil)
}

// mixedError is Error in mixed precision; dy is rounded.
func (l *Logits[T]) mixedError(p *Pool, dx, dy Mat[float32]) {
	m := l.mixed
	if rounded := shaped(m.dy.buf, dy.Rows, dy.Cols); l.W.V != nil {
		kernel.MulPackedT(p, dx, rounded, m.w, false)
	} else {
		kernel.MulPacked(p, dx, rounded, m.w, nil, false)
	}
}

// Error sets dx (Δ_11) given dy (Δ_12), for the tokens of rows; without dx.V it
// only prepares Grad.
func (l *Logits[T]) Error(p *Pool, dx, dy Mat[T], c *LogitsCache[T], rows []int32) {
	if l.dora != nil {
		dy = l.dora.Error(p, dy, first(c.Z, dy.Rows)) // Δ_z
		c.show("Δ_z", rows, dy)
		if l.mixed != nil {
			l.mixed.task.run(p, shaped(l.mixed.dy.buf, dy.Rows, dy.Cols), as32(dy))
		}
	}
	switch {
	case dx.V == nil:
	case l.mixed != nil:
		l.mixedError(p, as32(dx), as32(dy))
	case l.W.V != nil:
		kernel.MulNT(p, dx, dy, l.W, false)
	default:
		kernel.MulNN(p, dx, dy, l.Tok, nil, false)
	}
	switch {
	case !l.LoRA[0].on():
	case c.Mask.On() && dx.V != nil:
		under := first(c.Under, dx.Rows)
		l.LoRA[0].Error(p, under, dy, &c.LoRA, false)
		c.drop.Mask, c.drop.Rows = c.Mask, rows
		c.drop.Apply(p, dx, under, true)
	default:
		l.LoRA[0].Error(p, dx, dy, &c.LoRA, true)
	}
}

// Grad adds the gradients of what grad has, or sets them where it is fresh. Error
// comes first.
func (l *Logits[T]) Grad(p *Pool, grad *Logits[T], dy, x Mat[T], c *LogitsCache[T], rows []int32) {
	if grad.Fresh {
		clear(grad.B)
	}
	c.bias.run(p, grad.B, dy)
	if l.dora != nil {
		dy = first(c.Z, dy.Rows)
	}
	dw := grad.W
	switch {
	case l.mixed != nil && grad.W.V != nil:
		m := l.mixed
		kernel.MulTNBF16(p, as32(grad.W), shaped(m.x.buf, x.Rows, x.Cols), shaped(m.dy.buf, dy.Rows, dy.Cols), !grad.Fresh)
	case l.mixed != nil && grad.Tok.V != nil:
		m := l.mixed
		kernel.MulTNBF16(p, as32(grad.Tok), shaped(m.dy.buf, dy.Rows, dy.Cols), shaped(m.x.buf, x.Rows, x.Cols), !grad.Fresh)
	case grad.W.V != nil:
		kernel.MulTN(p, grad.W, x, dy, !grad.Fresh)
	case grad.Tok.V != nil:
		kernel.MulTN(p, grad.Tok, dy, x, !grad.Fresh)
	}
	if grad.Tok.V != nil {
		dw = grad.Tok
	}
	if grad.LoRA[0].on() {
		l.LoRA[0].Grad(p, grad.LoRA[0], dy, c.masked(p, x, rows), &c.LoRA)
	}
	if l.dora != nil {
		l.dora.Grad(p, dw, &grad.LoRA)
	}
}

// note records which tokens have a target and returns their number.
func (c *LogitsCache[T]) note(targets []int32) (counted int) {
	c.Rows, c.Targets = c.Rows[:0], c.Targets[:0]
	for t, id := range targets {
		if id != Ignored {
			c.Rows, c.Targets = append(c.Rows, int32(t)), append(c.Targets, id)
		}
	}
	return len(c.Rows)
}

// Loss returns the sum of the losses of the tokens that were noted.
func (l *Logits[T]) Loss(p *Pool, c *LogitsCache[T], x Mat[T]) (sum float64) {
	for from := 0; from < len(c.Rows); from += evenChunk(len(c.Rows), c.Chunk) {
		rows, targets := c.chunk(from)
		xc, y := gather(c.X, x, rows), first(c.Y, len(rows))
		l.Forward(p, y, c, xc, nil)
		sum += Loss[T]{}.Forward(p, y, &c.Loss, targets)
	}
	return sum
}

// Gradients returns what Loss does, sets dx to s times the gradient of that sum
// with respect to x, unless dx is without V, and adds s times that of l to grad,
// which is no longer fresh then.
func (l *Logits[T]) Gradients(p *Pool, dx Mat[T], grad *Logits[T], s float64, c *LogitsCache[T], x Mat[T]) (sum float64) {
	if dx.V != nil && len(c.Rows) < dx.Rows {
		for t := range dx.Rows {
			clear(dx.Row(t))
		}
	}
	for from := 0; from < len(c.Rows); from += evenChunk(len(c.Rows), c.Chunk) {
		rows, targets := c.chunk(from)
		xc, y := gather(c.X, x, rows), first(c.Y, len(rows))
		l.Forward(p, y, c, xc, rows)
		c.show("a_12", rows, y)
		loss := Loss[T]{Scale: s, Error: true}
		if l.mixed != nil && l.dora == nil {
			loss.round = shaped(l.mixed.dy.buf, y.Rows, y.Cols)
		}
		sum += loss.Forward(p, y, &c.Loss, targets) // Δ_12
		c.show("Δ_12", rows, y)
		dxc := dx
		if dx.V != nil {
			dxc = chunkOf(c.DX, dx, rows)
		}
		var errors Mat[T]
		if l.own.V != nil {
			errors = l.own.takeError(c.own, y, loss.round)
		}
		l.Error(p, dxc, y, c, rows) // Δ_11
		l.Grad(p, grad, y, xc, c, rows)
		if l.own.V != nil {
			l.own.backward(p, dxc, &grad.own, grad.B, errors, xc, grad.Fresh)
		}
		grad.Fresh, grad.LoRA[0].Fresh = false, false // for the next chunk
		if dx.V != nil && !contiguous(rows) {
			for i, t := range rows {
				copy(dx.Row(int(t)), dxc.Row(i))
			}
		}
	}
	return sum
}
