package engine

import (
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// rounded is what mixed precision makes of a matrix.
func rounded(m paper.Mat) paper.Mat { return paper.BF16(paper.Step{V: m}) }

// TestMixedFC holds the three products of a layer against the same products of
// rounded operands in float64.
func TestMixedFC(t *testing.T) {
	r := newLane[float32](t)
	for _, s := range [][3]int{{1, 5, 3}, {7, 33, 65}, {70, 96, 200}} {
		rows, in, out := s[0], s[1], s[2]
		x, w, Δ, b := r.mat(rows, in), r.mat(in, out), r.mat(rows, out), r.vec(out)
		l := fc[float32]{w: wide(to[float32](w)), b: toVec[float32](b)}
		o := operands{x: slot{buf: kernel.NewMatBF16(1, rows*strideBF16(in))}, dy: slot{buf: kernel.NewMatBF16(1, rows*strideBF16(out))}}
		packed := kernel.NewPackedBF16(in, out, true, true)
		packed.Pack(r.pool, l.w)
		l.mixed = &mixed{packed, &o}

		y, dx := rubbish[float32](rows, out), rubbish[float32](rows, in)
		l.forward(r.pool, y, to[float32](x), false)
		want := rounded(x).Mul(rounded(w))
		for i := range want.N {
			for j := range want.D {
				want.Row(i)[j] += b[j]
			}
		}
		nearMat(t, "a_i", y, want)
		l.backwardInput(r.pool, dx, to[float32](Δ), false)
		nearMat(t, "Δ_{i-1}", dx, rounded(Δ).Mul(rounded(w).T()))
		grad := fc[float32]{w: wide(ones[float32](in, out)), b: ones[float32](1, out).V}
		l.backwardWeights(r.pool, grad, to[float32](Δ), to[float32](x), new(fcCache[float32]))
		nearMatPlus1(t, "∂w", grad.w.Mat, rounded(x).T().Mul(rounded(Δ)))
		sum := paper.Zeros(1, out)
		for i := range Δ.N {
			for j, v := range Δ.Row(i) {
				sum.V[j] += v
			}
		}
		nearMatPlus1(t, "∂b", row(grad.b), sum)
	}
}

// flipTol is the limit for a whole step of the larger case against a reference that
// rounds the same operands in float64. Where an operand lies so near the middle
// between two bf16 numbers that the reference rounds it the other way, it differs by
// 2⁻⁸ of itself, one number in a sum of many. The small cases have no such operand
// and keep the limit of float32.
const flipTol = 0x1p-8

// TestMixedNetwork holds a whole step against paper.Mixed, with adapters of every
// kind, which is further away than the limit when it does not round.
func TestMixedNetwork(t *testing.T) {
	for _, cs := range everyCase() {
		tol := netTol[float32]()
		if cs.c == bigger.c {
			tol = flipTol
		}
		p, lora := cs.params(1)
		b := cs.batch(2)
		q, a := convert[float32](p, lora)
		const seed = 5
		n := New(q, a, Options{Batch: b.B, Precision: BF16, Chunk: 32, Seed: seed})
		dp, da := like(q), likeAdapter(a)
		_, counted := n.Loss(b)
		sum, _ := n.SetGradients(dp, da, b, 1/float64(counted), 0)
		n.Close()
		pass := func(r paper.Rounding) (float64, []pedestrian.Tensor[float64]) {
			loss, back := paper.Mixed(cs.trace(seed, 0), p, lora, b.sequences(), paper.Mean, r)
			return loss, tensors(back())
		}
		loss, want := pass(paper.BF16)
		if mean := sum / float64(counted); math.Abs(mean-loss) > tol*loss {
			t.Errorf("%s: the mean loss is %v, not %v", cs.name, mean, loss)
		}
		_, plain := pass(func(s paper.Step) paper.Mat { return s.V })
		apart := 0.0
		for i, x := range tensors(dp, da) {
			near(t, cs.name+", ∂"+x.Name, x.V, want[i].V, tol)
			apart = max(apart, distance(want[i].V, plain[i].V))
		}
		if apart < tol {
			t.Errorf("%s: rounding moves gradients by no more than %.1e of their largest number", cs.name, apart)
		}
	}
}

// tensors are those of p and, if there is one, of a.
func tensors[T Float](p *pedestrian.Params[T], a *pedestrian.Adapter[T]) []pedestrian.Tensor[T] {
	if a == nil {
		return p.Tensors()
	}
	return append(p.Tensors(), a.Tensors()...)
}

// TestMixedDecoder: token by token and all at once, the same operands are rounded;
// flips aside, the logits are the same. A changed weight shows after Changed.
func TestMixedDecoder(t *testing.T) {
	for _, cs := range everyCase() {
		p, lora := convert[float32](cs.params(1))
		n := New(p, lora, Options{Precision: BF16})
		b := cs.batch(2)
		b = Batch{B: 1, T: b.T, Tokens: b.Tokens[:b.T]}
		full := NewMat[float32](b.T, cs.c.Vocab)
		d := n.NewDecoder(1)
		for range 2 {
			d.Reset()
			n.Logits(full, b)
			near(t, cs.name+", prompt", d.Feed(0, b.Tokens[:2]), full.Row(1), flipTol)
			for i := 2; i < b.T; i++ {
				near(t, cs.name+", one by one", d.Feed(0, b.Tokens[i:i+1]), full.Row(i), flipTol)
			}
			before := full.V[0]
			for i := range p.Slab {
				p.Slab[i] *= -0.7
			}
			n.Logits(full, b)
			n.Changed()
			rounded := full.V[0]
			if n.Logits(full, b); full.V[0] == rounded || full.V[0] == before {
				t.Errorf("%s: a change of the weights does not show", cs.name)
			}
		}
		n.Close()
	}
}

// distance is the largest difference relative to the largest number of y.
func distance(x, y []float64) (worst float64) {
	most := 0.0
	for i := range y {
		most, worst = max(most, math.Abs(y[i])), max(worst, math.Abs(x[i]-y[i]))
	}
	if most == 0 {
		return 0
	}
	return worst / most
}

// TestMixedAdamW: a step of the optimizer leaves the packed weights that Changed would
// make of the new ones, whether they are packed in its pass or after it.
func TestMixedAdamW(t *testing.T) {
	p, _ := bigger.params(1)
	b := bigger.batch(2)
	q, _ := convert[float32](p, nil)
	n := New(q, nil, Options{Batch: b.B, Precision: BF16, Threads: 2})
	defer n.Close()
	dp, m, v := like(q), like(q), like(q)
	for step := 1; step <= 3; step++ {
		n.SetGradients(dp, nil, b, 1, 0)
		n.AdamW(AdamW{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Decay: 0.1}, step, 1, q, dp, m, v)
		before, _ := n.Loss(b)
		n.Changed()
		if after, _ := n.Loss(b); before != after {
			t.Fatalf("step %d: the loss is %v with the weights that AdamW packed, %v with those of Changed", step, before, after)
		}
	}
}
