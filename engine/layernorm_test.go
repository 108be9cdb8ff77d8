package engine

import (
	"fmt"
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

			l := norm[T]{w: toVec[T](w), eps: eps}
			grad := norm[T]{w: ones[T](1, d).V}
			if bias {
				l.b, grad.b = toVec[T](b), ones[T](1, d).V
			}
			c := &normCache[T]{xhat: NewMat[T](n, d), rstd: make([]T, n)}
			y, again, dx := rubbish[T](n, d), rubbish[T](n, d), to[T](paper.Zeros(n, d))
			l.forward(r.pool, y, c, to[T](x))
			l.affine(r.pool, again, c)
			l.backward(r.pool, dx, grad, to[T](Δ), c)
			nearMat(t, "a_i (37)", y, a)
			nearMat(t, "a_i again", again, a)
			nearMat(t, "Δ_{i-1} (40)", dx, ΔPrev)
			nearMatPlus1(t, "∂L/∂w (41)", row(grad.w), rowOf(dw))
			if bias {
				nearMatPlus1(t, "∂L/∂b (42)", row(grad.b), rowOf(db))
			}
			l.backward(r.pool, dx, norm[T]{}, to[T](Δ), c) // frozen, and added
			nearMat(t, "Δ_{i-1} twice", dx, ΔPrev.Scale(2))
		}
	}
}

// The row 1, 2, 3 has mean 2 and σ = √(2/3). Of the error 1, 0, 0 on the output the
// parts that would shift or stretch the row are lost: 1/σ (2/3-1/2, -1/3, -1/3+1/2) is left.
func TestLayerNormByHand(t *testing.T) {
	l := norm[float64]{w: []float64{1, 1, 1}}
	c := &normCache[float64]{xhat: NewMat[float64](1, 3), rstd: make([]float64, 1)}
	x, y, dx, dy := NewMat[float64](1, 3), NewMat[float64](1, 3), NewMat[float64](1, 3), NewMat[float64](1, 3)
	copy(x.V, []float64{1, 2, 3})
	dy.V[0] = 1
	l.forward(nil, y, c, x)
	l.backward(nil, dx, norm[float64]{}, dy, c)
	if got, want := fmt.Sprintf("%.4f %.4f", y.V, dx.V), "[-1.2247 0.0000 1.2247] [0.2041 -0.4082 0.2041]"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}
