package engine

import (
	"runtime"
	"slices"
	"testing"
)

// TestRecompute holds gradients with and without recomputation equal to the bit,
// with dropout and adapters and for batches that are smaller than the largest.
func TestRecompute(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	t.Run("float64", func(t *testing.T) { testRecompute[float64](t, "") })
	t.Run("float32", func(t *testing.T) { testRecompute[float32](t, Float32) })
	t.Run("bf16", func(t *testing.T) { testRecompute[float32](t, BF16) })
}

func testRecompute[T Float](t *testing.T, precision Precision) {
	for _, cs := range everyCase() {
		if inFloat64[T](cs) {
			continue
		}
		p, lora := convert[T](cs.params(1))
		b := cs.batch(2)
		small := Batch{B: 1, T: b.T - 1, Tokens: b.Tokens[:b.T-1], Targets: b.Targets[:b.T-1]}
		type result struct {
			sum          float64
			params, lora []T
		}
		var want []result
		for _, o := range []Options{{}, {Recompute: true}, {Recompute: true, Threads: 3}} {
			o.Batch, o.Dropout, o.Seed, o.Precision = b.B, 0.2, 4, precision
			n := New(p, lora, o)
			var got []result
			for step, b := range []Batch{b, small, b} {
				dp, da := like(p), likeAdapter(lora)
				sum, _ := n.Gradients(dp, da, b, 0.5, uint64(step))
				r := result{sum: sum, params: dp.Slab}
				if lora != nil {
					r.lora = da.Slab
				}
				got = append(got, r)
				n.Loss(b) // between steps, as an evaluation is
			}
			n.Close()
			if want == nil {
				want = got
			}
			for i, r := range got {
				if r.sum != want[i].sum || !slices.Equal(r.params, want[i].params) || !slices.Equal(r.lora, want[i].lora) {
					t.Errorf("%s, %+v: step %d gives other bits", cs.name, o, i)
				}
			}
		}
	}
}

// TestRecomputeMemory: of the activations of GPT-2 a token keeps d numbers a block
// instead of 10 d.
func TestRecomputeMemory(t *testing.T) {
	o := Options{Batch: 4, Context: 256, Threads: 1, Recompute: true, Accumulate: true}
	budget, err := Memory[float32](gpt2Config, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	const rows, d = 1024, 768
	block := 4 * rows * (10*d + 2 + 12)
	shared := 4*rows*(2*d+1) + rows*4 + rows*32
	if got, want := budget[0], int64(block+12*4*rows*d+shared); got.Name != "activations" || got.Bytes != want {
		t.Errorf("%v, not activations of %d bytes", got, want)
	}
}
