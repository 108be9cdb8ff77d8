package engine

import (
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// TestGradientsAgainstDifferences differentiates Σℓ numerically with the masks
// of one step held fixed, since the paper has no dropout to compare with.
func TestGradientsAgainstDifferences(t *testing.T) {
	// h is near ε^(1/3) of float64, where truncation and rounding of a central
	// difference balance near 1e-10; the tolerance leaves room for a sum of a few
	// dozen losses.
	const h, tol = 6e-6, 2e-8
	for _, cs := range cases {
		for _, drop := range []float64{0, 0.3} {
			p, lora := cs.params(1)
			b := cs.batch(2)
			n := New(p, lora, Options{Batch: b.B, Dropout: drop, Seed: 3, Threads: 1})
			n.setTile(3)
			dp, dlora := like(p), likeAdapter(lora)
			n.Gradients(dp, dlora, b, 1, 5)
			sum := func() float64 {
				s, _ := n.Gradients(nil, nil, b, 1, 5)
				return s
			}
			check := func(w, g []pedestrian.Tensor[float64]) {
				for i := range w {
					worst := 0.0
					v := w[i].V
					stride := max(1, len(v)/7)
					for j := i % stride; j < len(v); j += stride {
						old := v[j]
						v[j] = old + h
						up := sum()
						v[j] = old - h
						down := sum()
						v[j] = old
						worst = max(worst, math.Abs((up-down)/(2*h)-g[i].V[j]))
					}
					if !(worst <= tol) {
						t.Errorf("%s, dropout %g: %s differs by %.1e", cs.name, drop, w[i].Name, worst)
					}
				}
			}
			check(p.Tensors(), dp.Tensors())
			if lora != nil {
				check(lora.Tensors(), dlora.Tensors())
			}
			n.Close()
		}
	}
}
