package train

import (
	"context"
	"math"
	"testing"
)

func TestSpikesRecover(t *testing.T) { spikesRecover(t, 1) }

// A batch with labels of another text and a gradient times 1000, at position 230. The
// run that skips it, or goes back for it, ends with the bits of one in which the same is
// done by hand, and so nothing of the batch is left. Its loss is then that
// of the clean run, within what other batches in the place of some make of it; that of a
// run which makes the update is not. There is no clipping, which takes most of the harm
// away by itself: with it a run that only warns ends within 2 %, too.
func spikesRecover(t *testing.T, seeds int) {
	const (
		poison     = 230   // the position; the step, too, where nothing was passed over before
		within     = 0.02  // of the clean run's loss
		meanWithin = 0.005 // of 20 seeds; four standard errors of what was measured
	)
	o := mini()
	o.Steps, o.Batch, o.LR, o.MinLR, o.SaveEvery, o.EvalEvery, o.EvalBatches, o.Clip = 300, 8, 3e-3, 0, 50, 300, 0, 0
	d := dataOf(t, sentences(t), o)
	differences := map[string][]float64{}
	for seed := range uint64(seeds) {
		o.Seed = seed + 1
		for _, policy := range []string{SpikeWarn, SpikeSkip, SpikeRewind} {
			o.OnSpike = policy
			clean := wholeRun(t, o, d, nil, nil).State
			var seen []Spike
			got := wholeRun(t, o, d, func(r *Run) { poisoned(r, poison, "") }, func(s Spike) {
				if s.Position == poison {
					seen = append(seen, s)
				}
			}).State
			if len(seen) != 1 || seen[0].Action != policy {
				t.Fatalf("seed %d, %s: the poisoned batch: %v", o.Seed, policy, seen)
			}
			if want := (seen[0].Step - 1) / o.SaveEvery * o.SaveEvery; policy == SpikeRewind && seen[0].To != want {
				t.Errorf("seed %d: back to step %d from step %d", o.Seed, seen[0].To, seen[0].Step)
			}
			off := got.Last.Loss/clean.Last.Loss - 1
			differences[policy] = append(differences[policy], off)
			if (math.Abs(off) <= within) != (policy != SpikeWarn) {
				t.Errorf("seed %d, %s: the loss is %.4f after a poisoned batch, %.4f without", o.Seed, policy, got.Last.Loss, clean.Last.Loss)
			}
			if policy == SpikeWarn {
				continue
			}
			hand := byHand(t, o, d, poison, func(s *State) bool {
				return policy == SpikeSkip && s.Position == poison || policy == SpikeRewind && s.Step == seen[0].To
			})
			hand.Skipped = got.Skipped
			if err := sameState(got, hand); err != nil {
				t.Errorf("seed %d, %s: not the run in which it is done by hand: %v", o.Seed, policy, err)
			}
		}
	}
	for _, policy := range []string{SpikeWarn, SpikeSkip, SpikeRewind} {
		mean, squares, worst := 0.0, 0.0, 0.0
		for _, x := range differences[policy] {
			mean += x / float64(seeds)
			worst = max(worst, math.Abs(x))
		}
		for _, x := range differences[policy] {
			squares += (x - mean) * (x - mean)
		}
		if policy != SpikeWarn && seeds >= 20 && !(math.Abs(mean) <= meanWithin) {
			t.Errorf("%s: the loss is off by %+.2f %% in the mean", policy, 100*mean)
		}
		t.Logf("%s: the loss is off by %+.2f %% in the mean, σ %.2f %%, at most %.2f %%",
			policy, 100*mean, 100*math.Sqrt(squares/float64(max(1, seeds-1))), 100*worst)
	}
}

// wholeRun makes a whole run, which prepare may change before it begins.
func wholeRun(t *testing.T, o Options, d *Data, prepare func(*Run), spike func(Spike)) *Run {
	t.Helper()
	r := start(t, o, d, "")
	if prepare != nil {
		prepare(r)
	}
	if end, err := r.Train(t.Context(), Observer{Spike: spike}); err != nil || end != Finished {
		t.Fatal(end, err)
	}
	r.Close()
	return r
}

// byHand is a run without a poisoned batch that is stopped where at says and goes on
// from the batch after the one at poison.
func byHand(t *testing.T, o Options, d *Data, poison uint64, at func(*State) bool) *State {
	t.Helper()
	r := start(t, o, d, "")
	defer r.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	end, err := r.Train(ctx, Observer{Step: func(Update) {
		if at(r.State) {
			stop()
		}
	}})
	if err != nil || end != Stopped {
		t.Fatal(end, err)
	}
	r.State.Position = poison + 1
	if end, err := r.Train(t.Context(), Observer{}); err != nil || end != Finished {
		t.Fatal(end, err)
	}
	return r.State
}
