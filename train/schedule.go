package train

import "math"

// Values of Options.Schedule: the learning rate after the warm-up.
//
// A falling schedule has LR at the end of the warm-up, or at the first step without one. It
// reaches MinLR one step after the last step, so every step learns, even if MinLR is 0 or there
// is only one step.
//
// Runs from older programs have "": half a cosine that reaches MinLR at the last step.
const (
	ScheduleCosine   = "cosine"   // half a cosine
	ScheduleLinear   = "linear"   // a straight line
	ScheduleConstant = "constant" // LR; MinLR is not used
)

// Rate returns the learning rate of update number step, counted from 1. It rises linearly from 0
// to LR at update Warmup, and then follows Schedule.
func (o Options) Rate(step int) float64 {
	if step < o.Warmup {
		return o.LR * float64(step) / float64(o.Warmup)
	}
	if o.Schedule == "" {
		return o.legacyRate(step)
	}
	top := max(o.Warmup, 1) // the step with rate LR
	x := float64(step-top) / float64(o.Steps+1-top)
	switch {
	case step <= top || o.Schedule == ScheduleConstant:
		return o.LR
	case step > o.Steps:
		return o.MinLR
	case o.Schedule == ScheduleLinear:
		return o.MinLR + (o.LR-o.MinLR)*(1-x)
	}
	return o.MinLR + (o.LR-o.MinLR)*(1+math.Cos(math.Pi*x))/2
}

// legacyRate returns the rate after the warm-up of a run with Schedule "".
func (o Options) legacyRate(step int) float64 {
	if step >= o.Steps {
		return o.MinLR
	}
	x := float64(step-o.Warmup) / float64(o.Steps-o.Warmup)
	return o.MinLR + (o.LR-o.MinLR)*(1+math.Cos(math.Pi*x))/2
}
