package paper

import (
	"fmt"
	"testing"
)

// Token 2 occurs twice and gets both of its errors; token 1 does not occur.
func ExampleEmbedding() {
	w := Mat{3, 2, []float64{10, 11, 20, 21, 30, 31}}
	a, back, _ := Embedding(nil, []int{2, 0, 2}, w)
	dw := back(Mat{3, 2, []float64{1, 2, 3, 4, 5, 6}})
	fmt.Println("a_i       =", a.V)
	fmt.Println("∂L/∂w_emb =", dw.V)
	// Output:
	// a_i       = [30 31 10 11 30 31]
	// ∂L/∂w_emb = [3 4 0 0 6 8]
}

func TestEmbedding(t *testing.T) {
	s := draw(90)
	ids, w, Δ := []int{2, 5, 2, 0}, s.mat(6, 3), s.mat(4, 3)
	loss := func() float64 {
		a, _, _ := Embedding(nil, ids, w)
		return a.Dot(Δ)
	}
	a, back, _ := Embedding(nil, ids, w)
	dw := back(Δ)
	check(t, "(3)", w.V, dw.V, loss)
	for i, id := range ids {
		same(t, "(2)", a.Row(i), w.Row(id), 0)
	}
	for _, absent := range []int{1, 3, 4} {
		same(t, "absent", dw.Row(absent), make(Vec, 3), 0)
	}
	same(t, "column sums", dw.SumTokens(), Δ.SumTokens(), rounding)
}

// TestEmbeddingInput: the error on the one-hot rows predicts what mixing in
// another token would do.
func TestEmbeddingInput(t *testing.T) {
	s := draw(91)
	ids, w, Δ := []int{2, 5, 2, 0}, s.mat(6, 3), s.mat(4, 3)
	δ := Zeros(4, 6)
	tr := &Trace{Rewrite: func(r Step) Mat {
		if r.Name == "ohe(a_{i-1})" {
			return r.V.Add(δ)
		}
		return r.V
	}}
	_, _, input := Embedding(nil, ids, w)
	check(t, "Δ_ohe", δ.V, input(Δ).V, func() float64 {
		a, _, _ := Embedding(tr, ids, w)
		return a.Dot(Δ)
	})
}

func TestEmbeddingPanics(t *testing.T) {
	panics(t, "paper.Embedding: id 6 at position 1 is not a row of a table 6×3", func() { Embedding(nil, []int{0, 6}, Zeros(6, 3)) })
	panics(t, "paper.Embedding: id -1 at position 0 is not a row of a table 6×3", func() { Embedding(nil, []int{-1}, Zeros(6, 3)) })
}
