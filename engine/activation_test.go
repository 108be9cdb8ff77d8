package engine

import (
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

func TestActivation(t *testing.T) { bothLanes(t, testActivation[float64], testActivation[float32]) }

func testActivation[T Float](t *testing.T) {
	r := newLane[T](t)
	const n, d = rowsPerPart + 3, 17
	for _, kind := range pedestrian.Activations {
		x, Δ := r.mat(n, d).Scale(4), r.mat(n, d)
		copy(x.V, []float64{0, 30, -30, 100, -100})
		a, back := paper.Activate(nil, x, kind)
		l, c := activation[T]{kind}, new(activationCache[T])
		y, again, dx := rubbish[T](n, d), rubbish[T](n, d), to[T](Δ)
		l.forward(r.pool, y, c, to[T](x), Mat[T]{})
		l.backward(r.pool, dx, again, dx, c, to[T](x), Mat[T]{}) // in place
		nearMat(t, string(kind)+", a_i", y, a)
		nearMat(t, string(kind)+", a_i again", again, a)
		nearMat(t, string(kind)+", Δ_{i-1}", dx, back(Δ))
	}
}
