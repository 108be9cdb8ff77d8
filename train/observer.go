package train

import "time"

// An Observer is told what happens in a run, in the goroutine that trains; the run
// waits until the function returns. A nil function is not called.
type Observer struct {
	Step     func(Update) // each is called after what its name says; nil ones are not
	Evaluate func(Evaluation)
	Sample   func(Sample)
	Save     func(Saved)
	Trouble  func(Trouble)
	Spike    func(Spike)
}

// An Update is what one step did.
type Update struct {
	Step   int     // 1 for the first
	Loss   float64 // mean over the batch's counted targets, nats, before the update
	Rate   float64 // learning rate
	Norm   float64 // of the gradient of Loss, before clipping
	Scale  float64 // what clipping multiplied the gradient by, at most 1
	Tokens int64   // targets learnt from, since the run's first step
	Spike  *Spike  // when it stood out and the update was made all the same; else nil

	TokensPerSecond float64       // over the latest steps, evaluations left out
	Elapsed         time.Duration // since the run's first step, sessions added
	Left            time.Duration // until the last step, as fast as so far
}

// An Evaluation is the loss on the validation split after a step.
type Evaluation struct {
	Score
	Best    bool // the lowest so far
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

// Trouble is something that went wrong and did not end the run: a checkpoint that
// could not be saved, and is tried again with the next; too little room.
type Trouble struct {
	Step int // at which it came, and what failed
	Err  error
}

func tell[E any](f func(E), e E) {
	if f != nil {
		f(e)
	}
}
