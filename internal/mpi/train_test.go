package mpi

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A member is one of the processes of a run, whose messages a wire carries.
type member struct {
	train.Group // Agree is not called
	rank, size  int
	w           *wire
}

func (m member) Rank() int { return m.rank }
func (m member) Size() int { return m.size }

func (m member) tree(s train.Sum) Tree {
	if s.Fan == nil {
		return Tree{Fan: []int{m.size}, Block: engine.UpdateBlock}
	}
	return Tree{Fan: s.Fan, Block: engine.UpdateBlock}
}

func (m member) Part(n int, s train.Sum) (from, to int) { return m.tree(s).Part(n, m.rank) }

func (m member) ReduceScatter(x [][]float32, s train.Sum) error {
	if s.Fan == nil {
		return Order{s.Counts, s.Adds}.reduceScatter(x, engine.UpdateBlock, m.rank, m.w)
	}
	return m.tree(s).reduceScatter(x[0], m.rank, m.w)
}

func (m member) AllGather(x []float32, s train.Sum) error {
	return m.tree(s).allGather(x, m.rank, m.w)
}

// Gather sends the length, and then each byte as a number.
func (m member) Gather(mine []byte) ([][]byte, error) {
	numbers, all := make([]float32, len(mine)), make([][]byte, m.size)
	for i, b := range mine {
		numbers[i] = float32(b)
	}
	for rank := range all {
		for _, x := range [][]float32{{float32(len(mine))}, numbers} {
			if rank == m.rank {
				continue
			}
			if _, err := m.w.send(x, rank); err != nil {
				return nil, err
			}
		}
	}
	for rank := range all {
		theirs := numbers
		if rank != m.rank {
			length := make([]float32, 1)
			for _, x := range []*[]float32{&length, &theirs} {
				if x == &theirs {
					theirs = make([]float32, int(length[0]))
				}
				wait, err := m.w.receive(*x, rank)
				if err == nil {
					err = wait()
				}
				if err != nil {
					return nil, err
				}
			}
		}
		for _, x := range theirs {
			all[rank] = append(all[rank], byte(x))
		}
	}
	return all, nil
}

// TestTreeOfTrain: ranks that add along a Tree make the run of one process, which adds its
// leaves by itself, to the last bit. So package train and a Tree mean the same by a fan.
func TestTreeOfTrain(t *testing.T) {
	text := strings.Repeat("The grey cat saw 7 dogs, and 13 dogs saw a small cat. ", 60)
	tok, err := token.NewChars(text)
	if err != nil {
		t.Fatal(err)
	}
	steps := func(leaves int, g train.Group) ([]float32, error) {
		o := train.Options{Config: pedestrian.Config{Context: 8, Width: 48, Heads: 2, Blocks: 1}, Leaves: leaves, Accumulate: leaves, Batch: 1, Steps: 3, Threads: 1, Seed: 3}
		d, err := train.TextData(o, tok, text)
		if err != nil {
			return nil, err
		}
		r, err := train.Start(o, d, "")
		if err != nil {
			return nil, err
		}
		defer r.Close()
		if r.Options.Leaves != leaves || r.Options.Accumulate != leaves {
			return nil, fmt.Errorf("%d leaves of %d micro-batches were planned, not %d", r.Options.Leaves, r.Options.Accumulate, leaves)
		}
		if g != nil {
			if err := r.Share(g); err != nil {
				return nil, err
			}
		}
		for range o.Steps {
			if _, err := r.Step(t.Context()); err != nil {
				return nil, err
			}
		}
		return r.State.Params.Slab, nil
	}
	for leaves, sizes := range map[int][]int{8: {2, 3, 4, 8}, 12: {2, 3, 4, 6, 12}} {
		want, err := steps(leaves, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range sizes {
			if err := inProcess(size, 100, func(rank int, w *wire) error {
				got, err := steps(leaves, member{rank: rank, size: size, w: w})
				if err != nil {
					return err
				}
				if !slices.Equal(got, want) {
					return fmt.Errorf("rank %d has other weights than one process", rank)
				}
				return nil
			}); err != nil {
				t.Errorf("%d leaves, %d ranks: %v", leaves, size, err)
			}
		}
	}
}
