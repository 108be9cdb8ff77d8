package train

import (
	"context"

	"github.com/pedestrian-ml/pedestrian/engine"
)

// A stepper computes the updates of a run: the gradient of a batch, its norms, and new weights
// and moments. A run leaves a whole step to it. Other implementations can share the
// micro-batches of a batch among processes, or use a device.
//
// Every stepper must give the bits of oneProcess, and the same results in every process, because
// clipping, spikes and the end of the run depend on them. So the order of sums is fixed:
//
//   - A batch has Accumulate micro-batches. The rows and dropout masks of micro-batch k
//     depend only on the position and k (Run.microBatch).
//   - Gradients of a leaf (Options.Leaves; without it all micro-batches are one) are added in the
//     order of k to the gradient of its first micro-batch, by engine.Network.Gradients. The sums
//     of the leaves are added along the tree that joins describes. Losses are added in the
//     order of k, in float64.
//   - Squares of the gradient are summed as engine.Network.Norms does: in blocks of fixed
//     size, then over the blocks in order.
//   - Weights and moments change as in engine.Network.AdamW.
type stepper interface {
	// gradients sets r.grad of the run to the gradient of the sum of the losses of the
	// batch at position. It returns that sum and the number of counted targets. If ctx ends
	// it returns its error, and r.grad is undefined.
	gradients(ctx context.Context, position uint64) (sum float64, counted int, err error)

	// norms returns the norms of the operands of update: the weights, r.grad and the moments.
	norms() (engine.Norms, error)

	// update applies h with the step number step and the gradient scale·r.grad to the weights
	// and moments of the run's State. The weights are complete when it returns.
	update(h engine.AdamW, step int, scale float64) error

	// evaluate is Run.Evaluate.
	evaluate(ctx context.Context) (float64, error)

	// changed must be called after the run has set its State to a snapshot.
	changed()

	// wholeGradient completes r.grad, of which several processes have a part each.
	wholeGradient() error

	// moments returns all first moments of the State, or all second ones. If several processes
	// have a part each, they are in r.grad, which they overwrite.
	moments(second bool) (Weights, error)

	// diagnosis returns what the processes have found in a diverged step, of which each has
	// found mine.
	diagnosis(mine Diverged) (*Diverged, error)
}

// oneProcess is the stepper of a run in one process, with one engine.
type oneProcess struct{ r *Run }

// gradients sums the gradients of the micro-batches; no other code does.
func (p oneProcess) gradients(ctx context.Context, position uint64) (sum float64, counted int, err error) {
	o := &p.r.Options
	leaf := o.Accumulate / o.leaves() // micro-batches
	p.r.sums.begin()
	for k := range o.Accumulate {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		loss, n := p.r.microBatch(position, k, k%leaf > 0)
		sum, counted = sum+loss, counted+n
		if (k+1)%leaf == 0 {
			p.r.sums.join(p.r.net, p.r.grad.Slab(), k/leaf, o.leaves(), k < o.Accumulate-1)
		}
	}
	return sum, counted, nil
}

func (p oneProcess) norms() (engine.Norms, error) {
	r, s := p.r, p.r.State
	return r.net.Norms(s.Trained().Slab(), r.grad.Slab(), s.M.Slab(), s.V.Slab()), nil
}

func (p oneProcess) update(h engine.AdamW, step int, scale float64) error {
	r, s := p.r, p.r.State
	if s.Adapter != nil {
		r.net.AdamWAdapter(h, step, scale, s.Adapter, r.grad.Adapter, s.M.Adapter, s.V.Adapter)
	} else {
		r.net.AdamW(h, step, scale, s.Params, r.grad.Params, s.M.Params, s.V.Params)
	}
	return nil
}

func (p oneProcess) wholeGradient() error { return nil }

func (p oneProcess) moments(second bool) (Weights, error) {
	if second {
		return p.r.State.V, nil
	}
	return p.r.State.M, nil
}

func (p oneProcess) diagnosis(mine Diverged) (*Diverged, error) { return &mine, nil }

func (p oneProcess) changed() { p.r.net.Changed() }

// microBatch draws micro-batch k of the batch at position and computes its gradients. It adds
// them to r.grad, or overwrites r.grad if add is false.
func (r *Run) microBatch(position uint64, k int, add bool) (sum float64, counted int) {
	o := &r.Options
	r.draw(position, k*o.Batch, &r.batch)
	mask := position*uint64(o.Accumulate) + uint64(k)
	if add {
		return r.net.Gradients(r.grad.Params, r.grad.Adapter, r.batch, 1, mask)
	}
	return r.net.SetGradients(r.grad.Params, r.grad.Adapter, r.batch, 1, mask)
}
