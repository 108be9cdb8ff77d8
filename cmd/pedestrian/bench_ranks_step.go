//go:build mpi && linux && (amd64 || arm64)

package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// rankSteps measure whole updates of stepMicroBatches micro-batches, which all ranks share, and in
// between the same updates by rank 0 alone, with the cores of all ranks of its machine. From
// what it takes alone, t, and from latency λ and bandwidth B, a rank predicts
//
//	t · here/R + 2 (1 - 1/R) · 4n/B + 2 log₂ R · λ
//
// for n parameters on R ranks, of which here are on its machine. The first summand over what is
// measured is the efficiency. So with all ranks on one machine it compares R processes of a
// thread or more with one process of as many threads.
func rankSteps() (cases []benchCase) {
	for _, s := range []struct {
		name          string
		c             pedestrian.Config
		batch, window int
		repeat        int
	}{{"char/12x64", benchChar, 12, 64, 20}, {"gpt2/4x64", benchGPT2, 4, 64, 3}, {"gpt2/4x256", benchGPT2, 4, 256, 2}} {
		cases = append(cases, benchCase{"ranks/step/" + s.name, true, func(b *bench, r *figures) error {
			if err := b.link(); err != nil {
				return err
			}
			o := train.Options{Config: s.c, Window: s.window, Batch: s.batch, Steps: 1 << 20, Seed: 1, LR: 1e-4}
			o.Leaves = leastLeaves(world.Size)
			o.Accumulate = max(1, (stepMicroBatches+o.Leaves-1)/o.Leaves) * o.Leaves
			return b.rankStep(r, o, s.repeat)
		}})
	}
	return cases
}

// stepMicroBatches is how many micro-batches an update has, or a few more where the leaves do not
// divide it.
const stepMicroBatches = 8

// leastLeaves is the least number of leaves that so many ranks can share.
func leastLeaves(ranks int) int {
	for n := ranks; ; n++ {
		third := n
		if n%3 == 0 {
			third = n / 3
		}
		if third&(third-1) == 0 {
			return n
		}
	}
}

// rankStep measures updates with o.
func (b *bench) rankStep(r *figures, o train.Options, repeat int) error {
	here, threads := world.Cores.Ranks, world.Cores.Mine
	if b.threads > 0 {
		threads = b.threads
	}
	begin := func(threads int) (*train.Run, error) {
		o := o
		o.Threads = threads
		text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 4*o.Batch*o.Window*o.Accumulate/45+100)
		tok, err := token.NewChars(text)
		if err != nil {
			return nil, err
		}
		d, err := train.TextData(o, tok, text)
		if err != nil {
			return nil, err
		}
		return train.Start(o, d, "")
	}
	shared, err := begin(threads)
	if err != nil {
		return err
	}
	defer shared.Close()
	if err := shared.Share(ranks{world}); err != nil {
		return err
	}
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	var alone *train.Run
	if world.Rank == 0 {
		runtime.GOMAXPROCS(max(before, threads*here)) // a network has no more threads than this when it is made
		if alone, err = begin(threads * here); err != nil {
			return err
		}
		defer alone.Close()
	}
	// step makes an update and returns what it takes on the slowest rank, in ms. Who has no run
	// sleeps, as long as the update will take if it takes as long as the last one, so as not to
	// ask for messages on a core that another rank computes on.
	step := func(run *train.Run, last float64) (float64, error) {
		if err := world.Barrier(); err != nil {
			return 0, err
		}
		took := time.Duration(0)
		if run != nil {
			start := time.Now()
			if _, err := run.Step(context.Background()); err != nil {
				return 0, err
			}
			took = time.Since(start)
		} else {
			time.Sleep(time.Duration(0.98e6 * last))
		}
		_, slowest, err := world.Agree(int64(took))
		return float64(slowest) / 1e6, err
	}
	var alones []float64
	last := 0.0
	for i := range b.repeats(repeat) + 1 {
		// The first updates take the memory; they have a micro-batch a leaf.
		for _, run := range []*train.Run{shared, alone} {
			if run != nil {
				run.Options.Accumulate = o.Accumulate
			}
			if run != nil && i == 0 {
				run.Options.Accumulate = o.Leaves
			}
		}
		runtime.GOMAXPROCS(max(before, threads))
		ms, err := step(shared, 0)
		if err != nil {
			return err
		}
		runtime.GOMAXPROCS(max(before, threads*here))
		one, err := step(alone, last)
		if err != nil {
			return err
		}
		last = one
		if i == 0 {
			last *= float64(o.Accumulate) / float64(o.Leaves)
		}
		if i > 0 {
			r.MS, alones = append(r.MS, ms), append(alones, one)
		}
	}
	r.Tokens = o.Batch * o.Window * o.Accumulate
	r.AloneMS = median(alones)
	size := float64(world.Size)
	ideal := r.AloneMS * float64(here) / size
	r.PredictedMS = ideal + 2*(1-1/size)*4*float64(shared.State.Trained().Count())/b.bandwidth + 2*math.Log2(size)*b.latency
	r.Efficiency = ideal / median(r.MS)
	r.Note = fmt.Sprintf("%d ranks of %d threads; alone 1 of %d", world.Size, threads, threads*here)
	return nil
}
