package engine

import (
	"fmt"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"github.com/pedestrian-ml/pedestrian/paper"
)

func ExampleLayerNorm() {
	p := kernel.NewPool(1)
	l := LayerNorm[float64]{W: []float64{1, 1, 1}}
	c := &LayerNormCache[float64]{Xhat: NewMat[float64](1, 3), Rstd: make([]float64, 1)}
	y, dx := NewMat[float64](1, 3), NewMat[float64](1, 3)
	l.Forward(p, y, c, Mat[float64]{Rows: 1, Cols: 3, Stride: 3, V: []float64{1, 2, 3}})
	l.Backward(p, dx, LayerNorm[float64]{}, Mat[float64]{Rows: 1, Cols: 3, Stride: 3, V: []float64{1, 0, 0}}, c)
	fmt.Printf("y  = %.4f\n", y.V)
	fmt.Printf("dx = %.4f\n", dx.V)
	// Output:
	// y  = [-1.2247 0.0000 1.2247]
	// dx = [0.2041 -0.4082 0.2041]
}

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
			c := &LayerNormCache[T]{Xhat: NewMat[T](n, d), Rstd: make([]T, n), partial: NewMat[T](rowParts(n), 2*d)}
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
