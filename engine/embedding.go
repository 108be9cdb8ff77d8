package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// embedding holds the token and the position table (§2), whose rows add:
//
//	a_1 = ohe(tokens) w_tok + ohe(positions) w_pos       (2)
//	∂L/∂w_tok = ohe(tokens)ᵗ Δ_1, ∂L/∂w_pos likewise     (3)
//
// A product with a one-hot matrix is a look-up, and with its transpose a
// scatter-add. Its gradient is another embedding.
type embedding[T Float] struct {
	tok, pos kernel.Weight[T] // pos is not On where positions have no table; of a gradient, wide
	own      tokenRows[T]     // in the place of rows of Tok
	scale    T                // what multiplies rows of tok and own (L23); 0 is 1

	// These say of a gradient that it is set, not added to. With tied logits tok and own
	// hold the contribution of the logits already, and are added to.
	overwriteTok, overwritePos, overwriteOwn bool
}

// embeddingCache holds the tasks of an embedding, so that a step allocates nothing.
type embeddingCache[T Float] struct {
	forward  embeddingForward[T]
	backward embeddingBackward[T]
	clear    clearRows[T]
}

// forward sets row t of y to the sum of row tokens[t] of tok and row positions[t] of pos.
func (l embedding[T]) forward(p *kernel.Pool, y Mat[T], c *embeddingCache[T], tokens, positions []int32) {
	mustShape("Embedding.Forward", "y", y, len(tokens), l.tok.Cols)
	c.forward = embeddingForward[T]{l, y, tokens, positions}
	p.Run(rowParts(y.Rows), &c.forward)
}

type embeddingForward[T Float] struct {
	l                 embedding[T]
	y                 Mat[T]
	tokens, positions []int32
}

func (f *embeddingForward[T]) Do(p *kernel.Pool, part int) {
	from, to := rowRange(part, f.y.Rows)
	for t := from; t < to; t++ {
		y := f.y.Row(t)
		if k, ok := f.l.own.find(f.tokens[t]); ok {
			copy(y, f.l.own.Row(k))
		} else {
			copy(y, f.l.tok.Part(p, int(f.tokens[t]), 0, len(y)))
		}
		if f.l.scale != 0 {
			kernel.Scale(y, f.l.scale) // (L23)
		}
		if f.l.pos.On() {
			kernel.Add(y, f.l.pos.Part(p, int(f.positions[t]), 0, len(y))) // (2)
		}
	}
}

// backward adds dy to the rows of grad that forward read, where grad has them. A part of
// the work owns a range of features, so that repeated tokens add in the order of the rows.
func (l embedding[T]) backward(p *kernel.Pool, grad embedding[T], dy Mat[T], c *embeddingCache[T], tokens, positions []int32) {
	mustShape("Embedding.Backward", "dy", dy, len(tokens), l.tok.Cols)
	c.backward = embeddingBackward[T]{grad, l.own, l.scale, dy, tokens, positions}
	if grad.overwriteOwn {
		c.clear.run(p, grad.own.Mat)
	}
	if grad.overwriteTok {
		c.clear.run(p, grad.tok.Mat)
	}
	if grad.overwritePos {
		c.clear.run(p, grad.pos.Mat)
	}
	p.Run(colParts(dy.Cols), &c.backward)
}

type embeddingBackward[T Float] struct {
	grad              embedding[T]
	own               tokenRows[T] // that forward read
	scale             T
	dy                Mat[T]
	tokens, positions []int32
}

func (f *embeddingBackward[T]) Do(_ *kernel.Pool, part int) {
	from, to := colRange(part, f.dy.Cols)
	for t := range f.dy.Rows {
		dy := f.dy.Row(t)[from:to]
		if k, ok := f.own.find(f.tokens[t]); !ok {
			f.add(f.grad.tok.Mat, int(f.tokens[t]), from, to, dy, f.scale) // (3)
		} else {
			f.add(f.grad.own.Mat, k, from, to, dy, f.scale)
		}
		f.add(f.grad.pos.Mat, int(f.positions[t]), from, to, dy, 0)
	}
}

// add adds dy times scale, of which 0 is 1, to a part of a row of m, if m is trained.
func (f *embeddingBackward[T]) add(m Mat[T], row, from, to int, dy []T, scale T) {
	switch {
	case m.V == nil:
	case scale == 0:
		kernel.Add(m.Row(row)[from:to], dy)
	default:
		kernel.Axpy(m.Row(row)[from:to], scale, dy)
	}
}
