package train

import (
	"fmt"
	"slices"
)

// checkIdle returns an error if a new run with o would learn nothing.
func (o Options) checkIdle() error {
	if o.LR == 0 {
		return fmt.Errorf("lr is 0: nothing would be learnt: give a rate above 0, such as 1e-3")
	}
	if a := o.Adapter(); a != nil {
		for _, t := range a.Targets {
			if a.AlphaOf(t) == 0 {
				return fmt.Errorf("alpha of %s is 0: it multiplies the adapter, which would change nothing: give one above 0, such as twice the rank", t)
			}
		}
	}
	if o.Patience > 0 && !o.Validates() {
		return fmt.Errorf("patience is %d, and val_fraction 0 leaves no validation split to be patient about: give a file for validation, or no patience", o.Patience)
	}
	return nil
}

// Validates says whether there is validation data: a file of its own, or a part of the data.
func (o Options) Validates() bool { return o.Val != "" || o.ValFraction > 0 }

// checkChanged returns an error if a finished run has the weights that it started with, bit for
// bit.
func (r *Run) checkChanged() error {
	s, o := r.State, &r.Options
	if s.Step == 0 {
		return nil
	}
	switch {
	case s.Adapter != nil && r.Base.Adapter != nil:
		copy(r.grad.Adapter.Slab, r.Base.Adapter.Slab)
	case s.Adapter != nil: // a resumed run that continued another adapter does not know that adapter's numbers
		InitAdapter(r.grad.Adapter, s.Params, o.Tuning.Init, s.Seed)
	case r.Base != nil:
		if Digest(s.Params) != r.Base.SHA256 {
			return nil
		}
		return r.weightsUnchanged()
	default:
		Init(r.grad.Params, s.Seed)
	}
	for i, t := range s.Trained().Tensors() {
		if !slices.Equal(t.V, r.grad.Tensors()[i].V) {
			return nil
		}
	}
	return r.weightsUnchanged()
}

func (r *Run) weightsUnchanged() error {
	most := 0.0
	for step := 1; step <= r.State.Step; step++ {
		most = max(most, r.Options.Rate(step))
	}
	return fmt.Errorf("nothing was learnt: after %d steps at rates of at most %g all weights are those of before the first, to the last bit: raise lr, or look at the gradients in %s", r.State.Step, most, MetricsFile)
}
