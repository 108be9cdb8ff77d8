package engine

import (
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"math"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/pedestrian-ml/pedestrian"
)

// TestPlannedIsTaken: what Memory and DecoderMemory tell is what a network and a decoder
// take, part by part and to the byte, in every kind of run.
func TestPlannedIsTaken(t *testing.T) {
	paths := kernel.Paths()
	rounded := []Options{{Accumulate: true, Precision: BF16}, {Dropout: 0.1, Precision: BF16}, {Precision: BF16x3}}
	exact := []Options{{}, {Recompute: true}, {Recompute: true, Accumulate: true, Dropout: 0.1}}
	for path, all := range map[kernel.Path][]Options{
		paths[0]:            rounded, // the slowest and the fastest lay rounded weights out in different ways
		paths[len(paths)-1]: slices.Concat(exact, rounded),
	} {
		t.Run(path.String(), func(t *testing.T) {
			defer kernel.Use(kernel.Use(path))
			testPlannedIsTaken(t, all)
		})
	}
}

func testPlannedIsTaken(t *testing.T, options []Options) {
	for _, cs := range slices.Concat(cases, []testCase{bigger, biggestLlama}, llamaCases, frozenCases(), reuseCases()) {
		for _, o := range options {
			o.Batch, o.Context, o.Threads = cs.b, cs.t, 2
			p, a := convert[float32](cs.params(1))
			if o.Precision == BF16x3 {
				if a == nil {
					continue
				}
				p64, _ := cs.params(1)
				p, _ = frozen[float32](t, p64, pedestrian.BF16)
			}
			n := New(p, a, o)
			dp := like(p)
			if a != nil {
				dp = nil
			}
			if b := cs.batch(1); o.Accumulate {
				n.Gradients(dp, likeAdapter(a), b, 1, 0)
			} else {
				n.SetGradients(dp, likeAdapter(a), b, 1, 0)
			}
			n.Close()
			told, err := Memory[float32](cs.c, cs.lora, o)
			if got := n.taken(&n.work); err != nil || told.Total() != got {
				t.Errorf("%s, %+v: %v (%v), %d bytes, but %d are taken", cs.name, o, told, err, told.Total(), got)
			}

			d := New(p, a, o)
			decoder := d.NewDecoder(3)
			d.Close()
			told, err = DecoderMemory[float32](cs.c, cs.lora, o, 3)
			if got := d.taken(&decoder.w); err != nil || told.Total() != got {
				t.Errorf("%s, %+v: a decoder of %v (%v), %d bytes, but %d are taken", cs.name, o, told, err, told.Total(), got)
			}

			if a == nil {
				continue
			}
			n = New(p, a, mergedOptions(1, cs.t, 2))
			m := mergedPass[float32]{merger: newMerger(p, a), columns: min(mergedColumns, cs.c.Vocab)}
			allocate(func(arena *arena[float32]) { m.plan(arena, cs.c, cs.t) })
			n.reserve(nil, gradients[float32]{})
			n.Close()
			told, err = MergedMemory[float32](cs.c, cs.lora, cs.t, 2)
			got := n.taken(&n.work) + 4*int64(len(m.tokens))
			for _, v := range [][]float32{m.logits.V, m.y.V, m.rows.V, m.slab} {
				got += 4 * int64((len(v)+15)/16*16)
			}
			if err != nil || told.Total() != got {
				t.Errorf("%s: checking the merged network: %v (%v), %d bytes, but %d are taken", cs.name, told, err, told.Total(), got)
			}
		}
	}
}

// taken counts the bytes of w and of what n has beside it, matrix by matrix.
func (n *Network[T]) taken(w *workspace[T]) (bytes int64) {
	seen := map[*T]int{} // numbers from there on
	add := func(vs ...[]T) {
		for _, v := range vs {
			if cap(v) > 0 {
				v = v[:cap(v)]
				seen[&v[0]] = max(seen[&v[0]], (len(v)+15)/16*16)
			}
		}
	}
	add(w.logitsRoom.v[:len(w.logitsRoom.v):len(w.logitsRoom.v)], w.backward)
	for _, s := range w.store {
		add(s.k.V, s.v.V)
	}
	bytes += int64(len(w.turns.cos.V)+len(w.turns.sin.V)) * int64(unsafe.Sizeof(T(0)))
	for _, d := range n.doras {
		add(d.gain, d.norm, d.sums, d.dt.V, d.ud.V)
		for i := range d.q {
			add(d.q[i].V, d.g[i].V, d.uc[i].V)
		}
	}
	for _, size := range seen {
		bytes += int64(size) * int64(unsafe.Sizeof(T(0)))
	}
	for _, p := range n.mixed.packed {
		bytes += int64(p.to.Bytes())
	}
	for _, s := range []slot{n.mixed.x, n.mixed.dy, n.mixed.dh} {
		bytes += 2 * int64(len(s.buf.V))
	}
	return bytes + int64(4*len(w.positions)+int(unsafe.Sizeof(segment{}))*cap(w.segments)+4*cap(w.logits.rows)+4*cap(w.logits.targets)+8*len(w.logits.loss.token))
}

// TestMemoryOfGPT2 holds the figure by hand: a token of a block keeps two
// normalized inputs, queries, keys, values, heads, and the input of g. The stream and
// a_8 lie where the logits of 512 tokens do.
func TestMemoryOfGPT2(t *testing.T) {
	const rows, d = 1024, 768
	perBlock := 4 * rows * (10*d + 2 + 12)      // and 1/σ twice, lse of 12 heads
	shared := 4*rows*(2*d+1) + rows*4 + rows*32 // y, ā of the last; positions, segments
	// Where gradients lend their memory there are those of the positions, rows·d, and of
	// 12 blocks, 12 d² each. What is beside them is a multiple of rows·d.
	free := 4 * (rows*d + 12*(12*d*d+13*d))
	for _, c := range []struct {
		accumulate bool
		want, more int
	}{{true, 12*perBlock + shared, 0}, {false, 12*perBlock + shared - free, 4 * 4 * rows * d}} {
		budget, err := Memory[float32](gpt2Config, nil, Options{Batch: 4, Context: 256, Threads: 2, Accumulate: c.accumulate})
		if err != nil {
			t.Fatal(err)
		}
		if got := budget[0]; got.Name != "activations" || got.Bytes < int64(c.want) || got.Bytes > int64(c.want+c.more) {
			t.Errorf("%v, not activations of %d bytes and up to %d more", got, c.want, c.more)
		}
		if got, want := budget[3], int64(4*(rows*d)); got.Name != "errors" || got.Bytes != want {
			t.Errorf("%v, not errors of %d bytes", got, want)
		}
	}
}

func TestMemoryOfAnything(t *testing.T) {
	huge := pedestrian.Config{Vocab: 1, Context: 1, Width: 1, Heads: 1, Blocks: 1 << 30, Activation: pedestrian.ReLU}
	b, err := Memory[float64](huge, nil, Options{Batch: math.MaxInt32})
	if err != nil || b.Total() < 1<<60 {
		t.Errorf("%v, %v: too little for 2³⁰ blocks and 2³¹ tokens", b, err)
	}
	a := &pedestrian.AdapterConfig{Rank: 1, Scaling: pedestrian.ScaleRank, DoRA: true, Bias: pedestrian.BiasAdapted, Layers: []int{1 << 29}, Targets: []pedestrian.Target{pedestrian.TargetV}}
	for _, o := range []Options{{}, {Recompute: true}, {Accumulate: true}} {
		if _, err := Memory[float32](huge, a, o); err != nil {
			t.Error(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		Memory[float32](huge, nil, o)
		DecoderMemory[float32](huge, nil, o, 1<<20)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("planning takes %d bytes", took)
		}
	}
	for _, c := range []pedestrian.Config{{}, {Vocab: 2, Context: 2, Width: 3, Heads: 2, Blocks: 1, Activation: pedestrian.ReLU}} {
		if _, err := Memory[float32](c, nil, Options{}); err == nil {
			t.Errorf("no error for %+v", c)
		}
	}
	if _, err := Memory[float32](gpt2Config, &pedestrian.AdapterConfig{}, Options{}); err == nil {
		t.Error("no error for an adapter without rank")
	}
	if _, err := Memory[float32](gpt2Config, nil, Options{Context: 2000}); err == nil {
		t.Error("no error for more tokens than the context")
	}
}
