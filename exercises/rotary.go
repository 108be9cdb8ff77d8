package exercises

import (
	"math"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// Rotary turns pairs of numbers of each token by the angles theta: a = aPrev ∘ cos theta +
// (aPrev Q) ∘ sin theta. aPrev, theta and a are T×d_rho. Q, d_rho×d_rho, is the quarter turn
// of every pair: row (x, y) becomes (-y, x). Both columns of a pair have one angle.
//
// back takes D, the error signal on a, T×d_rho, and returns DPrev, that on aPrev.
func Rotary(aPrev, theta, Q paper.Mat) (a paper.Mat, back func(D paper.Mat) (DPrev paper.Mat)) {
	cos, sin := paper.Zeros(theta.N, theta.D), paper.Zeros(theta.N, theta.D)
	for i, angle := range theta.V {
		cos.V[i], sin.V[i] = math.Cos(angle), math.Sin(angle)
	}
	a = aPrev.Had(cos).Add(aPrev.Mul(Q).Had(sin))

	back = func(D paper.Mat) (DPrev paper.Mat) {
		// Your lines.
		return DPrev
	}
	return a, back
}
