package engine

import (
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// TestMixedAdapters: beside rounded layers, adapters of every kind have the gradients
// of the precise network to the size of the rounding, 2⁻⁹ of each operand, some
// layers deep.
func TestMixedAdapters(t *testing.T) {
	for _, cs := range everyCase() {
		if cs.lora == nil {
			continue
		}
		p, lora := cs.params(1)
		b := cs.batch(2)
		gradients := func(p *pedestrian.Params[float32], lora *pedestrian.Adapter[float32], precision Precision) *pedestrian.Adapter[float32] {
			n := New(p, lora, Options{Batch: b.B, Precision: precision, Seed: 2})
			defer n.Close()
			da := likeAdapter(lora)
			n.Gradients(nil, da, b, 1, 1)
			return da
		}
		q, a := convert[float32](p, lora)
		precise, rounded := gradients(q, a, Float32), gradients(q, a, BF16)
		if got := distance64(rounded.Slab, precise.Slab); got > 0.05 || got < 1e-6 {
			t.Errorf("%s: gradients differ by %.1e of the largest", cs.name, got)
		}
	}
}

// distance64 is the largest difference over the largest number.
func distance64[T Float](a, b []T) float64 {
	apart, most := 0.0, 0.0
	for i := range a {
		apart, most = max(apart, math.Abs(float64(a[i])-float64(b[i]))), max(most, math.Abs(float64(b[i])))
	}
	return apart / most
}
