package engine

import (
	"slices"

	"github.com/pedestrian-ml/pedestrian"
)

// A shape is what the memory of a network's passes depends on.
type shape struct {
	pedestrian.Config
	adapter   *pedestrian.AdapterConfig // beside the network; or nil
	precision Precision
	rows      int // tokens at once
	sequences int // at once
	context   int // the largest position, plus one
	threads   int
	chunk     int // tokens whose logits are held at once

	stored int // sequences whose keys and values a decoder stores; 0 without a decoder

	backward  bool // a backward pass follows
	dropout   bool
	recompute bool
	low       int  // the first block that the backward pass reaches
	reuse     bool // activations lie in the gradient of the parameters
}

// passes is the shape of the passes of a network of c with these options, which are
// complete. A backward pass is wanted if train is not nil.
func (o Options) passes(c pedestrian.Config, a *pedestrian.AdapterConfig, train *trained) shape {
	rows := o.Batch * o.Context
	s := shape{Config: c, adapter: a, precision: o.Precision, rows: rows, sequences: rows, context: min(c.Context, rows), threads: o.Threads, chunk: o.Chunk}
	if train != nil {
		s.backward, s.dropout, s.recompute = true, o.Dropout > 0, o.Recompute
		s.low = min(max(train.bottom, 0)/stages, c.Blocks-1)
		s.reuse = train.overwrite && train.params && a == nil && !o.Accumulate && c.Blocks <= mostReused
	}
	return s
}

// decoding is the shape of the passes of a decoder.
func (o Options) decoding(c pedestrian.Config, a *pedestrian.AdapterConfig, sequences int) shape {
	rows := max(sequences, min(o.DecoderContext, feedRows))
	return shape{Config: c, adapter: a, precision: o.Precision, rows: rows, sequences: sequences, context: o.DecoderContext, threads: o.Threads, chunk: sequences, stored: sequences}
}

// trained says which gradients a backward pass computes.
type trained struct {
	params    bool // those of the parameters, all of them
	overwrite bool // they are set, not added to
	bottom    int  // the lowest stage that has a gradient
}

// Stages of a block, as pedestrian.Slot counts them.
const (
	stageLN1 = iota
	stageQKV
	stageQKNorm
	stageAttProj
	stageLN2
	stageExpand
	stageContract
	stages
)

// bottom is the lowest stage that has a gradient, counted over all blocks: -1 when the
// embeddings have one, stages·blocks when the final norm is the lowest, and one more
// when nothing below FC_logits is trained. params says whether the parameters are
// trained; a is what else is, or nil. Two blocks stand for all: those before the first
// that has factors are alike.
func bottom(c pedestrian.Config, params bool, a *pedestrian.AdapterConfig) int {
	top := stages * c.Blocks
	switch {
	case params:
		return -1
	case a == nil:
		return top + 1
	}
	first, two := 0, *a
	if len(a.Layers) > 0 {
		first = slices.Min(a.Layers)
		two.Layers = []int{min(first, 1)}
	}
	c.Blocks = min(c.Blocks, 2)
	slots := two.Slots(c) // in the order of the forward pass: the first is the lowest
	switch {
	case len(slots) == 0:
		return top + 1
	case slots[0].Layer == "tok":
		return -1
	case slots[0].Block >= 0:
		return stages*slots[0].Block*first + slots[0].Stage
	case slots[0].Layer == "lnFinal":
		return top
	}
	return top + 1
}

// A plan is what a network takes for passes of a shape, part by part, before any of it
// is taken. Memory and DecoderMemory tell it, reserve and NewDecoder take it.
type plan[T Float] struct {
	shape

	// Counted, each as one piece of memory; empty if it is not needed.
	forward, backward, store, doras arena[T]

	budget Budget // of all, with what is rounded in mixed precision
}

// newPlan plans for s. It takes next to no memory, whatever the network's size.
func newPlan[T Float](s shape) *plan[T] {
	p := &plan[T]{shape: s}
	w := workspace[T]{blocks: make([]blockCache[T], 2)} // one for all blocks, and the shared one
	w.planForward(&p.forward, s)
	if s.backward {
		w.planBackward(&p.backward, s, nil)
	}
	if s.stored > 0 {
		w.planStore(&p.store, s)
	}
	planDoRA(&p.doras, s, nil)
	for _, a := range []*arena[T]{&p.forward, &p.backward, &p.store, &p.doras} {
		for _, part := range a.budget {
			p.budget.add(part.Name, part.Bytes)
		}
	}
	if s.precision.takesBF16() {
		p.budget.add("bf16", s.mixedBytes())
	}
	return p
}

// blocksAbove counts the blocks above the first that the backward pass reaches: those
// with adapters and those without.
func (s shape) blocksAbove() (adapted, plain int) {
	above := s.Blocks - 1 - s.low
	switch {
	case s.adapter == nil:
		return 0, above
	case len(s.adapter.Layers) == 0:
		return above, 0
	}
	for _, i := range s.adapter.Layers {
		if i > s.low {
			adapted++
		}
	}
	return adapted, above - adapted
}

// adapts says whether block i has adapters.
func (s shape) adapts(i int) bool {
	return s.adapter != nil && (len(s.adapter.Layers) == 0 || slices.Contains(s.adapter.Layers, i))
}

// An adapterPlace is where an adapter stands: beside a layer of every block that has
// adapters, or beside the logits.
type adapterPlace struct {
	pedestrian.Linear
	number int // among the adapters beside the layer: 1 for keys, 2 for values, else 0
	rank   int
}

// adapters lists where s has adapters: in a block, and beside the logits.
func (s shape) adapters() (all []adapterPlace) {
	if s.adapter == nil || len(s.adapter.Targets) == 0 {
		return nil
	}
	c, number := s.Config, 0
	c.Blocks = 1
	for _, l := range c.Linears() {
		whole := l.Target == l.Layer
		if whole {
			number = 0
		}
		if slices.Contains(s.adapter.Targets, l.Target) {
			all = append(all, adapterPlace{l, number, s.adapter.RankOf(l.Target)})
		}
		if !whole {
			number++
		}
	}
	return all
}
