package train

import (
	"context"
	"fmt"

	"github.com/pedestrian-ml/pedestrian/engine"
)

// Step makes one update: the gradients of Accumulate micro-batches are summed and
// divided once by the number of targets that counted, so that k micro-batches of b
// windows are one batch of k·b. When ctx ends, or a number is not finite, it returns
// an error before anything of the state has changed.
func (r *Run) Step(ctx context.Context) (Update, error) {
	o, s := &r.Options, r.State
	step := s.Step + 1
	sum, counted := 0.0, 0
	for k := range o.Accumulate {
		if err := ctx.Err(); err != nil {
			return Update{}, err
		}
		r.draw(s.Position, k*o.Batch, o.Batch, o.Context, r.batch.Tokens, r.batch.Targets)
		loss, n := r.gradients(k == 0, s.Position*uint64(o.Accumulate)+uint64(k))
		sum, counted = sum+loss, counted+n
	}
	if counted == 0 {
		return Update{}, fmt.Errorf("step %d: no target of its %d windows counts", step, o.Batch*o.Accumulate)
	}
	loss := sum / float64(counted)
	norm := r.net.Norm2(r.grad.Slab) / float64(counted)
	if err := finite(step, loss, norm); err != nil {
		return Update{}, err
	}
	scale := clipScale(norm, o.Clip)
	h := engine.AdamW{LR: o.Rate(step), Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.AdamEps, Decay: o.Decay}
	r.net.AdamW(h, step, scale/float64(counted), s.Params, r.grad, s.M, s.V)
	s.Step = step
	s.Position++
	s.Tokens += int64(counted)
	return Update{Step: step, Loss: loss, Rate: h.LR, Norm: norm, Scale: scale, Tokens: s.Tokens}, nil
}

// gradients sets r.grad to the gradients of a micro-batch if it is the first of a
// step, and adds them if it is not.
func (r *Run) gradients(first bool, mask uint64) (sum float64, counted int) {
	if first {
		return r.net.SetGradients(r.grad, nil, r.batch, 1, mask)
	}
	return r.net.Gradients(r.grad, nil, r.batch, 1, mask)
}

// clipScale is what brings a gradient of this norm to at most limit; 0 is no limit.
func clipScale(norm, limit float64) float64 {
	if limit == 0 || norm <= limit {
		return 1
	}
	return limit / norm
}

// A Diverged error says that a number of a step was not finite. The weights are as
// they were before the step.
type Diverged struct {
	Step       int
	Loss, Norm float64
}

func (e *Diverged) Error() string {
	return fmt.Sprintf("step %d: the loss is %g and the gradient's norm %g; the weights were left as they were: try a lower learning rate, a longer warm-up or a smaller clip",
		e.Step, e.Loss, e.Norm)
}

func finite(step int, loss, norm float64) error {
	if x := loss - loss + norm - norm; x != 0 { // NaN when either is not finite
		return &Diverged{step, loss, norm}
	}
	return nil
}
