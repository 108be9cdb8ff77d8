package paper

import (
	"fmt"
	"math"
	"testing"
)

// Two queries of one width read one key and one value: the key's error is the sum.
func ExampleGroupedAttention() {
	q, k, v := Mat{2, 2, []float64{0, 0, 1, 2}}, Mat{2, 1, []float64{0, 0}}, Mat{2, 1, []float64{0, 4}}
	a, back := GroupedAttention(nil, q, k, v, Grouped{Heads: 2, KVHeads: 1}, []int{0, 1}, Causal(2))
	_, Δk, Δv, _, _ := back(Mat{2, 2, []float64{0, 0, 1, 1}})
	fmt.Println(a.V, Δk.V, Δv.V)
	// Output: [0 0 2 2] [-3 3] [1 1]
}

// A layer is the input of grouped attention and an error on its output.
type layer struct {
	q, k, v, Δ Mat
	p          Grouped
	at         []int
	m          Mat
}

func (l layer) run(tr *Trace) (a Mat, back func(Δ Mat) (Δq, Δk, Δv Mat, dqNorm, dkNorm Vec)) {
	return GroupedAttention(tr, l.q, l.k, l.v, l.p, l.at, l.m)
}

// layers are grouped attention in every form.
func layers() map[string]layer {
	s := draw(80)
	make_ := func(n, heads, kv, dρ, dh int, p Grouped, window int, starts ...int) layer {
		p.Heads, p.KVHeads = heads, kv
		return layer{s.mat(n, heads*dρ), s.mat(n, kv*dρ), s.mat(n, kv*dh), s.mat(n, heads*dh), p, positions(n, starts), SlidingWindow(n, window, starts...)}
	}
	r := Rotation{Freqs: Frequencies(4, 100)}
	gain := func(d int, ε float64) Norm { return Norm{W: s.vec(d), Eps: ε} }
	return map[string]layer{
		"grouped":        make_(5, 6, 2, 4, 3, Grouped{Rotation: r}, 0),
		"one key head":   make_(5, 3, 1, 5, 3, Grouped{Rotation: r}, 0),
		"all heads":      make_(4, 3, 3, 4, 2, Grouped{Rotation: r}, 0),
		"norms":          make_(5, 4, 2, 4, 3, Grouped{Rotation: r, QNorm: gain(4, 0.1), KNorm: gain(4, 0)}, 0),
		"a norm of keys": make_(4, 4, 2, 4, 2, Grouped{KNorm: gain(4, 0.1)}, 0),
		"window":         make_(6, 4, 2, 4, 2, Grouped{Rotation: r, Scale: 0.7}, 3),
		"documents":      make_(7, 4, 2, 4, 2, Grouped{Rotation: r}, 2, 3, 4),
		"one token":      make_(1, 4, 2, 4, 2, Grouped{Rotation: r}, 0),
	}
}

// TestGroupedAttention differentiates L = Δ·a numerically.
func TestGroupedAttention(t *testing.T) {
	for name, l := range layers() {
		t.Run(name, func(t *testing.T) {
			loss := func() float64 {
				a, _ := l.run(nil)
				return a.Dot(l.Δ)
			}
			_, back := l.run(nil)
			Δq, Δk, Δv, dqNorm, dkNorm := back(l.Δ)
			check(t, "(L18.a)", l.q.V, Δq.V, loss)
			check(t, "(L18.b)", l.k.V, Δk.V, loss)
			check(t, "(L18.c)", l.v.V, Δv.V, loss)
			check(t, "(L19) of queries", l.p.QNorm.W, dqNorm, loss)
			check(t, "(L19) of keys", l.p.KNorm.W, dkNorm, loss)
		})
	}
}

// TestOneHeadIsAttention: with one head, no rotation and no norm it is the paper's
// head, down and up.
func TestOneHeadIsAttention(t *testing.T) {
	s := draw(81)
	n, d := 5, 6
	x, p, Δ := s.mat(n, d), s.head(d, 3, 2), s.mat(n, 2)
	q, backQ, _ := project(x, p.Wq, p.Bq)
	k, backK, _ := project(x, p.Wk, p.Bk)
	v, backV, _ := project(x, p.Wv, p.Bv)
	a, back := GroupedAttention(nil, q, k, v, Grouped{Heads: 1, KVHeads: 1}, positions(n, nil), Causal(n))
	Δq, Δk, Δv, _, _ := back(Δ)
	want, backHead := Attention(nil, x, p, Causal(n))
	ΔPrev, dp := backHead(Δ)
	same(t, "a", a.V, want.V, 0)
	same(t, "Δ_{i-1}", backV(Δv).Add(backQ(Δq)).Add(backK(Δk)).V, ΔPrev.V, rounding)
	same(t, "∂L/∂w_k", x.T().Mul(Δk).V, dp.Wk.V, rounding)
}

func project(x, w Mat, b Vec) (a Mat, toInput func(Δ Mat) Mat, gradient func(Δ Mat) Mat) {
	a, back := FC(nil, x, w, b)
	return a, func(Δ Mat) Mat { Δ, _, _ = back(Δ); return Δ }, func(Δ Mat) Mat { _, dw, _ := back(Δ); return dw }
}

// TestGroupsAreRepeatedHeads: grouped attention is attention with as many heads of
// keys and values as of queries, in which each is repeated (L17); the gradient of a
// shared one is the sum over its copies (L18.b), (L18.c).
func TestGroupsAreRepeatedHeads(t *testing.T) {
	for name, l := range layers() {
		group := l.p.Heads / l.p.KVHeads
		repeated := func(a Mat) Mat {
			d := a.D / l.p.KVHeads
			var parts []Mat
			for h := range l.p.Heads {
				parts = append(parts, a.Columns(h/group*d, d))
			}
			return Concat(parts...)
		}
		summed := func(a Mat) Mat {
			d := a.D / l.p.Heads
			parts := zeros(make([]Mat, l.p.KVHeads))
			for h := range l.p.Heads {
				part := a.Columns(h*d, d)
				if h%group == 0 {
					parts[h/group] = part
				} else {
					parts[h/group] = parts[h/group].Add(part)
				}
			}
			return Concat(parts...)
		}
		full := l
		full.p.KVHeads, full.k, full.v = l.p.Heads, repeated(l.k), repeated(l.v)
		a, back := l.run(nil)
		wide, backWide := full.run(nil)
		same(t, name+" (L17)", a.V, wide.V, 0)
		Δq, Δk, Δv, _, _ := back(l.Δ)
		ΔqWide, ΔkWide, ΔvWide, _, _ := backWide(l.Δ)
		same(t, name+" (L18.a)", Δq.V, ΔqWide.V, 0)
		same(t, name+" (L18.b)", Δk.V, summed(ΔkWide).V, rounding)
		same(t, name+" (L18.c)", Δv.V, summed(ΔvWide).V, rounding)
	}
}

// TestKeyBiasLearnsAgain: without a rotation ∂L/∂b_k = Σ_tokens Δ_k is zero (29). Key
// t' gets b_k R_t' when keys turn, which is not the same for every key, and the bias
// moves the output and has a gradient (L12). In columns that do not turn it stays
// zero; rows of Δ^causal sum to zero as before.
func TestKeyBiasLearnsAgain(t *testing.T) {
	s := draw(82)
	n, dρ := 7, 8
	l := layer{s.mat(n, 2*dρ), s.mat(n, dρ), s.mat(n, 3), s.mat(n, 6), Grouped{Heads: 2, KVHeads: 1}, positions(n, nil), Causal(n)}
	bias := s.vec(dρ)
	gradient := func(r Rotation) (moved float64, db Vec) {
		l.p.Rotation = r
		var tr Trace
		a, back := l.run(&tr)
		_, Δk, _, _, _ := back(l.Δ)
		causal, _ := tr.Find("head.1", "Δ^causal")
		same(t, "(26)", causal.V.SumFeatures(), make(Vec, n), rounding)
		same(t, "the first row", causal.V.Row(0), make(Vec, n), 0)
		other := l
		other.k = l.k.Bias(bias)
		b, _ := other.run(nil)
		for i := range a.V {
			moved = max(moved, math.Abs(a.V[i]-b.V[i]))
		}
		return moved, Δk.SumTokens()
	}
	moved, db := gradient(Rotation{})
	if moved > rounding {
		t.Errorf("nothing turns: b_k moves the output by %.1e", moved)
	}
	same(t, "nothing turns (29)", db, make(Vec, dρ), rounding)

	for _, interleaved := range []bool{false, true} {
		moved, db = gradient(Rotation{Freqs: Frequencies(dρ, 100), Interleaved: interleaved})
		if moved < 0.1 {
			t.Errorf("keys turn: b_k moves the output by %.1e", moved)
		}
		for j, g := range db {
			if math.Abs(g) < 1e-4 {
				t.Errorf("keys turn: column %d of ∂L/∂b_k is %.1e", j, g)
			}
		}
		_, db = gradient(Rotation{Freqs: Frequencies(4, 100), Interleaved: interleaved})
		same(t, "the columns that do not turn (L12)", db[4:], make(Vec, 4), rounding)
		for j, g := range db[:4] {
			if math.Abs(g) < 1e-4 {
				t.Errorf("a part turns: column %d of ∂L/∂b_k is %.1e", j, g)
			}
		}
	}

	// It fades with the frequency: where all pairs turn by an angle of order ω over
	// the sequence, the gradient is of order ω.
	size := func(base float64) float64 {
		_, db := gradient(Rotation{Freqs: LinearScaling(Frequencies(dρ, 1), base)})
		return math.Sqrt(db.Dot(db))
	}
	if ratio := size(1e4) / size(1e5); math.Abs(ratio-10) > 0.1 {
		t.Errorf("a tenth of the frequency: ∂L/∂b_k is smaller by %g", ratio)
	}
}

// TestQueryKeyNorms: with ε = 0 a head does not feel the size of its queries: the
// error on them has no component along them, and so Σ w_q ∘ ∂L/∂w_q over a head is
// zero. A score is at most d_ρ max|w| max|w'|, with the two gains, whatever the weights.
func TestQueryKeyNorms(t *testing.T) {
	s := draw(83)
	n, d, dρ := 6, 9, 4
	x, wq := s.mat(n, d), s.mat(d, 4*dρ)
	l := layers()["norms"]
	l.p.QNorm.Eps, l.p.KNorm.Eps = 0, 0
	q, _, gradient := project(x, wq, nil)
	l.q, l.k, l.v, l.Δ = q, s.mat(n, 2*dρ).Scale(100), s.mat(n, 2*dρ), s.mat(n, 4*dρ)
	l.at, l.m = positions(n, nil), Causal(n)
	var tr Trace
	_, back := l.run(&tr)
	Δq, _, _, _, _ := back(l.Δ)
	dwq := gradient(Δq)
	for h := range 4 {
		same(t, "Δ_q ⊖ q", Δq.Columns(h*dρ, dρ).FeatureDot(q.Columns(h*dρ, dρ)), make(Vec, n), rounding)
		same(t, "Σ w_q ∘ ∂L/∂w_q", Vec{wq.Columns(h*dρ, dρ).Dot(dwq.Columns(h*dρ, dρ))}, Vec{0}, 10*rounding)
	}
	bound := float64(dρ)
	for _, w := range []Vec{l.p.QNorm.W, l.p.KNorm.W} {
		largest := 0.0
		for _, x := range w {
			largest = max(largest, math.Abs(x))
		}
		bound *= largest
	}
	for h := range 4 {
		raw, _ := tr.Find(fmt.Sprint("head.", h), "ρ^raw")
		for _, x := range raw.V.V {
			if math.Abs(x) > bound {
				t.Errorf("head %d: a score of %g, the bound is %g", h, x, bound)
			}
		}
	}
}

// TestSlidingWindow: a token sees w tokens, itself among them (L20), after L blocks
// L(w-1)+1; a window of the whole sequence is none; and rows stay within documents.
func TestSlidingWindow(t *testing.T) {
	n, w, blocks := 20, 3, 4
	m := SlidingWindow(n, w)
	for i := range n {
		for j := range n {
			if seen := m.At(i, j) == 0; seen != (j <= i && j > i-w) {
				t.Errorf("token %d sees token %d: %v", i, j, seen)
			}
		}
	}
	sight := OneHot([]int{n - 1}, n)
	for range blocks {
		sight = sight.Mul(m.mapped(math.Exp))
	}
	seen := 0
	for _, x := range sight.V {
		if x > 0 {
			seen++
		}
	}
	if want := blocks*(w-1) + 1; seen != want {
		t.Errorf("%d blocks: %d tokens in sight, want %d", blocks, seen, want)
	}
	same(t, "w = n", SlidingWindow(n, n).mapped(math.Exp).V, Causal(n).mapped(math.Exp).V, 0)
	same(t, "w = 0", SlidingWindow(n, 0, 4).mapped(math.Exp).V, Causal(n, 4).mapped(math.Exp).V, 0)
	same(t, "documents", SlidingWindow(5, 3, 2).mapped(math.Exp).Row(3), Vec{0, 0, 1, 1, 0}, 0)
}

// TestGroupedCache: row by row, the cached pass is the full pass with the window's
// mask (L21). Old keys never change: they were turned when they came.
func TestGroupedCache(t *testing.T) {
	for name, window := range map[string]int{"grouped": 0, "norms": 0, "window": 3, "one key head": 1} {
		l := layers()[name]
		l.m = SlidingWindow(l.q.N, window)
		var tr Trace
		a, _ := l.run(&tr)
		c := GroupedCache{Window: window}
		row := func(a Mat, i int) Mat { return Vec(a.Row(i)).row() }
		for i := range l.q.N {
			same(t, fmt.Sprint(name, ": token ", i), c.Next(nil, row(l.q, i), row(l.k, i), row(l.v, i), l.p).V, a.Row(i), rounding)
			kept := i + 1
			if window > 0 {
				kept = min(kept, window)
			}
			for j := range c.K {
				keys, _ := tr.Find(fmt.Sprint("kv.", j), "k'_h")
				if c.K[j].N != kept || c.V[j].N != kept {
					t.Fatalf("%s: %d keys and %d values after %d tokens", name, c.K[j].N, c.V[j].N, i+1)
				}
				same(t, name+": turned keys", c.K[j].V, keys.V.V[(i+1-kept)*keys.V.D:(i+1)*keys.V.D], 0)
			}
		}
	}
}

func TestGroupedAttentionPanics(t *testing.T) {
	run := func(q, k, v, heads, kv int) func() {
		return func() {
			GroupedAttention(nil, Zeros(2, q), Zeros(2, k), Zeros(2, v), Grouped{Heads: heads, KVHeads: kv}, []int{0, 1}, Causal(2))
		}
	}
	panics(t, "paper.GroupedAttention: 3 heads of queries, 2 of keys and values", run(6, 4, 4, 3, 2))
	panics(t, "paper.GroupedAttention: 1 heads of queries, 0 of keys and values", run(6, 4, 4, 1, 0))
	panics(t, "paper.GroupedAttention: queries 2×7 of 4 heads, keys 2×4 and values 2×4 of 2", run(7, 4, 4, 4, 2))
	panics(t, "paper.GroupedAttention: queries 2×8 of 4 heads, keys 2×5 and values 2×4 of 2", run(8, 5, 4, 4, 2))
	panics(t, "paper.GroupedAttention: queries 2×8 of 4 heads, keys 2×4 and values 2×3 of 2", run(8, 4, 3, 4, 2))
	panics(t, "paper.RMSNorm: input 2×2, gain of 3", func() {
		GroupedAttention(nil, Zeros(2, 4), Zeros(2, 2), Zeros(2, 2), Grouped{Heads: 2, KVHeads: 1, QNorm: Norm{W: Vec{1, 1, 1}}}, []int{0, 1}, Causal(2))
	})
}
