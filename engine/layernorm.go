package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// LayerNorm holds the gain and bias of a layer normalization (§5); B is nil when
// there is none. Its gradient is another LayerNorm: ∂L/∂θ has the shape of θ.
type LayerNorm[T Float] struct {
	W, B []T
	Eps  float64 // ε inside the root; the paper has 0

	Fresh bool // of a gradient: its old numbers do not count
}

// LayerNormCache holds what Backward needs from Forward.
type LayerNormCache[T Float] struct {
	Xhat Mat[T] // ā, the normalized input
	Rstd []T    // 1/σ, one per row; 0 for a constant row with ε = 0

	round    rounds // in mixed precision
	partial  Mat[T] // of ∂w beside ∂b, one row for each part of the rows
	forward  layerNormForward[T]
	backward layerNormBackward[T]
}

// Forward sets y to the normalization of x; it is paper.LayerNorm, one row at a time.
func (l LayerNorm[T]) Forward(p *Pool, y Mat[T], c *LayerNormCache[T], x Mat[T]) {
	mustShape("LayerNorm.Forward", "y", y, x.Rows, x.Cols)
	c.forward = layerNormForward[T]{l, y, c, x, put(c.round.y, y)}
	p.Run(rowParts(x.Rows), &c.forward)
}

type layerNormForward[T Float] struct {
	l LayerNorm[T]
	y Mat[T]
	c *LayerNormCache[T]
	x Mat[T] // without V: ā is in the cache
	r kernel.MatBF16
}

func (f *layerNormForward[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.y.Rows)
	for t := from; t < to; t++ {
		y, xhat := f.y.Row(t), f.c.Xhat.Row(t)
		switch {
		case f.x.V == nil:
			kernel.Affine(y, xhat, f.l.W, f.l.B) // (37)
		case f.l.Eps == 0 && constant(f.x.Row(t)):
			clear(xhat)
			f.c.Rstd[t] = 0
			kernel.Affine(y, xhat, f.l.W, f.l.B)
		default:
			f.c.Rstd[t] = kernel.LayerNorm(y, xhat, f.x.Row(t), f.l.W, f.l.B, f.l.Eps) // (38)
		}
		roundRow(f.r, t, y)
	}
}

// Affine sets y to the output of Forward again, from the cache alone.
func (l LayerNorm[T]) Affine(p *Pool, y Mat[T], c *LayerNormCache[T]) {
	c.forward = layerNormForward[T]{l, y, c, Mat[T]{}, put(c.round.y, y)}
	p.Run(rowParts(y.Rows), &c.forward)
}

// Backward adds to dx the gradient of the loss with respect to x and to grad
// that with respect to l, given dy, the gradient with respect to y. What grad is
// without is not wanted.
func (l LayerNorm[T]) Backward(p *Pool, dx Mat[T], grad LayerNorm[T], dy Mat[T], c *LayerNormCache[T]) {
	mustShape("LayerNorm.Backward", "dx", dx, dy.Rows, dy.Cols)
	wanted := grad.W != nil || grad.B != nil
	c.backward = layerNormBackward[T]{l, dx, wanted, dy, c, put(c.round.dx, dx)}
	parts := rowParts(dy.Rows)
	if wanted && c.partial.Rows < parts {
		c.partial = NewMat[T](parts, 2*dy.Cols)
	}
	p.Run(parts, &c.backward)
	if !wanted {
		return
	}
	d := dy.Cols
	if grad.Fresh {
		clear(grad.W)
		clear(grad.B)
	}
	for i := range parts {
		if grad.W != nil {
			kernel.Add(grad.W, c.partial.Row(i)[:d])
		}
		if grad.B != nil {
			kernel.Add(grad.B, c.partial.Row(i)[d:])
		}
	}
}

type layerNormBackward[T Float] struct {
	l     LayerNorm[T]
	dx    Mat[T]
	grads bool
	dy    Mat[T]
	c     *LayerNormCache[T]
	r     kernel.MatBF16
}

func (f *layerNormBackward[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.dy.Rows)
	if !f.grads {
		for t := from; t < to; t++ {
			kernel.NormalizeBackward(f.dx.Row(t), f.dy.Row(t), f.l.W, f.c.Xhat.Row(t), f.c.Rstd[t]) // (40)
			roundRow(f.r, t, f.dx.Row(t))
		}
		return
	}
	sums := f.c.partial.Row(part)
	clear(sums)
	dw, db := sums[:f.dy.Cols], sums[f.dy.Cols:]
	for t := from; t < to; t++ {
		kernel.LayerNormBackward(f.dx.Row(t), dw, db, f.dy.Row(t), f.l.W, f.c.Xhat.Row(t), f.c.Rstd[t]) // (40), (41), (42)
		roundRow(f.r, t, f.dx.Row(t))
	}
}

// constant reports whether all numbers of x are equal: then x has no σ when ε is
// 0, and counts as zeros, forward and backward.
func constant[T Float](x []T) bool {
	for _, v := range x {
		if v != x[0] {
			return false
		}
	}
	return len(x) == 0 || x[0]-x[0] == 0 // infinities must not come out as zeros
}
