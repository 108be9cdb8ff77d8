package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// Embedding holds the token and the position table (§2), whose rows add:
//
//	a_1 = ohe(tokens) w_tok + ohe(positions) w_pos       (2)
//	∂L/∂w_tok = ohe(tokens)ᵗ Δ_1, ∂L/∂w_pos likewise     (3)
//
// A product with a one-hot matrix is a look-up, and with its transpose a
// scatter-add. Its gradient is another Embedding.
type Embedding[T Float] struct {
	Tok, Pos Mat[T]
	own      tokenRows[T] // in the place of rows of Tok

	// FreshTok, FreshPos and freshOwn mark gradients whose old numbers do not count. When
	// the logits are tied, their contribution to Tok and own comes first and does.
	FreshTok, FreshPos, freshOwn bool
}

// EmbeddingCache holds the tasks of an embedding, so that a step allocates nothing.
type EmbeddingCache[T Float] struct {
	forward  embeddingForward[T]
	backward embeddingBackward[T]
	clear    clearRows[T]
}

// Forward sets row t of y to the sum of row tokens[t] of Tok and row positions[t] of Pos.
func (l Embedding[T]) Forward(p *Pool, y Mat[T], c *EmbeddingCache[T], tokens, positions []int32) {
	mustShape("Embedding.Forward", "y", y, len(tokens), l.Tok.Cols)
	c.forward = embeddingForward[T]{l, y, tokens, positions}
	p.Run(rowParts(y.Rows), &c.forward)
}

type embeddingForward[T Float] struct {
	l                 Embedding[T]
	y                 Mat[T]
	tokens, positions []int32
}

func (f *embeddingForward[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.y.Rows)
	for t := from; t < to; t++ {
		y, tok, pos := f.y.Row(t), f.l.Tok.Row(int(f.tokens[t])), f.l.Pos.Row(int(f.positions[t]))
		if k, ok := f.l.own.find(f.tokens[t]); ok {
			tok = f.l.own.Row(k)
		}
		for j := range y {
			y[j] = tok[j] + pos[j] // (2)
		}
	}
}

// Backward adds dy to the rows of grad that Forward read, where grad has them. A part owns a range of
// features, so that repeated tokens add in the order of the rows.
func (l Embedding[T]) Backward(p *Pool, grad Embedding[T], dy Mat[T], c *EmbeddingCache[T], tokens, positions []int32) {
	mustShape("Embedding.Backward", "dy", dy, len(tokens), l.Tok.Cols)
	c.backward = embeddingBackward[T]{grad, l.own, dy, tokens, positions}
	if grad.freshOwn {
		c.clear.run(p, grad.own.Mat)
	}
	if grad.FreshTok {
		c.clear.run(p, grad.Tok)
	}
	if grad.FreshPos {
		c.clear.run(p, grad.Pos)
	}
	p.Run(colParts(dy.Cols), &c.backward)
}

type embeddingBackward[T Float] struct {
	grad              Embedding[T]
	own               tokenRows[T] // that Forward read
	dy                Mat[T]
	tokens, positions []int32
}

func (f *embeddingBackward[T]) Do(_ *kernel.Pool, part int) {
	from, to := colRange(part, f.dy.Cols)
	for t := range f.dy.Rows {
		dy := f.dy.Row(t)[from:to]
		if k, ok := f.own.find(f.tokens[t]); !ok {
			f.add(f.grad.Tok, int(f.tokens[t]), from, to, dy) // (3)
		} else {
			f.add(f.grad.own.Mat, k, from, to, dy)
		}
		f.add(f.grad.Pos, int(f.positions[t]), from, to, dy)
	}
}

// add adds dy to a part of a row of m, if m is trained.
func (f *embeddingBackward[T]) add(m Mat[T], row, from, to int, dy []T) {
	if m.V != nil {
		kernel.Add(m.Row(row)[from:to], dy)
	}
}
