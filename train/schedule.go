package train

import "math"

// Values of Options.Schedule: how the rate goes on after the warm-up.
//
// A falling schedule has LR at the end of the warm-up, or at the first step where
// there is none, and would have MinLR one step after the last: so every step learns,
// also where MinLR is 0 and where there is one step.
//
// Runs that were begun before there was a choice have "" and go on as they began:
// half a cosine whose last step has MinLR itself.
const (
	ScheduleCosine   = "cosine"   // half a cosine
	ScheduleLinear   = "linear"   // a straight line
	ScheduleConstant = "constant" // LR for good; MinLR does not count
)

// Rate is the learning rate of update number step, counted from 1: a straight line
// from 0 to LR, which update number Warmup has, and then Schedule.
func (o Options) Rate(step int) float64 {
	if step < o.Warmup {
		return o.LR * float64(step) / float64(o.Warmup)
	}
	if o.Schedule == "" {
		return o.rateAtFirst(step)
	}
	top := max(o.Warmup, 1) // the step that has LR
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

// rateAtFirst is the rate after the warm-up of a run without a Schedule.
func (o Options) rateAtFirst(step int) float64 {
	if step >= o.Steps {
		return o.MinLR
	}
	x := float64(step-o.Warmup) / float64(o.Steps-o.Warmup)
	return o.MinLR + (o.LR-o.MinLR)*(1+math.Cos(math.Pi*x))/2
}
