package engine

import (
	"github.com/pedestrian-ml/pedestrian"
)

// workspace is all the memory of a pass. The residual stream, and the error on
// it, is one matrix that the blocks change in place; what only one layer at a
// time needs is shared by all.
type workspace[T Float] struct {
	positions []int32
	segments  []Segment
	x, y, h   Mat[T] // residual stream; output of a layer norm; a_8
	embedding EmbeddingCache[T]
	blocks    []blockCache[T]
	final     LayerNormCache[T]
	logits    LogitsCache[T]
	attention attentionScratch[T]
	drop      Dropout[T]
	store     []keyValues[T] // of a decoder

	dx, e, masked Mat[T] // error on the stream, on a layer's input or output, and under a mask
	dh, dqkv      Mat[T] // Δ_7; errors on queries, keys and values: never alive together

	watch func(Place, Mat[T]) // of Watch; nil when nobody does

	kept Mat[T] // with Options.Recompute: a_1 of every block from low on, side by side
	low  int    // the first block that a backward pass reaches
	copy copyRows[T]
}

// cache is that of block i. Blocks whose forward pass is computed again share one;
// so do those below the first that is trained, with it: nothing of them is kept.
func (w *workspace[T]) cache(i int) *blockCache[T] {
	if w.kept.V != nil {
		i = 0
	}
	return &w.blocks[max(i-w.low, 0)]
}

// input is the place where a_1 of block i is kept.
func (w *workspace[T]) input(i, rows int) Mat[T] {
	d := w.x.Cols
	return w.kept.Sub(0, rows, (i-w.low)*d, (i-w.low+1)*d)
}

// keepInput keeps x, a_1 of block i, if it will be needed.
func (w *workspace[T]) keepInput(p *Pool, i int, x Mat[T]) {
	if w.kept.V != nil && i >= w.low {
		w.copy.run(p, w.input(i, x.Rows), x)
	}
}

// shape is what sizes a workspace.
type shape struct {
	pedestrian.Config
	lora    *pedestrian.AdapterConfig
	rows    int // tokens at once
	seqs    int // at once
	threads int
	dropout bool
	chunk   int

	recompute bool
	low       int // the first block that a backward pass reaches
}

func (o Options) shape(c pedestrian.Config, l *pedestrian.AdapterConfig, low int) shape {
	rows := o.Batch * o.Context
	return shape{c, l, rows, rows, o.Threads, o.Dropout > 0, o.Chunk, o.Recompute, low}
}

// planForward places what a forward pass needs; of the blocks, the first has a cache.
func (w *workspace[T]) planForward(a *arena[T], s shape) {
	d := s.Width
	a.in("activations")
	w.positions, w.segments = list[int32](a, s.rows), list[Segment](a, s.seqs)[:0]
	w.x, w.y, w.h = a.mat(s.rows, d), a.mat(s.rows, d), a.mat(s.rows, s.HiddenDim())
	planNorm(a, &w.final, s.rows, d)
	w.planBlock(a, &w.blocks[0], s, true)

	a.in("attention")
	w.attention.planForward(a, s.threads, s.Context, max(s.QueryDim(), s.ValueDim()))

	a.in("logits")
	w.logits.Chunk = s.chunk
	w.logits.Y, w.logits.X = a.mat(s.chunk, s.Vocab), a.mat(s.chunk, d)
	w.logits.Rows, w.logits.Targets = list[int32](a, s.rows), list[int32](a, s.rows)
	w.logits.Loss.Token = list[float64](a, s.chunk)
	if s.lora != nil && s.lora.Has(0, pedestrian.TargetLogits) {
		a.in("adapters")
		w.logits.LoRA.H = a.mat(s.rows, s.lora.RankOf(pedestrian.TargetLogits))
	}
}

// planBackward places what Gradients needs beyond that.
func (w *workspace[T]) planBackward(a *arena[T], s shape) {
	d := s.Width
	a.in("activations")
	if s.recompute {
		w.kept = a.mat(s.rows, (s.Blocks-s.low)*d)
	} else {
		for i := s.low + 1; i < len(w.blocks); i++ {
			w.planBlock(a, &w.blocks[i-s.low], s, s.adapts(i))
		}
	}
	w.low = s.low

	a.in("errors")
	w.dx, w.e = a.mat(s.rows, d), a.mat(s.rows, d)
	if s.dropout {
		w.masked = a.mat(s.rows, d)
	}
	wide := a.mat(s.rows, max(s.HiddenDim(), s.QKVDim())).V
	w.dh, w.dqkv = over(wide, s.rows, s.HiddenDim()), over(wide, s.rows, s.QKVDim())
	partial := a.mat(rowParts(s.rows), 2*d)
	w.final.partial = partial

	a.in("logits")
	w.logits.DX = a.mat(s.chunk, d)

	a.in("attention")
	w.attention.planBackward(a, s.Heads, s.rows, max(s.QueryDim(), s.ValueDim()), s.dropout)

	for i := range w.blocks {
		w.blocks[i].ln1.partial, w.blocks[i].ln2.partial = partial, partial
	}
	if s.lora != nil {
		w.planAdapters(a, s)
	}
}

// planBlock places the cache of a block, and of its adapters if it is adapted.
func (w *workspace[T]) planBlock(a *arena[T], c *blockCache[T], s shape, adapted bool) {
	planNorm(a, &c.ln1, s.rows, s.Width)
	planNorm(a, &c.ln2, s.rows, s.Width)
	c.a3qkv, c.a3, c.a7 = a.mat(s.rows, s.QKVDim()), a.mat(s.rows, s.Width), a.mat(s.rows, s.HiddenDim())
	c.att.Lse = a.mat(s.Heads, s.rows)
	c.att.scratch = &w.attention
	if s.lora != nil && adapted {
		c.planAdapters(a, s)
	}
}

func planNorm[T Float](a *arena[T], c *LayerNormCache[T], rows, d int) {
	c.Xhat, c.Rstd = a.mat(rows, d), a.take(rows)
}

// place says where the tokens of b lie: a segment is a document.
func (w *workspace[T]) place(b Batch) {
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
		w.segments = append(w.segments, Segment{at, at, end - at, 0})
		for t := range end - at {
			w.positions[at+t] = int32(t)
		}
	}
}
