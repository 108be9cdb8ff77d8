package train

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// twoEngines is a stepper like one of two processes: each engine has weights, moments
// and a gradient of its own. The first computes the first half of the micro-batches, the
// second goes on with its gradient, and both get the whole.
type twoEngines struct {
	oneProcess    // what no step needs that is right
	first, second *Run
}

func newTwoEngines(r *Run) *twoEngines {
	s := r.State.zerosLike()
	s.copyFrom(r.State)
	second := &Run{Options: r.Options, Network: r.Network, State: s, grad: s.Trained().zerosLike(), batch: r.Options.newBatch(), draw: r.draw}
	second.net = engine.New(s.Params, s.Adapter, r.Options.Engine())
	second.stepper = oneProcess{second}
	return &twoEngines{oneProcess{r}, r, second}
}

func (w *twoEngines) gradients(ctx context.Context, position uint64) (sum float64, counted int, err error) {
	all := w.first.Options.Accumulate
	for k := range all {
		r := w.first
		if k >= all/2 {
			r = w.second
		}
		if k == all/2 {
			copy(w.second.grad.Slab(), w.first.grad.Slab())
		}
		loss, n := r.microBatch(position, k, k > 0)
		sum, counted = sum+loss, counted+n
	}
	copy(w.first.grad.Slab(), w.second.grad.Slab())
	return sum, counted, ctx.Err()
}

// norms are measured by the second engine, on its copies.
func (w *twoEngines) norms() (engine.Norms, error) { return oneProcess{w.second}.norms() }

func (w *twoEngines) update(h engine.AdamW, step int, scale float64) error {
	return errors.Join(oneProcess{w.first}.update(h, step, scale), oneProcess{w.second}.update(h, step, scale))
}

func (w *twoEngines) changed() {
	w.second.State.copyFrom(w.first.State)
	w.first.net.Changed()
	w.second.net.Changed()
}

// TestStepper: a run whose updates two engines compute has the bits of one with its
// engine to itself: losses, norms, weights and moments, and also after it went back to a
// snapshot. Both engines hold the same in the end.
func TestStepper(t *testing.T) {
	dora := adapted()
	dora.Tuning.Adapter.DoRA, dora.Tuning.Adapter.Bias, dora.Tuning.Adapter.Dropout = true, pedestrian.BiasAll, 0.2
	for _, o := range []Options{mini(), adapted(), dora} {
		for _, precision := range []engine.Precision{engine.Float32, engine.BF16} {
			o.Accumulate, o.Dropout, o.Precision, o.OnSpike = 4, 0.1, string(precision), SpikeRewind
			d := dataOf(t, sentences(t), o)
			alone, shared := start(t, o, d, ""), start(t, o, d, "")
			two := newTwoEngines(shared)
			defer two.second.net.Close()
			shared.stepper = two
			for step := range 6 {
				if step == 4 {
					alone.rewind(alone.State.Position, false)
					shared.rewind(shared.State.Position, false)
				}
				a, errA := alone.Step(t.Context())
				b, errB := shared.Step(t.Context())
				if errA != nil || errB != nil || a != b {
					t.Fatalf("%s, step %d: %+v (%v) alone, %+v (%v) shared", precision, step, a, errA, b, errB)
				}
			}
			for _, s := range []*State{shared.State, two.second.State} {
				if !slices.Equal(alone.State.Trained().Slab(), s.Trained().Slab()) || !slices.Equal(alone.State.M.Slab(), s.M.Slab()) || !slices.Equal(alone.State.V.Slab(), s.V.Slab()) {
					t.Errorf("%s: other weights or moments", precision)
				}
			}
		}
	}
}
