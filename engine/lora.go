package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// LoRA holds the two factors of a low-rank adapter (§6) that stands beside a
// fully connected layer, on outputs From to From+Up.Cols of it. Its gradient is
// another LoRA.
//
//	a_i      += α a_{i-1} d u        (43)
//	Δ_{i-1}  += α Δ_i (d u)ᵗ         (44)
//	∂L/∂d     = α a_{i-1}ᵗ Δ_i uᵗ    (45)
//	∂L/∂u     = α (a_{i-1} d)ᵗ Δ_i   (46)
//
// The signal of the layer beside it is its own (errata S2): both add in Δ_{i-1}.
type LoRA[T Float] struct {
	Down, Up  Mat[T] // d input×r, u r×output; without V: no adapter
	Magnitude []T    // m of DoRA, one for each output; nil without
	Scale     T      // α, the multiplier as it stands in (43)
	From      int
	Fresh     bool // of a gradient: its old numbers do not count
}

// LoRACache holds what the backward pass needs.
type LoRACache[T Float] struct {
	H  Mat[T] // α a_{i-1} d, from Forward
	DH Mat[T] // α Δ_i uᵗ, from Error
}

// on says whether there is an adapter.
func (l *LoRA[T]) on() bool { return l.Down.V != nil }

// outputs is the view of the outputs that l stands beside.
func (l LoRA[T]) outputs(y Mat[T]) Mat[T] { return y.Sub(0, y.Rows, l.From, l.From+l.Up.Cols) }

// Forward adds α x d u to the outputs of y that l stands beside.
func (l LoRA[T]) Forward(p *Pool, y Mat[T], c *LoRACache[T], x Mat[T]) {
	l.Inner(p, c, x)
	kernel.MulNN(p, l.outputs(y), first(c.H, x.Rows), l.Up, nil, true) // (43)
}

// Inner sets the cache to α x d, the part of Forward that the backward pass needs.
func (l LoRA[T]) Inner(p *Pool, c *LoRACache[T], x Mat[T]) {
	h := first(c.H, x.Rows)
	kernel.MulNN(p, h, x, l.Down, nil, false)
	scale(h, l.Scale)
}

// Error adds α dy (d u)ᵗ to dx, or sets dx to it unless add; without dx.V it only
// prepares Grad.
func (l LoRA[T]) Error(p *Pool, dx, dy Mat[T], c *LoRACache[T], add bool) {
	dh := first(c.DH, dy.Rows)
	kernel.MulNT(p, dh, l.outputs(dy), l.Up, false)
	scale(dh, l.Scale)
	if dx.V != nil {
		kernel.MulNT(p, dx, dh, l.Down, add) // (44)
	}
}

// Grad adds the gradients of d and u to grad. Error comes first.
func (l LoRA[T]) Grad(p *Pool, grad LoRA[T], dy, x Mat[T], c *LoRACache[T]) {
	kernel.MulTN(p, grad.Down, x, first(c.DH, x.Rows), !grad.Fresh)          // (45)
	kernel.MulTN(p, grad.Up, first(c.H, x.Rows), l.outputs(dy), !grad.Fresh) // (46)
}

// scale multiplies m by s.
func scale[T Float](m Mat[T], s T) {
	for i := range m.Rows {
		kernel.Scale(m.Row(i), s)
	}
}
