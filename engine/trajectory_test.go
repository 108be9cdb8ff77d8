package engine

import (
	"fmt"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/trajectory"
)

// The trajectories come from PyTorch in float64 (testdata/pytorch/trajectory.py): four
// updates with micro-batches, documents in a row, clipping, decay, rates of lora+, and
// dropout masks that were computed there from their definition. Package train takes the
// same ones with the code that trains.
//
// A change of weights is compared with the largest change of its tensor in that step,
// everything else with the largest number of its tensor.

// trajectoryLimit is for sums of some dozen products in another order, four updates
// long; the worst found is 7e-14.
const trajectoryLimit = 1e-11

// TestTrajectory takes the updates in float64, by the code that trains in float32: its
// limit shows what float32 would hide.
func TestTrajectory(t *testing.T) {
	trajectory.Each(t, func(t *testing.T, g trajectory.Trajectory) {
		params, grad := pedestrian.NewParams[float64](g.Config), pedestrian.NewParams[float64](g.Config)
		m, v := pedestrian.NewParams[float64](g.Config), pedestrian.NewParams[float64](g.Config)
		var lora, dlora, mlora, vlora *pedestrian.Adapter[float64]
		trained, firsts, seconds := params.Tensors(), m.Tensors(), v.Tensors()
		slab := grad.Slab
		if g.Adapter == nil {
			trajectory.Load(t, params.Tensors(), g.Params)
		} else {
			trajectory.Load(t, params.Tensors(), g.Base)
			for _, a := range []**pedestrian.Adapter[float64]{&lora, &dlora, &mlora, &vlora} {
				*a = pedestrian.NewAdapter[float64](g.Config, *g.Adapter)
			}
			grad, slab = nil, dlora.Slab
			trained, firsts, seconds = lora.Tensors(), mlora.Tensors(), vlora.Tensors()
			trajectory.Load(t, trained, g.Params)
		}
		o := g.Options
		n := New(params, lora, Options{Batch: o.Batch, Threads: 2, Dropout: o.Dropout, Seed: o.Seed, Accumulate: true})
		defer n.Close()
		j := &trajectory.Referee{T: t, Limit: trajectoryLimit}
		before := g.Params
		for i, want := range g.Steps {
			sum, counted := 0.0, 0
			clear(slab)
			for k, b := range want.Batches {
				mask := (g.Position+uint64(i))*uint64(o.Accumulate) + uint64(k)
				loss, c := n.Gradients(grad, dlora, Batch{B: o.Batch, T: g.Config.Context, Tokens: b.Tokens, Targets: b.Targets, Starts: b.Starts}, 1, mask)
				sum, counted = sum+loss, counted+c
			}
			if counted != want.Counted {
				t.Fatalf("step %d counts %d targets, not %d", i+1, counted, want.Counted)
			}
			at := func(what string) string { return fmt.Sprintf("step %d: %s", i+1, what) }
			j.Number(at("the loss"), sum/float64(counted), want.Loss, want.Loss)
			norm := n.Norm2(slab) / float64(counted)
			j.Number(at("the norm"), norm, want.Norm, want.Norm)
			h := AdamW{LR: want.Rate, Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.AdamEps, Decay: o.Decay, Up: g.LoRAPlus}
			if scale := want.Scale / float64(counted); lora != nil {
				n.AdamWAdapter(h, i+1, scale, lora, dlora, mlora, vlora)
			} else {
				n.AdamW(h, i+1, scale, params, grad, m, v)
			}
			trajectory.Changes(j, at("the change"), trained, want.Params, before)
			before = want.Params
			if t.Failed() {
				t.FailNow()
			}
		}
		trajectory.Changes(j, "m", firsts, g.M, nil)
		trajectory.Changes(j, "v", seconds, g.V, nil)
		t.Logf("worst error %.2g: %s", j.Worst, j.At)
	})
}
