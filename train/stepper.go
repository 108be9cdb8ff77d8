package train

import (
	"context"

	"github.com/pedestrian-ml/pedestrian/engine"
)

// A stepper computes the updates of a run: the gradient of a batch, its norms, new
// weights and moments. Here other processes enter, which share the micro-batches of a
// batch, or a device. A run leaves a step to it as a whole.
//
// Every stepper gives the bits of oneProcess, and every process that takes part gets
// the same results, since the run decides by them: what to clip, what is a spike, when
// to stop. So whoever computes a number, the order of sums is fixed:
//
//   - A batch has Accumulate micro-batches. What is in number k, its rows and its dropout
//     masks, depends on the position and k alone (Run.microBatch).
//   - Gradients are added in the order of k to the gradient of number 0, by
//     engine.Network.Gradients; losses likewise, in float64.
//   - Squares of the gradient are summed as engine.Network.Norms does it: by blocks of
//     fixed size, then over the blocks in order.
//   - A weight and its moments change as in engine.Network.AdamW.
type stepper interface {
	// gradients sets r.grad of the run to the gradient of the sum of the losses of the
	// batch at position, and returns that sum and the number of targets in it. When ctx
	// ends it returns its error; r.grad is of no use then.
	gradients(ctx context.Context, position uint64) (sum float64, counted int, err error)

	// norms measures what update is about to read: the weights, r.grad and the moments.
	norms() engine.Norms

	// update takes step number step of h on the weights and moments of the run's State,
	// with the gradient scale·r.grad. They are complete when it returns.
	update(h engine.AdamW, step int, scale float64)

	// changed says that the run has set State otherwise, to go back to a snapshot.
	changed()
}

// oneProcess is the stepper of a run that has its engine to itself.
type oneProcess struct{ r *Run }

// gradients is the one place where the gradients of micro-batches become that of a
// batch.
func (p oneProcess) gradients(ctx context.Context, position uint64) (sum float64, counted int, err error) {
	for k := range p.r.Options.Accumulate {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		loss, n := p.r.microBatch(position, k, k > 0)
		sum, counted = sum+loss, counted+n
	}
	return sum, counted, nil
}

func (p oneProcess) norms() engine.Norms {
	r, s := p.r, p.r.State
	return r.net.Norms(s.Trained().Slab(), r.grad.Slab(), s.M.Slab(), s.V.Slab())
}

func (p oneProcess) update(h engine.AdamW, step int, scale float64) {
	r, s := p.r, p.r.State
	if s.Adapter != nil {
		r.net.AdamWAdapter(h, step, scale, s.Adapter, r.grad.Adapter, s.M.Adapter, s.V.Adapter)
		return
	}
	r.net.AdamW(h, step, scale, s.Params, r.grad.Params, s.M.Params, s.V.Params)
}

func (p oneProcess) changed() { p.r.net.Changed() }

// microBatch draws micro-batch k of the batch at position, and adds its gradients to
// r.grad or sets r.grad to them.
func (r *Run) microBatch(position uint64, k int, add bool) (sum float64, counted int) {
	o := &r.Options
	r.draw(position, k*o.Batch, &r.batch)
	mask := position*uint64(o.Accumulate) + uint64(k)
	if add {
		return r.net.Gradients(r.grad.Params, r.grad.Adapter, r.batch, 1, mask)
	}
	return r.net.SetGradients(r.grad.Params, r.grad.Adapter, r.batch, 1, mask)
}
