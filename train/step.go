package train

import (
	"context"
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian/engine"
)

// Step makes one update. It sums the gradients of Accumulate micro-batches and divides them once
// by the number of counted targets, so k micro-batches of b rows equal one batch of k·b rows.
//
// Before the update it checks the weights, both moments and the gradient. If one of their numbers
// is not finite, or the update could write such a number, it changes none of them and returns
// a *Diverged error. A batch that is a spike is handled as OnSpike says. A skipped batch
// advances the position in the data; a rewind restores the whole state. If ctx ends, Step
// returns its error and makes no update.
func (r *Run) Step(ctx context.Context) (Update, error) {
	o, s := &r.Options, r.State
	for {
		step, position := s.Step+1, s.Position
		sum, counted, err := r.pass(ctx)
		if err != nil {
			return Update{}, err
		}
		loss := sum / float64(counted)
		norms, err := r.stepper.norms()
		if err != nil {
			return Update{}, err
		}
		norm := norms.G / float64(counted)
		scale := clipScale(norm, o.Clip)
		h := engine.AdamW{LR: o.Rate(step), Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.AdamEps, Decay: o.Decay, Up: o.Tuning.LoRAPlus}
		spike := Spike{Step: step, Position: position, Loss: loss, Norm: norm}
		found := false
		if !isFinite64(loss) || !h.Safe(norms, step, scale/float64(counted)) {
			why, err := r.diverged(step, loss, norm, norms)
			if err != nil {
				return Update{}, err
			}
			spike.Cause, spike.ZLoss, spike.ZNorm = why, math.Inf(1), math.Inf(1)
			found = true
		} else {
			spike.ZLoss, spike.ZNorm = s.Window.zScores(loss, norm)
			found = max(spike.ZLoss, spike.ZNorm) > spikeSigmas
		}
		if found {
			if pass, err := r.handleSpike(spike); err != nil {
				return Update{}, err
			} else if pass {
				continue
			}
		}
		if err := r.stepper.update(h, step, scale/float64(counted)); err != nil {
			return Update{}, err
		}
		s.Step = step
		s.Position++
		s.Tokens += int64(counted)
		s.Passed = 0
		s.Window.add(loss, norm)
		u := Update{Step: step, Loss: loss, Rate: h.LR, Norm: norm, Scale: scale, Tokens: s.Tokens}
		if found {
			kept := spike // a copy, so that steps without a spike allocate nothing
			u.Spike = &kept
		}
		return u, nil
	}
}

// Gradient returns the gradient of the last Step, before it was clipped: of the sum of the losses
// of its batch, not of their mean. It is valid until the next Step, and belongs to the run.
func (r *Run) Gradient() Weights { return r.grad }

// pass sets r.grad to the gradient of the sum of the losses of a batch.
func (r *Run) pass(ctx context.Context) (sum float64, counted int, err error) {
	sum, counted, err = r.stepper.gradients(ctx, r.State.Position)
	if err != nil {
		return 0, 0, err
	}
	if counted == 0 {
		return 0, 0, fmt.Errorf("step %d: no target of its %d rows counts", r.State.Step+1, r.Options.Batch*r.Options.Accumulate)
	}
	if r.beforeUpdate != nil {
		r.beforeUpdate()
	}
	return sum, counted, nil
}

// clipScale returns the factor that reduces a gradient of the given norm to at most limit. A
// limit of 0 means no limit.
func clipScale(norm, limit float64) float64 {
	if limit == 0 || norm <= limit {
		return 1
	}
	return limit / norm
}
