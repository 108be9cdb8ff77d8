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

		l, grad := FC[T]{W: to[T](w)}, FC[T]{W: ones[T](in, out)}
		if bias {
			l.B, grad.B = toVec[T](b), ones[T](1, out).V
		}
		y, dx, sum := rubbish[T](n, out), rubbish[T](n, in), ones[T](n, out)
		l.Forward(r.pool, y, to[T](x), false)
		l.Forward(r.pool, sum, to[T](x), true)
		l.Error(r.pool, dx, to[T](Δ))
		l.Grad(r.pool, grad, to[T](Δ), to[T](x), new(FCCache[T]))
		nearMat(t, "a_i", y, a)
		nearMatPlus1(t, "a_i, added", sum, a)
		nearMat(t, "Δ_{i-1}", dx, ΔPrev)
		nearMatPlus1(t, "∂L/∂w", grad.W, dw)
		if bias {
			nearMatPlus1(t, "∂L/∂b", row(grad.B), rowOf(db))
		}
	}
}
