package engine

import "github.com/pedestrian-ml/pedestrian"

// workspace is all the memory of a pass. The residual stream, and the error on
// it, is one matrix that the blocks change in place; what only one layer at a
// time needs is shared by all.
type workspace[T Float] struct {
	positions []int32
	segments  []segment
	x, y, h   Mat[T] // residual stream; output of a layer norm; a_8
	embedding embeddingCache[T]
	blocks    []blockCache[T] // of those that a backward pass reaches; the last is the shared one
	final     normCache[T]
	logits    logitsCache[T]
	attention attentionScratch[T]
	drop      dropout[T]
	store     []keyValues[T] // of a decoder

	dx, e, masked Mat[T] // error on the stream, on a layer's input or output, and under a mask
	dh, dqkv      Mat[T] // Δ_7; errors on queries, keys and values: never alive together

	turns  turnTable[T] // where positions turn
	rotate rotateRows[T]

	watch func(Place, Mat[T]) // of Watch; nil when nobody does

	low  int // the first block that a backward pass reaches
	copy copyRows[T]

	logitsRoom room[T]  // of the logits of a chunk, which do not exist while blocks are at work
	sharedRoom room[T]  // of the shared cache, which is not used when a backward pass follows
	backward   []T      // what planBackward cuts
	reused     []T      // the gradient in which activations lie, or nil
	gaps       [][2]int // between the parameters in it
}

// cache is that of block i, if a backward pass reaches it.
func (w *workspace[T]) cache(i int) *blockCache[T] { return &w.blocks[i-w.low] }

// shared is the cache of every block that no backward pass reaches.
func (w *workspace[T]) shared() *blockCache[T] { return &w.blocks[len(w.blocks)-1] }

// planForward places what a forward pass needs.
func (w *workspace[T]) planForward(a *arena[T], s shape) {
	d := s.Width
	a.in("activations")
	w.positions, w.segments = list[int32](a, s.rows), list[segment](a, s.sequences)[:0]
	w.y = a.mat(s.rows, d)
	planNorm(a, &w.final, s.rows, d)
	from := a.used
	w.planBlock(a, w.shared(), s, true)
	w.sharedRoom = a.room(from)

	a.in("attention")
	w.turns = planTurns(a, s.Config, s.context)
	w.attention.planForward(a, s.threads, s.Context, max(s.QueryDim(), s.ValueDim()))

	a.in("logits")
	from = a.used
	w.logits.size = s.chunk
	w.logits.y, w.logits.x = a.mat(s.chunk, s.Vocab), a.mat(s.chunk, d)
	w.logitsRoom = a.room(from)
	w.logits.rows, w.logits.targets = list[int32](a, s.rows), list[int32](a, s.rows)
	w.logits.loss.token = list[float64](a, s.chunk)
	if s.adapter != nil && s.adapter.Has(0, pedestrian.TargetLogits) {
		a.in("adapters")
		w.logits.lora.h = a.mat(s.rows, s.adapter.RankOf(pedestrian.TargetLogits))
	}
	if s.adapter != nil && len(s.adapter.Tokens) > 0 {
		a.in("adapters")
		w.logits.own = a.mat(s.chunk, len(s.adapter.Tokens))
	}

	a.in("activations")
	a.rooms = []*room[T]{&w.logitsRoom}
	w.x, w.h = a.mat(s.rows, d), a.mat(s.rows, s.HiddenDim())
	a.rooms = nil
}

// planBackward places what a backward pass needs beyond that. gradient is the slab in
// which activations lie, if they do and it is there already.
func (w *workspace[T]) planBackward(a *arena[T], s shape, gradient []T) {
	d := s.Width
	a.in("activations")
	w.low = s.low
	w.planBlocks(a, s, gradient)

	a.in("errors")
	w.e = a.mat(s.rows, max(d, s.AttentionDim()))
	behind := w.logitsRoom // what the forward pass has there
	a.rooms = []*room[T]{&behind}
	w.dx = a.mat(s.rows, d)
	wide := a.mat(s.rows, max(s.HiddenDim(), s.QKVDim())).V
	w.dh, w.dqkv = over(wide, s.rows, s.HiddenDim()), over(wide, s.rows, s.QKVDim())
	if s.dropout {
		w.masked = a.mat(s.rows, d)
	}
	partial := a.mat(rowParts(s.rows), 2*d)
	var headPartial Mat[T]
	if s.QKNorm {
		headPartial = a.mat(rowParts(s.rows), 2*s.QueryDim())
	}
	a.rooms = nil

	a.in("logits")
	w.logits.dx = a.mat(s.chunk, d)

	a.in("attention")
	w.attention.planBackward(a, attentionOf[T](s.Config, 0), s.rows, s.dropout)

	w.final.partial = partial
	for i := range w.blocks {
		w.blocks[i].ln1.partial, w.blocks[i].ln2.partial, w.blocks[i].qkNorm.partial = partial, partial, headPartial
	}
	w.planAdapters(a, s)
}

// planBlocks places the caches of the blocks that a backward pass reaches. The first has
// the memory that blocks share in a forward pass alone. With recomputation all have, and
// the inputs of blocks are kept.
func (w *workspace[T]) planBlocks(a *arena[T], s shape, gradient []T) {
	if s.reuse {
		w.planInGradient(a, s, gradient)
		return
	}
	if s.recompute {
		inputs := a.mat(s.rows, (s.Blocks-s.low)*s.Width)
		for i := s.low; i < s.Blocks; i++ {
			c := w.planned(a, i)
			w.planInShared(a, c, s, s.adapts(i))
			c.input = inputs
			if a.counts() { // the others take nothing, either
				break
			}
			c.input = over(inputs.V[(i-s.low)*s.rows*s.Width:], s.rows, s.Width)
		}
		return
	}
	w.planInShared(a, w.planned(a, s.low), s, s.adapts(s.low))
	if a.counts() {
		adapted, plain := s.blocksAbove()
		a.times(adapted, func() { w.planBlock(a, w.planned(a, 0), s, true) })
		a.times(plain, func() { w.planBlock(a, w.planned(a, 0), s, false) })
		return
	}
	for i := s.low + 1; i < s.Blocks; i++ {
		w.planBlock(a, w.cache(i), s, s.adapts(i))
	}
}

// planned is the cache of block i. Where an arena counts, one stands for all.
func (w *workspace[T]) planned(a *arena[T], i int) *blockCache[T] {
	if a.counts() {
		return &w.blocks[0]
	}
	return w.cache(i)
}

// planInShared places the cache of a block in the memory of the shared one, as far as
// there is place.
func (w *workspace[T]) planInShared(a *arena[T], c *blockCache[T], s shape, adapted bool) {
	shared := w.sharedRoom
	a.rooms = []*room[T]{&shared}
	w.planBlock(a, c, s, adapted)
	a.rooms = nil
}

// planBlock places the cache of a block, and of its adapters if it is adapted.
func (w *workspace[T]) planBlock(a *arena[T], c *blockCache[T], s shape, adapted bool) {
	a.below(stageAttProj) // the backward pass of attention is done when that of qkv begins
	c.a3qkv, c.a3 = a.mat(s.rows, s.QKVDim()), a.mat(s.rows, s.AttentionDim())
	c.att.lse = a.mat(s.Heads, s.rows)
	c.att.scratch = &w.attention
	a.below(stageLN1)
	planNorm(a, &c.ln1, s.rows, s.Width)
	a.below(stageLN2)
	planNorm(a, &c.ln2, s.rows, s.Width)
	if heads := s.Heads + s.KeyHeads(); s.QKNorm {
		a.below(stageQKNorm)
		c.qkNorm.xhat, c.qkNorm.rstd = a.mat(s.rows, heads*s.QueryDim()), a.mat(s.rows, heads)
	}
	if s.Gated {
		a.below(stageExpand) // the error on it takes its place
		c.z = a.mat(s.rows, s.HiddenDim())
	}
	a.below(stages) // that of g comes before that of FC_contract
	c.a7 = a.mat(s.rows, s.HiddenDim())
	if adapted && s.adapter != nil {
		c.planAdapters(a, s)
	}
}

func planNorm[T Float](a *arena[T], c *normCache[T], rows, d int) {
	c.xhat, c.rstd = a.mat(rows, d), a.vec(rows)
}

// setSegments says where the tokens of b lie: a segment is a document.
func (w *workspace[T]) setSegments(b Batch) {
	w.segments = w.segments[:0]
	starts := b.Starts
	for at, end := 0, 0; at < len(b.Tokens); at = end {
		end = (at/b.T + 1) * b.T
		for len(starts) > 0 && int(starts[0]) <= at {
			starts = starts[1:]
		}
		if len(starts) > 0 {
			end = min(end, int(starts[0]))
		}
		w.segments = append(w.segments, segment{at, at, end - at, 0})
		for t := range end - at {
			w.positions[at+t] = int32(t)
		}
	}
}
