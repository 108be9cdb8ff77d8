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
	Down, Up Mat[T] // d input×r, u r×output; without V: no adapter
	Scale    T      // α, the multiplier as it stands in (43)
	From     int
	Fresh    bool // of a gradient: its old numbers do not count
}

// LoRACache holds what the backward pass needs.
type LoRACache[T Float] struct {
	H  Mat[T] // α a_{i-1} d, from Forward
	DH Mat[T] // α Δ_i uᵗ, from Error
}

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

// Error adds α dy (d u)ᵗ to dx; without dx.V it only prepares Grad.
func (l LoRA[T]) Error(p *Pool, dx, dy Mat[T], c *LoRACache[T]) {
	dh := first(c.DH, dy.Rows)
	kernel.MulNT(p, dh, l.outputs(dy), l.Up, false)
	scale(dh, l.Scale)
	if dx.V != nil {
		kernel.MulNT(p, dx, dh, l.Down, true) // (44)
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

// Adapted is a fully connected layer with the adapters that stand beside it:
// three beside the fused queries, keys and values, one elsewhere.
type Adapted[T Float] struct {
	FC[T]
	LoRA [3]LoRA[T]
}

// AdaptedCache holds what the backward pass of an adapted layer needs.
type AdaptedCache[T Float] struct {
	FCCache[T]
	LoRA [3]LoRACache[T]
}

// Forward sets y to the sum of the layer and its adapters, or adds it to y.
func (l *Adapted[T]) Forward(p *Pool, y Mat[T], c *AdaptedCache[T], x Mat[T], add bool) {
	l.FC.Forward(p, y, x, add)
	for i, a := range l.LoRA {
		if a.Down.V != nil {
			a.Forward(p, y, &c.LoRA[i], x)
		}
	}
}

// Error sets dx to the error that the layer and its adapters hand down.
func (l *Adapted[T]) Error(p *Pool, dx, dy Mat[T], c *AdaptedCache[T]) {
	if dx.V != nil {
		l.FC.Error(p, dx, dy)
	}
	for i, a := range l.LoRA {
		if a.Down.V != nil {
			a.Error(p, dx, dy, &c.LoRA[i])
		}
	}
}

// Grad adds to grad the gradients of what grad has: of the layer, of its
// adapters, or of both. Error comes first.
func (l *Adapted[T]) Grad(p *Pool, grad *Adapted[T], dy, x Mat[T], c *AdaptedCache[T]) {
	if grad.W.V != nil {
		l.FC.Grad(p, grad.FC, dy, x, &c.FCCache)
	}
	for i, g := range grad.LoRA {
		if g.Down.V != nil {
			l.LoRA[i].Grad(p, g, dy, x, &c.LoRA[i])
		}
	}
}
