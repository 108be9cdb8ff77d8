package paper

import (
	"math"
	"testing"
)

// This file demonstrates the appendices of the paper and the identity that every
// backward pass starts from, on random matrices whose dimensions all differ.

// TestRowMixing: a row of a product is the sum of the right factor's rows, each
// weighted by an entry of the left factor's (47); with a triangular left factor
// the sum stops at the row itself (48).
func TestRowMixing(t *testing.T) {
	s := draw(20)
	n, d := 5, 3
	a := s.mat(n, d)
	for _, c := range []struct {
		name string
		ρ    Mat
		last func(i int) int
	}{
		{"(47)", s.mat(n, n), func(int) int { return n }},
		{"(48)", s.mat(n, n).Had(Causal(n).mapped(math.Exp)), func(i int) int { return i + 1 }},
	} {
		mixed := c.ρ.Mul(a)
		for i := range n {
			sum := make(Vec, d)
			for j := range c.last(i) {
				for f := range d {
					sum[f] += c.ρ.At(i, j) * a.At(j, f)
				}
			}
			same(t, c.name, mixed.Row(i), sum, rounding)
		}
	}
}

// TestFrobeniusTranspose: A · Bᵗ = Aᵗ · B (49).
func TestFrobeniusTranspose(t *testing.T) {
	s := draw(21)
	a, b := s.mat(3, 5), s.mat(5, 3)
	same(t, "(49)", Vec{a.Dot(b.T())}, Vec{a.T().Dot(b)}, rounding)
}

// TestFrobeniusCycles: one trace, three gradients: A·(BCD) = (A(CD)ᵗ)·B =
// (BᵗADᵗ)·C = ((BC)ᵗA)·D.
func TestFrobeniusCycles(t *testing.T) {
	s := draw(22)
	a, b, c, d := s.mat(2, 5), s.mat(2, 3), s.mat(3, 4), s.mat(4, 5)
	whole := a.Dot(b.Mul(c).Mul(d))
	same(t, "B", Vec{a.Mul(c.Mul(d).T()).Dot(b)}, Vec{whole}, rounding)
	same(t, "C", Vec{b.T().Mul(a).Mul(d.T()).Dot(c)}, Vec{whole}, rounding)
	same(t, "D", Vec{b.Mul(c).T().Mul(a).Dot(d)}, Vec{whole}, rounding)
}

// TestRowDotBroadcast: the broadcast of A ⊖ B is (A ∘ B) J (50).
func TestRowDotBroadcast(t *testing.T) {
	s := draw(23)
	a, b := s.mat(4, 3), s.mat(4, 3)
	ones := each(3, 3, func(_, _ int) float64 { return 1 })
	same(t, "(50)", Cols(a.FeatureDot(b), 3).V, a.Had(b).Mul(ones).V, rounding)
}

// TestRowDotPartners: (A ∘ B) · (B ⊖ C)~ = [(A ⊖ B)~ ∘ B] · C (51), also for the
// numbers of docs/02-loss-embedding.md.
func TestRowDotPartners(t *testing.T) {
	s := draw(24)
	left := func(a, b, c Mat) float64 { return a.Had(b).Dot(Cols(b.FeatureDot(c), a.D)) }
	right := func(a, b, c Mat) float64 { return Cols(a.FeatureDot(b), a.D).Had(b).Dot(c) }
	a, b, c := s.mat(4, 3), s.mat(4, 3), s.mat(4, 3)
	same(t, "(51)", Vec{left(a, b, c)}, Vec{right(a, b, c)}, rounding)
	a, b, c = Vec{1, 2}.row(), Vec{3, 4}.row(), Vec{5, 6}.row()
	same(t, "(51) by hand", Vec{left(a, b, c), right(a, b, c)}, Vec{429, 429}, 0)
}

// TestSumOfRows: the sum over rows goes to the left factor, Σ_rows AB = (Σ_rows A) B
// (52).
func TestSumOfRows(t *testing.T) {
	s := draw(25)
	a, b := s.mat(4, 4), s.mat(4, 3)
	same(t, "(52)", a.Mul(b).SumTokens(), a.SumTokens().row().Mul(b).V, rounding)
}

// TestSoftmaxPattern: a broadcast bias, transposed, behind a matrix shifts every
// row by a number of its own: H b̃ᵗ is the broadcast of λ = H b (53), and softmax
// does not see it (54).
func TestSoftmaxPattern(t *testing.T) {
	s := draw(26)
	n, dρ := 5, 3
	g, h, b := s.mat(n, n), s.mat(n, dρ), s.vec(dρ)
	shift := h.Mul(Rows(b, n).T())
	same(t, "(53)", shift.V, Cols(h.FeatureDot(Rows(b, n)), n).V, rounding)
	same(t, "(54)", Softmax(g.Add(shift)).V, Softmax(g).V, rounding)
	same(t, "(54), masked", Softmax(g.Add(shift).Add(Causal(n))).V, Softmax(g.Add(Causal(n))).V, rounding)
}

// TestSoftmaxPermutations: softmax commutes with permutations of rows (55.a) and
// of columns (55.b), to the rounding of a sum in another order.
func TestSoftmaxPermutations(t *testing.T) {
	s := draw(27)
	a := s.mat(4, 5)
	p1, p2 := OneHot([]int{2, 0, 3, 1}, 4), OneHot([]int{4, 2, 0, 1, 3}, 5)
	same(t, "(55.a)", Softmax(p1.Mul(a)).V, p1.Mul(Softmax(a)).V, 0)
	same(t, "(55.b)", Softmax(a.Mul(p2)).V, Softmax(a).Mul(p2).V, rounding)
}

// TestRecursion: Δ_i · da_i = Δ_{i-1} · da_{i-1} + Σ_P ∂L/∂P · dP, the identity
// that every backward pass starts from, for small nudges of a layer's input and
// parameters.
func TestRecursion(t *testing.T) {
	s := draw(28)
	x, w, Δ := s.mat(4, 6), s.vec(6), s.mat(4, 6)
	b := s.vec(6)
	dx, dw, db := s.mat(4, 6), s.vec(6), s.vec(6)
	nudge := 0.0
	right := func() float64 {
		move := func(v, d Vec) Vec { return v.row().Add(d.row().Scale(nudge)).V }
		a, _ := LayerNorm(nil, x.Add(dx.Scale(nudge)), move(w, dw), move(b, db), 1e-5)
		return Δ.Dot(a)
	}
	_, back := LayerNorm(nil, x, w, b, 1e-5)
	ΔPrev, gw, gb := back(Δ)
	same(t, "Δ_i · da_i", Vec{difference(&nudge, right)}, Vec{ΔPrev.Dot(dx) + gw.Dot(dw) + gb.Dot(db)}, differenceTolerance)
}
