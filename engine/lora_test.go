package engine

import (
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

func TestLoRA(t *testing.T) { bothLanes(t, testLoRA[float64], testLoRA[float32]) }

// testLoRA puts adapters on two ranges of the columns of one layer, as on the
// fused queries, keys and values, and compares with a layer for each range.
func testLoRA[T Float](t *testing.T) {
	r := newLane[T](t)
	const n, in, out0, out1, rank, α = 9, 7, 5, 11, 3, 1.5
	x, w, b, Δ := r.mat(n, in), r.mat(in, out0+out1), r.vec(out0+out1), r.mat(n, out0+out1)
	d0, u0, d1, u1 := r.mat(in, rank), r.mat(rank, out0), r.mat(in, rank), r.mat(rank, out1)
	a0, back0 := paper.Adapted(nil, x, paper.Layer{W: w.Columns(0, out0), B: b[:out0], D: d0, U: u0, Alpha: α})
	a1, back1 := paper.Adapted(nil, x, paper.Layer{W: w.Columns(out0, out1), B: b[out0:], D: d1, U: u1, Alpha: α})
	ΔPrev0, dp0 := back0(Δ.Columns(0, out0))
	ΔPrev1, dp1 := back1(Δ.Columns(out0, out1))

	l := adapted[T]{fc: fc[T]{w: wide(to[T](w)), b: toVec[T](b)}}
	l.lora[0] = lora[T]{down: to[T](d0), up: to[T](u0), scale: α}
	l.lora[2] = lora[T]{down: to[T](d1), up: to[T](u1), scale: α, from: out0}
	var grad adapted[T]
	grad.w, grad.b = wide(ones[T](in, out0+out1)), ones[T](1, out0+out1).V
	grad.lora[0] = lora[T]{down: ones[T](in, rank), up: ones[T](rank, out0)}
	grad.lora[2] = lora[T]{down: ones[T](in, rank), up: ones[T](rank, out1)}
	c := new(adaptedCache[T])
	for i := range c.lora {
		c.lora[i] = loraCache[T]{rubbish[T](n+2, rank), rubbish[T](n+2, rank)} // of a larger batch
	}
	y, dx := rubbish[T](n, out0+out1), rubbish[T](n, in)
	l.forward(r.pool, y, c, to[T](x), false)
	l.backwardInput(r.pool, dx, to[T](Δ), c, false)
	l.backwardWeights(r.pool, &grad, to[T](Δ), to[T](x), c)
	nearMat(t, "a_i (43)", y, paper.Concat(a0, a1))
	nearMat(t, "Δ_{i-1} (44)", dx, ΔPrev0.Add(ΔPrev1))
	nearMatPlus1(t, "∂L/∂w", grad.w.Mat, paper.Concat(dp0.W, dp1.W))
	nearMatPlus1(t, "∂L/∂d (45)", grad.lora[0].down, dp0.D)
	nearMatPlus1(t, "∂L/∂u (46)", grad.lora[0].up, dp0.U)
	nearMatPlus1(t, "∂L/∂d (45), second range", grad.lora[2].down, dp1.D)
	nearMatPlus1(t, "∂L/∂u (46), second range", grad.lora[2].up, dp1.U)
}
