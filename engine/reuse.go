package engine

import (
	"slices"

	"github.com/pedestrian-ml/pedestrian"
)

// Activations lie in gradients that are not computed yet. The slab of a gradient is
// written from its end to its beginning: first the layers above the blocks, then those of
// every block, from the last block to the first and in a block from FC_contract down, and
// at last the embeddings; a token embedding that is tied to FC_logits is written first. A
// forward pass computes activations in the opposite order. So where SetGradients may
// overwrite the slab, it is a stack: when the backward pass comes to a layer, all below
// the gradient of that layer is free for what is read for the last time until then.

// gradientLayout says where the gradients of layers begin in the slab of a network.
type gradientLayout struct {
	free   int // what lies before is written first
	blocks int // of the first block
	stage  [stages + 1]int
}

// layoutOf is the layout for c. Stages count from the start of their block; the last
// number is the block's end.
func layoutOf(c pedestrian.Config) (l gradientLayout) {
	c.Blocks = 2
	slots := c.Slots()
	if c.Tied {
		l.free = slots[1].Offset
	}
	for _, s := range slices.Backward(slots) { // the first slot of a stage comes last
		switch {
		case s.Block == 1:
			l.stage[stages] = s.Offset
		case s.Block == 0:
			for stage := range s.Stage + 1 { // one that c does not have lies where the next one does
				l.stage[stage] = s.Offset
			}
		}
	}
	l.blocks = l.stage[0]
	for i := range l.stage {
		l.stage[i] -= l.blocks
	}
	return l
}

// gradientRoom is the room that a gradient is until it is computed.
type gradientRoom[T Float] struct {
	room[T]
	gradientLayout
	block int // that is planned
}

// below says that what follows is read for the last time in the backward pass of some
// stage of the block, or before: it may lie below that stage's gradient.
func (a *arena[T]) below(stage int) {
	if g := a.gradient; g != nil {
		g.end = int64(g.blocks) + int64(g.block)*int64(g.stage[stages]) + int64(g.stage[stage])
	}
}

// mostReused is how many blocks are planned one by one at most.
const mostReused = 1 << 12

// gaps are what lies between the parameters of v in their slab.
func gaps[T Float](v *pedestrian.Values[T]) (out [][2]int) {
	end := 0
	note := func(offset int) {
		if offset > end {
			out = append(out, [2]int{end, offset})
		}
	}
	for _, t := range v.Tensors() {
		note(t.Offset)
		end = t.Offset + len(t.V)
	}
	note(len(v.Slab))
	return out
}

// planInGradient places the caches of blocks in the gradient, as far as there is place.
func (w *workspace[T]) planInGradient(a *arena[T], s shape, gradient []T) {
	l := layoutOf(s.Config)
	g := &gradientRoom[T]{room: room[T]{v: gradient, at: int64(l.free)}, gradientLayout: l}
	a.gradient = g
	shared := w.sharedRoom
	for i := range s.Blocks {
		c := w.planned(a, i)
		g.block = i
		kept := g.at
		if s.recompute { // a block keeps its input alone
			a.rooms = []*room[T]{&g.room}
			a.below(stages)
			c.input = a.mat(s.rows, s.Width)
			kept, shared = g.at, w.sharedRoom
		}
		a.rooms = []*room[T]{&g.room, &shared}
		w.planBlock(a, c, s, false)
		if s.recompute {
			g.at = kept
		}
	}
	a.rooms, a.gradient = nil, nil
}
