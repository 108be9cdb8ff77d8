package docs_test

import (
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// rounded is what a sum of a few numbers of size ten may be off by in float64.
const rounded = 1e-13

// same compares numbers with those that a chapter derives by hand.
func same(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, by hand %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > rounded {
			t.Errorf("%s: %v, by hand %v", what, got, want)
			return
		}
	}
}

func mat(n, d int, v ...float64) paper.Mat { return paper.Mat{N: n, D: d, V: v} }

// TestDotByHand: identity (51) in numbers.
func TestDotByHand(t *testing.T) {
	a, b, c := mat(1, 3, 1, 2, 0), mat(1, 3, 3, 4, 0), mat(1, 3, 5, 6, 0)
	left := a.Had(b).Dot(paper.Cols(b.FeatureDot(c), 3))
	right := paper.Cols(a.FeatureDot(b), 3).Had(b).Dot(c)
	same(t, "(51)", []float64{left, right}, []float64{429, 429})
}

// TestLossByHand: three tokens of vocabulary, one position.
func TestLossByHand(t *testing.T) {
	z := mat(1, 3, 0, math.Log(2), math.Log(3))
	loss, back := paper.Loss(nil, z, []int{1}, 1)
	same(t, "y", paper.Softmax(z).V, []float64{1. / 6, 1. / 3, 1. / 2})
	same(t, "ℓ", []float64{loss}, []float64{math.Log(3)})
	same(t, "Δ_logits", back().V, []float64{1. / 6, -2. / 3, 1. / 2})
}

// TestEmbeddingByHand: a token that occurs twice, one that does not occur.
func TestEmbeddingByHand(t *testing.T) {
	Δ := mat(3, 2, 1, 2, 3, 4, 5, 6)
	_, tok, _ := paper.Embedding(nil, []int{2, 0, 2}, paper.Zeros(3, 2))
	_, pos, _ := paper.Embedding(nil, []int{0, 1, 2}, paper.Zeros(3, 2))
	same(t, "∂L/∂w_tok", tok(Δ).V, []float64{3, 4, 0, 0, 6, 8})
	same(t, "∂L/∂w_pos", pos(Δ).V, Δ.V)
	same(t, "column sums", tok(Δ).SumTokens(), []float64{9, 12})
	same(t, "column sums", pos(Δ).SumTokens(), []float64{9, 12})
}

// TestAttentionByHand: two tokens whose queries, keys and values are numbers.
func TestAttentionByHand(t *testing.T) {
	log3 := math.Log(3)
	p := paper.Head{Wq: mat(2, 1, 5, 1), Wk: mat(2, 1, 0, log3), Wv: mat(2, 1, 4, 8)}
	var tr paper.Trace
	Δ := mat(2, 1, 1, 2)
	a, back := paper.Attention(&tr, mat(2, 2, 1, 0, 0, 1), p, paper.Causal(2))
	_, dp := back(Δ)
	step := func(name string) []float64 {
		s, ok := tr.Find("", name)
		if !ok {
			t.Fatalf("no %s in the trace", name)
		}
		return s.V.V
	}
	same(t, "q", step("q_h"), []float64{5, 1})
	same(t, "k", step("k_h"), []float64{0, log3})
	same(t, "ρ", step("ρ"), []float64{1, 0, 1. / 4, 3. / 4})
	same(t, "a", a.V, []float64{4, 7})
	same(t, "Δ ⊖ a", Δ.FeatureDot(a), []float64{4, 14})
	same(t, "Δ^causal", step("Δ^causal"), []float64{0, 0, -3. / 2, 3. / 2})
	same(t, "∂L/∂b_v", dp.Bv, []float64{3})
	same(t, "Δ_raw k", dp.Wq.V, []float64{0, 3. / 2 * log3})      // the input is the identity
	same(t, "Δ_rawᵗ q", dp.Wk.V, []float64{-3. / 2, 3. / 2})      //
	same(t, "ρᵗ Δ", dp.Wv.V, []float64{1 + 1./2, 3. / 2})         //
	same(t, "∂L/∂b_k", dp.Bk, []float64{dp.Wk.V[0] + dp.Wk.V[1]}) // (29): the sum is zero
}

// TestHeadsByHand: two heads of one feature and the projection behind them.
func TestHeadsByHand(t *testing.T) {
	heads := paper.Concat(mat(1, 1, 2), mat(1, 1, 3))
	w := mat(2, 2, 1, 2, 0, 1)
	a, back := paper.FC(nil, heads, w, nil)
	Δ, _, _ := back(mat(1, 2, 1, -1))
	same(t, "a w", a.V, []float64{2, 7})
	same(t, "Δ_3", Δ.V, []float64{-1, -1})
	same(t, "head 1", Δ.Columns(0, 1).V, []float64{-1})
}

// TestLoRAByHand: rank one.
func TestLoRAByHand(t *testing.T) {
	d, u := mat(2, 1, 3, 4), mat(1, 2, 5, 6)
	a, back := paper.LoRA(nil, mat(1, 2, 1, 2), d, u, 2)
	Δ, dd, du := back(mat(1, 2, 1, -1))
	same(t, "a", a.V, []float64{110, 132})
	same(t, "Δ_{i-1}", Δ.V, []float64{-6, -8})
	same(t, "∂L/∂d", dd.V, []float64{-2, -4})
	same(t, "∂L/∂u", du.V, []float64{22, -22})
	same(t, "dᵗ∂d = ∂u uᵗ", d.T().Mul(dd).V, du.Mul(u.T()).V)
}
