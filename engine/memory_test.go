package engine

import (
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// TestMemoryIsThePlan compares the prediction with what a network places.
func TestMemoryIsThePlan(t *testing.T) {
	for _, cs := range everyCase() {
		for _, drop := range []float64{0, 0.1} {
			p, lora := convert[float32](cs.params(1))
			o := Options{Batch: cs.b, Threads: 2, Dropout: drop}
			budget, err := Memory[float32](cs.c, cs.lora, o)
			if err != nil {
				t.Fatal(err)
			}
			n := New(p, lora, o)
			o = n.o
			s := o.shape(cs.c, cs.lora, lowest(cs.c, cs.lora))
			var a arena[float32]
			n.work.planForward(&a, s)
			n.work.planBackward(&a, s, nil)
			n.planDoRA()
			for _, d := range n.doras {
				d.plan(&a)
			}
			n.Close()
			want := map[string]int64{}
			for _, p := range a.budget {
				want[p.Name] = p.Bytes
			}
			for _, p := range budget {
				if p.Bytes != want[p.Name] || p.Bytes <= 0 {
					t.Errorf("%s: %s takes %d bytes, not %d", cs.name, p.Name, p.Bytes, want[p.Name])
				}
			}
			if budget.Total() != a.budget.Total() || len(budget) != len(want) {
				t.Errorf("%s: %v is not %v", cs.name, budget, a.budget)
			}
		}
	}
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
