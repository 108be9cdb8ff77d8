package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// FC holds the weight (input×output) and bias of a fully connected layer; B is
// nil when there is none. Its gradient is another FC.
//
//	a_i     = a_{i-1} w + b̃
//	Δ_{i-1} = Δ_i wᵗ
//	∂L/∂w   = a_{i-1}ᵗ Δ_i,  ∂L/∂b = Σ_tokens Δ_i
type FC[T Float] struct {
	W Mat[T]
	B []T

	// Fresh marks a gradient whose old numbers do not count: it is set, not added to.
	Fresh bool

	// Impotent is the range of outputs whose bias gradient is identically zero,
	// and is not computed: the keys of an attention, by (29) and (32.b).
	Impotent [2]int

	mixed *mixed // the weight in mixed precision, or nil
}

// FCCache holds the task of a fully connected layer.
type FCCache[T Float] struct{ bias sumTokens[T] }

// Forward sets y to x W + B, or adds that to y.
func (l FC[T]) Forward(p *Pool, y, x Mat[T], add bool) {
	if l.mixed != nil {
		l.mixed.forward(p, as32(y), as32(x), vec32(l.B), add)
		return
	}
	kernel.MulNN(p, y, x, l.W, l.B, add)
}

// Error sets dx to dy Wᵗ: the error handed down (T2).
func (l FC[T]) Error(p *Pool, dx, dy Mat[T]) {
	if l.mixed != nil {
		l.mixed.error(p, as32(dx), as32(dy))
		return
	}
	kernel.MulNT(p, dx, dy, l.W, false)
}

// Grad adds the gradients of W and B, where grad has them, to grad (T3), or sets
// it where it is fresh. Error comes first.
func (l FC[T]) Grad(p *Pool, grad FC[T], dy, x Mat[T], c *FCCache[T]) {
	switch {
	case grad.W.V == nil: // frozen
	case l.mixed != nil:
		l.mixed.grad(p, as32(grad.W), as32(dy), as32(x), !grad.Fresh)
	default:
		kernel.MulTN(p, grad.W, x, dy, !grad.Fresh)
	}
	if grad.B == nil {
		return
	}
	if grad.Fresh {
		clear(grad.B)
	}
	from, to := l.Impotent[0], l.Impotent[1]
	c.bias.run(p, grad.B[:from], dy.Sub(0, dy.Rows, 0, from))
	c.bias.run(p, grad.B[to:], dy.Sub(0, dy.Rows, to, dy.Cols))
}

// sumTokens is the task db += Σ_tokens dy; a part owns a range of features.
type sumTokens[T Float] struct {
	db []T
	dy Mat[T]
}

func (s *sumTokens[T]) run(p *Pool, db []T, dy Mat[T]) {
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
