package engine

import (
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// rounded is what mixed precision makes of a matrix, in float64.
func rounded(m paper.Mat) paper.Mat {
	y := paper.Zeros(m.N, m.D)
	for i, v := range m.V {
		y.V[i] = float64(kernel.ToBF16(float32(v)).Float32())
	}
	return y
}

// TestMixedFC holds the three products of a layer against the same products of
// rounded operands in float64.
func TestMixedFC(t *testing.T) {
	r := newLane[float32](t)
	for _, s := range [][3]int{{1, 5, 3}, {7, 33, 65}, {70, 96, 200}} {
		rows, in, out := s[0], s[1], s[2]
		x, w, Δ, b := r.mat(rows, in), r.mat(in, out), r.mat(rows, out), r.vec(out)
		l := FC[float32]{W: to[float32](w), B: toVec[float32](b)}
		o := operands{x: slot{buf: kernel.NewMatBF16(1, rows*strideBF16(in))}, dy: slot{buf: kernel.NewMatBF16(1, rows*strideBF16(out))}}
		packed := kernel.NewPackedBF16(in, out, true, true)
		packed.Pack(r.pool, l.W)
		l.mixed = &mixed{packed, &o}

		y, dx := rubbish[float32](rows, out), rubbish[float32](rows, in)
		l.Forward(r.pool, y, to[float32](x), false)
		want := rounded(x).Mul(rounded(w))
		for i := range want.N {
			for j := range want.D {
				want.Row(i)[j] += b[j]
			}
		}
		nearMat(t, "a_i", y, want)
		l.Error(r.pool, dx, to[float32](Δ))
		nearMat(t, "Δ_{i-1}", dx, rounded(Δ).Mul(rounded(w).T()))
		grad := FC[float32]{W: ones[float32](in, out), B: ones[float32](1, out).V}
		l.Grad(r.pool, grad, to[float32](Δ), to[float32](x), new(FCCache[float32]))
		nearMatPlus1(t, "∂w", grad.W, rounded(x).T().Mul(rounded(Δ)))
		sum := paper.Zeros(1, out)
		for i := range Δ.N {
			for j, v := range Δ.Row(i) {
				sum.V[j] += v
			}
		}
		nearMatPlus1(t, "∂b", row(grad.B), sum)
	}
}

// flipTol is the limit for a whole step of the larger case against a reference that
// rounds the same operands in float64. Where an operand lies so near the middle
// between two bf16 numbers that the reference rounds it the other way, it differs by
// 2⁻⁸ of itself, one number in a sum of many. The small cases have no such operand
// and keep the limit of float32.
const flipTol = 0x1p-7

// TestMixedNetwork holds a whole step against reference, which is further away
// than the limit when it does not round.
func TestMixedNetwork(t *testing.T) {
	for _, cs := range append(cases, bigger) {
		tol := netTol[float32]()
		if cs.name == bigger.name {
			tol = flipTol
		}
		cs.lora = nil
		p, _ := cs.params(1)
		b := cs.batch(2)
		q, _ := convert[float32](p, nil)
		n := New(q, nil, Options{Batch: b.B, Precision: BF16, Chunk: 32})
		dp := like(q)
		_, counted := n.Loss(b)
		sum, _ := n.SetGradients(dp, nil, b, 1/float64(counted), 0)
		n.Close()
		loss, want := reference(p, b, true)
		if mean := sum / float64(counted); math.Abs(mean-loss) > tol*loss {
			t.Errorf("%s: the mean loss is %v, not %v", cs.name, mean, loss)
		}
		_, plain := reference(p, b, false)
		apart := 0.0
		for i, x := range want.Tensors() {
			near(t, cs.name+", ∂"+x.Name, dp.Tensors()[i].V, x.V, tol)
			apart = max(apart, distance(x.V, plain.Tensors()[i].V))
		}
		if apart < tol {
			t.Errorf("%s: rounding moves gradients by no more than %.1e of their largest number", cs.name, apart)
		}
	}
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

// TestMixedMemory holds the plan against what is taken.
func TestMixedMemory(t *testing.T) {
	for _, cs := range everyCase() {
		p, lora := convert[float32](cs.params(1))
		n := New(p, lora, Options{Batch: cs.b, Precision: BF16})
		n.reserve(false, trainee[float32]{})
		n.reserve(true, trainee[float32]{dp: n.params})
		bytes := int64(2 * (len(n.mixed.x.buf.V) + len(n.mixed.dy.buf.V) + len(n.mixed.dh.buf.V)))
		for _, w := range n.mixed.packed {
			bytes += int64(w.to.Bytes())
		}
		budget, err := Memory[float32](cs.c, cs.lora, n.o)
		if got := budget[len(budget)-1]; err != nil || got.Name != "bf16" || got.Bytes > bytes || bytes > got.Bytes+3*64 { // an odd number of cache lines in each slot
			t.Errorf("%s: %v, %v; taken are %d bytes", cs.name, got, err, bytes)
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

// reference is the mean loss and its gradient in float64, where the operands of the
// products of fully connected layers are rounded to bf16 if round.
func reference(p *pedestrian.Params[float64], b Batch, round bool) (loss float64, dp *pedestrian.Params[float64]) {
	c := p.Config
	n := New(p, nil, Options{Batch: b.B, Threads: 1, Chunk: b.B * b.T})
	defer n.Close()
	dp = like(p)
	n.reserve(true, trainee[float64]{dp: n.params})
	w := &n.work
	r := func(m Mat[float64]) Mat[float64] {
		y := NewMat[float64](m.Rows, m.Cols)
		for i := range m.Rows {
			for j, v := range m.Row(i) {
				if y.Row(i)[j] = v; round {
					y.Row(i)[j] = float64(kernel.ToBF16(float32(v)).Float32())
				}
			}
		}
		return y
	}
	fc := func(l FC[float64], y, x Mat[float64], add bool) { kernel.MulNN(nil, y, r(x), r(l.W), l.B, add) }
	back := func(l, grad FC[float64], dx, dy, x Mat[float64]) {
		kernel.MulNT(nil, dx, r(dy), r(l.W), false)
		kernel.MulTN(nil, grad.W, r(x), r(dy), true)
		if grad.B != nil {
			kernel.AddRows(grad.B, dy)
			clear(grad.B[l.Impotent[0]:l.Impotent[1]])
		}
	}
	rows, d, hidden := len(b.Tokens), c.Width, c.HiddenDim()
	mat := func(cols int) Mat[float64] { return NewMat[float64](rows, cols) }
	w.place(b)
	x := mat(d)
	n.embedding.Forward(nil, x, &w.embedding, b.Tokens, w.positions[:rows])
	type saved struct{ a2, qkv, a3, a6, a7, a8 Mat[float64] }
	var kept []saved
	for i, l := range n.blocks {
		s, cache := saved{mat(d), mat(c.QKVDim()), mat(d), mat(d), mat(hidden), mat(hidden)}, &w.blocks[i]
		l.ln1.Forward(nil, s.a2, &cache.ln1, x)
		fc(l.qkv.FC, s.qkv, s.a2, false)
		q, k, v := l.split(s.qkv)
		l.att.Forward(nil, s.a3, &cache.att, q, k, v, w.segments)
		fc(l.attProj.FC, x, s.a3, true)
		l.ln2.Forward(nil, s.a6, &cache.ln2, x)
		fc(l.expand.FC, s.a7, s.a6, false)
		l.act.Forward(nil, s.a8, &cache.act, s.a7)
		fc(l.contract.FC, x, s.a8, true)
		kept = append(kept, s)
	}
	a11, y, dx, e := mat(d), mat(c.Vocab), mat(d), mat(d)
	n.final.Forward(nil, a11, &w.final, x)
	w11, dw11 := transposed(r(view(p.Tok))), NewMat[float64](d, c.Vocab)
	if !c.Tied {
		w11, dw11 = r(view(p.Logits.W)), view(dp.Logits.W)
	}
	kernel.MulNN(nil, y, r(a11), w11, p.Logits.B.V, false)
	counted := 0
	for t, id := range b.Targets {
		if id == Ignored {
			clear(y.Row(t))
			continue
		}
		counted++
		loss += kernel.CrossEntropy(y.Row(t), int(id), 1)
	}
	scale(y, 1/float64(counted))
	kernel.MulNT(nil, e, r(y), w11, false)
	kernel.MulTN(nil, dw11, r(a11), r(y), true)
	if c.Tied {
		tok := transposed(dw11)
		copy(dp.Tok.V, tok.V)
	}
	if dp.Logits.B.V != nil {
		kernel.AddRows(dp.Logits.B.V, y)
	}
	n.final.Backward(nil, dx, layerNormOf(dp.LNFinal, 0), e, &w.final)
	for i := len(n.blocks) - 1; i >= 0; i-- {
		l, g, s, cache := n.blocks[i], blockOf(c, dp, nil, i), kept[i], &w.blocks[i]
		dh, dqkv := mat(hidden), mat(c.QKVDim())
		back(l.contract.FC, g.contract.FC, dh, dx, s.a8)
		l.act.Backward(nil, dh, mat(hidden), dh, &cache.act, s.a7)
		back(l.expand.FC, g.expand.FC, e, dh, s.a6)
		l.ln2.Backward(nil, dx, g.ln2, e, &cache.ln2)
		back(l.attProj.FC, g.attProj.FC, e, dx, s.a3)
		q, k, v := l.split(s.qkv)
		dq, dk, dv := l.split(dqkv)
		l.att.Backward(nil, dq, dk, dv, e, &cache.att, q, k, v, s.a3, w.segments)
		back(l.qkv.FC, g.qkv.FC, e, dqkv, s.a2)
		l.ln1.Backward(nil, dx, g.ln1, e, &cache.ln1)
	}
	n.embedding.Backward(nil, Embedding[float64]{Tok: view(dp.Tok), Pos: view(dp.Pos)}, dx, &w.embedding, b.Tokens, w.positions[:rows])
	return loss / float64(counted), dp
}

func transposed(m Mat[float64]) Mat[float64] {
	y := NewMat[float64](m.Cols, m.Rows)
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			y.Row(j)[i] = v
		}
	}
	return y
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
