package paper

import "fmt"

// Embedding looks up a row of the table w for every id (§2). w is n_V×d, a is
// n×d. Looking up is a product with one-hot rows, which can be differentiated:
//
//	a_i       = ohe(a_{i-1}) w_emb       (2)
//	∂L/∂w_emb = ohe(a_{i-1})ᵗ Δ_i        (3)
//
// Rows of ids that do not occur get exactly zero; those that occur twice get both
// errors. The result input is the other term of the same derivation, the error on
// the one-hot rows, n×n_V, for whoever asks what another token would have done:
//
//	Δ_ohe     = Δ_i w_embᵗ               (3.input)
//
// It panics when an id is not a row of w. Derivation: docs/02-loss-embedding.md.
func Embedding(tr *Trace, ids []int, w Mat) (a Mat, back func(Δ Mat) (dw Mat), input func(Δ Mat) (ΔPrev Mat)) {
	for t, id := range ids {
		if id < 0 || id >= w.N {
			panic(fmt.Sprintf("paper.Embedding: id %d at position %d is not a row of a table %d×%d", id, t, w.N, w.D))
		}
	}
	ohe := tr.Eq("", "ohe(a_{i-1})", OneHot(ids, w.N))
	a = tr.Eq("2", "a_i", ohe.Mul(w))

	back = func(Δ Mat) (dw Mat) {
		Δ.like(a, "Embedding: error signal")
		return tr.Eq("3", "∂L/∂w_emb", ohe.T().Mul(Δ))
	}
	input = func(Δ Mat) (ΔPrev Mat) {
		Δ.like(a, "Embedding: error signal")
		return tr.Eq("3.input", "Δ_ohe", Δ.Mul(w.T()))
	}
	return a, back, input
}
