package engine

import (
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

func TestFC(t *testing.T) { bothLanes(t, testFC[float64], testFC[float32]) }

func testFC[T Float](t *testing.T) {
	r := newLane[T](t)
	const n, in, out = 37, 7, colsPerPart + 9
	for _, bias := range []bool{true, false} {
		x, w, b, Δ := r.mat(n, in), r.mat(in, out), r.vec(out), r.mat(n, out)
		if !bias {
			b = nil
		}
		a, back := paper.FC(nil, x, w, b)
		ΔPrev, dw, db := back(Δ)

		l, grad := fc[T]{w: wide(to[T](w))}, fc[T]{w: wide(ones[T](in, out))}
		if bias {
			l.b, grad.b = toVec[T](b), ones[T](1, out).V
		}
		y, dx, sum := rubbish[T](n, out), rubbish[T](n, in), ones[T](n, out)
		l.forward(r.pool, y, to[T](x), false)
		l.forward(r.pool, sum, to[T](x), true)
		l.backwardInput(r.pool, dx, to[T](Δ), false)
		l.backwardWeights(r.pool, grad, to[T](Δ), to[T](x), new(fcCache[T]))
		nearMat(t, "a_i", y, a)
		nearMatPlus1(t, "a_i, added", sum, a)
		nearMat(t, "Δ_{i-1}", dx, ΔPrev)
		nearMatPlus1(t, "∂L/∂w", grad.w.Mat, dw)
		if bias {
			nearMatPlus1(t, "∂L/∂b", row(grad.b), rowOf(db))
		}
	}
}
