package mpi

import (
	"fmt"
	"math"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// inProcess runs f as so many ranks, whose messages are copied from one to the other.
func inProcess(ranks, chunk int, f func(rank int, w *wire) error) error {
	type box struct{ from, to int }
	boxes := map[box]chan []float32{} // with room for all messages of a test
	for from := range ranks {
		for to := range ranks {
			boxes[box{from, to}] = make(chan []float32, 1<<12)
		}
	}
	errs := make([]error, ranks)
	failed := make(chan struct{})
	var once sync.Once
	var working sync.WaitGroup
	for rank := range ranks {
		w := &wire{chunk: chunk,
			send: func(x []float32, to int) (func() error, error) {
				if to == rank {
					return nil, fmt.Errorf("rank %d sends to itself", rank)
				}
				boxes[box{rank, to}] <- append([]float32{}, x...)
				return func() error { return nil }, nil
			},
			receive: func(x []float32, from int) (func() error, error) {
				return func() error {
					select {
					case got := <-boxes[box{from, rank}]:
						if copy(x, got) != len(got) || len(got) != len(x) {
							return fmt.Errorf("rank %d expected %d numbers of rank %d, which sent %d", rank, len(x), from, len(got))
						}
						return nil
					case <-failed:
						return nil
					}
				}, nil
			},
		}
		working.Go(func() {
			if errs[rank] = f(rank, w); errs[rank] != nil {
				once.Do(func() { close(failed) })
			}
		})
	}
	working.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// sums are the trees of tests, each written out for one number of all ranks.
var sums = []struct {
	fan []int
	sum func(r []float32) float32
}{
	{nil, func(r []float32) float32 { return r[0] }},
	{[]int{2}, func(r []float32) float32 { return r[0] + r[1] }},
	{[]int{3}, func(r []float32) float32 { return (r[0] + r[1]) + r[2] }},
	{[]int{5}, func(r []float32) float32 { return (((r[0] + r[1]) + r[2]) + r[3]) + r[4] }},
	{[]int{2, 2}, func(r []float32) float32 { return (r[0] + r[1]) + (r[2] + r[3]) }},
	{[]int{2, 3}, func(r []float32) float32 { return ((r[0] + r[1]) + (r[2] + r[3])) + (r[4] + r[5]) }},
	{[]int{3, 2}, func(r []float32) float32 { return ((r[0] + r[1]) + r[2]) + ((r[3] + r[4]) + r[5]) }},
	{[]int{2, 2, 2}, func(r []float32) float32 {
		return ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
	}},
	{[]int{2, 2, 3}, func(r []float32) float32 {
		return (((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))) + ((r[8] + r[9]) + (r[10] + r[11]))
	}},
}

// summand is a number of a rank, of a size at which the order of a sum shows in its bits.
func summand(rank, i int) float32 {
	x := math.Sin(float64(1 + i*37 + rank*1009))
	return float32(x * math.Exp2(float64((i+rank*5)%17)-8))
}

// Sums have the bits of the tree that is written out, parts are disjoint and are everything,
// and after allGather every rank has the whole sum, whatever the sizes of blocks and messages.
func TestTreeSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(sums).Draw(t, "tree")
		n := rapid.IntRange(0, 300).Draw(t, "n")
		tree := Tree{Fan: c.fan, Block: rapid.SampledFrom([]int{0, 1, 2, 7, 64, 1000}).Draw(t, "block")}
		chunk := rapid.IntRange(1, 60).Draw(t, "chunk")
		ranks := tree.Ranks()
		want := make([]float32, n)
		for i := range want {
			r := make([]float32, ranks)
			for rank := range r {
				r[rank] = summand(rank, i)
			}
			want[i] = c.sum(r)
		}
		all := make([][]float32, ranks)
		owner := make([]int, n)
		for rank := range all {
			all[rank] = make([]float32, n)
			for i := range n {
				all[rank][i] = summand(rank, i)
			}
			from, to := tree.Part(n, rank)
			if b := max(1, tree.Block); from%b != 0 && from != n || to%b != 0 && to != n {
				t.Fatalf("rank %d owns %d to %d, with blocks of %d", rank, from, to, b)
			}
			for i := from; i < to; i++ {
				owner[i]++
			}
		}
		for i, k := range owner {
			if k != 1 {
				t.Fatalf("number %d has %d owners", i, k)
			}
		}
		err := inProcess(ranks, chunk, func(rank int, w *wire) error {
			x := all[rank]
			if err := tree.reduceScatter(x, rank, w); err != nil {
				return err
			}
			from, to := tree.Part(n, rank)
			for i := range x {
				if i < from || i >= to {
					x[i] = float32(math.NaN()) // has no meaning
				}
			}
			return tree.allGather(x, rank, w)
		})
		if err != nil {
			t.Fatal(err)
		}
		for rank, x := range all {
			for i := range x {
				if math.Float32bits(x[i]) != math.Float32bits(want[i]) {
					t.Fatalf("rank %d has %v at %d, the tree written out gives %v", rank, x[i], i, want[i])
				}
			}
		}
	})
}

// A rank sends n·(1-1/R) numbers for a sum, and as many to gather it.
func TestTreeSendsLeast(t *testing.T) {
	const n = 1 << 12
	for _, c := range sums {
		tree := Tree{Fan: c.fan}
		ranks := tree.Ranks()
		err := inProcess(ranks, 100, func(rank int, w *wire) error {
			sent, send := 0, w.send
			w.send = func(x []float32, to int) (func() error, error) {
				sent += len(x)
				return send(x, to)
			}
			x := make([]float32, n)
			if err := tree.reduceScatter(x, rank, w); err != nil {
				return err
			}
			from, to := tree.Part(n, rank)
			if sent != n-(to-from) || to-from < n/ranks-len(c.fan) || to-from > n/ranks+len(c.fan) {
				return fmt.Errorf("%v: rank %d of %d owns %d numbers of %d and has sent %d", c.fan, rank, ranks, to-from, n, sent)
			}
			return tree.allGather(x, rank, w)
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// An error of a message ends the sum.
func TestTreeError(t *testing.T) {
	lost := fmt.Errorf("the cable is cut")
	tree := Tree{Fan: []int{2}}
	for _, w := range []*wire{
		{chunk: 8, send: func([]float32, int) (func() error, error) { return nil, lost }, receive: func([]float32, int) (func() error, error) { return func() error { return nil }, nil }},
		{chunk: 8, receive: func([]float32, int) (func() error, error) { return nil, lost }},
		{chunk: 8, send: func([]float32, int) (func() error, error) { return func() error { return lost }, nil }, receive: func([]float32, int) (func() error, error) { return func() error { return nil }, nil }},
	} {
		if err := tree.reduceScatter(make([]float32, 100), 0, w); err != lost {
			t.Errorf("reduceScatter: %v", err)
		}
		if err := tree.allGather(make([]float32, 100), 0, w); err != lost {
			t.Errorf("allGather: %v", err)
		}
	}
}
