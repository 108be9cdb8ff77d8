package engine

import (
	"runtime"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"github.com/pedestrian-ml/pedestrian/paper"
)

func TestAttention(t *testing.T) { bothLanes(t, testAttention[float64], testAttention[float32]) }

// testAttention compares what happens between (9.a), (9.b), (4) and (16): paper's
// head with weights that hand one range of the columns of its input to each.
func testAttention[T Float](t *testing.T) {
	r := newLane[T](t)
	const heads, keyDim, valueDim, seqs = 3, 4, 5, 2
	const keys, values = heads * keyDim, heads * valueDim
	pick := func(from, width int) paper.Mat {
		w := paper.Zeros(2*keys+values, width)
		for j := range width {
			w.Row(from + j)[j] = 1
		}
		return w
	}
	for _, n := range []int{1, 2, 7, 13} {
		scale := map[int]float64{7: 0.31}[n]
		for _, tile := range []tiling{{1, 1, 1, 1}, {6, 3, 3, 3}, {8, 2, 4, 3}, {7, 4, 2, 5}, usualTiling} {
			x, Δ := r.mat(seqs*n, 2*keys+values).Scale(2), r.mat(seqs*n, values)
			qkv, dy := to[T](x), to[T](Δ)
			y, dqkv := rubbish[T](seqs*n, values), rubbish[T](seqs*n, 2*keys+values)
			c := &attentionCache[T]{lse: NewMat[T](heads, seqs*n)}
			segments := make([]segment, seqs)
			for s := range segments {
				segments[s] = segment{s * n, s * n, n, 0}
			}
			l := attention[T]{heads: heads, keyDim: keyDim, valueDim: valueDim, scale: T(scale)}
			columns := func(m Mat[T]) (q, k, v Mat[T]) {
				return m.Sub(0, m.Rows, 0, keys), m.Sub(0, m.Rows, keys, 2*keys), m.Sub(0, m.Rows, 2*keys, m.Cols)
			}
			q, k, v := columns(qkv)
			dq, dk, dv := columns(dqkv)
			l.forward(r.pool, y, c, q, k, v, segments) // makes the scratch
			c.scratch.tiling = tile
			l.forward(r.pool, y, c, q, k, v, segments)
			l.backward(r.pool, dq, dk, dv, dy, c, q, k, v, y, segments)

			for s := range seqs {
				in, Δs := paper.Zeros(n, x.D), paper.Zeros(n, values)
				copy(in.V, x.V[s*n*x.D:])
				copy(Δs.V, Δ.V[s*n*values:])
				ps := make([]paper.Head, heads)
				for h := range ps {
					ps[h] = paper.Head{Wq: pick(h*keyDim, keyDim), Wk: pick(keys+h*keyDim, keyDim), Wv: pick(2*keys+h*valueDim, valueDim), Scale: scale}
				}
				a, back := paper.MultiHead(nil, in, ps, paper.Causal(n))
				ΔPrev, _ := back(Δs)
				nearMat(t, "a_i (34)", y.Sub(s*n, (s+1)*n, 0, values), a)
				nearMat(t, "Δ_{i-1} (35)", dqkv.Sub(s*n, (s+1)*n, 0, x.D), ΔPrev)
			}
		}
	}
}

// TestAttentionOfOneToken: the first token sees itself alone, so ρ is 1 and its
// output is its value (5.a).
func TestAttentionOfOneToken(t *testing.T) {
	r := newLane[float64](t)
	c := &attentionCache[float64]{lse: NewMat[float64](1, 1)}
	q, k, v, y := to[float64](r.mat(1, 3)), to[float64](r.mat(1, 3)), to[float64](r.mat(1, 2)), rubbish[float64](1, 2)
	attention[float64]{heads: 1, keyDim: 3, valueDim: 2}.forward(r.pool, y, c, q, k, v, []segment{{n: 1}})
	if y.Row(0)[0] != v.Row(0)[0] || y.Row(0)[1] != v.Row(0)[1] {
		t.Errorf("output %v, value %v", y.Row(0), v.Row(0))
	}
}

// TestAttentionApart: with many more threads than heads, strips of queries and tiles of keys
// are units of their own, and no bit differs: of long documents and short ones, with windows,
// groups and masks.
func TestAttentionApart(t *testing.T) {
	bothLanes(t, testAttentionApart[float64], testAttentionApart[float32])
}

func testAttentionApart[T Float](t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(24))
	r := newLane[T](t)
	const keyDim, valueDim, rows = 4, 5, 1000
	for _, l := range []attention[T]{
		{heads: 3, keyDim: keyDim, valueDim: valueDim},
		{heads: 4, kvHeads: 2, keyDim: keyDim, valueDim: valueDim, drop: kernel.NewMask(0.2, 7)},
		{heads: 2, keyDim: keyDim, valueDim: valueDim, window: 300},
		{heads: 2, kvHeads: 1, keyDim: keyDim, valueDim: valueDim, window: 5, scale: 2},
	} {
		q, k, v := to[T](r.mat(rows, l.heads*keyDim)), to[T](r.mat(rows, l.keyHeads()*keyDim)), to[T](r.mat(rows, l.keyHeads()*valueDim))
		dy := to[T](r.mat(rows, l.heads*valueDim))
		segments := []segment{{q: 0, k: 0, n: 900}, {q: 900, k: 900, n: 1}, {q: 901, k: 901, n: 99}}
		var want []T
		for _, threads := range []int{1, 24, 2, 17} {
			p := kernel.NewPool(threads)
			c := &attentionCache[T]{lse: NewMat[T](l.heads, rows)}
			y := rubbish[T](rows, l.heads*valueDim)
			dq, dk, dv := rubbish[T](rows, l.heads*keyDim), rubbish[T](rows, l.keyHeads()*keyDim), rubbish[T](rows, l.keyHeads()*valueDim)
			l.forward(p, y, c, q, k, v, segments)
			l.backward(p, dq, dk, dv, dy, c, q, k, v, y, segments)
			if apart := threads > 9; c.backward.apart != apart {
				t.Errorf("%d heads of three documents on %d threads: units apart: %v", l.heads, threads, c.backward.apart)
			}
			var got []T
			for _, m := range []Mat[T]{y, dq, dk, dv} {
				for i := range rows {
					got = append(got, m.Row(i)...)
				}
			}
			if want == nil {
				want = got
			} else if !slices.Equal(got, want) {
				t.Errorf("%d heads, window %d: other bits on %d threads", l.heads, l.window, threads)
			}
			p.Close()
		}
	}
}

// TestAttentionOfCopies: the columns of a head are copied where a tile has many keys. The bits
// are those of the same head in matrices of its own, and of products of these matrices as
// they are.
func TestAttentionOfCopies(t *testing.T) {
	r := newLane[float32](t)
	const n, heads, dim = 2*fewKeys + 7, 3, 24
	l := attention[float32]{heads: heads, keyDim: dim, valueDim: dim}
	q, k, v, dy := to[float32](r.mat(n, heads*dim)), to[float32](r.mat(n, heads*dim)), to[float32](r.mat(n, heads*dim)), to[float32](r.mat(n, heads*dim))
	c := &attentionCache[float32]{lse: NewMat[float32](heads, n)}
	y, dq, dk, dv := rubbish[float32](n, heads*dim), rubbish[float32](n, heads*dim), rubbish[float32](n, heads*dim), rubbish[float32](n, heads*dim)
	l.forward(r.pool, y, c, q, k, v, []segment{{n: n}})
	l.backward(r.pool, dq, dk, dv, dy, c, q, k, v, y, []segment{{n: n}})
	for h := range heads {
		q, k, v, dy := head(q, 0, n, h, dim), head(k, 0, n, h, dim), head(v, 0, n, h, dim), head(dy, 0, n, h, dim)
		ρ, dρ := NewMat[float32](n, n), NewMat[float32](n, n)
		kernel.MulNT(r.pool, ρ, q, k, false)
		kernel.MulNT(r.pool, dρ, dy, v, false)
		wantY, wantQ, wantK, wantV := NewMat[float32](n, dim), NewMat[float32](n, dim), NewMat[float32](n, dim), NewMat[float32](n, dim)
		e, scale := NewMat[float32](n, n), l.scoreScale()
		sums := make([]float32, n)
		for i := range n {
			copy(e.Row(i)[:i+1], ρ.Row(i))
			sums[i] = kernel.ExpSum(e.Row(i)[:i+1], scale, scale*kernel.Max(e.Row(i)[:i+1]))
			kernel.ExpSum(ρ.Row(i)[:i+1], scale, c.lse.Row(h)[i])
			clear(ρ.Row(i)[i+1:])
			kernel.SoftmaxBackward(dρ.Row(i)[:i+1], ρ.Row(i)[:i+1], kernel.Dot(dy.Row(i), head(y, i, 1, h, dim).Row(0)), scale)
			clear(dρ.Row(i)[i+1:])
		}
		kernel.MulNN(r.pool, wantY, e, v, nil, false)
		for i := range n {
			kernel.Scale(wantY.Row(i), 1/sums[i])
		}
		kernel.MulNN(r.pool, wantQ, dρ, k, nil, false)
		for q0 := 0; q0 < n; q0 += usualTiling.diagonal { // errors on keys and values are sums over tiles of queries
			to := min(q0+usualTiling.diagonal, n)
			kernel.MulTN(r.pool, wantV, ρ.Sub(q0, to, 0, n), dy.Sub(q0, to, 0, dim), true)
			kernel.MulTN(r.pool, wantK, dρ.Sub(q0, to, 0, n), q.Sub(q0, to, 0, dim), true)
		}
		for what, m := range map[string][2]Mat[float32]{"y": {y, wantY}, "dq": {dq, wantQ}, "dk": {dk, wantK}, "dv": {dv, wantV}} {
			for i := range n {
				if got := head(m[0], i, 1, h, dim).Row(0); !slices.Equal(got, m[1].Row(i)) {
					t.Fatalf("%s of head %d, token %d: %v, want the bits of %v", what, h, i, got, m[1].Row(i))
				}
			}
		}
	}
}
