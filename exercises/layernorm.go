package exercises

import "github.com/pedestrian-ml/pedestrian/paper"

// LayerNorm takes its mean mu out of every token and divides by its deviation sigma; then
// each feature has a gain w and a bias b. aPrev and a are T×d; mu and sigma have T numbers, w
// and b d of them.
//
// back takes D, the error signal on a, T×d. It returns the error signal DPrev on aPrev, T×d,
// and the gradients dw and db, d numbers each.
func LayerNorm(aPrev paper.Mat, w, b paper.Vec, eps float64) (a paper.Mat, back func(D paper.Mat) (DPrev paper.Mat, dw, db paper.Vec)) {
	n, d := aPrev.N, aPrev.D
	mu, sigma := paper.Moments(aPrev, eps)
	abar := aPrev.Sub(paper.Cols(mu, d)).Div(paper.Cols(sigma, d))
	a = abar.Had(paper.Rows(w, n)).Bias(b)

	back = func(D paper.Mat) (DPrev paper.Mat, dw, db paper.Vec) {
		// Your lines.
		return DPrev, dw, db
	}
	return a, back
}
