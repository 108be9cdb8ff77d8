package paper

import (
	"fmt"
	"testing"
)

func ExampleLoRA() {
	x := Mat{1, 2, []float64{1, 2}}
	d, u := Mat{2, 1, []float64{3, 4}}, Mat{1, 2, []float64{5, 6}}
	a, back := LoRA(nil, x, d, u, 2)
	Δ, dd, du := back(Mat{1, 2, []float64{1, -1}})
	fmt.Println("a_i     =", a.V)
	fmt.Println("Δ_{i-1} =", Δ.V)
	fmt.Println("∂L/∂d   =", dd.V)
	fmt.Println("∂L/∂u   =", du.V)
	// Output:
	// a_i     = [110 132]
	// Δ_{i-1} = [-6 -8]
	// ∂L/∂d   = [-2 -4]
	// ∂L/∂u   = [22 -22]
}

// TestLoRAByHand is the example of docs/06-lora.md, and the relation dᵗ ∂L/∂d =
// ∂L/∂u uᵗ in its numbers.
func TestLoRAByHand(t *testing.T) {
	d, u := Mat{2, 1, []float64{3, 4}}, Mat{1, 2, []float64{5, 6}}
	a, back := LoRA(nil, Mat{1, 2, []float64{1, 2}}, d, u, 2)
	Δ, dd, du := back(Mat{1, 2, []float64{1, -1}})
	same(t, "(43)", a.V, Vec{110, 132}, 0)
	same(t, "(44)", Δ.V, Vec{-6, -8}, 0)
	same(t, "(45)", dd.V, Vec{-2, -4}, 0)
	same(t, "(46)", du.V, Vec{22, -22}, 0)
	same(t, "relation", append(d.T().Mul(dd).V, du.Mul(u.T()).V...), Vec{-22, -22}, 0)
}

func TestLoRA(t *testing.T) {
	s := draw(70)
	n, in, r, out, α := 4, 5, 2, 3, 0.7
	x, d, u, Δ := s.mat(n, in), s.mat(in, r), s.mat(r, out), s.mat(n, out)
	loss := func() float64 {
		a, _ := LoRA(nil, x, d, u, α)
		return a.Dot(Δ)
	}
	_, back := LoRA(nil, x, d, u, α)
	ΔPrev, dd, du := back(Δ)
	check(t, "(44)", x.V, ΔPrev.V, loss)
	check(t, "(45)", d.V, dd.V, loss)
	check(t, "(46)", u.V, du.V, loss)
	same(t, "relation", d.T().Mul(dd).V, du.Mul(u.T()).V, rounding)
	panics(t, "paper.LoRA: input 4×5, down 4×2, up 2×3", func() { LoRA(nil, x, s.mat(4, 2), u, α) })
	panics(t, "paper.LoRA: input 4×5, down 5×2, up 3×3", func() { LoRA(nil, x, d, s.mat(3, 3), α) })
}

// TestAdapted: beside a frozen layer outputs and error signals add; and one layer
// with the merged weight does the same.
func TestAdapted(t *testing.T) {
	s := draw(71)
	n, in, r, out := 4, 5, 2, 3
	x, Δ := s.mat(n, in), s.mat(n, out)
	p := Layer{W: s.mat(in, out), B: s.vec(out), D: s.mat(in, r), U: s.mat(r, out), Alpha: 0.7}
	loss := func() float64 {
		a, _ := Adapted(nil, x, p)
		return a.Dot(Δ)
	}
	a, back := Adapted(nil, x, p)
	ΔPrev, dp := back(Δ)
	check(t, "Δ_{i-1}", x.V, ΔPrev.V, loss)
	check(t, "∂L/∂w", p.W.V, dp.W.V, loss)
	check(t, "∂L/∂b", p.B, dp.B, loss)
	check(t, "∂L/∂d", p.D.V, dp.D.V, loss)
	check(t, "∂L/∂u", p.U.V, dp.U.V, loss)

	frozen, adapter, backMerge := Merge(nil, p)
	aM, backM := FC(nil, x, frozen.Add(adapter), p.B)
	ΔM, dw, _ := backM(Δ)
	dm := backMerge(dw, dw)
	same(t, "merged a_i", aM.V, a.V, rounding)
	same(t, "merged Δ_{i-1}", ΔM.V, ΔPrev.V, rounding)
	same(t, "merged ∂L/∂w", dm.W.V, dp.W.V, rounding)
	same(t, "merged ∂L/∂d", dm.D.V, dp.D.V, rounding)
	same(t, "merged ∂L/∂u", dm.U.V, dp.U.V, rounding)
	p.U = s.mat(2, 4)
	panics(t, "paper.Merge: weight 5×3, down 5×2, up 2×4", func() { Merge(nil, p) })
}

// TestFrozenPath: the error signal printed in the paper's box on fine-tuning, the
// adapter's alone, is not the gradient; with u = 0, as adapters start, it would be
// zero and nothing below would learn.
func TestFrozenPath(t *testing.T) {
	s := draw(72)
	n, in, r, out := 4, 5, 2, 3
	x, Δ := s.mat(n, in), s.mat(n, out)
	p := Layer{W: s.mat(in, out), D: s.mat(in, r), U: Zeros(r, out), Alpha: 0.7}
	_, backAdapter := LoRA(nil, x, p.D, p.U, p.Alpha)
	adapter, dd, _ := backAdapter(Δ)
	_, back := Adapted(nil, x, p)
	ΔPrev, _ := back(Δ)
	same(t, "the adapter's share", adapter.V, make(Vec, n*in), 0)
	same(t, "∂L/∂d at u = 0", dd.V, make(Vec, in*r), 0)
	same(t, "Δ_{i-1}", ΔPrev.V, Δ.Mul(p.W.T()).V, rounding)
}
