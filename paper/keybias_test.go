package paper

import (
	"math"
	"testing"
)

// TestKeyBiasForward: moving b_k moves no attention weight (19), however far, with
// the mask or without.
func TestKeyBiasForward(t *testing.T) {
	s := draw(8)
	n := 5
	x, p, Δ := s.mat(n, 6), s.head(6, 3, 2), s.mat(n, 2)
	for _, m := range []Mat{Causal(n), Unmasked(n)} {
		before, _ := run(x, p, m, Δ)
		for _, by := range []float64{-10, 10} {
			q := p
			q.Bk = make(Vec, 3)
			for j := range q.Bk {
				q.Bk[j] = p.Bk[j] + by
			}
			after, _ := run(x, q, m, Δ)
			same(t, "(19)", after["ρ"].V, before["ρ"].V, rounding)
			q.Bk = nil
			after, _ = run(x, q, m, Δ)
			same(t, "(19), b_k switched off", after["ρ"].V, before["ρ"].V, rounding)
		}
	}
}

// TestKeyBiasBackward: the sum that would be ∂L/∂b_k cancels (29).
func TestKeyBiasBackward(t *testing.T) {
	s := draw(12)
	n, dρ := 6, 3
	steps, dp := run(s.mat(n, 6), s.head(6, dρ, 2), Causal(n), s.mat(n, 2))
	same(t, "(29)", steps["Δ^raw"].T().Mul(steps["q_h"]).SumTokens(), make(Vec, dρ), rounding)
	same(t, "(32.b)", dp.Bk, make(Vec, dρ), 0)
}

// TestKeyBiasNeedsTheMask: with the mask printed in the paper, ones and zeros
// multiplied before the softmax, the key bias has a gradient: the theorem belongs
// to -∞. The wrong mask is put in place of the right one through the trace.
func TestKeyBiasNeedsTheMask(t *testing.T) {
	s := draw(13)
	n := 4
	x, p, Δ := s.mat(n, 6), s.head(6, 3, 2), s.mat(n, 2)
	loss := func(tr *Trace) float64 {
		a, _ := Attention(tr, x, p, Causal(n))
		return a.Dot(Δ)
	}
	wrong := func() float64 {
		var scaled Mat
		return loss(&Trace{Rewrite: func(s Step) Mat {
			switch s.Name {
			case "ρ^scaled":
				scaled = s.V
			case "ρ^causal":
				return scaled.Had(Causal(n).mapped(math.Exp)) // e⁰ = 1 and e^-∞ = 0
			}
			return s.V
		}})
	}
	if d := difference(&p.Bk[0], wrong); math.Abs(d) < 1e-4 {
		t.Errorf("literal mask: ∂L/∂b_k = %g", d)
	}
	if d := difference(&p.Bk[0], func() float64 { return loss(nil) }); math.Abs(d) > differenceTolerance {
		t.Errorf("mask of -∞: ∂L/∂b_k = %g", d)
	}
}
