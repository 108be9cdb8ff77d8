package paper

import (
	"math"
	"testing"
)

// This file demonstrates what the paper says of attention in words and in
// equations that no line of code computes: (5.a) to (8), (11), (14), (17) to (21),
// (26), (29) and the box on permutations.

// run runs one head and returns its steps by name.
func run(x Mat, p Head, m Mat, Δ Mat) (steps map[string]Mat, dp Head) {
	var tr Trace
	_, back := Attention(&tr, x, p, m)
	_, dp = back(Δ)
	steps = map[string]Mat{}
	for _, s := range tr.Steps {
		steps[s.Name] = s.V
	}
	return steps, dp
}

// TestCausalAverages: each token's output is the average (5.a) to (5.d) of its own
// and earlier values, with weights that are positive and sum to one (14), and zero
// above the diagonal (6). Averages stay within the values' range.
func TestCausalAverages(t *testing.T) {
	s := draw(3)
	n, dh := 5, 3
	steps, _ := run(s.mat(n, 6), s.head(6, 4, dh), Causal(n), s.mat(n, dh))
	ρ, v, a := steps["ρ"], steps["v_h"], steps["a_i^h"]
	if ρ.At(0, 0) != 1 {
		t.Errorf("(5.a): ρ_11 = %g", ρ.At(0, 0))
	}
	same(t, "(5.a): the first token returns its own value", a.Row(0), v.Row(0), 0)
	for i := range n {
		sum, average := 0.0, make(Vec, dh)
		low, high := v.Row(i), v.Row(i)
		for j := range n {
			if w := ρ.At(i, j); j > i && w != 0 || j <= i && !(w > 0) {
				t.Errorf("(6): ρ(%d, %d) = %g", i, j, w)
			}
			if j > i {
				continue
			}
			sum += ρ.At(i, j)
			for f := range dh {
				average[f] += ρ.At(i, j) * v.At(j, f)
			}
			low, high = entrywise(math.Min, low, v.Row(j)), entrywise(math.Max, high, v.Row(j))
		}
		same(t, "(14)", []float64{sum}, []float64{1}, rounding)
		same(t, "(5.d)", a.Row(i), average, rounding)
		for f, x := range a.Row(i) {
			if x < low[f]-rounding || x > high[f]+rounding {
				t.Errorf("token %d: output %g outside of the values %g to %g", i, x, low[f], high[f])
			}
		}
	}
}

func entrywise(f func(x, y float64) float64, a, b []float64) []float64 {
	c := make([]float64, len(a))
	for i := range a {
		c[i] = f(a[i], b[i])
	}
	return c
}

// TestPairWeights: an entry of ρ^raw is the dot product of a query and a key (7),
// and its row t, the attention vector of token t, depends on no other query (11).
func TestPairWeights(t *testing.T) {
	s := draw(4)
	n, dρ := 4, 3
	steps, _ := run(s.mat(n, 6), s.head(6, dρ, 2), Causal(n), s.mat(n, 2))
	q, k, ρRaw := steps["q_h"], steps["k_h"], steps["ρ^raw"]
	for i := range n {
		for j := range n {
			same(t, "(7)", []float64{ρRaw.At(i, j)}, []float64{Vec(q.Row(i)).Dot(k.Row(j))}, rounding)
		}
		vector := Vec(q.Row(i)).row().Mul(k.T())
		same(t, "(11)", ρRaw.Row(i), vector.V, rounding)
	}
}

// TestTwoBranches: queries and keys are two branches from one input (8). With one
// map for both the raw weights are symmetric; with two they are not.
func TestTwoBranches(t *testing.T) {
	s := draw(5)
	n := 4
	x, p, Δ := s.mat(n, 6), s.head(6, 3, 2), s.mat(n, 2)
	asymmetry := func(p Head) (worst float64) {
		steps, _ := run(x, p, Causal(n), Δ)
		for _, e := range steps["ρ^raw"].Sub(steps["ρ^raw"].T()).V {
			worst = max(worst, math.Abs(e))
		}
		return worst
	}
	if e := asymmetry(p); e < 1 {
		t.Errorf("two maps: ρ^raw is symmetric to %.1e", e)
	}
	p.Wk, p.Bk = p.Wq, p.Bq
	if e := asymmetry(p); e > rounding {
		t.Errorf("one map: ρ^raw is asymmetric by %.1e", e)
	}
}

// TestHeadSignature: a head takes n×d to n×d_h, whatever d_ρ (17).
func TestHeadSignature(t *testing.T) {
	s := draw(6)
	for _, c := range [][4]int{{1, 4, 1, 1}, {3, 4, 2, 5}, {5, 2, 7, 3}} {
		n, d, dρ, dh := c[0], c[1], c[2], c[3]
		a, back := Attention(nil, s.mat(n, d), s.head(d, dρ, dh), Causal(n))
		ΔPrev, _ := back(a)
		if a.N != n || a.D != dh || ΔPrev.N != n || ΔPrev.D != d {
			t.Errorf("n, d, d_ρ, d_h = %v: output %d×%d, error handed down %d×%d", c, a.N, a.D, ΔPrev.N, ΔPrev.D)
		}
	}
}

// TestHeadInOneLine: softmax(q kᵗ/√d_ρ + m) v (18).
func TestHeadInOneLine(t *testing.T) {
	s := draw(7)
	n, dρ := 5, 3
	x, p := s.mat(n, 6), s.head(6, dρ, 2)
	a, _ := Attention(nil, x, p, Causal(n))
	q, k, v := x.Mul(p.Wq).Bias(p.Bq), x.Mul(p.Wk).Bias(p.Bk), x.Mul(p.Wv).Bias(p.Bv)
	line := Softmax(q.Mul(k.T()).Scale(1 / math.Sqrt(float64(dρ))).Add(Causal(n))).Mul(v)
	same(t, "(18)", a.V, line.V, 0)
}

// TestTwoLayers: with values alone, the output of two heads is a double sum over
// tokens in which three of them meet (20).
func TestTwoLayers(t *testing.T) {
	s := draw(9)
	n, d := 4, 3
	x, p1, p2 := s.mat(n, d), s.head(d, 2, d), s.head(d, 2, d)
	p1.Bv, p2.Bv = nil, nil
	one, _ := run(x, p1, Causal(n), s.mat(n, d))
	two, _ := run(one["a_i^h"], p2, Causal(n), s.mat(n, d))
	w := p1.Wv.Mul(p2.Wv)
	for i := range n {
		sum := Zeros(1, d)
		for α := range n {
			for β := range n {
				weight := two["ρ"].At(i, α) * one["ρ"].At(α, β)
				sum = sum.Add(Vec(x.Row(β)).row().Mul(w).Scale(weight))
			}
		}
		same(t, "(20)", two["a_i^h"].Row(i), sum.V, rounding)
	}
}

// TestValueBias: Σ_tokens ρᵗ Δ is Σ_tokens Δ for any weights whose rows sum to one
// (21), so scrambling them moves ∂L/∂w_v and not ∂L/∂b_v.
func TestValueBias(t *testing.T) {
	s := draw(10)
	n := 5
	x, p, Δ := s.mat(n, 6), s.head(6, 3, 2), s.mat(n, 2)
	steps, dp := run(x, p, Causal(n), Δ)
	same(t, "(21)", dp.Bv, steps["ρ"].T().Mul(Δ).SumTokens(), rounding)
	other := p
	other.Wq = s.mat(6, 3)
	_, scrambled := run(x, other, Unmasked(n), Δ)
	same(t, "(24)", scrambled.Bv, dp.Bv, 0)
	if e := scrambled.Wv.Sub(dp.Wv); e.Dot(e) < 1e-3 {
		t.Error("∂L/∂w_v did not notice that the weights are others")
	}
}

// TestErrorRowsSumToZero: every row of Δ^causal sums to zero (26), the mirror of
// (14). The first row is zero altogether, since the first token has no choice.
func TestErrorRowsSumToZero(t *testing.T) {
	s := draw(11)
	n := 6
	steps, _ := run(s.mat(n, 6), s.head(6, 3, 2), Causal(n), s.mat(n, 2))
	same(t, "(26)", steps["Δ^causal"].SumFeatures(), make(Vec, n), rounding)
	same(t, "first row", steps["Δ^causal"].Row(0), make(Vec, n), 0)
}

// TestPermutation: without the mask, permuting tokens permutes outputs and error
// signals and does nothing else (box after (33)); with the mask it does not.
func TestPermutation(t *testing.T) {
	s := draw(14)
	n := 5
	P := OneHot([]int{3, 0, 4, 1, 2}, n)
	x, p, Δ := s.mat(n, 6), s.head(6, 3, 2), s.mat(n, 2)
	apart := func(m Mat) (forward, backward float64) {
		a, back := Attention(nil, x, p, m)
		ΔPrev, _ := back(Δ)
		aP, backP := Attention(nil, P.Mul(x), p, m)
		ΔPrevP, _ := backP(P.Mul(Δ))
		f, b := aP.Sub(P.Mul(a)), ΔPrevP.Sub(P.Mul(ΔPrev))
		return math.Sqrt(f.Dot(f)), math.Sqrt(b.Dot(b))
	}
	if f, b := apart(Unmasked(n)); f > rounding || b > rounding {
		t.Errorf("no mask: outputs %.1e apart, errors %.1e", f, b)
	}
	if f, b := apart(Causal(n)); f < 0.1 || b < 0.1 {
		t.Errorf("mask: outputs %.1e apart, errors %.1e: it should have broken the symmetry", f, b)
	}
}

// TestScaling: dot products of d_ρ numbers from N(0, 1) have variance d_ρ, and
// ρ^scaled has variance 1 (12).
func TestScaling(t *testing.T) {
	s := draw(15)
	n, dρ := 400, 48
	q, k := s.mat(n, dρ), s.mat(n, dρ)
	ρRaw := q.Mul(k.T())
	// The variance of 160,000 weakly dependent products scatters by about 1/√n = 5 %;
	// four times that is the limit.
	if v := ρRaw.Dot(ρRaw) / float64(n*n) / float64(dρ); math.Abs(v-1) > 0.2 {
		t.Errorf("variance of ρ^raw is %.3f d_ρ", v)
	}
}

// TestIdentityWeights: with ρ = 1 a head returns its values.
func TestIdentityWeights(t *testing.T) {
	s := draw(16)
	n := 4
	tr := &Trace{Rewrite: func(r Step) Mat {
		if r.Name == "ρ" {
			return OneHot(positions(n, nil), n)
		}
		return r.V
	}}
	a, _ := Attention(tr, s.mat(n, 6), s.head(6, 3, 2), Causal(n))
	v, _ := tr.Find("", "v_h")
	same(t, "ρ = 1", a.V, v.V.V, 0)
}
