package mpi

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Sums in any order that leaves one have the bits of the order written out, whatever the slabs of
// each rank and the sizes of blocks and messages; each rank has its part of the sum, in its last
// slab.
func TestOrderSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o Order
		var slabs [][]float32
		var mine [][][]float32
		n, have := rapid.IntRange(0, 200).Draw(t, "n"), 0
		ranks := rapid.IntRange(1, 5).Draw(t, "ranks")
		for rank := range ranks {
			count := rapid.IntRange(1, 3).Draw(t, "slabs")
			o.Counts = append(o.Counts, count)
			mine = append(mine, nil)
			for k := range count {
				x := make([]float32, n)
				for i := range x {
					x[i] = summand(len(slabs), i)
				}
				slabs, mine[rank] = append(slabs, x), append(mine[rank], append([]float32{}, x...))
				adds := have // the last adds all that are left
				if rank < ranks-1 || k < count-1 {
					adds = rapid.IntRange(0, have).Draw(t, "adds")
				}
				o.Adds = append(o.Adds, adds)
				have += 1 - adds
			}
		}
		want := make([]float32, n)
		for i := range want {
			var stack []float32
			for k, x := range slabs {
				stack = append(stack, x[i])
				for range o.Adds[k] {
					top := len(stack) - 1
					stack = append(stack[:top-1], stack[top-1]+stack[top])
				}
			}
			want[i] = stack[0]
		}
		block := rapid.SampledFrom([]int{1, 7, 64, 1000}).Draw(t, "block")
		if err := inProcess(ranks, rapid.IntRange(1, 60).Draw(t, "chunk"), func(rank int, w *wire) error {
			return o.reduceScatter(mine[rank], block, rank, w)
		}); err != nil {
			t.Fatal(err)
		}
		for rank, x := range mine {
			from, to := o.tree(block).Part(n, rank)
			for i := from; i < to; i++ {
				if got := x[len(x)-1][i]; math.Float32bits(got) != math.Float32bits(want[i]) {
					t.Fatalf("%+v: rank %d has %v at %d, the order written out gives %v", o, rank, got, i, want[i])
				}
			}
		}
	})
}
