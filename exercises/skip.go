package exercises

import "github.com/pedestrian-ml/pedestrian/paper"

// A Branch is what stands beside a skip connection, or between embedding and logits: a layer
// from a matrix to one of the same shape, with its own backward pass, which is right.
type Branch func(in paper.Mat) (out paper.Mat, back func(D paper.Mat) (DIn paper.Mat))

// Skip adds the output of a branch to its input: a5 = a1 + a4, where a4 = branch(a1). All are
// T×d.
//
// back takes D, the error signal on a5, T×d, and returns D1, that on a1. The backward pass of
// the branch is branchBack.
func Skip(a1 paper.Mat, branch Branch) (a5 paper.Mat, back func(D paper.Mat) (D1 paper.Mat)) {
	a4, branchBack := branch(a1)
	a5 = a1.Add(a4)

	back = func(D paper.Mat) (D1 paper.Mat) {
		_ = branchBack // Your lines.
		return D1
	}
	return a5, back
}
