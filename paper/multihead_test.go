package paper

import (
	"fmt"
	"testing"
)

// One token sees only itself, so each head returns its value: 2 from the first,
// 3 from the second. Each gets its own column of the error.
func ExampleMultiHead() {
	x := Mat{1, 2, []float64{2, 3}}
	one := Mat{2, 1, []float64{1, 1}} // queries and keys: one token has no choice
	heads := []Head{
		{Wq: one, Wk: one, Wv: Mat{2, 1, []float64{1, 0}}},
		{Wq: one, Wk: one, Wv: Mat{2, 1, []float64{0, 1}}},
	}
	a, back := MultiHead(nil, x, heads, Causal(1))
	Δ, _ := back(Mat{1, 2, []float64{10, 20}})
	fmt.Println("a_i     =", a.V)
	fmt.Println("Δ_{i-1} =", Δ.V)
	// Output:
	// a_i     = [2 3]
	// Δ_{i-1} = [10 20]
}

// TestHeadsByHand is the example of docs/04-multihead.md: two heads of one feature
// with outputs 2 and 3, then the projection.
func TestHeadsByHand(t *testing.T) {
	heads := Concat(Mat{1, 1, []float64{2}}, Mat{1, 1, []float64{3}})
	w3 := Mat{2, 2, []float64{1, 2, 0, 1}}
	a, back := FC(nil, heads, w3, nil)
	same(t, "a_4", a.V, Vec{2, 7}, 0)
	Δ3, _, _ := back(Mat{1, 2, []float64{1, -1}})
	same(t, "Δ_3", Δ3.V, Vec{-1, -1}, 0)
	same(t, "head 0", Δ3.Columns(0, 1).V, Vec{-1}, 0)
	same(t, "head 1", Δ3.Columns(1, 1).V, Vec{-1}, 0)
}

// TestMultiHead differentiates L = Δ·a with three heads that differ in d_ρ and in
// d_h, and with one.
func TestMultiHead(t *testing.T) {
	s := draw(40)
	n, d := 4, 5
	for _, heads := range [][]Head{
		{s.head(d, 3, 2), s.head(d, 1, 4), s.head(d, 6, 1)},
		{s.head(d, 2, 5)},
	} {
		x, m, dh := s.mat(n, d), Causal(n), 0
		for _, h := range heads {
			dh += h.Wv.D
		}
		Δ := s.mat(n, dh)
		loss := func() float64 {
			a, _ := MultiHead(nil, x, heads, m)
			return a.Dot(Δ)
		}
		a, back := MultiHead(nil, x, heads, m)
		ΔPrev, dp := back(Δ)
		if a.N != n || a.D != dh || len(dp) != len(heads) {
			t.Fatalf("output %d×%d, gradients of %d heads", a.N, a.D, len(dp))
		}
		check(t, "(35)", x.V, ΔPrev.V, loss)
		for h, p := range heads {
			check(t, fmt.Sprint("w_q of head ", h), p.Wq.V, dp[h].Wq.V, loss)
			check(t, fmt.Sprint("w_k of head ", h), p.Wk.V, dp[h].Wk.V, loss)
			check(t, fmt.Sprint("w_v of head ", h), p.Wv.V, dp[h].Wv.V, loss)
			check(t, fmt.Sprint("b_q of head ", h), p.Bq, dp[h].Bq, loss)
			check(t, fmt.Sprint("b_k of head ", h), p.Bk, dp[h].Bk, loss)
			check(t, fmt.Sprint("b_v of head ", h), p.Bv, dp[h].Bv, loss)
		}
	}
}

// TestHeadsDoNotMeet: an error on the columns of one head reaches no parameter of
// another.
func TestHeadsDoNotMeet(t *testing.T) {
	s := draw(41)
	heads := []Head{s.head(5, 2, 2), s.head(5, 3, 3)}
	_, back := MultiHead(nil, s.mat(4, 5), heads, Causal(4))
	_, dp := back(Concat(Zeros(4, 2), s.mat(4, 3)))
	for _, g := range []Mat{dp[0].Wq, dp[0].Wk, dp[0].Wv} {
		same(t, "head 0", g.V, make(Vec, len(g.V)), 0)
	}
	if dp[1].Wv.Dot(dp[1].Wv) == 0 {
		t.Error("head 0 got no error")
	}
}
