package engine

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// activation is the nonlinearity g between two fully connected layers:
//
//	a_i = g(a_{i-1}),  Δ_{i-1} = Δ_i ∘ g′(a_{i-1})
type activation[T Float] struct{ kind pedestrian.Activation }

// activationCache holds the task of an activation.
type activationCache[T Float] struct {
	round roundSlots // in mixed precision
	task  activationTask[T]
}

// forward sets y to g(x).
func (l activation[T]) forward(p *kernel.Pool, y Mat[T], c *activationCache[T], x Mat[T]) {
	mustShape("Activation.Forward", "y", y, x.Rows, x.Cols)
	c.task = activationTask[T]{kind: l.kind, y: y, x: x, ry: roundTarget(c.round.y, y)}
	p.Run(rowParts(x.Rows), &c.task)
}

// backward sets dx to dy∘g′(x). It also sets y to g(x) again: that costs little beside
// g′, and y need not be kept. dx and dy may be one matrix.
func (l activation[T]) backward(p *kernel.Pool, dx, y, dy Mat[T], c *activationCache[T], x Mat[T]) {
	mustShape("Activation.Backward", "dx", dx, x.Rows, x.Cols)
	mustShape("Activation.Backward", "y", y, x.Rows, x.Cols)
	c.task = activationTask[T]{l.kind, y, x, dx, dy, roundTarget(c.round.y, y), roundTarget(c.round.dx, dx)}
	p.Run(rowParts(x.Rows), &c.task)
}

type activationTask[T Float] struct {
	kind         pedestrian.Activation
	y, x, dx, dy Mat[T]
	ry, rdx      kernel.MatBF16
}

func (f *activationTask[T]) Do(_ *kernel.Pool, part int) {
	from, to := rowRange(part, f.x.Rows)
	for t := from; t < to; t++ {
		y, x := f.y.Row(t), f.x.Row(t)
		if f.dx.V == nil {
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
			roundRow(f.ry, t, y)
			continue
		}
		dx, dy := f.dx.Row(t), f.dy.Row(t)
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
		roundRow(f.ry, t, y)
		roundRow(f.rdx, t, dx)
	}
}
