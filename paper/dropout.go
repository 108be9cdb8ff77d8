package paper

// Dropout multiplies aPrev, entry by entry, by a mask of zeros and of ones that
// were divided by the share of ones; what one entry loses forward it does not get
// back as an error. The paper has no dropout: LoRA has, on the input of the adapter
// alone. This package draws no random numbers, so the mask is all ones, as in
// evaluation, until Trace.Rewrite puts another in the place of the step "mask".
//
//	a_i     = a_{i-1} ∘ mask    (dropout)
//	Δ_{i-1} = Δ_i ∘ mask        (dropout)
//
// Derivation: docs/06-lora.md.
func Dropout(tr *Trace, aPrev Mat) (a Mat, back func(Δ Mat) (ΔPrev Mat)) {
	mask := tr.Eq("", "mask", each(aPrev.N, aPrev.D, func(_, _ int) float64 { return 1 }))
	aPrev = tr.Eq("", "a_{i-1}→mask", aPrev)
	a = tr.Eq("dropout", "a_i∘mask", aPrev.Had(mask))

	back = func(Δ Mat) (ΔPrev Mat) {
		Δ.like(a, "Dropout: error signal")
		return tr.Eq("dropout", "Δ_{i-1}∘mask", Δ.Had(mask))
	}
	return a, back
}
