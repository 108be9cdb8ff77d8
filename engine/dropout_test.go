package engine

import (
	"math"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// TestGradientsAgainstDifferences differentiates Σℓ numerically with the masks
// of one step held fixed, since the paper has no dropout to compare with. Without
// dropout TestNetwork compares.
func TestGradientsAgainstDifferences(t *testing.T) {
	// Differences of fourth order: at this h their truncation, of order h⁴, is below
	// rounding, 2⁻⁵³/h times a sum of a few dozen losses, which is some 1e-10.
	const h, tol = 3e-5, 1e-8
	// Of adapters the exact ones: with the norm held, differences are of another loss.
	for _, cs := range append(slices.Clone(cases), adapterCases[0], adapterCases[2], adapterCases[3], llamaCases[5], llamaCases[6], llamaCases[10]) {
		for drop, b := range map[float64]Batch{0.3: cs.batch(2), 0.4: cs.packed(3)} {
			p, lora := cs.params(1)
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
					stride := max(1, len(v)/3)
					for j := i % stride; j < len(v); j += stride {
						old := v[j]
						difference := func(h float64) float64 {
							v[j] = old + h
							up := sum()
							v[j] = old - h
							down := sum()
							v[j] = old
							return (up - down) / (2 * h)
						}
						slope := (4*difference(h) - difference(2*h)) / 3
						worst = max(worst, math.Abs(slope-g[i].V[j]))
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

// TestMasks checks what a mask leaves out, and that places do not share it.
func TestMasks(t *testing.T) {
	const rows, cols, p = 200, 100, 0.3
	pool := kernel.NewPool(1)
	ones := NewMat[float64](rows, cols)
	for i := range ones.V {
		ones.V[i] = 1
	}
	apply := func(m kernel.Mask) Mat[float64] {
		l := dropout[float64]{mask: m}
		y := NewMat[float64](rows, cols)
		l.apply(pool, y, ones, false)
		return y
	}
	first := apply(maskAt(p, 1, 2, 3, siteProjection))
	kept := 0
	for _, v := range first.V {
		if v != 0 {
			kept++
			if v != 1/(1-p) {
				t.Fatalf("kept numbers are multiplied by %v", v)
			}
		}
	}
	// Five standard deviations of a binomial distribution.
	if dev := math.Abs(float64(kept) - rows*cols*(1-p)); dev > 5*math.Sqrt(rows*cols*p*(1-p)) {
		t.Errorf("%d of %d are kept", kept, rows*cols)
	}
	for name, m := range map[string]kernel.Mask{
		"seed": maskAt(p, 2, 2, 3, siteProjection), "step": maskAt(p, 1, 3, 3, siteProjection),
		"block": maskAt(p, 1, 2, 4, siteProjection), "site": maskAt(p, 1, 2, 3, siteContract),
	} {
		both := 0
		for i, v := range apply(m).V {
			if v != 0 && first.V[i] != 0 {
				both++
			}
		}
		q := (1 - p) * (1 - p)
		if dev := math.Abs(float64(both) - rows*cols*q); dev > 5*math.Sqrt(rows*cols*q*(1-q)) {
			t.Errorf("another %s keeps %d of %d as well: not independent", name, both, rows*cols)
		}
	}
	again := apply(maskAt(p, 1, 2, 3, siteProjection))
	near(t, "the same place", again.V, first.V, 0)
	if m := maskAt(0, 1, 2, 3, siteProjection); m.On() {
		t.Error("a fraction of 0 leaves something out")
	}
}
