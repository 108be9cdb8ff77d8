package engine

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// lora holds the two factors of a low-rank adapter (§6) beside a fully connected
// layer, for its outputs from … from+up.Cols. Its gradient is another lora.
//
//	a_i      += α a_{i-1} d u        (43)
//	Δ_{i-1}  += α Δ_i (d u)ᵗ         (44)
//	∂L/∂d     = α a_{i-1}ᵗ Δ_i uᵗ    (45)
//	∂L/∂u     = α (a_{i-1} d)ᵗ Δ_i   (46)
//
// The signal of the layer beside it is its own (errata S2): both add in Δ_{i-1}.
type lora[T Float] struct {
	down, up  Mat[T] // d input×r, u r×output; without V: no adapter
	magnitude []T    // m of DoRA, one for each output; nil without
	scale     T      // α, the multiplier as it stands in (43)
	from      int
	overwrite bool // of a gradient: it is set, not added to
}

// loraCache holds what the backward pass needs.
type loraCache[T Float] struct {
	h  Mat[T] // α a_{i-1} d, from forward
	dh Mat[T] // α Δ_i uᵗ, from backwardInput
}

// on says whether there is an adapter.
func (l *lora[T]) on() bool { return l.down.V != nil }

// outputs is the view of the outputs that l stands beside.
func (l lora[T]) outputs(y Mat[T]) Mat[T] { return y.Sub(0, y.Rows, l.from, l.from+l.up.Cols) }

// columns is the view of the columns of a weight that l stands beside.
func (l lora[T]) columns(w kernel.Weight[T]) kernel.Weight[T] {
	return w.Sub(0, w.Rows, l.from, l.from+l.up.Cols)
}

// forward adds α x d u to the outputs of y that l stands beside.
func (l lora[T]) forward(p *kernel.Pool, y Mat[T], c *loraCache[T], x Mat[T]) {
	l.forwardDown(p, c, x)
	kernel.MulNN(p, l.outputs(y), first(c.h, x.Rows), l.up, nil, true) // (43)
}

// forwardDown sets the cache to α x d, the part of forward that the backward pass needs.
func (l lora[T]) forwardDown(p *kernel.Pool, c *loraCache[T], x Mat[T]) {
	h := first(c.h, x.Rows)
	kernel.MulNN(p, h, x, l.down, nil, false)
	scale(h, l.scale)
}

// backwardInput adds α dy (d u)ᵗ to dx, or sets dx to it unless add. Without dx.V it
// only prepares backwardWeights.
func (l lora[T]) backwardInput(p *kernel.Pool, dx, dy Mat[T], c *loraCache[T], add bool) {
	dh := first(c.dh, dy.Rows)
	kernel.MulNT(p, dh, l.outputs(dy), l.up, false)
	scale(dh, l.scale)
	if dx.V != nil {
		kernel.MulNT(p, dx, dh, l.down, add) // (44)
	}
}

// backwardWeights adds the gradients of d and u to grad. Call backwardInput first.
func (l lora[T]) backwardWeights(p *kernel.Pool, grad lora[T], dy, x Mat[T], c *loraCache[T]) {
	kernel.MulTN(p, grad.down, x, first(c.dh, x.Rows), !grad.overwrite)          // (45)
	kernel.MulTN(p, grad.up, first(c.h, x.Rows), l.outputs(dy), !grad.overwrite) // (46)
}

// scale multiplies m by s.
func scale[T Float](m Mat[T], s T) {
	for i := range m.Rows {
		kernel.Scale(m.Row(i), s)
	}
}
