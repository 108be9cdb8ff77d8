package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// layerNorm holds the gain and bias of a layer normalization (§5); b is nil when
// there is none. Its gradient is another layerNorm: ∂L/∂θ has the shape of θ.
type layerNorm[T Float] struct {
	w, b []T
	eps  float64 // ε inside the root; the paper has 0

	overwrite bool // of a gradient: it is set, not added to
}

// layerNormCache holds what backward needs from forward.
type layerNormCache[T Float] struct {
	xhat Mat[T] // ā, the normalized input
	rstd []T    // 1/σ, one per row; 0 for a constant row with ε = 0

	round    roundSlots // in mixed precision
	partial  Mat[T]     // of ∂w beside ∂b, one row for each part of the rows
	forward  layerNormForward[T]
	backward layerNormBackward[T]
}

// forward sets y to the normalization of x; it is paper.LayerNorm, one row at a time.
func (l layerNorm[T]) forward(p *kernel.Pool, y Mat[T], c *layerNormCache[T], x Mat[T]) {
	mustShape("LayerNorm.Forward", "y", y, x.Rows, x.Cols)
	c.forward = layerNormForward[T]{l, y, c, x, roundTarget(c.round.y, y)}
	p.Run(rowParts(x.Rows), &c.forward)
}

type layerNormForward[T Float] struct {
	l layerNorm[T]
	y Mat[T]
	c *layerNormCache[T]
	x Mat[T] // without V: ā is in the cache
	r kernel.MatBF16
}

func (f *layerNormForward[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.y.Rows)
	for t := from; t < to; t++ {
		y, xhat := f.y.Row(t), f.c.xhat.Row(t)
		switch {
		case f.x.V == nil:
			kernel.Affine(y, xhat, f.l.w, f.l.b) // (37)
		case f.l.eps == 0 && constant(f.x.Row(t)):
			clear(xhat)
			f.c.rstd[t] = 0
			kernel.Affine(y, xhat, f.l.w, f.l.b)
		default:
			f.c.rstd[t] = kernel.LayerNorm(y, xhat, f.x.Row(t), f.l.w, f.l.b, f.l.eps) // (38)
		}
		roundRow(f.r, t, y)
	}
}

// affine sets y to the output of forward again, from the cache alone.
func (l layerNorm[T]) affine(p *kernel.Pool, y Mat[T], c *layerNormCache[T]) {
	c.forward = layerNormForward[T]{l, y, c, Mat[T]{}, roundTarget(c.round.y, y)}
	p.Run(rowParts(y.Rows), &c.forward)
}

// backward adds to dx the gradient of the loss with respect to x, and to grad that with
// respect to l, given dy, the gradient with respect to y. What grad does not have is not
// computed.
func (l layerNorm[T]) backward(p *kernel.Pool, dx Mat[T], grad layerNorm[T], dy Mat[T], c *layerNormCache[T]) {
	mustShape("LayerNorm.Backward", "dx", dx, dy.Rows, dy.Cols)
	wanted := grad.w != nil || grad.b != nil
	c.backward = layerNormBackward[T]{l, dx, wanted, dy, c, roundTarget(c.round.dx, dx)}
	parts := rowParts(dy.Rows)
	if wanted && c.partial.Rows < parts {
		c.partial = NewMat[T](parts, 2*dy.Cols)
	}
	p.Run(parts, &c.backward)
	if !wanted {
		return
	}
	d := dy.Cols
	if grad.overwrite {
		clear(grad.w)
		clear(grad.b)
	}
	for i := range parts {
		if grad.w != nil {
			kernel.Add(grad.w, c.partial.Row(i)[:d])
		}
		if grad.b != nil {
			kernel.Add(grad.b, c.partial.Row(i)[d:])
		}
	}
}

type layerNormBackward[T Float] struct {
	l     layerNorm[T]
	dx    Mat[T]
	grads bool
	dy    Mat[T]
	c     *layerNormCache[T]
	r     kernel.MatBF16
}

func (f *layerNormBackward[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.dy.Rows)
	if !f.grads {
		for t := from; t < to; t++ {
			kernel.NormalizeBackward(f.dx.Row(t), f.dy.Row(t), f.l.w, f.c.xhat.Row(t), f.c.rstd[t]) // (40)
			roundRow(f.r, t, f.dx.Row(t))
		}
		return
	}
	sums := f.c.partial.Row(part)
	clear(sums)
	dw, db := sums[:f.dy.Cols], sums[f.dy.Cols:]
	for t := from; t < to; t++ {
		kernel.LayerNormBackward(f.dx.Row(t), dw, db, f.dy.Row(t), f.l.w, f.c.xhat.Row(t), f.c.rstd[t]) // (40), (41), (42)
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
