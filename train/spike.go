package train

import (
	"fmt"
	"math"
)

// Values of Options.OnSpike: what a run does when the loss or the gradient norm of a batch is far
// above those of the batches before it.
const (
	SpikeWarn   = "warn"   // make the update and say so
	SpikeSkip   = "skip"   // make no update with the batch
	SpikeRewind = "rewind" // go back to the newest regular checkpoint and continue with the next batch
)

const (
	spikeWindow = 128 // number of updates that a step is compared with
	spikeSigmas = 6   // a spike is more than this many standard deviations above their mean
	maxPassed   = 20  // after this many skipped batches in a row the run gives up
)

// A Window holds the losses and gradient norms of the latest updates, without skipped batches.
// All are finite. It is part of Progress, so that a resumed run detects the same spikes.
type Window struct {
	Count int                  `json:"count"` // updates so far; the latest is at index (Count-1) mod 128
	Loss  [spikeWindow]float64 `json:"loss"`
	Norm  [spikeWindow]float64 `json:"norm"`
}

// add adds an update. Numbers that are not finite are left out, because a mean with a NaN would
// make every later comparison false.
func (w *Window) add(loss, norm float64) {
	if loss-loss+norm-norm != 0 {
		return
	}
	i := w.Count % spikeWindow
	w.Loss[i], w.Norm[i] = loss, norm
	w.Count++
}

// zScores returns how many standard deviations loss and norm are above the window's means; 0 for
// both until the window is full.
func (w *Window) zScores(loss, norm float64) (zLoss, zNorm float64) {
	if w.Count < spikeWindow {
		return 0, 0
	}
	return zScore(&w.Loss, loss), zScore(&w.Norm, norm)
}

// zScore returns (x - mean)/σ, with σ at least a millionth of the mean, because σ is 0 for a
// window of equal numbers.
func zScore(window *[spikeWindow]float64, x float64) float64 {
	mean, squares := 0.0, 0.0
	for _, v := range window {
		mean += v / spikeWindow
	}
	for _, v := range window {
		squares += float64((v - mean) * (v - mean))
	}
	return min(1e9, (x-mean)/max(math.Sqrt(squares/spikeWindow), 1e-6*math.Abs(mean), 1e-300))
}

// A Spike is a batch whose loss or gradient norm is far above those of the batches before it, or
// not finite.
type Spike struct {
	Step       int     // of the update that it was drawn for
	Position   uint64  // of the batch in the data order
	Loss, Norm float64 // of the batch
	ZLoss      float64 // standard deviations above the window's mean; +Inf if not finite
	ZNorm      float64
	Action     string // SpikeWarn, SpikeSkip or SpikeRewind
	To         int    // with SpikeRewind, the step that the run went back to
	Again      bool   // with SpikeRewind, the run repeats the same batches, because no batch is the cause
	Cause      error  // a *Diverged if a number was not finite
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

// kind returns the name in the log of the number that is too large.
func (s Spike) kind() string {
	switch {
	case s.Cause != nil:
		return "not finite"
	case s.ZLoss > spikeSigmas:
		return "loss"
	}
	return "grad_norm"
}

// snapshot copies the state for a later rewind at the steps where a save is due. These depend
// on the step alone, so a resumed run has the same snapshots.
func (r *Run) snapshot() {
	if r.Options.OnSpike != SpikeRewind {
		return
	}
	s := r.State
	s.Snapshot, s.Rewound = s.Step, 0
	if r.back == nil {
		r.back = s.zerosLike()
	}
	r.back.copyFrom(s)
}

// findSnapshot sets the state to go back to at the start of a session: the present state, or the
// checkpoint of step Snapshot if it is still there.
func (r *Run) findSnapshot() {
	s := r.State
	if r.Options.OnSpike != SpikeRewind {
		return
	}
	if s.Snapshot < s.Step && r.Dir != "" {
		if c, err := loadStep(r.fs, r.Dir, s.Snapshot); err == nil && c.Network == r.Network {
			r.back = c.State // for an adapter without the base, which is frozen and not copied
			return
		}
	}
	rewound := s.Rewound
	r.snapshot()
	s.Rewound = rewound
}

// rewind goes back to the snapshot. The steps since then are made with other batches, those after
// position, because the batches before a spike contributed to it (PaLM, §5.1). With again no
// batch is the cause, and the same batches are repeated.
func (r *Run) rewind(position uint64, again bool) {
	s := r.State
	rewound, skipped, elapsed := s.Rewound+1, s.Skipped, s.Seconds
	s.copyFrom(r.back)
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

// handleSpike handles a batch that is a spike or gave a number that is not finite. pass says that no
// update is made with the batch. An error ends the run.
func (r *Run) handleSpike(spike Spike) (pass bool, err error) {
	s, finite := r.State, spike.Cause == nil
	spike.Action = r.Options.OnSpike
	if spike.Action == "" {
		spike.Action = SpikeWarn
	}
	damaged := false // whether weights or moments are damaged, which this batch did not do
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
		// An update writes only finite numbers, so the damage is a fault of the memory. The run
		// repeats the same batches, unless the damage occurs again.
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
		return false, nil // the record of the update has the spike
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
