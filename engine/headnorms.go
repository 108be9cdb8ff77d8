package engine

import (
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// headNorms are the RMS norms over each head of queries and over each head of keys, with a
// gain each that the heads share (L19). Both passes work in place. Without gains they do
// nothing.
type headNorms[T Float] struct{ q, k norm[T] }

// headNormsCache holds what backward needs: of every row the normalized heads side by
// side, those of queries and then those of keys, and 1/σ of every head.
type headNormsCache[T Float] struct {
	xhat, rstd Mat[T]
	partial    Mat[T] // of ∂w of queries beside that of keys, one row for each part of the rows
	task       headNormsTask[T]
}

// forward normalizes the heads of q and k.
func (l headNorms[T]) forward(p *kernel.Pool, q, k Mat[T], c *headNormsCache[T]) {
	if l.q.w == nil {
		return
	}
	c.task = headNormsTask[T]{l: l, q: q, k: k, c: c}
	p.Run(rowParts(q.Rows), &c.task)
}

// backward replaces the errors on normalized queries and keys by those on what they were
// made of, and adds the gradients of the gains to grad, where it has them.
func (l headNorms[T]) backward(p *kernel.Pool, dq, dk Mat[T], grad headNorms[T], c *headNormsCache[T]) {
	if l.q.w == nil {
		return
	}
	wanted := grad.q.w != nil || grad.k.w != nil
	c.task = headNormsTask[T]{l: l, q: dq, k: dk, c: c, back: true, grads: wanted}
	parts := rowParts(dq.Rows)
	p.Run(parts, &c.task)
	if !wanted {
		return
	}
	d := len(l.q.w)
	for i, g := range [2]norm[T]{grad.q, grad.k} {
		if g.overwrite {
			clear(g.w)
		}
		for part := range parts {
			if g.w != nil {
				kernel.Add(g.w, c.partial.Row(part)[i*d:(i+1)*d])
			}
		}
	}
}

// headNormsTask is both passes; q and k are normalized, or errors.
type headNormsTask[T Float] struct {
	l           headNorms[T]
	q, k        Mat[T]
	c           *headNormsCache[T]
	back, grads bool
}

func (f *headNormsTask[T]) Do(_ *kernel.Pool, part int) {
	d := len(f.l.q.w)
	var dw [2][]T
	if f.grads {
		sums := f.c.partial.Row(part)
		clear(sums)
		dw = [2][]T{sums[:d], sums[d:]}
	}
	from, to := rowRange(part, f.q.Rows)
	for t := from; t < to; t++ {
		xhat, rstd := f.c.xhat.Row(t), f.c.rstd.Row(t)
		for i, row := range [2][]T{f.q.Row(t), f.k.Row(t)} {
			l := [2]norm[T]{f.l.q, f.l.k}[i]
			for ; len(row) > 0; row, xhat, rstd = row[d:], xhat[d:], rstd[1:] {
				if x := row[:d]; f.back {
					kernel.RMSNormBackwardInPlace(x, dw[i], l.w, xhat[:d], rstd[0]) // (L3), (L19)
				} else {
					rstd[0] = kernel.RMSNorm(x, xhat[:d], x, l.w, l.eps) // (L1), (L2)
				}
			}
		}
	}
}
