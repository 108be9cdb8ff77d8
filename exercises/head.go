package exercises

import (
	"math"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// Head is one causal head of attention. aPrev is T×d; the weights of p are d×d_rho for
// queries and keys and d×d_h for values; a is T×d_h.
//
// back takes D, the error signal on a, T×d_h. It returns the error signal DPrev on aPrev,
// T×d, and the gradients of the six parameters in dp.
func Head(aPrev paper.Mat, p paper.Head) (a paper.Mat, back func(D paper.Mat) (DPrev paper.Mat, dp paper.Head)) {
	v := aPrev.Mul(p.Wv).Bias(p.Bv)
	q := aPrev.Mul(p.Wq).Bias(p.Bq)
	k := aPrev.Mul(p.Wk).Bias(p.Bk)
	rhoRaw := q.Mul(k.T())
	rhoScaled := rhoRaw.Scale(1 / math.Sqrt(float64(k.D)))
	rhoCausal := rhoScaled.Add(paper.Causal(aPrev.N))
	rho := paper.Softmax(rhoCausal)
	a = rho.Mul(v)

	back = func(D paper.Mat) (DPrev paper.Mat, dp paper.Head) {
		// Your lines.
		return DPrev, dp
	}
	return a, back
}
