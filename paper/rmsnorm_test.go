package paper

import (
	"fmt"
	"math"
	"testing"
)

// One token (3, 4): its size is √12.5 with ε = 0.
func ExampleRMSNorm() {
	x := Mat{N: 1, D: 2, V: []float64{3, 4}}
	a, back := RMSNorm(nil, x, Vec{1, 1}, 0)
	Δ, dw := back(Mat{N: 1, D: 2, V: []float64{1, 0}})
	fmt.Printf("a_i     = %.4f\n", a.V)
	fmt.Printf("Δ_{i-1} = %.4f\n", Δ.V)
	fmt.Printf("∂L/∂w   = %.4f\n", dw)
	// Output:
	// a_i     = [0.8485 1.1314]
	// Δ_{i-1} = [0.1810 -0.1358]
	// ∂L/∂w   = [0.8485 0.0000]
}

// TestRMSNorm differentiates L = Δ·a numerically, for ε = 0 and for one so large that
// a formula with ε in the wrong place would show.
func TestRMSNorm(t *testing.T) {
	for _, ε := range []float64{0, 0.3} {
		t.Run(fmt.Sprint("ε=", ε), func(t *testing.T) {
			s := draw(60)
			n, d := 4, 6
			x, w, Δ := s.mat(n, d), s.vec(d), s.mat(n, d)
			loss := func() float64 {
				a, _ := RMSNorm(nil, x, w, ε)
				return a.Dot(Δ)
			}
			_, back := RMSNorm(nil, x, w, ε)
			ΔPrev, dw := back(Δ)
			check(t, "(L3)", x.V, ΔPrev.V, loss)
			check(t, "(L4)", w, dw, loss)
		})
	}
}

// TestOneLostDirection: Δ_{i-1} ⊖ a_{i-1} = (ε/σ²) (g ⊖ ā), zero for ε = 0 (L5). The
// rows of Δ_{i-1} do not sum to zero, as those of a layer norm do: one direction of a
// token is lost, not two.
func TestOneLostDirection(t *testing.T) {
	s := draw(61)
	n, d := 4, 6
	x, w, Δ := s.mat(n, d), s.vec(d), s.mat(n, d)
	for _, ε := range []float64{0, 0.3} {
		var tr Trace
		_, back := RMSNorm(&tr, x, w, ε)
		ΔPrev, _ := back(Δ)
		ā, _ := tr.Find("", "ā_{i-1}")
		σ, _ := tr.Find("", "σ")
		along := Δ.Had(Rows(w, n)).FeatureDot(ā.V)
		for i := range along {
			along[i] *= ε / (σ.V.V[i] * σ.V.V[i])
		}
		same(t, fmt.Sprint("(L5), ε=", ε), ΔPrev.FeatureDot(x), along, rounding)
		for i, sum := range ΔPrev.SumFeatures() {
			if math.Abs(sum) < 1e-3 {
				t.Errorf("ε=%g: row %d of Δ_{i-1} sums to %g", ε, i, sum)
			}
		}
	}
	// As matrices: the map from Δ_i to Δ_{i-1} of one token has rank d-1; that of a
	// layer norm has d-2. What it loses is the token itself, and all ones.
	token, one := s.mat(1, d), each(1, d, func(_, _ int) float64 { return 1 }).V
	_, rms := RMSNorm(nil, token, one, 0)
	_, ln := LayerNorm(nil, token, one, nil, 0)
	var rmsMap, lnMap Mat
	for j := range d {
		e := OneHot([]int{j}, d)
		a, _ := rms(e)
		b, _, _ := ln(e)
		rmsMap, lnMap = rmsMap.Append(a), lnMap.Append(b)
	}
	if r, l := rank(rmsMap), rank(lnMap); r != d-1 || l != d-2 {
		t.Errorf("ranks %d and %d of %d", r, l, d)
	}
}

// rank counts the pivots of Gauss' elimination.
func rank(a Mat) (r int) {
	a = each(a.N, a.D, a.At)
	for col := range a.D {
		best := r
		for t := r; t < a.N; t++ {
			if math.Abs(a.At(t, col)) > math.Abs(a.At(best, col)) {
				best = t
			}
		}
		if r == a.N || math.Abs(a.At(best, col)) < 1e-9 {
			continue
		}
		for j := range a.D {
			a.Row(r)[j], a.Row(best)[j] = a.Row(best)[j], a.Row(r)[j]
		}
		for t := r + 1; t < a.N; t++ {
			f := a.At(t, col) / a.At(r, col)
			for j := range a.D {
				a.Row(t)[j] -= f * a.At(r, j)
			}
		}
		r++
	}
	return r
}

// TestLayerNormIsRMSNorm: a layer norm is RMSNorm of what is left when the mean is
// taken out, for any ε (L6).
func TestLayerNormIsRMSNorm(t *testing.T) {
	s := draw(62)
	n, d := 4, 6
	x, w := s.mat(n, d), s.vec(d)
	for _, ε := range []float64{0, 0.3} {
		μ, _ := Moments(x, ε)
		ln, _ := LayerNorm(nil, x, w, nil, ε)
		rms, _ := RMSNorm(nil, x.Sub(Cols(μ, d)), w, ε)
		same(t, "(L6)", ln.V, rms.V, rounding)
	}
}

// TestRMSNormForgetsScale: with ε = 0, 2a gives what a gives, and half the error.
func TestRMSNormForgetsScale(t *testing.T) {
	s := draw(63)
	x, w, Δ := s.mat(4, 6), s.vec(6), s.mat(4, 6)
	a, back := RMSNorm(nil, x, w, 0)
	twice, backTwice := RMSNorm(nil, x.Scale(2), w, 0)
	ΔPrev, dw := back(Δ)
	ΔTwice, dwTwice := backTwice(Δ)
	same(t, "a_i", twice.V, a.V, 0)
	same(t, "Δ_{i-1}", ΔTwice.V, ΔPrev.Scale(0.5).V, 0)
	same(t, "∂L/∂w", dwTwice, dw, 0)
}

// TestTokenOfZeros: with ε = 0 it gives zeros, no error, and a report.
func TestTokenOfZeros(t *testing.T) {
	s := draw(64)
	x, w, Δ := s.mat(3, 5), s.vec(5), s.mat(3, 5)
	clear(x.Row(1))
	var tr Trace
	a, back := RMSNorm(&tr, x, w, 0)
	ΔPrev, dw := back(Δ)
	same(t, "a_i", a.Row(1), make(Vec, 5), 0)
	same(t, "Δ_{i-1}", ΔPrev.Row(1), make(Vec, 5), 0)
	for _, g := range dw {
		if math.IsNaN(g) {
			t.Error("∂L/∂w is not a number")
		}
	}
	if report, ok := tr.Find("", ConstantTokens); !ok || report.V.V[0] != 1 {
		t.Errorf("report %v", report.V)
	}
	panics(t, "paper.RMSNorm: input 2×3, gain of 2", func() { RMSNorm(nil, Zeros(2, 3), Vec{1, 1}, 0) })
}
