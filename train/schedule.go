package train

import "math"

// Rate is the learning rate of update number step, counted from 1: a straight
// line from 0 to LR over the warm-up, then half a cosine down to MinLR, which the
// last step has.
func (o Options) Rate(step int) float64 {
	if step < o.Warmup {
		return o.LR * float64(step) / float64(o.Warmup)
	}
	if step >= o.Steps {
		return o.MinLR
	}
	x := float64(step-o.Warmup) / float64(o.Steps-o.Warmup)
	return o.MinLR + (o.LR-o.MinLR)*(1+math.Cos(math.Pi*x))/2
}
