package paper

import (
	"fmt"
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

func ExampleFC() {
	x := Mat{2, 2, []float64{1, 2, 3, 4}}
	w := Mat{2, 1, []float64{5, 6}}
	a, back := FC(nil, x, w, Vec{7})
	Δ, dw, db := back(Mat{2, 1, []float64{1, 10}})
	fmt.Println("a_i     =", a.V)
	fmt.Println("Δ_{i-1} =", Δ.V)
	fmt.Println("∂L/∂w   =", dw.V)
	fmt.Println("∂L/∂b   =", db)
	// Output:
	// a_i     = [24 46]
	// Δ_{i-1} = [5 6 50 60]
	// ∂L/∂w   = [31 42]
	// ∂L/∂b   = [11]
}

func TestFC(t *testing.T) {
	s := draw(60)
	x, w, b, Δ := s.mat(4, 3), s.mat(3, 5), s.vec(5), s.mat(4, 5)
	loss := func() float64 {
		a, _ := FC(nil, x, w, b)
		return a.Dot(Δ)
	}
	_, back := FC(nil, x, w, b)
	ΔPrev, dw, db := back(Δ)
	check(t, "Δ_{i-1}", x.V, ΔPrev.V, loss)
	check(t, "∂L/∂w", w.V, dw.V, loss)
	check(t, "∂L/∂b", b, db, loss)

	a, _ := FC(nil, x, w, nil)
	same(t, "no bias", a.V, x.Mul(w).V, 0)
	panics(t, "paper.FC: input 4×3, weight 4×5, bias of 5", func() { FC(nil, x, s.mat(4, 5), b) })
	panics(t, "paper.FC: input 4×3, weight 3×5, bias of 2", func() { FC(nil, x, w, s.vec(2)) })
	panics(t, "paper.FC: error signal: 4×3 is not 4×5", func() { back(x) })
}

func ExampleActivate() {
	x := Mat{1, 3, []float64{-2, 1, 3}}
	a, back := Activate(nil, x, pedestrian.ReLU)
	fmt.Println("a_i     =", a.V)
	fmt.Println("Δ_{i-1} =", back(Mat{1, 3, []float64{10, 20, 30}}).V)
	// Output:
	// a_i     = [0 1 3]
	// Δ_{i-1} = [0 20 30]
}

func TestActivate(t *testing.T) {
	s := draw(61)
	for _, g := range pedestrian.Activations {
		t.Run(string(g), func(t *testing.T) {
			x, Δ := s.mat(5, 4).Scale(2), s.mat(5, 4)
			for i, v := range x.V {
				if math.Abs(v) < 4*step { // no difference across the kink of ReLU
					x.V[i] += 8 * step
				}
			}
			loss := func() float64 {
				a, _ := Activate(nil, x, g)
				return a.Dot(Δ)
			}
			_, back := Activate(nil, x, g)
			check(t, "Δ_{i-1}", x.V, back(Δ).V, loss)
		})
	}
	panics(t, `paper.Activate: unknown activation "swish"`, func() { Activate(nil, Zeros(1, 1), "swish") })
}

// TestGELU holds values against the literature's: the least value of x Φ(x) and
// the extremes of its slope; and the tanh form against the exact one, from which
// it is nowhere more than 5e-4 away.
func TestGELU(t *testing.T) {
	for g, want := range map[pedestrian.Activation]float64{ // tanh form: ½(1 + tanh(√(2/π)·1.044715))
		pedestrian.ReLU: 1, pedestrian.GELU: 0.8413447460685429, pedestrian.GELUTanh: 0.8411919906082768,
	} {
		a, _ := Activate(nil, Mat{1, 1, []float64{1}}, g)
		same(t, string(g)+" of 1", a.V, Vec{want}, rounding)
	}
	same(t, "g(0), g(1)", Vec{gelu(0), gelu(1)}, Vec{0, 0.8413447460685429}, rounding)
	same(t, "minimum", Vec{gelu(-0.7517915246935645), geluSlope(-0.7517915246935645)}, Vec{-0.16997120747990369, 0}, 1e-12)
	same(t, "largest slope", Vec{geluSlope(math.Sqrt2)}, Vec{1.128904145}, 1e-9)
	for x := -6.0; x <= 6; x += 0.01 {
		if e := math.Abs(gelu(x) - geluTanh(x)); e > 5e-4 {
			t.Errorf("x = %.2f: the two forms are %.1e apart", x, e)
		}
	}
	same(t, "far left", Vec{gelu(-40), geluSlope(-40), geluTanh(-40), geluTanhSlope(-40)}, make(Vec, 4), 0)
	same(t, "far right", Vec{gelu(40), geluSlope(40), geluTanh(40), geluTanhSlope(40)}, Vec{40, 1, 40, 1}, 0)
}

// TestReLUAtTheKink: the slope at zero is zero.
func TestReLUAtTheKink(t *testing.T) {
	_, back := Activate(nil, Zeros(1, 1), pedestrian.ReLU)
	same(t, "g′(0)", back(Mat{1, 1, []float64{1}}).V, Vec{0}, 0)
}
