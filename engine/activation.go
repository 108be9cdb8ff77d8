package engine

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// activation is the nonlinearity g between two fully connected layers:
//
//	a_i = g(a_{i-1}),  Δ_{i-1} = Δ_i ∘ g′(a_{i-1})
//
// or, in a gated network, of two layers z and u before the third:
//
//	h   = g(z) ∘ u                                        (L14)
//	Δ_u = Δ_h ∘ g(z),  Δ_z = Δ_h ∘ u ∘ g′(z)              (L15.a), (L15.b)
type activation[T Float] struct{ kind pedestrian.Activation }

// activationCache holds the task of an activation.
type activationCache[T Float] struct {
	round roundSlots // in mixed precision
	task  activationTask[T]
}

// forward sets y to g(x), or to g(z) ∘ x if z has V.
func (l activation[T]) forward(p *kernel.Pool, y Mat[T], c *activationCache[T], x, z Mat[T]) {
	mustShape("Activation.Forward", "y", y, x.Rows, x.Cols)
	c.task = activationTask[T]{kind: l.kind, y: y, x: x, z: z, ry: roundTarget(c.round.y, y)}
	p.Run(rowParts(x.Rows), &c.task)
}

// backward sets dx to the error on x, given dy, and y to the output of forward again: that
// costs little beside g′, and y need not be kept. dx and dy may be one matrix. If z has V,
// the error on it takes its place.
func (l activation[T]) backward(p *kernel.Pool, dx, y, dy Mat[T], c *activationCache[T], x, z Mat[T]) {
	mustShape("Activation.Backward", "dx", dx, x.Rows, x.Cols)
	mustShape("Activation.Backward", "y", y, x.Rows, x.Cols)
	c.task = activationTask[T]{l.kind, y, x, z, dx, dy, roundTarget(c.round.y, y), roundTarget(c.round.dx, dx)}
	p.Run(rowParts(x.Rows), &c.task)
}

type activationTask[T Float] struct {
	kind            pedestrian.Activation
	y, x, z, dx, dy Mat[T]
	ry, rdx         kernel.MatBF16
}

func (f *activationTask[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.x.Rows)
	for t := from; t < to; t++ {
		y, x := f.y.Row(t), f.x.Row(t)
		switch {
		case f.dx.V == nil && f.z.V == nil:
			f.apply(y, x)
		case f.dx.V == nil:
			f.apply(y, f.z.Row(t))
			kernel.Affine(y, y, x, nil) // (L14)
		case f.z.V == nil:
			f.slope(f.dx.Row(t), y, f.dy.Row(t), x)
		default:
			f.gateBackward(f.dx.Row(t), y, f.dy.Row(t), x, f.z.Row(t))
		}
		roundRow(f.ry, t, y)
		if f.dx.V != nil {
			roundRow(f.rdx, t, f.dx.Row(t))
		}
	}
}

// apply sets y to g(x).
func (f *activationTask[T]) apply(y, x []T) {
	switch f.kind {
	case pedestrian.ReLU:
		kernel.ReLU(y, x)
	case pedestrian.GELU:
		kernel.GELU(y, x)
	case pedestrian.SiLU:
		kernel.SiLU(y, x)
	default:
		kernel.GELUTanh(y, x)
	}
}

// slope sets y to g(x) and dx to dy ∘ g′(x).
func (f *activationTask[T]) slope(dx, y, dy, x []T) {
	switch f.kind {
	case pedestrian.ReLU:
		kernel.ReLUBackward(dx, y, dy, x)
	case pedestrian.GELU:
		kernel.GELUBackward(dx, y, dy, x)
	case pedestrian.SiLU:
		kernel.SiLUBackward(dx, y, dy, x)
	default:
		kernel.GELUTanhBackward(dx, y, dy, x)
	}
}

// gateBackward sets y to g(z) ∘ u, du to Δ_u and z to Δ_z, given dy, a piece at a time that
// stays in the L1 cache; du may be dy.
func (f *activationTask[T]) gateBackward(du, y, dy, u, z []T) {
	const piece = 512
	var gBuffer, dzBuffer [piece]T
	for at := 0; at < len(y); at += piece {
		end := min(at+piece, len(y))
		g, dz := gBuffer[:end-at], dzBuffer[:end-at]
		kernel.Affine(dz, dy[at:end], u[at:end], nil) // Δ_h ∘ u
		f.slope(dz, g, dz, z[at:end])                 // g(z), Δ_z (L15.b)
		kernel.Affine(y[at:end], u[at:end], g, nil)   // h (L14)
		kernel.Affine(du[at:end], dy[at:end], g, nil) // Δ_u (L15.a)
		copy(z[at:end], dz)
	}
}
