package train

import (
	"fmt"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/internal/trajectory"
	"github.com/pedestrian-ml/pedestrian/token"
)

// The trajectories come from PyTorch in float64 (testdata/pytorch/trajectory.py): four
// updates with warm-up, micro-batches, clipping, decay and dropout masks that were
// computed there from their definition.
//
// A change of weights is compared with the largest change of its tensor in that step,
// everything else with the largest number of its tensor.
//
// Package engine takes them in float64 (TestTrajectory there), where the limit is sharp.
const (
	// trajectory32 is for weights of about 1 in float32 that change by about 0.01, so
	// that rounding them by up to 2⁻²⁵ is 3e-6 of a change, and those of layer norms by
	// 2⁻²⁴; the worst found is 2e-5.
	trajectory32 = 2e-4
)

// TestTrajectory takes the updates with Run.Step, the code that trains.
func TestTrajectory(t *testing.T) {
	trajectory.Each(t, func(t *testing.T, g trajectory.Trajectory) {
		o := mini()
		o.Config, o.Window, o.Steps, o.MinLR = g.Config, 0, 1000, 0
		o.Batch, o.Accumulate, o.Warmup, o.LR = g.Options.Batch, g.Options.Accumulate, g.Options.Warmup, g.Options.LR
		o.Beta1, o.Beta2, o.AdamEps, o.Decay = g.Options.Beta1, g.Options.Beta2, g.Options.AdamEps, g.Options.Decay
		o.Clip, o.Dropout, o.Seed = g.Options.Clip, g.Options.Dropout, g.Options.Seed
		s := &State{Progress: Progress{Seed: o.Seed, Position: g.Position}, Params: pedestrian.NewParams[float32](g.Config)}
		if g.Adapter == nil {
			trajectory.Load(t, s.Params.Tensors(), g.Params)
		} else {
			o.Tuning = Tuning{Base: "base", Adapter: *g.Adapter, LoRAPlus: g.LoRAPlus}
			s.Adapter = pedestrian.NewAdapter[float32](g.Config, *g.Adapter)
			trajectory.Load(t, s.Params.Tensors(), g.Base)
			trajectory.Load(t, s.Adapter.Tensors(), g.Params)
		}
		s.M, s.V = s.Trained().zerosLike(), s.Trained().zerosLike()
		text := make([]int32, 4*g.Config.Context)
		r, err := newRun(durable.OS, o, g.Config, &Data{Tokenizer: token.NewBytes(), Train: text, Val: text}, s, nil, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		step := 0
		r.draw = func(position uint64, first int, b *engine.Batch) {
			if position != g.Position+uint64(step) {
				t.Errorf("step %d draws the batch at position %d", step+1, position)
			}
			from := g.Steps[step].Batches[first/o.Batch]
			copy(b.Tokens, from.Tokens)
			copy(b.Targets, from.Targets)
			b.Starts = from.Starts
		}
		j := &trajectory.Referee{T: t, Limit: trajectory32}
		before := g.Params
		for i, want := range g.Steps {
			step = i
			u, err := r.Step(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			at := func(what string) string { return fmt.Sprintf("step %d: %s", i+1, what) }
			j.Number(at("the rate"), u.Rate, want.Rate, want.Rate)
			j.Number(at("the loss"), u.Loss, want.Loss, want.Loss)
			j.Number(at("the norm"), u.Norm, want.Norm, want.Norm)
			j.Number(at("the scale"), u.Scale, want.Scale, want.Scale)
			trajectory.Changes(j, at("the change"), s.Trained().Tensors(), want.Params, before)
			before = want.Params
			if t.Failed() {
				t.FailNow() // what follows goes on from here
			}
		}
		trajectory.Changes(j, "m", s.M.Tensors(), g.M, nil)
		trajectory.Changes(j, "v", s.V.Tensors(), g.V, nil)
		t.Logf("worst error %.2g: %s", j.Worst, j.At)
	})
}
