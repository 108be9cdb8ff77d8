package exercises

import "github.com/pedestrian-ml/pedestrian/paper"

// Embedding looks up a row of the table w for each of T ids: w is V×d, a is T×d. The product
// with the one-hot rows ohe, T×V, says the same: a = ohe w.
//
// back takes D, the error signal on a, T×d, and returns the gradient dw, V×d.
func Embedding(ids []int, w paper.Mat) (a paper.Mat, back func(D paper.Mat) (dw paper.Mat)) {
	ohe := paper.OneHot(ids, w.N)
	a = ohe.Mul(w)

	back = func(D paper.Mat) (dw paper.Mat) {
		// Your lines.
		return dw
	}
	return a, back
}
