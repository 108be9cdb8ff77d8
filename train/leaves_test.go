package train

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/engine"
)

// TestLeaves adds the gradients of leaves by sums that are written out here, and compares the
// bits with those of an update.
func TestLeaves(t *testing.T) {
	for n, sum := range map[int]func(g [][]float32) []float32{
		1: func(g [][]float32) []float32 { return g[0] },
		2: func(g [][]float32) []float32 { return plus(g[0], g[1]) },
		3: func(g [][]float32) []float32 { return plus(plus(g[0], g[1]), g[2]) },
		4: func(g [][]float32) []float32 { return plus(plus(g[0], g[1]), plus(g[2], g[3])) },
		6: func(g [][]float32) []float32 {
			return plus(plus(plus(g[0], g[1]), plus(g[2], g[3])), plus(g[4], g[5]))
		},
		8: func(g [][]float32) []float32 {
			return plus(plus(plus(g[0], g[1]), plus(g[2], g[3])), plus(plus(g[4], g[5]), plus(g[6], g[7])))
		},
		12: func(g [][]float32) []float32 {
			return plus(plus(plus(plus(g[0], g[1]), plus(g[2], g[3])), plus(plus(g[4], g[5]), plus(g[6], g[7]))), plus(plus(g[8], g[9]), plus(g[10], g[11])))
		},
	} {
		for _, o := range []Options{mini(), adapted()} {
			for _, leaf := range []int{1, 2} {
				o.Leaves, o.Accumulate, o.Batch, o.Dropout = n, n*leaf, 2, 0.1
				r := start(t, o, dataOf(t, sentences(t), o), "")
				const position = 5
				loss, counted, err := r.stepper.gradients(t.Context(), position)
				if err != nil {
					t.Fatal(err)
				}
				leaves, alone, count := make([][]float32, n), 0.0, 0
				one := engine.New(r.State.Params, r.State.Adapter, r.Options.Engine())
				for i := range leaves {
					g := r.grad.zerosLike()
					for k := i * leaf; k < (i+1)*leaf; k++ {
						b := r.Options.newBatch()
						r.draw(position, k*o.Batch, &b)
						add := one.Gradients
						if k == i*leaf {
							add = one.SetGradients
						}
						l, c := add(g.Params, g.Adapter, b, 1, uint64(position*o.Accumulate+k))
						alone, count = alone+l, count+c
					}
					leaves[i] = g.Slab()
				}
				one.Close()
				if loss != alone || counted != count {
					t.Errorf("%d leaves of %d: loss %v of %d targets, want %v of %d", n, leaf, loss, counted, alone, count)
				}
				if !slices.Equal(r.grad.Slab(), sum(leaves)) {
					t.Errorf("%d leaves of %d: other bits than the sum written out", n, leaf)
				}
				if kept := len(r.sums.room); kept != SumsOfLeaves(n, 1) {
					t.Errorf("%d leaves: %d sums are kept, SumsOfLeaves says %d", n, kept, SumsOfLeaves(n, 1))
				}
			}
		}
	}
}

func plus(a, b []float32) []float32 {
	c := slices.Clone(a)
	for i := range c {
		c[i] += b[i]
	}
	return c
}

// TestLeavesRefused: numbers of leaves that are no tree, or do not divide the micro-batches.
func TestLeavesRefused(t *testing.T) {
	o := mini()
	for _, c := range []struct {
		leaves, accumulate int
		want               string
	}{
		{5, 5, "leaves is 5: it must be a power of two"}, {9, 9, "leaves is 9"}, {-2, 2, "leaves is -2"}, {10, 10, "leaves is 10"},
		{4, 6, "leaves is 4, but accumulate is 6: "}, {3, 1, "leaves is 3, but accumulate is 1: "},
	} {
		o.Leaves, o.Accumulate = c.leaves, c.accumulate
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d leaves of %d micro-batches: %v, want %q", c.leaves, c.accumulate, err, c.want)
		}
	}
	for _, n := range []int{0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 48} {
		o.Leaves, o.Accumulate = n, 48
		if err := o.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// TestPlanKeepsLeaves: where there are fewer rows than an update wants, each leaf still has
// as many micro-batches.
func TestPlanKeepsLeaves(t *testing.T) {
	for _, c := range []struct{ rows, batch, accumulate, leaves, wantBatch, wantAccumulate int }{
		{100, 4, 8, 4, 4, 8}, {23, 4, 8, 4, 4, 4}, {11, 4, 8, 4, 2, 4}, {3, 4, 8, 4, 1, 4}, {11, 4, 8, 0, 4, 2}, {50, 4, 12, 6, 4, 12}, {44, 4, 12, 6, 4, 6},
	} {
		o, _ := Options{Batch: c.batch, Accumulate: c.accumulate, Leaves: c.leaves}.planBatch(c.rows)
		if o.Batch != c.wantBatch || o.Accumulate != c.wantAccumulate {
			t.Errorf("%d rows, %d·%d with %d leaves: planned %d·%d, want %d·%d", c.rows, c.batch, c.accumulate, c.leaves, o.Batch, o.Accumulate, c.wantBatch, c.wantAccumulate)
		}
	}
}

// TestLeavesResume: a run of leaves that stops in the middle of a step, and is resumed, ends
// with the bits of one that was not stopped.
func TestLeavesResume(t *testing.T) {
	o := mini()
	o.Leaves, o.Accumulate, o.Steps, o.Precision = 6, 12, 6, string(engine.BF16)
	d := dataOf(t, sentences(t), o)
	whole := start(t, o, d, "")
	for range o.Steps {
		if _, err := whole.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	r := start(t, o, d, dir)
	for range 3 {
		if _, err := r.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	left := 7 // micro-batches
	draw := r.draw
	r.draw = func(position uint64, first int, b *engine.Batch) {
		if left--; left == 0 {
			stop()
		}
		draw(position, first, b)
	}
	if _, err := r.Step(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("a step whose context ends: %v", err)
	}
	if err := r.Save(Observer{}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	c, _, err := LoadNewest(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Resume(dir, c, d)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for again.State.Step < o.Steps {
		if _, err := again.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i, pair := range [][2]Weights{{whole.State.Trained(), again.State.Trained()}, {whole.State.M, again.State.M}, {whole.State.V, again.State.V}} {
		if !slices.Equal(pair[0].Slab(), pair[1].Slab()) {
			t.Errorf("slab %d has other bits after resuming", i)
		}
	}
}
