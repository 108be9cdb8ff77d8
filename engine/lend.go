package engine

import (
	"slices"

	"github.com/pedestrian-ml/pedestrian"
)

// The slab of a gradient is written from its end to its beginning: the layers above
// the blocks, then of every block, from the last to the first, FC_contract and the
// layers below it, and last of all the embeddings, but for the one that is tied to
// FC_logits. A forward pass leaves activations in the opposite order. So where
// SetGradients does not care for old numbers, the slab is a stack that has come down
// to the gradient of a layer when that layer is due: what is read for the last time
// before may lie anywhere below.

// layout says where the gradients of layers begin in the slab of a network.
type layout struct {
	free   int // what lies before is written first
	blocks int // of the first block
	layer  [layers + 1]int
}

// layoutOf is the layout for c. Of layers in a block it counts from the block's start;
// the last is the block's end.
func layoutOf(c pedestrian.Config) (l layout) {
	c.Blocks = 2
	for _, s := range slices.Backward(c.Slots()) { // the first slot of a layer comes last
		switch {
		case s.Block == 1:
			l.layer[layers] = s.Offset
		case s.Block == 0:
			l.layer[s.Stage] = s.Offset
		case s.Layer == "pos" && c.Tied:
			l.free = s.Offset
		}
	}
	l.blocks = l.layer[0]
	for i := range l.layer {
		l.layer[i] -= l.blocks
	}
	return l
}

// lent is the room that a gradient is until it is computed.
type lent[T Float] struct {
	room[T]
	layout
	block int // that is planned
}

// below says that what follows is read for the last time in the backward pass of some
// layer of the block, or before: it may lie below that layer's gradient.
func (a *arena[T]) below(layer int) {
	if g := a.lent; g != nil {
		g.end = int64(g.blocks) + int64(g.block)*int64(g.layout.layer[layers]) + int64(g.layout.layer[layer])
	}
}

// mostLent is how many blocks are planned one by one.
const mostLent = 1 << 12

// lends says whether activations may lie in the gradient of t: it is a whole one, its
// old numbers do not count, and nobody will want to add to it.
func (n *Network[T]) lends(t gradients[T]) bool {
	return t.overwrite && t.params != nil && n.adapter == nil && len(t.params.Slab) == len(n.params.Slab) && n.o.lends(n.params.Config)
}

func (o Options) lends(c pedestrian.Config) bool { return !o.Accumulate && c.Blocks <= mostLent }

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

// planLent places the caches of blocks in a gradient, as far as there is place.
func (w *workspace[T]) planLent(a *arena[T], s shape, blocks []blockCache[T], gradient []T) {
	l := layoutOf(s.Config)
	g := &lent[T]{room: room[T]{v: gradient, at: int64(l.free)}, layout: l}
	a.lent = g
	defer func() { a.lent = nil }()
	passed := w.sharedRoom
	for i := range blocks {
		g.block = i
		if !s.recompute {
			a.rooms = []*room[T]{&g.room, &passed}
			w.planBlock(a, &blocks[i], s, false)
			continue
		}
		a.rooms = []*room[T]{&g.room}
		a.below(layers)
		blocks[i].input = a.mat(s.rows, s.Width)
		kept := g.at
		passed := w.sharedRoom
		a.rooms = []*room[T]{&g.room, &passed}
		w.planBlock(a, &blocks[i], s, false)
		g.at = kept
	}
}
