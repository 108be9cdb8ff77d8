package engine

import (
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// TestNothingIsLeftOver: the gradients of a batch in which tokens have no target have the
// same bits whether or not one came before in which all have.
func TestNothingIsLeftOver(t *testing.T) {
	for _, cs := range append(cases[1:3:3], llamaCases...) {
		full, b := cs.batch(4), cs.batch(5)
		for i := range full.Targets {
			full.Targets[i] = full.Tokens[i]
		}
		p, lora := cs.params(6)
		gradients := func(before bool) (*pedestrian.Params[float64], *pedestrian.Adapter[float64]) {
			n := New(p, lora, Options{Batch: cs.b, Context: cs.t, Chunk: 5, Accumulate: true})
			defer n.Close()
			dp := pedestrian.NewParams[float64](cs.c)
			var da *pedestrian.Adapter[float64]
			if lora != nil {
				da = pedestrian.NewAdapter[float64](cs.c, *cs.lora)
			}
			if before {
				n.SetGradients(dp, da, full, 1, 0)
			}
			n.SetGradients(dp, da, b, 1, 0)
			return dp, da
		}
		dp, da := gradients(false)
		dp2, da2 := gradients(true)
		if !slices.Equal(dp.Slab, dp2.Slab) || da != nil && !slices.Equal(da.Slab, da2.Slab) {
			t.Errorf("%s: other gradients after another batch", cs.name)
		}
	}
}
