//go:build mpi && linux && (amd64 || arm64)

package main

import (
	"fmt"
	"math"
	"math/bits"
	"time"

	"github.com/pedestrian-ml/pedestrian/internal/mpi"
)

// rankCases measure messages between the ranks and sums over them. A rank predicts what a sum
// takes from the latency λ and the bandwidth B of the first two cases:
//
//	log₂ R · λ + (1 - 1/R) · 4n/B
//
// for n numbers on R ranks, which is what recursive halving sends.
func rankCases() []benchCase {
	cases := []benchCase{
		{"ranks/exchange/8B", true, func(b *bench, r *figures) error { return exchange(b, r, 2, 1000) }},
		{"ranks/exchange/64MB", true, func(b *bench, r *figures) error { return exchange(b, r, 1<<24, 1) }},
		{"ranks/agree", true, func(b *bench, r *figures) error {
			return ranksTimed(b, r, 1000, func() error { _, _, err := world.Agree(int64(world.Rank)); return err })
		}},
	}
	for _, n := range []struct {
		name  string
		count int
	}{{"char", benchChar.Ledger().Total()}, {"gpt2", benchGPT2.Ledger().Total()}} {
		for _, c := range []struct {
			name string
			f    func([]float32, mpi.Tree) error
		}{
			{"reduce-scatter", func(x []float32, t mpi.Tree) error { return world.ReduceScatter(x, t) }},
			{"all-gather", func(x []float32, t mpi.Tree) error { return world.AllGather(x, t) }},
		} {
			cases = append(cases, benchCase{"ranks/" + c.name + "/" + n.name, true, func(b *bench, r *figures) error {
				t := binaryTree(world.Size)
				x := make([]float32, n.count)
				share := 1 - 1/float64(world.Size)
				r.Bytes = 4 * float64(n.count) * share // that a rank sends
				if err := b.link(); err != nil {
					return err
				}
				r.PredictedMS = b.latency*math.Log2(float64(world.Size)) + r.Bytes/b.bandwidth
				if err := c.f(x, t); err != nil { // the first touches the memory
					return err
				}
				return ranksTimed(b, r, 1, func() error { return c.f(x, t) })
			}})
		}
	}
	return append(cases, rankSteps()...)
}

// binaryTree joins pairs of ranks, as far as their number is even, and the rest at once.
func binaryTree(ranks int) mpi.Tree {
	var fan []int
	for range bits.TrailingZeros(uint(ranks)) {
		fan = append(fan, 2)
	}
	if odd := ranks >> bits.TrailingZeros(uint(ranks)); odd > 1 {
		fan = append(fan, odd)
	}
	return tree(fan)
}

// exchange measures messages of n numbers that all ranks send round a ring at the same time.
func exchange(b *bench, r *figures, n, each int) error {
	out, in := make([]float32, n), make([]float32, n)
	next, last := (world.Rank+1)%world.Size, (world.Rank+world.Size-1)%world.Size
	swap := func() error { return world.Exchange(out, next, in, last) }
	for range 3 {
		if err := swap(); err != nil {
			return err
		}
	}
	r.Bytes = 4 * float64(n)
	if err := ranksTimed(b, r, each, swap); err != nil {
		return err
	}
	if each > 1 {
		b.latency = median(r.MS)
		r.Bytes = 0
	} else {
		b.bandwidth = r.Bytes / median(r.MS)
	}
	return nil
}

// link measures latency and bandwidth between the ranks, if no case has.
func (b *bench) link() error {
	if b.latency == 0 {
		if err := exchange(b, new(figures), 2, 1000); err != nil {
			return err
		}
	}
	if b.bandwidth == 0 {
		return exchange(b, new(figures), 1<<24, 1)
	}
	return nil
}

// ranksTimed measures f, which all ranks call: each repetition begins together, and takes as long
// as on the slowest rank.
func ranksTimed(b *bench, r *figures, each int, f func() error) error {
	for range b.repeats(7) {
		if err := world.Barrier(); err != nil {
			return err
		}
		start := time.Now()
		for range each {
			if err := f(); err != nil {
				return err
			}
		}
		_, slowest, err := world.Agree(int64(time.Since(start)))
		if err != nil {
			return err
		}
		r.MS = append(r.MS, float64(slowest)/1e6/float64(each))
	}
	return nil
}

// ranksLine is a line that says who measures, "" in a process alone.
func ranksLine() string {
	if world == nil {
		return ""
	}
	return fmt.Sprintf("%d ranks, %d of them on %s, %s (%s ABI)\n", world.Size, world.Cores.Ranks, world.Cores.Host, world.Library.Version, world.Library.ABI)
}
