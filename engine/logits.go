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
	LoRA   LoRA[T]
	Fresh  bool // of a gradient: its old numbers do not count

	mixed *mixed // the weight in mixed precision, or nil
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
		l.LoRA = loraOf(a.Logits, 0)
	}
	return l
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
	bias    sumTokens[T]
	watch   func(Place, Mat[T])
}

// Forward sets y to the logits (a_12) of x (a_11).
func (l *Logits[T]) Forward(p *Pool, y Mat[T], c *LogitsCache[T], x Mat[T]) {
	switch {
	case l.mixed != nil:
		l.mixedForward(p, as32(y), as32(x))
	case l.W.V != nil:
		kernel.MulNN(p, y, x, l.W, l.B, false)
	case l.B != nil:
		for t := range y.Rows {
			copy(y.Row(t), l.B)
		}
		kernel.MulNT(p, y, x, l.Tok, true)
	default:
		kernel.MulNT(p, y, x, l.Tok, false)
	}
	if l.LoRA.Down.V != nil {
		l.LoRA.Forward(p, y, &c.LoRA, x)
	}
}

// mixedForward is Forward in mixed precision; it leaves r(x) for Grad.
func (l *Logits[T]) mixedForward(p *Pool, y, x Mat[float32]) {
	m, b := l.mixed, vec32(l.B)
	if l.W.V != nil {
		m.forward(p, y, x, b, false)
		return
	}
	for t := range y.Rows {
		copy(y.Row(t), b)
	}
	kernel.MulPackedT(p, y, m.take(p, &m.x, x), m.w, b != nil)
}

// mixedError is Error in mixed precision; the loss has rounded dy.
func (l *Logits[T]) mixedError(p *Pool, dx, dy Mat[float32]) {
	m := l.mixed
	if rounded := shaped(m.dy.buf, dy.Rows, dy.Cols); l.W.V != nil {
		kernel.MulPackedT(p, dx, rounded, m.w, false)
	} else {
		kernel.MulPacked(p, dx, rounded, m.w, nil, false)
	}
}

// Error sets dx (Δ_11) given dy (Δ_12); without dx.V it only prepares Grad.
func (l *Logits[T]) Error(p *Pool, dx, dy Mat[T], c *LogitsCache[T]) {
	switch {
	case dx.V == nil:
	case l.mixed != nil:
		l.mixedError(p, as32(dx), as32(dy))
	case l.W.V != nil:
		kernel.MulNT(p, dx, dy, l.W, false)
	default:
		kernel.MulNN(p, dx, dy, l.Tok, nil, false)
	}
	if l.LoRA.Down.V != nil {
		l.LoRA.Error(p, dx, dy, &c.LoRA)
	}
}

// Grad adds the gradients of what grad has, or sets them where it is fresh. Error
// comes first.
func (l *Logits[T]) Grad(p *Pool, grad *Logits[T], dy, x Mat[T], c *LogitsCache[T]) {
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
	if grad.Fresh {
		clear(grad.B)
	}
	c.bias.run(p, grad.B, dy)
	if grad.LoRA.Down.V != nil {
		l.LoRA.Grad(p, grad.LoRA, dy, x, &c.LoRA)
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
		l.Forward(p, y, c, xc)
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
		l.Forward(p, y, c, xc)
		c.show("a_12", rows, y)
		loss := Loss[T]{Scale: s, Error: true}
		if l.mixed != nil {
			loss.round = shaped(l.mixed.dy.buf, y.Rows, y.Cols)
		}
		sum += loss.Forward(p, y, &c.Loss, targets) // Δ_12
		c.show("Δ_12", rows, y)
		dxc := dx
		if dx.V != nil {
			dxc = chunkOf(c.DX, dx, rows)
		}
		l.Error(p, dxc, y, c) // Δ_11
		l.Grad(p, grad, y, xc, c)
		grad.Fresh, grad.LoRA.Fresh = false, false // for the next chunk
		if dx.V != nil && !contiguous(rows) {
			for i, t := range rows {
				copy(dx.Row(int(t)), dxc.Row(i))
			}
		}
	}
	return sum
}

// chunk is the rows and targets of the chunk that starts at from.
func (c *LogitsCache[T]) chunk(from int) (rows, targets []int32) {
	to := min(from+evenChunk(len(c.Rows), c.Chunk), len(c.Rows))
	return c.Rows[from:to], c.Targets[from:to]
}

// contiguous reports whether rows follow each other.
func contiguous(rows []int32) bool { return int(rows[len(rows)-1]-rows[0])+1 == len(rows) }

// chunkOf is the view of rows in x, or the start of buf when x has others between.
func chunkOf[T Float](buf, x Mat[T], rows []int32) Mat[T] {
	if contiguous(rows) {
		return x.Sub(int(rows[0]), int(rows[0])+len(rows), 0, x.Cols)
	}
	return first(buf, len(rows))
}

// gather returns rows of x, copied to buf when x has others between.
func gather[T Float](buf, x Mat[T], rows []int32) Mat[T] {
	m := chunkOf(buf, x, rows)
	if !contiguous(rows) {
		for i, t := range rows {
			copy(m.Row(i), x.Row(int(t)))
		}
	}
	return m
}

// defaultChunk is the number of tokens whose logits are held at once: about
// 2²⁵ numbers, in multiples of 64 tokens. Each chunk reads the weight and its
// gradient once more. It depends on the vocabulary alone.
func defaultChunk(vocab int) int { return max(64, min(1024, (1<<25)/vocab/64*64)) }

// evenChunk cuts rows into as many chunks as chunks of size most do, of about the
// same size, in multiples of 32.
func evenChunk(rows, most int) int {
	chunks := max((rows+most-1)/most, 1)
	even := (rows + chunks - 1) / chunks
	return min((even+31)/32*32, most)
}
