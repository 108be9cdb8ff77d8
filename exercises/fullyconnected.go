package exercises

import "github.com/pedestrian-ml/pedestrian/paper"

// FullyConnected is a = aPrev w + ~b: aPrev is T×f, w is f×g, b has g numbers, a is T×g.
//
// back takes D, the error signal on a, T×g. It returns the error signal DPrev on aPrev, T×f,
// and the gradients dw, f×g, and db, g numbers.
func FullyConnected(aPrev, w paper.Mat, b paper.Vec) (a paper.Mat, back func(D paper.Mat) (DPrev, dw paper.Mat, db paper.Vec)) {
	a = aPrev.Mul(w).Bias(b)

	back = func(D paper.Mat) (DPrev, dw paper.Mat, db paper.Vec) {
		// Your lines.
		return DPrev, dw, db
	}
	return a, back
}
