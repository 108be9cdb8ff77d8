// Layer derives a layer of one's own, dynamic tanh (Zhu et al. 2025), and holds its backward
// pass against central differences.
//
//	go run ./examples/layer
package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

func main() {
	ok := true
	check(func(name string, c gradcheck.Comparison) {
		fmt.Printf("%-6s %2d entries, worst relative error %.1e\n", name, c.Entries, float64(c.Error))
		ok = ok && c.OK
	})
	if !ok {
		os.Exit(1)
	}
}

// dynamicTanh computes y = tanh(alpha x) diag(w) + b for x, n×d. Its pullback follows from
// dy · d(y), expanded until every term is something times a nudge of x, alpha, w or b.
func dynamicTanh(x paper.Mat, alpha float64, w, b paper.Vec) (y paper.Mat, back func(dy paper.Mat) (dx paper.Mat, dalpha float64, dw, db paper.Vec)) {
	t := x.Scale(alpha)
	for i, v := range t.V {
		t.V[i] = math.Tanh(v)
	}
	y = t.Had(paper.Rows(w, x.N)).Bias(b)
	back = func(dy paper.Mat) (dx paper.Mat, dalpha float64, dw, db paper.Vec) {
		g := dy.Had(paper.Rows(w, x.N)) // the error on t
		dz := g.Sub(g.Had(t).Had(t))    // the error on alpha x, since tanh' = 1 - tanh²
		return dz.Scale(alpha), dz.Dot(x), dy.Had(t).SumTokens(), dy.SumTokens()
	}
	return y, back
}

// check compares every gradient at a generic point: no gain is 1 and no bias is 0.
func check(tell func(name string, c gradcheck.Comparison)) {
	random := rand.New(rand.NewPCG(1, 2))
	x, w, b, alpha := paper.Zeros(4, 3), make(paper.Vec, 3), make(paper.Vec, 3), []float64{0.7}
	for _, v := range [][]float64{x.V, w, b} {
		for i := range v {
			v[i] = random.NormFloat64()
		}
	}
	loss := func() float64 { y, _ := dynamicTanh(x, alpha[0], w, b); return y.Dot(y) / 2 }
	y, back := dynamicTanh(x, alpha[0], w, b)
	dx, dalpha, dw, db := back(y) // the gradient of y·y/2 is y
	tell("x", gradcheck.Gradient(loss, x.V, dx.V))
	tell("alpha", gradcheck.Gradient(loss, alpha, []float64{dalpha}))
	tell("w", gradcheck.Gradient(loss, w, dw))
	tell("b", gradcheck.Gradient(loss, b, db))
}
