package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// norm holds the gain and bias of a layer normalization (§5) or, with rms, the gain of an
// RMS norm (L1); b is nil when there is none. Its gradient is another norm: ∂L/∂θ has the
// shape of θ.
type norm[T Float] struct {
	w, b []T
	eps  float64 // ε inside the root; the paper has 0
	rms  bool    // no mean is taken out

	overwrite bool // of a gradient: it is set, not added to
}

// normCache holds what backward needs from forward.
type normCache[T Float] struct {
	xhat Mat[T] // ā, the normalized input
	rstd []T    // 1/σ, one per row; 0 for a constant row with ε = 0

	round    roundSlots // in mixed precision
	partial  Mat[T]     // of ∂w beside ∂b, one row for each part of the rows
	forward  normForward[T]
	backward normBackward[T]
}

// forward sets y to the normalization of x; it is paper.LayerNorm or paper.RMSNorm, one row
// at a time.
func (l norm[T]) forward(p *kernel.Pool, y Mat[T], c *normCache[T], x Mat[T]) {
	mustShape("Norm.Forward", "y", y, x.Rows, x.Cols)
	c.forward = normForward[T]{l, y, c, x, roundTarget(c.round.y, y)}
	p.Run(rowParts(x.Rows), &c.forward)
}

type normForward[T Float] struct {
	l norm[T]
	y Mat[T]
	c *normCache[T]
	x Mat[T] // without V: ā is in the cache
	r kernel.MatBF16
}

func (f *normForward[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.y.Rows)
	for t := from; t < to; t++ {
		y, xhat := f.y.Row(t), f.c.xhat.Row(t)
		switch {
		case f.x.V == nil:
			kernel.Affine(y, xhat, f.l.w, f.l.b) // (37), (L2)
		case f.l.rms:
			f.c.rstd[t] = kernel.RMSNorm(y, xhat, f.x.Row(t), f.l.w, f.l.eps) // (L1), (L2)
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
func (l norm[T]) affine(p *kernel.Pool, y Mat[T], c *normCache[T]) {
	c.forward = normForward[T]{l, y, c, Mat[T]{}, roundTarget(c.round.y, y)}
	p.Run(rowParts(y.Rows), &c.forward)
}

// backward adds to dx the gradient of the loss with respect to x, and to grad that with
// respect to l, given dy, the gradient with respect to y. What grad does not have is not
// computed.
func (l norm[T]) backward(p *kernel.Pool, dx Mat[T], grad norm[T], dy Mat[T], c *normCache[T]) {
	mustShape("Norm.Backward", "dx", dx, dy.Rows, dy.Cols)
	wanted := grad.w != nil || grad.b != nil
	c.backward = normBackward[T]{l, dx, wanted, dy, c, roundTarget(c.round.dx, dx)}
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

type normBackward[T Float] struct {
	l     norm[T]
	dx    Mat[T]
	grads bool
	dy    Mat[T]
	c     *normCache[T]
	r     kernel.MatBF16
}

func (f *normBackward[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.dy.Rows)
	var dw, db []T
	if f.grads {
		sums := f.c.partial.Row(part)
		clear(sums)
		dw, db = sums[:f.dy.Cols], sums[f.dy.Cols:]
	}
	for t := from; t < to; t++ {
		dx, dy, xhat, rstd := f.dx.Row(t), f.dy.Row(t), f.c.xhat.Row(t), f.c.rstd[t]
		switch {
		case f.l.rms:
			kernel.RMSNormBackward(dx, dw, dy, f.l.w, xhat, rstd) // (L3), (L4)
		case f.grads:
			kernel.LayerNormBackward(dx, dw, db, dy, f.l.w, xhat, rstd) // (40), (41), (42)
		default:
			kernel.NormalizeBackward(dx, dy, f.l.w, xhat, rstd) // (40)
		}
		roundRow(f.r, t, dx)
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
