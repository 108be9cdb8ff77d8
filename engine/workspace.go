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

	kept Mat[T] // with Options.Recompute: a_1 of every block, side by side
	copy copyRows[T]
}

// cache is that of block i. Blocks whose forward pass is computed again share one.
func (w *workspace[T]) cache(i int) *blockCache[T] {
	if w.kept.V != nil {
		i = 0
	}
	return &w.blocks[i]
}

// input is the place where a_1 of block i is kept.
func (w *workspace[T]) input(i, rows int) Mat[T] {
	d := w.x.Cols
	return w.kept.Sub(0, rows, i*d, (i+1)*d)
}

// keepInput keeps x, a_1 of block i, if it will be needed.
func (w *workspace[T]) keepInput(p *Pool, i int, x Mat[T]) {
	if w.kept.V != nil {
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
}

func (o Options) shape(c pedestrian.Config, l *pedestrian.AdapterConfig) shape {
	rows := o.Batch * o.Context
	return shape{c, l, rows, rows, o.Threads, o.Dropout > 0, o.Chunk, o.Recompute}
}

// planForward places what a forward pass needs; of the blocks, the first has a cache.
func (w *workspace[T]) planForward(a *arena[T], s shape) {
	d := s.Width
	a.in("activations")
	w.positions, w.segments = list[int32](a, s.rows), list[Segment](a, s.seqs)[:0]
	w.x, w.y, w.h = a.mat(s.rows, d), a.mat(s.rows, d), a.mat(s.rows, s.HiddenDim())
	planNorm(a, &w.final, s.rows, d)
	w.planBlock(a, &w.blocks[0], s)

	a.in("attention")
	w.attention.planForward(a, s.threads, min(attentionTile, s.Context), max(s.QueryDim(), s.ValueDim()))

	a.in("logits")
	w.logits.Chunk = s.chunk
	w.logits.Y, w.logits.X = a.mat(s.chunk, s.Vocab), a.mat(s.chunk, d)
	w.logits.Rows, w.logits.Targets = list[int32](a, s.rows), list[int32](a, s.rows)
	w.logits.Loss.Token = list[float64](a, s.chunk)
	if s.lora != nil {
		a.in("adapters")
		if s.lora.Has(0, pedestrian.TargetLogits) {
			w.logits.LoRA.H = a.mat(s.rows, s.lora.RankOf(pedestrian.TargetLogits))
		}
	}
}

// planBackward places what Gradients needs beyond that.
func (w *workspace[T]) planBackward(a *arena[T], s shape) {
	d := s.Width
	a.in("activations")
	if s.recompute {
		w.kept = a.mat(s.rows, s.Blocks*d)
	} else {
		for i := range w.blocks[1:] {
			w.planBlock(a, &w.blocks[1+i], s)
		}
	}

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
	w.attention.planBackward(a, s.Heads, s.rows, s.dropout)

	var dh [3]Mat[T]
	if s.lora != nil {
		a.in("adapters")
		wide := s.widest()
		for i := range dh {
			dh[i] = a.mat(s.rows, wide[i])
		}
		if s.lora.Has(0, pedestrian.TargetLogits) {
			w.logits.LoRA.DH = over(dh[0].V, s.rows, s.lora.RankOf(pedestrian.TargetLogits))
		}
	}
	for i := range w.blocks {
		c := &w.blocks[i]
		c.ln1.partial, c.ln2.partial = partial, partial
		if s.lora == nil {
			continue
		}
		for _, t := range s.lora.Targets {
			if l, slot := c.lora(t); l != nil {
				l.DH = over(dh[slot].V, s.rows, s.lora.RankOf(t))
			}
		}
	}
}

func (w *workspace[T]) planBlock(a *arena[T], c *blockCache[T], s shape) {
	planNorm(a, &c.ln1, s.rows, s.Width)
	planNorm(a, &c.ln2, s.rows, s.Width)
	c.a3qkv, c.a3, c.a7 = a.mat(s.rows, s.QKVDim()), a.mat(s.rows, s.Width), a.mat(s.rows, s.HiddenDim())
	c.att.Lse = a.mat(s.Heads, s.rows)
	c.att.scratch = &w.attention
	if s.lora == nil {
		return
	}
	part := a.in("adapters")
	for _, t := range s.lora.Targets {
		if l, _ := c.lora(t); l != nil {
			l.H = a.mat(s.rows, s.lora.RankOf(t))
		}
	}
	a.in(part)
}

// lora is the cache of the adapter beside target t of a block, and its number
// beside that layer; nil when t is outside of the blocks.
func (c *blockCache[T]) lora(t pedestrian.Target) (l *LoRACache[T], slot int) {
	switch t {
	case pedestrian.TargetQ, pedestrian.TargetQKV:
		return &c.qkv.LoRA[0], 0
	case pedestrian.TargetK:
		return &c.qkv.LoRA[1], 1
	case pedestrian.TargetV:
		return &c.qkv.LoRA[2], 2
	case pedestrian.TargetAttProj:
		return &c.attProj.LoRA[0], 0
	case pedestrian.TargetExpand:
		return &c.expand.LoRA[0], 0
	case pedestrian.TargetContract:
		return &c.contract.LoRA[0], 0
	}
	return nil, 0
}

// widest is the largest rank of the adapters with each number beside a layer.
func (s shape) widest() (ranks [3]int) {
	var c blockCache[float64]
	for _, t := range s.lora.Targets {
		_, slot := c.lora(t)
		ranks[slot] = max(ranks[slot], s.lora.RankOf(t))
	}
	return ranks
}

func planNorm[T Float](a *arena[T], c *LayerNormCache[T], rows, d int) {
	c.Xhat, c.Rstd = a.mat(rows, d), a.take(rows)
}

// reserve takes the memory of a forward pass, and of a backward pass if train.
func (n *Network[T]) reserve(train bool) {
	var l *pedestrian.AdapterConfig
	if n.lora != nil {
		l = &n.lora.Config
	}
	if n.work.x.V != nil && (!train || n.work.dx.V != nil) {
		return
	}
	o := n.o
	o.Threads = n.pool.Threads()
	s := o.shape(n.params.Config, l)
	if o.Precision == BF16 {
		n.mix(s.rows, train)
	}
	if n.work.x.V == nil {
		allocate(func(a *arena[T]) { n.work.planForward(a, s) })
	}
	if train {
		allocate(func(a *arena[T]) { n.work.planBackward(a, s) })
	}
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
