package exercises

import "github.com/pedestrian-ml/pedestrian/paper"

// LoRA is a frozen fully connected layer with an adapter beside it:
// a = aPrev w + ~b + alpha aPrev d u. aPrev is T×f, w is f×g, b has g numbers, d is f×r, u is
// r×g, a is T×g. The frozen w and b get no gradient.
//
// back takes D, the error signal on a, T×g. It returns the error signal DPrev on aPrev, T×f,
// and the gradients dd, f×r, and du, r×g.
func LoRA(aPrev, w paper.Mat, b paper.Vec, d, u paper.Mat, alpha float64) (a paper.Mat, back func(D paper.Mat) (DPrev, dd, du paper.Mat)) {
	frozen := aPrev.Mul(w).Bias(b)
	adapter := aPrev.Mul(d).Mul(u).Scale(alpha)
	a = frozen.Add(adapter)

	back = func(D paper.Mat) (DPrev, dd, du paper.Mat) {
		// Your lines.
		return DPrev, dd, du
	}
	return a, back
}
