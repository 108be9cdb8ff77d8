package paper

import "fmt"

// Ignored is the target of a token that is not in the loss: padding, a prompt, or
// the last token, whose successor is unknown.
const Ignored = -1

// Reduction says how the losses of tokens make one number.
type Reduction int

const (
	Mean Reduction = iota // over the counted targets of the whole batch
	Sum                   // over the same; the paper's formulas
)

// String is "mean" or "sum".
func (r Reduction) String() string {
	if r == Sum {
		return "sum"
	}
	return "mean"
}

// Weight is what the loss of one counted token is multiplied by: 1 for Sum, 1/N
// for Mean, with N counted tokens in the batch. When none is counted it is 0.
func (r Reduction) Weight(batch []Sequence) float64 {
	n := 0
	for _, s := range batch {
		for _, y := range s.Targets {
			if y != Ignored {
				n++
			}
		}
	}
	switch {
	case n == 0:
		return 0
	case r == Sum:
		return 1
	}
	return 1 / float64(n)
}

// Loss is softmax and cross-entropy in one (§1). aPrev are the logits, n×V; every
// token has a target in 0…V-1, or Ignored. A counted token has the weight c, see
// Reduction.Weight, an ignored one 0.
//
//	y_pred   = softmax(a_{i-1})                        (T2)
//	ℓ        = -y_gt ⊖ log y_pred                      (loss)
//	L        = c · ℓ                                   (L)
//	Δ_logits = c̃ ∘ (y_pred - y_gt)                     (delta12)
//
// The logarithm is taken of the sum that softmax divides by, never of a
// probability: -y_gt ⊖ log y_pred = log Σ e^a - y_gt ⊖ a. Derivation:
// docs/02-loss-embedding.md.
func Loss(tr *Trace, aPrev Mat, targets []int, c float64) (loss float64, back func() (ΔPrev Mat)) {
	if len(targets) != aPrev.N {
		panic(fmt.Sprintf("paper.Loss: logits %d×%d, %d targets", aPrev.N, aPrev.D, len(targets)))
	}
	weights := make(Vec, len(targets))
	for t, y := range targets {
		if y < Ignored || y >= aPrev.D {
			panic(fmt.Sprintf("paper.Loss: target %d at position %d is neither one of %d tokens nor Ignored", y, t, aPrev.D))
		}
		if y != Ignored {
			weights[t] = c
		}
	}
	yGt := tr.Eq("", "y_gt", OneHot(targets, aPrev.D))
	yPred := tr.Eq("T2", "y_pred", Softmax(aPrev))
	l := tr.Vec("loss", "ℓ", LogSumExp(aPrev).Sub(yGt.FeatureDot(aPrev)))
	loss = tr.Vec("L", "L", Vec{weights.Dot(l)})[0]

	back = func() (ΔPrev Mat) {
		return tr.Eq("delta12", "Δ_{logits}", yPred.Sub(yGt).Had(Cols(weights, aPrev.D)))
	}
	return loss, back
}
