package engine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// TestAdamW follows the definition, written out for one parameter at a time.
func TestAdamW(t *testing.T) {
	// A few roundings of numbers near one.
	const tol = 1e-14
	cs := cases[2]
	p, _ := cs.params(1)
	n := New(p, nil, Options{Threads: 1})
	defer n.Close()
	g, m, v := like(p), like(p), like(p)
	rnd := rand.New(rand.NewPCG(1, 2))
	h := AdamW{LR: 0.01, Beta1: 0.9, Beta2: 0.99, Eps: 1e-3, Decay: 0.2}
	const gscale = 0.3
	want, wm, wv := like(p), like(p), like(p)
	copy(want.Slab, p.Slab)
	for step := 1; step <= 4; step++ {
		fill(rnd, g.Tensors())
		n.AdamW(h, step, gscale, p, g, m, v)
		for i, x := range want.Tensors() {
			for j := range x.V {
				gj := gscale * g.Tensors()[i].V[j]
				mj, vj := &wm.Tensors()[i].V[j], &wv.Tensors()[i].V[j]
				*mj = h.Beta1**mj + (1-h.Beta1)*gj
				*vj = h.Beta2**vj + (1-h.Beta2)*gj*gj
				decay := h.Decay
				if x.Vec() {
					decay = 0
				}
				mhat, vhat := *mj/(1-math.Pow(h.Beta1, float64(step))), *vj/(1-math.Pow(h.Beta2, float64(step)))
				x.V[j] -= h.LR * (mhat/(math.Sqrt(vhat)+h.Eps) + decay*x.V[j])
			}
		}
	}
	near(t, "weights", p.Slab, want.Slab, tol)
	near(t, "first moments", m.Slab, wm.Slab, tol)
	near(t, "second moments", v.Slab, wv.Slab, tol)

	// The same for an adapter; with lora+ factors named up and all vectors learn
	// faster, and such factors decay by as much more.
	q, lora := biggest().params(1)
	n = New(q, lora, Options{Threads: 1})
	defer n.Close()
	for _, up := range []float64{0, 1, 16} {
		h.Up = up
		la, lg, lm, lv := likeAdapter(lora), likeAdapter(lora), likeAdapter(lora), likeAdapter(lora)
		copy(la.Slab, lora.Slab)
		fill(rnd, lg.Tensors())
		n.AdamWAdapter(h, 1, gscale, la, lg, lm, lv)
		for i, x := range la.Tensors() {
			lr, decay := h.LR, h.Decay
			if up > 0 && (x.Vec() || x.Role == pedestrian.Up) {
				lr *= up
			}
			if x.Vec() {
				decay = 0
			}
			for j, got := range x.V {
				gj, old := gscale*lg.Tensors()[i].V[j], lora.Tensors()[i].V[j]
				if w := old - lr*(gj/(math.Abs(gj)+h.Eps)+decay*old); math.Abs(w-got) > tol {
					t.Fatalf("adapter, up %g: number %d of %s is %g, not %g", up, j, x.Name, got, w)
				}
			}
		}
	}
}

// The bound that Safe compares is that of the fastest parameter.
func TestSafeCountsLoRAPlus(t *testing.T) {
	n := Norms{W: 1, G: 1, M: 1, V: 1}
	h := AdamW{LR: 1e27, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}
	if !h.Safe(n, 10, 1) {
		t.Error("not safe without LoRA+")
	}
	if h.Up = 1e6; h.Safe(n, 10, 1) {
		t.Error("safe with a rate of 1e33")
	}
}

func TestNorm2(t *testing.T) {
	cs := cases[0]
	p, _ := cs.params(1)
	n := New(p, nil, Options{})
	defer n.Close()
	g := make([]float64, 3*UpdateBlock+5)
	for i := range g {
		g[i] = 2
	}
	if got, want := n.Norm2(g), 2*math.Sqrt(float64(len(g))); got != want {
		t.Errorf("Norm2 of %d twos is %g, not %g", len(g), got, want)
	}
	if got := n.Norm2(nil); got != 0 {
		t.Errorf("Norm2 of nothing is %g", got)
	}
}

// Norms finds one number among three parts, whichever it is, and takes -0 for what a
// root can be of.
func TestNorms(t *testing.T) {
	p, _ := cases[0].params(1)
	n := New(p, nil, Options{})
	defer n.Close()
	var x [4][]float64
	for i := range x {
		x[i] = make([]float64, 2*UpdateBlock+5)
		for j := range x[i] {
			x[i][j] = float64(i + 1)
		}
	}
	x[0][3], x[3][9] = -1, math.Copysign(0, -1)
	at := 2*UpdateBlock + 4
	want := Norms{W: 1, G: 2 * math.Sqrt(float64(len(x[1]))), M: 3, V: 4}
	if got := n.Norms(x[0], x[1], x[2], x[3]); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	h := AdamW{LR: 1e-3, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}
	for i := range x {
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e38} {
			old := x[i][at]
			x[i][at] = v
			if got := n.Norms(x[0], x[1], x[2], x[3]); h.Safe(got, 10, 1) {
				t.Errorf("%g in slab %d is safe: %+v", v, i, got)
			}
			x[i][at] = old
		}
	}
	x[3][at] = -1e-30
	if got := n.Norms(x[0], x[1], x[2], x[3]); !got.Negative || h.Safe(got, 10, 1) {
		t.Errorf("a negative second moment is safe: %+v", got)
	}
}

// Norms and updates of the parts of a slab, wherever they are cut, are those of the whole, to
// the last bit: of all parameters, in both precisions, and of an adapter with LoRA+.
func TestParts(t *testing.T) {
	config := pedestrian.Config{Vocab: 61, Context: 8, Width: 64, Heads: 4, Blocks: 2, Activation: pedestrian.GELU, Bias: true}
	adapter := pedestrian.AdapterConfig{Rank: 24, Alpha: 8, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetExpand}, Bias: pedestrian.BiasAll}
	h := AdamW{LR: 0.01, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Decay: 0.2, Up: 4}
	tokens := Batch{B: 1, T: 8, Tokens: []int32{3, 1, 4, 1, 5, 9, 2, 6}, Targets: []int32{1, 4, 1, 5, 9, 2, 6, 5}}
	for name, o := range map[string]Options{"all": {}, "all in bf16": {Precision: BF16}, "adapter": {}} {
		o.Threads, o.Batch, o.Context = 2, 1, 8
		type slabs struct {
			n          *Network[float32]
			w, g, m, v []float32
			update     func(step int)
		}
		begin := func() (s slabs) {
			rnd := rand.New(rand.NewPCG(4, 2))
			fill := func(ts []pedestrian.Tensor[float32]) {
				for _, t := range ts {
					for i := range t.V {
						t.V[i] = float32(0.1 * rnd.NormFloat64())
					}
				}
			}
			p := pedestrian.NewParams[float32](config)
			fill(p.Tensors())
			if name == "adapter" {
				like := func() *pedestrian.Adapter[float32] { return pedestrian.NewAdapter[float32](config, adapter) }
				a, g, m, v := like(), like(), like(), like()
				fill(a.Tensors())
				fill(g.Tensors())
				n := New(p, a, o)
				return slabs{n, a.Slab, g.Slab, m.Slab, v.Slab, func(step int) { n.AdamWAdapter(h, step, 0.3, a, g, m, v) }}
			}
			g, m, v := pedestrian.NewParams[float32](config), pedestrian.NewParams[float32](config), pedestrian.NewParams[float32](config)
			fill(g.Tensors())
			n := New(p, nil, o)
			return slabs{n, p.Slab, g.Slab, m.Slab, v.Slab, func(step int) { n.AdamW(h, step, 0.3, p, g, m, v) }}
		}
		whole, parts := begin(), begin()
		defer whole.n.Close()
		defer parts.n.Close()
		end := len(whole.w)
		if end < 2*UpdateBlock {
			t.Fatalf("%s: a slab of %d numbers", name, end)
		}
		for step := 1; step <= 3; step++ {
			whole.update(step)
			for _, cut := range [][2]int{{0, 5}, {5, 5}, {5, UpdateBlock}, {UpdateBlock, end - 77}, {end - 77, end}} {
				i, j := cut[0], cut[1]
				parts.n.AdamWPart(h, step, 0.3, i, parts.w[i:j], parts.g[i:j], parts.m[i:j], parts.v[i:j])
			}
			for i, pair := range [][2][]float32{{whole.w, parts.w}, {whole.m, parts.m}, {whole.v, parts.v}} {
				if !slices.Equal(pair[0], pair[1]) {
					t.Errorf("%s, step %d: slab %d has other bits in parts", name, step, i)
				}
			}
			a, _ := whole.n.Loss(tokens)
			if b, _ := parts.n.Loss(tokens); a != b {
				t.Errorf("%s, step %d: a loss of %v after parts, %v after the whole", name, step, b, a)
			}
			want := whole.n.Norms(whole.w, whole.g, whole.m, whole.v)
			var got Norms
			var squares []float64
			for i := 0; i < end; i += UpdateBlock {
				j := min(i+UpdateBlock, end)
				part, s := parts.n.PartNorms(parts.w[i:j], parts.g[i:j], parts.m[i:j], parts.v[i:j])
				got.Join(part)
				squares = append(squares, s...)
			}
			if got.G = Length(squares); got != want || want.G != whole.n.Norm2(whole.g) {
				t.Errorf("%s, step %d: norms %+v of parts, %+v of the whole", name, step, got, want)
			}
		}
	}
}
