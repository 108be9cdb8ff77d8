package paper

import (
	"fmt"
	"math"
	"testing"
)

// Logits 0, log 2, log 3 give the probabilities 1/6, 1/3, 1/2; the second token is
// right, and the surprise is log 3.
func ExampleLoss() {
	z := Mat{1, 3, []float64{0, math.Log(2), math.Log(3)}}
	loss, back := Loss(nil, z, []int{1}, 1)
	fmt.Printf("ℓ        = %.4f\n", loss)
	fmt.Printf("Δ_logits = %.4f\n", back().V)
	// Output:
	// ℓ        = 1.0986
	// Δ_logits = [0.1667 -0.6667 0.5000]
}

func TestLoss(t *testing.T) {
	s := draw(80)
	z, targets := s.mat(5, 4), []int{3, Ignored, 0, 0, Ignored}
	for _, r := range []Reduction{Sum, Mean} {
		t.Run(r.String(), func(t *testing.T) {
			c := r.Weight([]Sequence{{Targets: targets}})
			loss := func() float64 {
				l, _ := Loss(nil, z, targets, c)
				return l
			}
			_, back := Loss(nil, z, targets, c)
			Δ := back()
			check(t, "Δ_logits", z.V, Δ.V, loss)
			same(t, "ignored row", Δ.Row(1), make(Vec, 4), 0)
			same(t, "rows sum to zero", Δ.SumFeatures(), make(Vec, 5), rounding)

			y := Softmax(z)
			want := -c * (math.Log(y.At(0, 3)) + math.Log(y.At(2, 0)) + math.Log(y.At(3, 0)))
			same(t, "L", Vec{loss()}, Vec{want}, rounding)
			same(t, "Δ12", Vec{Δ.At(0, 3), Δ.At(2, 1)}, Vec{c * (y.At(0, 3) - 1), c * y.At(2, 1)}, rounding)
		})
	}
}

// TestLossOfNothing: when no target is counted the loss and its gradients are 0,
// not 0/0.
func TestLossOfNothing(t *testing.T) {
	targets := []int{Ignored, Ignored}
	for _, r := range []Reduction{Sum, Mean} {
		if c := r.Weight([]Sequence{{Targets: targets}}); c != 0 {
			t.Errorf("%s: weight %g", r, c)
		}
		loss, back := Loss(nil, draw(81).mat(2, 3), targets, r.Weight([]Sequence{{Targets: targets}}))
		same(t, r.String(), append(back().V, loss), make(Vec, 7), 0)
	}
}

// TestLossOfTheImprobable: a target whose probability rounds to zero has a finite
// loss.
func TestLossOfTheImprobable(t *testing.T) {
	loss, back := Loss(nil, Mat{1, 2, []float64{0, 2000}}, []int{0}, 1)
	same(t, "ℓ", Vec{loss}, Vec{2000}, 0)
	same(t, "Δ", back().V, Vec{-1, 1}, 0)
}

func TestLossPanics(t *testing.T) {
	z := Zeros(2, 3)
	panics(t, "paper.Loss: logits 2×3, 1 targets", func() { Loss(nil, z, []int{0}, 1) })
	panics(t, "paper.Loss: target 3 at position 1 is neither one of 3 tokens nor Ignored", func() { Loss(nil, z, []int{0, 3}, 1) })
	panics(t, "paper.Loss: target -2 at position 0", func() { Loss(nil, z, []int{-2, 0}, 1) })
}
