package engine

import (
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

func TestLoss(t *testing.T) { bothLanes(t, testLoss[float64], testLoss[float32]) }

func testLoss[T Float](t *testing.T) {
	r := newLane[T](t)
	const n, V = 3*lossRows + 2, 29
	const s = 0.25
	a := r.mat(n, V).Scale(3)
	for j, v := range a.Row(1) { // logits that exp cannot take as they are, and float32 can hold
		v = math.Round(v*256) / 256
		a.Row(1)[j], a.Row(2)[j] = v+1000, v-1000
	}
	targets, ids := make([]int32, n), make([]int, n)
	for i := range ids {
		ids[i] = r.rnd.IntN(V)
		targets[i] = int32(ids[i])
	}
	want, back := paper.Loss(nil, a, ids, s)
	y, c := to[T](a), &lossCache[T]{token: make([]float64, n)}
	sum := loss[T]{}.forward(r.pool, y, c, targets)
	nearMat(t, "logits", y, a)
	if got := (loss[T]{scale: s, backward: true}).forward(r.pool, y, c, targets); math.Abs(got-sum) > layerTol[T]()*sum {
		t.Errorf("the loss is %v with the error and %v without", got, sum)
	}
	if math.Abs(s*sum-want) > layerTol[T]()*want {
		t.Errorf("s Σℓ = %v, not %v", s*sum, want)
	}
	nearMat(t, "Δ_12", y, back())
}
