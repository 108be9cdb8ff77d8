package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/pedestrian-ml/pedestrian"
)

// reuseCases are networks whose activations fit in the gradient, in part or as a whole:
// with gaps between parameters, tied or not, with few tokens and with many.
func reuseCases() (all []testCase) {
	for _, cs := range append(slices.Concat(cases, llamaCases[:8]), bigger, biggestLlama) {
		cs.lora = nil
		all = append(all, cs)
		cs.c.Tied, cs.name = !cs.c.Tied, cs.name+", tied or not"
		all = append(all, cs)
	}
	deep := pedestrian.Config{Vocab: 11, Context: 40, Width: 20, Heads: 2, Blocks: 5, KeyDim: 7, Hidden: 50, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, Tied: true}
	for _, b := range []int{1, 2, 3, 4} {
		all = append(all, testCase{fmt.Sprint("deep, ", b), deep, nil, b, 9 * b})
	}
	return all
}

func poison[T Float](v []T) {
	for i := range v {
		v[i] = T(math.NaN())
	}
}

// TestReuse holds the gradients of a network that keeps activations in them equal, to
// the bit, to those of one that does not, in whatever the memory of both held before.
func TestReuse(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	t.Run("float64", func(t *testing.T) { testReuse[float64](t, "") })
	t.Run("float32", func(t *testing.T) { testReuse[float32](t, Float32) })
	t.Run("bf16", func(t *testing.T) { testReuse[float32](t, BF16) })
}

func testReuse[T Float](t *testing.T, precision Precision) {
	for _, cs := range reuseCases() {
		for i, o := range []Options{{}, {Dropout: 0.2}, {Recompute: true}, {Recompute: true, Dropout: 0.2, Threads: 3, Chunk: 32}} {
			if inFloat64[T](cs) || !is32[T]() && i%3 != 0 {
				continue // plans count numbers and not bytes: float32 has the other networks and options
			}
			o.Batch, o.Context, o.Precision, o.Seed = cs.b, cs.t, precision, 4
			p, _ := convert[T](cs.params(1))
			reuse := New(p, nil, o)
			o.Accumulate = true
			keep := New(p, nil, o)
			want, got := like(p), []*pedestrian.Params[T]{like(p), like(p)}
			b, docs := cs.batch(2), cs.packed(3)
			few := Batch{B: 1, T: b.T - 1, Tokens: b.Tokens[:b.T-1], Targets: b.Targets[:b.T-1]}
			for step, b := range []Batch{b, docs, few, b} {
				got := got[step/3] // another gradient in the end
				poison(got.Slab)
				if step > 0 {
					poison(reuse.work.logitsRoom.v)
					poison(reuse.work.backward)
				}
				s1, _ := keep.SetGradients(want, nil, b, 0.7, uint64(step))
				s2, _ := reuse.SetGradients(got, nil, b, 0.7, uint64(step))
				if s1 != s2 || !slices.Equal(want.Slab, got.Slab) {
					t.Errorf("%s, %+v: step %d gives other bits", cs.name, o, step)
				}
				if &reuse.work.reused[0] != &got.Slab[0] || keep.work.reused != nil {
					t.Fatalf("%s: activations do not lie in the gradient that is set", cs.name)
				}
				reuse.Loss(b)
			}
			if used := reuse.work.kept(got[1].Slab); used == 0 {
				t.Errorf("%s, %d: nothing lies in the gradient", cs.name, i)
			}
			keep.Gradients(want, nil, b, 0.7, 9)
			reuse.Gradients(got[1], nil, b, 0.7, 9)
			if !slices.Equal(want.Slab, got[1].Slab) || reuse.work.reused != nil {
				t.Errorf("%s: Gradients after SetGradients adds other numbers", cs.name)
			}
			reuse.Close()
			keep.Close()
		}
	}
}

// kept is how many numbers of caches lie in slab.
func (w *workspace[T]) kept(slab []T) (n int) {
	for i := range w.blocks {
		for _, m := range w.blocks[i].alive() {
			if m.at(slab) >= 0 {
				n += len(m.V)
			}
		}
	}
	return n
}

// A piece is a matrix of a cache, and the layer of the block in whose backward pass it
// is read for the last time.
type piece[T Float] struct {
	name string
	last int
	V    []T
}

func (c *blockCache[T]) alive() (all []piece[T]) {
	// That of attention lies between those of qkv and attProj, and that of g between
	// those of expand and contract: they count to the upper one.
	for _, x := range []piece[T]{
		{"a_1", stages, c.input.V}, {"a_7", stages, c.a7.V}, {"ā_5", stageLN2, c.ln2.xhat.V}, {"1/σ_5", stageLN2, c.ln2.rstd},
		{"a_3", stageAttProj, c.a3.V}, {"q, k, v", stageAttProj, c.a3qkv.V}, {"lse", stageAttProj, c.att.lse.V},
		{"ā_1", stageLN1, c.ln1.xhat.V}, {"1/σ_1", stageLN1, c.ln1.rstd}, {"z", stageExpand, c.z.V},
		{"q̄, k̄", stageQKNorm, c.qkNorm.xhat.V}, {"1/σ of heads", stageQKNorm, c.qkNorm.rstd.V},
	} {
		if x.V != nil {
			all = append(all, x)
		}
	}
	return all
}

// at is where in slab p begins, or -1.
func (p piece[T]) at(slab []T) int {
	from, at := uintptr(unsafe.Pointer(&slab[0])), uintptr(unsafe.Pointer(&p.V[0]))
	if size := unsafe.Sizeof(slab[0]); at >= from && at < from+uintptr(len(slab))*size {
		return int((at - from) / size)
	}
	return -1
}

func overlap[T Float](a, b []T) bool {
	p := func(v []T, i int) uintptr { return uintptr(unsafe.Pointer(&v[i])) }
	return p(a, 0) <= p(b, len(b)-1) && p(b, 0) <= p(a, len(a)-1)
}

// TestReusedIsFree looks at the plans of many shapes: what is alive at one time does not
// overlap, and no gradient is computed where something lies that is still to be read.
func TestReusedIsFree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 5))
	full, spilled := 0, 0
	for range 60 {
		heads := 1 + rnd.IntN(3)
		c := pedestrian.Config{Vocab: 5 + rnd.IntN(90), Context: 100, Width: heads * (1 + rnd.IntN(20)), Heads: heads, Blocks: 1 + rnd.IntN(6), KeyDim: rnd.IntN(20), Hidden: rnd.IntN(200),
			Activation: pedestrian.ReLU, Eps: 1e-5, Bias: rnd.IntN(2) == 0, Tied: rnd.IntN(2) == 0, LogitsBias: rnd.IntN(2) == 0}
		if rnd.IntN(2) == 0 {
			c.Norm, c.Positions, c.KVHeads, c.HeadDim, c.Gated, c.QKNorm = pedestrian.RMSNorm, pedestrian.Rotary, 1, rnd.IntN(20), rnd.IntN(3) > 0, rnd.IntN(2) == 0
			c.KeyDim = 2 * (1 + rnd.IntN(10))
		}
		o := Options{Batch: 1 + rnd.IntN(3), Context: 1 + rnd.IntN(100), Threads: 1, Recompute: rnd.IntN(3) == 0}
		p := pedestrian.NewParams[float32](c)
		n := New(p, nil, o)
		b := Batch{B: n.o.Batch, T: o.Context, Tokens: make([]int32, n.o.Batch*o.Context), Targets: make([]int32, n.o.Batch*o.Context)}
		dp := like(p)
		n.SetGradients(dp, nil, b, 1, 0)
		n.Close()

		// Gradients in the order in which they are computed, by layer.
		type due struct {
			block, layer int
			vs           [][]float32
		}
		var dues []due
		top := due{c.Blocks, stages, [][]float32{dp.LNFinal.W.V, dp.LNFinal.B.V, dp.Logits.W.V, dp.Logits.B.V}}
		if c.Tied {
			top.vs = append(top.vs, dp.Tok.V)
		}
		dues = append(dues, top)
		for _, g := range slices.Backward(dp.Tensors()) {
			if g.Block >= 0 {
				dues = append(dues, due{g.Block, g.Stage, [][]float32{g.V}})
			}
		}
		dues = append(dues, due{-1, 0, [][]float32{dp.Pos.V, dp.Tok.V}})

		var all []piece[float32]
		var block []int
		for i := range c.Blocks {
			for _, x := range n.work.blocks[i].alive() {
				all, block = append(all, x), append(block, i)
				if at := x.at(dp.Slab); at >= 0 {
					full++
				} else {
					spilled++
				}
				for _, d := range dues {
					read := d.block > i || d.block == i && d.layer >= x.last // still to be read when d is computed
					for _, v := range d.vs {
						if read && len(v) > 0 && overlap(x.V, v) {
							t.Errorf("%+v, %+v: %s of block %d is still to be read when layer %d of block %d is due", c, o, x.name, i, d.layer, d.block)
						}
					}
				}
			}
		}
		fixed := []piece[float32]{{"a_2", 0, n.work.y.V}, {"ā_10", 0, n.work.final.xhat.V}, {"Δ", 0, n.work.e.V}, {"logits", 0, n.work.logits.y.V}, {"DX", 0, n.work.logits.dx.V}}
		scratch := []piece[float32]{{"y", 0, n.work.y.V}, {"x", 0, n.work.x.V}, {"h", 0, n.work.h.V}, {"dx", 0, n.work.dx.V}, {"e", 0, n.work.e.V},
			{"dh", 0, n.work.dh.V}, {"dqkv", 0, n.work.dqkv.V}, {"partial", 0, n.work.final.partial.V}, {"ā_10", 0, n.work.final.xhat.V}}
		for i, x := range all {
			for j, y := range all[:i] {
				together := !o.Recompute || block[i] == block[j] && x.name != "a_1" && y.name != "a_1" || x.name == "a_1" && y.name == "a_1"
				// A block's inputs below are there while it is at work, forward and backward.
				together = together || y.name == "a_1" && block[j] < block[i]
				together = together || y.name == "a_1" && block[j] == block[i] && block[i] < c.Blocks-1
				together = together || x.name == "a_1" && block[i] < block[j]
				if together && overlap(x.V, y.V) {
					t.Errorf("%+v, %+v: %s of block %d overlaps %s of block %d", c, o, x.name, block[i], y.name, block[j])
				}
			}
			for _, y := range append(fixed, scratch...) {
				if len(y.V) > 0 && overlap(x.V, y.V) {
					t.Errorf("%+v, %+v: %s of block %d overlaps %s", c, o, x.name, block[i], y.name)
				}
			}
		}
		for _, group := range [][]piece[float32]{fixed, scratch} {
			for i, x := range group {
				for _, y := range group[:i] {
					if (x.name != "dqkv" || y.name != "dh") && overlap(x.V, y.V) {
						t.Errorf("%+v, %+v: %s overlaps %s", c, o, x.name, y.name)
					}
				}
			}
		}
	}
	if full == 0 || spilled == 0 {
		t.Errorf("%d matrices in the gradient and %d beside it: shapes that show nothing", full, spilled)
	}
}
