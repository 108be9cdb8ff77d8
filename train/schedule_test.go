package train

import (
	"math"
	"strings"
	"testing"
)

// Every rate of short runs, worked out by hand: cosines of multiples of 30°, and
// straight lines.
func TestRates(t *testing.T) {
	half3 := math.Sqrt(3) / 2
	for _, c := range []struct {
		what string
		o    Options
		want []float64 // of step 1, 2, …, and of steps after the last
	}{
		{"cosine", Options{Schedule: ScheduleCosine, Steps: 9, Warmup: 4, LR: 1},
			[]float64{0.25, 0.5, 0.75, 1, (1 + half3) / 2, 0.75, 0.5, 0.25, (1 - half3) / 2, 0, 0}},
		{"cosine with a floor", Options{Schedule: ScheduleCosine, Steps: 5, Warmup: 2, LR: 1, MinLR: 0.2},
			[]float64{0.5, 1, 0.6 + 0.2*math.Sqrt2, 0.6, 0.6 - 0.2*math.Sqrt2, 0.2}},
		{"cosine without a warm-up", Options{Schedule: ScheduleCosine, Steps: 3, LR: 4}, []float64{4, 3, 1, 0, 0}},
		{"cosine of one step", Options{Schedule: ScheduleCosine, Steps: 1, LR: 4}, []float64{4, 0}},
		{"cosine of two steps", Options{Schedule: ScheduleCosine, Steps: 2, LR: 4}, []float64{4, 2, 0}},
		{"cosine with a warm-up of one", Options{Schedule: ScheduleCosine, Steps: 3, Warmup: 1, LR: 4}, []float64{4, 3, 1, 0}},
		{"linear", Options{Schedule: ScheduleLinear, Steps: 6, Warmup: 2, LR: 1}, []float64{0.5, 1, 0.8, 0.6, 0.4, 0.2, 0, 0}},
		{"linear with a floor", Options{Schedule: ScheduleLinear, Steps: 4, LR: 1, MinLR: 0.2}, []float64{1, 0.8, 0.6, 0.4, 0.2}},
		{"linear of one step", Options{Schedule: ScheduleLinear, Steps: 1, LR: 4}, []float64{4, 0}},
		{"constant", Options{Schedule: ScheduleConstant, Steps: 4, Warmup: 2, LR: 4, MinLR: 1}, []float64{2, 4, 4, 4, 4}},
		{"constant of one step", Options{Schedule: ScheduleConstant, Steps: 1, LR: 4}, []float64{4}},
		{"shorter than the warm-up", Options{Schedule: ScheduleLinear, Steps: 2, Warmup: 4, LR: 4}, []float64{1, 2}},
		{"as short as the warm-up", Options{Schedule: ScheduleCosine, Steps: 2, Warmup: 2, LR: 4}, []float64{2, 4, 0}},
		{"as runs began before", Options{Steps: 6, Warmup: 2, LR: 1, MinLR: 0.2},
			[]float64{0.5, 1, 0.2 + 0.8*(1+math.Sqrt2/2)/2, 0.6, 0.2 + 0.8*(1-math.Sqrt2/2)/2, 0.2, 0.2}},
		{"as runs of one step began before", Options{Steps: 1, LR: 1}, []float64{0}},
	} {
		for i, want := range c.want {
			if got := c.o.Rate(i + 1); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: step %d of %d has %g, want %g", c.what, i+1, c.o.Steps, got, want)
			}
		}
	}
}

// Whatever the schedule, every step learns, and none after the warm-up more than the
// one before it.
func TestEveryStepLearns(t *testing.T) {
	for _, schedule := range []string{ScheduleCosine, ScheduleLinear, ScheduleConstant} {
		for steps := range 40 {
			for warmup := range 44 {
				o := Options{Schedule: schedule, Steps: steps, Warmup: warmup, LR: 1e-3}
				for step := 1; step <= steps; step++ {
					if rate := o.Rate(step); !(rate > 0) || rate > o.LR || step > max(1, warmup) && rate > o.Rate(step-1) {
						t.Errorf("%s, warm-up %d: step %d of %d has %g", schedule, warmup, step, steps, rate)
					}
				}
			}
		}
	}
}

func TestUnknownSchedule(t *testing.T) {
	o := mini()
	o.Schedule = "cosin"
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), `schedule is "cosin": choose cosine, linear or constant`) {
		t.Error(err)
	}
	o.Schedule, o.LR, o.MinLR = ScheduleConstant, 1e-4, 1e-3 // which does not count
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

// New runs have a schedule; a checkpoint that says none keeps that.
func TestNewRunsHaveASchedule(t *testing.T) {
	for _, p := range Presets() {
		if p.Options.Schedule == "" {
			t.Errorf("preset %s has no schedule", p.Name)
		}
	}
	if TuningOptions("base").Schedule != ScheduleCosine {
		t.Error("a run that goes on from a base has no schedule")
	}
	c, err := Load("testdata/format2/run/step-000002", true)
	if err != nil || c.Options.Schedule != "" {
		t.Errorf("a run of before has schedule %q, %v", c.Options.Schedule, err)
	}
}
