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
