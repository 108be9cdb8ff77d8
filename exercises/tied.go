package exercises

import "github.com/pedestrian-ml/pedestrian/paper"

// TiedLogits reads one table w, V×d, at both ends: it embeds the ids, a1 = ohe w, T×d, and
// makes the logits, a12 = a11 wᵗ, T×V. Between the two stands the rest of the network, which
// makes a11 of a1.
//
// back takes D12, the error signal on the logits, T×V, and returns the gradient dw, V×d. The
// backward pass of what stands between is betweenBack.
func TiedLogits(ids []int, w paper.Mat, between Branch) (a12 paper.Mat, back func(D12 paper.Mat) (dw paper.Mat)) {
	ohe := paper.OneHot(ids, w.N)
	a1 := ohe.Mul(w)
	a11, betweenBack := between(a1)
	a12 = a11.Mul(w.T())

	back = func(D12 paper.Mat) (dw paper.Mat) {
		_ = betweenBack // Your lines.
		return dw
	}
	return a12, back
}
