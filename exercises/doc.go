// Package exercises holds ten layers whose backward pass is left out, for the learner to
// write. README.md has them in the order of the paper, with hints.
//
//	go test -tags exercises ./exercises -run Softmax
//
// runs the check of one of them. It holds every gradient against differences of the loss at
// five random points, and says in words what is wrong: "it is sqrt(d_rho) times the
// gradient", "right once it is transposed". Without the tag the check runs on the layers of
// package paper, which are the solutions, and on programs with known slips.
//
// Names are those of the language of package derive. a_prev is aPrev, and D is the error
// signal that comes in: the gradient of the loss with respect to the layer's output.
package exercises
