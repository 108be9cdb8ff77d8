package engine

import (
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

func TestLayerNorm(t *testing.T) { bothLanes(t, testLayerNorm[float64], testLayerNorm[float32]) }

func testLayerNorm[T Float](t *testing.T) {
	r := newLane[T](t)
	const n, d = 2*rowsPerPart + 5, 13
	for _, eps := range []float64{0, 0.1} {
		for _, bias := range []bool{true, false} {
			x, w, b, Δ := r.mat(n, d), r.vec(d), r.vec(d), r.mat(n, d)
			for j := range x.Row(3) { // a constant token, whose mean does not round to itself
				x.Row(3)[j] = 0.1
			}
			if !bias {
				b = nil
			}
			a, back := paper.LayerNorm(nil, x, w, b, eps)
			ΔPrev, dw, db := back(Δ)

			l := LayerNorm[T]{W: toVec[T](w), Eps: eps}
			grad := LayerNorm[T]{W: ones[T](1, d).V}
			if bias {
				l.B, grad.B = toVec[T](b), ones[T](1, d).V
			}
			c := &LayerNormCache[T]{Xhat: NewMat[T](n, d), Rstd: make([]T, n)}
			y, again, dx := rubbish[T](n, d), rubbish[T](n, d), to[T](paper.Zeros(n, d))
			l.Forward(r.pool, y, c, to[T](x))
			l.Affine(r.pool, again, c)
			l.Backward(r.pool, dx, grad, to[T](Δ), c)
			nearMat(t, "a_i (37)", y, a)
			nearMat(t, "a_i again", again, a)
			nearMat(t, "Δ_{i-1} (40)", dx, ΔPrev)
			nearMatPlus1(t, "∂L/∂w (41)", row(grad.W), rowOf(dw))
			if bias {
				nearMatPlus1(t, "∂L/∂b (42)", row(grad.B), rowOf(db))
			}
			l.Backward(r.pool, dx, LayerNorm[T]{}, to[T](Δ), c) // frozen, and added
			nearMat(t, "Δ_{i-1} twice", dx, ΔPrev.Scale(2))
		}
	}
}
