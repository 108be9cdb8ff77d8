package paper

import "strconv"

// MultiHead runs any number of heads on one input and puts their outputs side by
// side (§4). aPrev is n×d, the mask m is n×n, a is n×Σ_h d_h. The projection that
// follows, attProj, is a layer of its own, as in the paper.
//
//	a_i     = concat_h a_i^h    (34)
//	Δ_{i-1} = Σ_h Δ_{i-1}^h     (35)
//
// where head h receives the columns of Δ_i that belong to the features it made.
// The heads may differ in d_ρ and in d_h. Derivation: docs/04-multihead.md.
func MultiHead(tr *Trace, aPrev Mat, heads []Head, m Mat) (a Mat, back func(Δ Mat) (ΔPrev Mat, dp []Head)) {
	aPrev = tr.Eq("", "a_{i-1}", aPrev)
	outs, backs := make([]Mat, len(heads)), make([]func(Δ Mat) (Mat, Head), len(heads))
	for h, p := range heads {
		outs[h], backs[h] = Attention(headTrace(tr, h), aPrev, p, m)
	}
	a = tr.Eq("34", "a_i", Concat(outs...))

	back = func(Δ Mat) (ΔPrev Mat, dp []Head) {
		Δ.like(a, "MultiHead: error signal")
		ΔPrev, dp = Zeros(aPrev.N, aPrev.D), make([]Head, len(heads))
		from := 0
		for h := range heads {
			Δh := headTrace(tr, h).Eq("35", "Δ_i^h", Δ.Columns(from, outs[h].D))
			ΔPrevH, dh := backs[h](Δh)
			ΔPrev, dp[h] = ΔPrev.Add(ΔPrevH), dh
			from += outs[h].D
		}
		return tr.Eq("35", "Δ_{i-1}", ΔPrev), dp
	}
	return a, back
}

func headTrace(tr *Trace, h int) *Trace { return tr.In("head." + strconv.Itoa(h)) }
