package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// fc holds the weight (input×output) and bias of a fully connected layer; b is
// nil when there is none. Its gradient is another fc.
//
//	a_i     = a_{i-1} w + b̃
//	Δ_{i-1} = Δ_i wᵗ
//	∂L/∂w   = a_{i-1}ᵗ Δ_i,  ∂L/∂b = Σ_tokens Δ_i
type fc[T Float] struct {
	w kernel.Weight[T] // of a gradient, wide
	b []T

	// overwrite says of a gradient that it is set, not added to.
	overwrite bool

	// noBiasGradient is the range of outputs whose bias gradient is identically zero
	// and is not computed: the keys of an attention, by (29) and (32.b).
	noBiasGradient [2]int

	mixed *mixed // the weight in mixed precision, or nil
}

// fcCache holds the task of a fully connected layer.
type fcCache[T Float] struct{ bias sumTokens[T] }

// forward sets y to x w + b, or adds that to y.
func (l fc[T]) forward(p *kernel.Pool, y, x Mat[T], add bool) {
	if l.mixed != nil {
		l.mixed.forward(p, as32(y), as32(x), vec32(l.b), add)
		return
	}
	kernel.MulWeight(p, y, x, l.w, l.b, add)
}

// backwardInput sets dx to dy wᵗ (T2), or adds that to dx.
func (l fc[T]) backwardInput(p *kernel.Pool, dx, dy Mat[T], add bool) {
	if l.mixed != nil {
		l.mixed.backwardInput(p, as32(dx), as32(dy), add)
		return
	}
	kernel.MulWeightT(p, dx, dy, l.w, add)
}

// backwardWeights adds the gradients of w and b to grad, where grad has them (T3), or
// sets them if grad is to be overwritten. In mixed precision call backwardInput first.
func (l fc[T]) backwardWeights(p *kernel.Pool, grad fc[T], dy, x Mat[T], c *fcCache[T]) {
	switch {
	case grad.w.V == nil: // frozen
	case l.mixed != nil:
		l.mixed.backwardWeights(p, as32(grad.w.Mat), as32(dy), as32(x), !grad.overwrite)
	default:
		kernel.MulTN(p, grad.w.Mat, x, dy, !grad.overwrite)
	}
	if grad.b == nil {
		return
	}
	if grad.overwrite {
		clear(grad.b)
	}
	from, to := l.noBiasGradient[0], l.noBiasGradient[1]
	c.bias.run(p, grad.b[:from], dy.Sub(0, dy.Rows, 0, from))
	c.bias.run(p, grad.b[to:], dy.Sub(0, dy.Rows, to, dy.Cols))
}

// sumTokens is the task db += Σ_tokens dy; a part owns a range of features.
type sumTokens[T Float] struct {
	db []T
	dy Mat[T]
}

func (s *sumTokens[T]) run(p *kernel.Pool, db []T, dy Mat[T]) {
	if len(db) == 0 {
		return
	}
	s.db, s.dy = db, dy
	p.Run(colParts(dy.Cols), s)
}

func (s *sumTokens[T]) Do(_ *kernel.Pool, part int) {
	from, to := colRange(part, s.dy.Cols)
	kernel.AddRows(s.db[from:to], s.dy.Sub(0, s.dy.Rows, from, to))
}
