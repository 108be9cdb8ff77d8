package train

import "time"

// An Observer has functions that a run calls when something happens. They run in the goroutine
// that trains, which waits for them. A nil function is not called.
type Observer struct {
	Step     func(Update) // after every update
	Evaluate func(Evaluation)
	Sample   func(Sample)
	Save     func(Saved)
	Trouble  func(Trouble)
	Spike    func(Spike)
}

// An Update describes one step.
type Update struct {
	Step   int     // 1 for the first
	Loss   float64 // mean over the batch's counted targets, nats, before the update
	Rate   float64 // learning rate
	Norm   float64 // of the gradient of Loss, before clipping
	Scale  float64 // the factor of clipping, at most 1
	Tokens int64   // counted targets since the run's first step
	Spike  *Spike  // not nil if the batch is a spike and the update was made

	TokensPerSecond float64       // over the latest steps, without evaluations
	Elapsed         time.Duration // since the run's first step, summed over sessions
	Left            time.Duration // estimate until the last step
}

// An Evaluation is the loss on the validation split after a step.
type Evaluation struct {
	Score
	Best    bool // it is the lowest so far
	Stale   int  // evaluations since the best
	Elapsed time.Duration
}

// A Sample is text that the network wrote after a step.
type Sample struct {
	Step         int // after which it was written
	Prompt, Text string
}

// Saved is a checkpoint that is complete under its name.
type Saved struct {
	Step int // that was saved, and its checkpoint's directory
	Dir  string
}

// Trouble is a failure that does not end the run: a checkpoint could not be saved and is tried
// again later, or there is too little room on the disk.
type Trouble struct {
	Step int // when it happened, and what failed
	Err  error
}

func tell[E any](f func(E), e E) {
	if f != nil {
		f(e)
	}
}
