package train

import (
	"fmt"
	"math"
)

// What a run does when a batch's loss or gradient is far above the ones before it.
const (
	SpikeWarn   = "warn"   // make the update and say so
	SpikeSkip   = "skip"   // pass the batch over
	SpikeRewind = "rewind" // go back to the newest regular checkpoint and on from the next batch
)

const (
	spikeWindow = 128 // updates that a step is compared with
	spikeSigmas = 6   // standard deviations above their mean that make it a spike
	maxPassed   = 20  // batches passed over one after the other before the run gives up
)

// A Window holds the losses and gradient norms of the latest updates, all finite; a
// batch that was passed over is not among them. It is part of Progress, so that a
// resumed run sees the same spikes.
type Window struct {
	Count int                  `json:"count"` // steps noted so far; the latest lies at (Count-1) mod 128
	Loss  [spikeWindow]float64 `json:"loss"`
	Norm  [spikeWindow]float64 `json:"norm"`
}

// note adds a step. What is not finite stays out: one NaN in a mean would make every
// later comparison false.
func (w *Window) note(loss, norm float64) {
	if loss-loss+norm-norm != 0 {
		return
	}
	i := w.Count % spikeWindow
	w.Loss[i], w.Norm[i] = loss, norm
	w.Count++
}

// judge is how many standard deviations loss and norm lie above the window's means,
// 0 for both until the window is full.
func (w *Window) judge(loss, norm float64) (zLoss, zNorm float64) {
	if w.Count < spikeWindow {
		return 0, 0
	}
	return deviations(&w.Loss, loss), deviations(&w.Norm, norm)
}

// deviations is (x - mean)/σ, with σ at least a millionth of the mean: a window of
// equal numbers has none.
func deviations(window *[spikeWindow]float64, x float64) float64 {
	mean, squares := 0.0, 0.0
	for _, v := range window {
		mean += v / spikeWindow
	}
	for _, v := range window {
		squares += float64((v - mean) * (v - mean))
	}
	return min(1e9, (x-mean)/max(math.Sqrt(squares/spikeWindow), 1e-6*math.Abs(mean), 1e-300))
}

// A Spike is a batch that does not look like the ones before it.
type Spike struct {
	Step       int     // of the update that it was drawn for
	Position   uint64  // of the batch in the data order
	Loss, Norm float64 // of the batch
	ZLoss      float64 // standard deviations above the window's mean; +Inf when not finite
	ZNorm      float64
	Action     string // SpikeWarn, SpikeSkip or SpikeRewind
	To         int    // with SpikeRewind, the step that the run went back to
	Again      bool   // with SpikeRewind, to the batches that it had there: no batch is at fault
	Cause      error  // a *Diverged when a number was not finite
}

func (s Spike) String() string {
	what := fmt.Sprintf("loss %.4g (%.1f σ), gradient norm %.4g (%.1f σ)", s.Loss, s.ZLoss, s.Norm, s.ZNorm)
	if s.Cause != nil {
		what = s.Cause.Error()
	}
	switch s.Action {
	case SpikeSkip:
		return fmt.Sprintf("step %d: a spike: %s: batch %d was passed over", s.Step, what, s.Position)
	case SpikeRewind:
		next := fmt.Sprintf("on from the batch after %d", s.Position)
		if s.Again {
			next = "the same batches again"
		}
		return fmt.Sprintf("step %d: a spike: %s: back to step %d, and %s", s.Step, what, s.To, next)
	}
	return fmt.Sprintf("step %d: a spike: %s: the update was made all the same (on_spike: warn)", s.Step, what)
}

// kind names what is too large, for the log.
func (s Spike) kind() string {
	switch {
	case s.Cause != nil:
		return "not finite"
	case s.ZLoss > spikeSigmas:
		return "loss"
	}
	return "grad_norm"
}

// snapshot keeps the state for a later rewind, where the run would save: a place that
// depends on the step alone, so that a resumed run has the same one.
func (r *Run) snapshot() {
	if r.Options.OnSpike != SpikeRewind {
		return
	}
	s := r.State
	s.Snapshot, s.Rewound = s.Step, 0
	if r.back == nil {
		r.back = s.like()
	}
	r.back.copy(s)
}

// findSnapshot fills in what to go back to at the beginning of a session: the state
// itself, or the checkpoint of Snapshot, if it is still there.
func (r *Run) findSnapshot() {
	s := r.State
	if r.Options.OnSpike != SpikeRewind {
		return
	}
	if s.Snapshot < s.Step && r.Dir != "" {
		if c, err := loadStep(r.fs, r.Dir, s.Snapshot); err == nil && c.Network == r.Network {
			r.back = c.State // of an adapter, without the base: what is frozen is not copied
			return
		}
	}
	rewound := s.Rewound
	r.snapshot()
	s.Rewound = rewound
}

// rewind goes back to the snapshot. What was learnt since then is learnt from other
// batches, those after position: it was the batches before a spike, too, that brought
// the weights to where it came (PaLM, §5.1). With again no batch is at fault, and they
// come again.
func (r *Run) rewind(position uint64, again bool) {
	s := r.State
	rewound, skipped, elapsed := s.Rewound+1, s.Skipped, s.Seconds
	s.copy(r.back)
	r.stepper.changed()
	s.Rewound, s.Skipped, s.Seconds = rewound, skipped, elapsed
	if !again {
		s.Position, s.Skipped = position+1, skipped+1
	}
	if r.log == nil {
		return
	}
	if err := r.log.cut(s.Progress); err != nil {
		tell(r.observer.Trouble, Trouble{s.Step, err})
	}
}

// spiked handles a batch that is a spike, or that made a number not finite. It says
// whether the batch is passed over; the error ends the run.
func (r *Run) spiked(spike Spike) (pass bool, err error) {
	s, finite := r.State, spike.Cause == nil
	spike.Action = r.Options.OnSpike
	if spike.Action == "" {
		spike.Action = SpikeWarn
	}
	damaged := false // weights or moments, and not by this batch
	if d, ok := spike.Cause.(*Diverged); ok {
		damaged = d.State
	}
	switch {
	case !finite && (spike.Action == SpikeWarn || spike.Action == SpikeSkip && damaged):
		return false, spike.Cause
	case spike.Action == SpikeSkip:
		s.Position, s.Skipped, s.Passed = spike.Position+1, s.Skipped+1, s.Passed+1
	case spike.Action == SpikeRewind:
		passed := max(s.Passed, s.Rewound) + 1
		// An update leaves nothing that is not finite: damage is a fault of the memory. The
		// run goes as if it had not been, unless it comes again.
		spike.Again = damaged && s.Rewound == 0
		if passed <= maxPassed {
			r.rewind(spike.Position, spike.Again)
		}
		s.Passed, spike.To = passed, s.Step
	}
	if spike.Action != SpikeWarn && s.Passed > maxPassed {
		return true, fmt.Errorf("%s; %d batches were passed over one after the other: try a lower learning rate, or on_spike warn", spike, maxPassed)
	}
	tell(r.observer.Spike, spike)
	if spike.Action == SpikeWarn {
		return false, nil // the update's own record tells
	}
	rec := Record{Step: spike.Step, Spike: spike.kind(), Action: spike.Action, Seconds: s.Seconds}
	if spike.Action == SpikeRewind {
		rec.Step = s.Step
	}
	if finite {
		rec.Loss, rec.Norm, rec.ZLoss, rec.ZNorm = &spike.Loss, spike.Norm, spike.ZLoss, spike.ZNorm
	}
	return true, r.record(rec)
}
