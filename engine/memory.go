package engine

import (
	"math"
	"math/bits"
	"runtime"
	"unsafe"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
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
}

// attentionTile is the number of queries and of keys in a tile of ρ.
const attentionTile = 64

// shape is what sizes a workspace.
type shape struct {
	pedestrian.Config
	lora    *pedestrian.AdapterConfig
	rows    int // tokens at once
	longest int // a sequence may be
	seqs    int // at once
	threads int
	dropout bool
	chunk   int
}

func (o Options) shape(c pedestrian.Config, l *pedestrian.AdapterConfig) shape {
	rows := o.Batch * o.Context
	return shape{c, l, rows, c.Context, rows, o.Threads, o.Dropout > 0, o.Chunk}
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
	w.attention.tile, w.attention.past = min(attentionTile, s.longest), s.longest
	w.attention.slots = make([]tiles[T], s.threads)
	for i := range w.attention.slots {
		t, n := &w.attention.slots[i], w.attention.tile
		t.a, t.max, t.sum = a.take(n*n), a.take(n), a.take(n)
		t.pool = kernel.NewPool(1)
	}
	if a.slab != nil {
		w.attention.warm(max(s.QueryDim(), s.ValueDim()))
	}

	a.in("logits")
	w.logits.Chunk = s.chunk
	w.logits.Y, w.logits.X = a.mat(s.chunk, s.Vocab), a.mat(s.chunk, d)
	w.logits.Rows, w.logits.Targets = list[int32](a, s.rows), list[int32](a, s.rows)
	w.logits.Loss.Token = list[float64](a, s.chunk)
	if s.lora != nil {
		a.in("adapters")
		w.logits.LoRA.H = a.mat(s.rows, s.lora.Rank)
	}
}

// planBackward places what Gradients needs beyond that.
func (w *workspace[T]) planBackward(a *arena[T], s shape) {
	d := s.Width
	a.in("activations")
	for i := range w.blocks[1:] {
		w.planBlock(a, &w.blocks[1+i], s)
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
	w.attention.d = a.mat(s.Heads, s.rows)
	for i := range w.attention.slots {
		t, n := &w.attention.slots[i], w.attention.tile
		t.b = a.take(n * n)
		if s.dropout {
			t.c = a.take(n * n)
		}
	}

	var dh [3]Mat[T]
	if s.lora != nil {
		a.in("adapters")
		for i := range dh {
			dh[i] = a.mat(s.rows, s.lora.Rank)
		}
		w.logits.LoRA.DH = dh[0]
	}
	for i := range w.blocks {
		c := &w.blocks[i]
		c.ln1.partial, c.ln2.partial = partial, partial
		for j := range dh {
			c.qkv.LoRA[j].DH = dh[j]
		}
		c.attProj.LoRA[0].DH, c.expand.LoRA[0].DH, c.contract.LoRA[0].DH = dh[0], dh[0], dh[0]
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
	for _, t := range s.lora.Targets {
		h := map[pedestrian.Target]*LoRACache[T]{
			pedestrian.TargetQ: &c.qkv.LoRA[0], pedestrian.TargetK: &c.qkv.LoRA[1], pedestrian.TargetV: &c.qkv.LoRA[2],
			pedestrian.TargetAttProj: &c.attProj.LoRA[0], pedestrian.TargetExpand: &c.expand.LoRA[0], pedestrian.TargetContract: &c.contract.LoRA[0],
		}[t]
		if h != nil {
			part := a.in("adapters")
			h.H = a.mat(s.rows, s.lora.Rank)
			a.in(part)
		}
	}
}

func planNorm[T Float](a *arena[T], c *LayerNormCache[T], rows, d int) {
	c.Xhat, c.Rstd = a.mat(rows, d), a.take(rows)
}

// over is a matrix at the start of v.
func over[T Float](v []T, rows, cols int) Mat[T] {
	if v == nil {
		return Mat[T]{Rows: rows, Cols: cols, Stride: cols}
	}
	return Mat[T]{Rows: rows, Cols: cols, Stride: cols, V: v[:rows*cols]}
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
	if n.work.x.V == nil {
		allocate(func(a *arena[T]) { n.work.planForward(a, s) })
	}
	if train {
		allocate(func(a *arena[T]) { n.work.planBackward(a, s) })
	}
}

// place says where the tokens of b lie.
func (w *workspace[T]) place(b Batch) {
	w.segments = w.segments[:0]
	for i := range b.B {
		w.segments = append(w.segments, Segment{i * b.T, i * b.T, b.T, 0})
		for t := range b.T {
			w.positions[i*b.T+t] = int32(t)
		}
	}
}

// A Part is a part of the memory of a network.
type Part struct {
	Name  string // "activations", "attention", "logits", "errors" or "adapters"
	Bytes int64
}

// Budget lists the memory of a network by part.
type Budget []Part

// Total is the sum over the parts.
func (b Budget) Total() (bytes int64) {
	for _, p := range b {
		bytes = saturated(bytes, 1, p.Bytes)
	}
	return bytes
}

// Memory tells how many bytes the Gradients of a network of that shape will take
// for itself, by the same plan. Parameters, gradients and moments are the
// caller's and do not count. l may be nil. Numbers that do not fit into an int64
// are given as the largest that does.
func Memory[T Float](c pedestrian.Config, l *pedestrian.AdapterConfig, o Options) (Budget, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if l != nil {
		if err := l.Validate(); err != nil {
			return nil, err
		}
	}
	o, err := o.withDefaults(c)
	if err != nil {
		return nil, err
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	w := workspace[T]{blocks: make([]blockCache[T], 1)}
	var a, block arena[T]
	w.planForward(&a, o.shape(c, l))
	w.planBackward(&a, o.shape(c, l))
	block.in("activations")
	w.planBlock(&block, &w.blocks[0], o.shape(c, l))
	for _, p := range block.budget {
		a.in(p.Name)
		a.count(saturated(0, int64(c.Blocks-1), p.Bytes))
	}
	return a.budget, nil
}

// An arena is one piece of memory from which matrices are cut. Without a slab it
// only counts.
type arena[T Float] struct {
	slab   []T
	used   int64 // elements of slab
	budget Budget
	part   string
}

// allocate runs plan twice: to count, then to cut.
func allocate[T Float](plan func(a *arena[T])) {
	var count arena[T]
	plan(&count)
	plan(&arena[T]{slab: make([]T, count.used)})
}

// in names the part that what follows belongs to, and returns the former one.
func (a *arena[T]) in(part string) (former string) {
	former, a.part = a.part, part
	return former
}

func (a *arena[T]) count(bytes int64) {
	for i := range a.budget {
		if p := &a.budget[i]; p.Name == a.part {
			p.Bytes = saturated(p.Bytes, 1, bytes)
			return
		}
	}
	a.budget = append(a.budget, Part{a.part, bytes})
}

// take cuts n zeros that start at a multiple of 64 bytes from the slab's start.
func (a *arena[T]) take(n int) []T {
	size := (int64(n) + 15) / 16 * 16
	at := a.used
	a.used = saturated(at, 1, size)
	a.count(saturated(0, size, int64(unsafe.Sizeof(T(0)))))
	if a.slab == nil {
		return nil
	}
	return a.slab[at : at+int64(n) : at+int64(n)]
}

func (a *arena[T]) mat(rows, cols int) Mat[T] {
	n := saturated(0, int64(rows), int64(cols))
	return over(a.take(int(min(n, math.MaxInt64-15))), rows, cols)
}

// list makes a list of n, which the arena counts.
func list[E any, T Float](a *arena[T], n int) []E {
	var e E
	a.count(saturated(0, int64(n), int64(unsafe.Sizeof(e))))
	if a.slab == nil {
		return nil
	}
	return make([]E, n)
}

// saturated is a + b·c, at most the largest int64; none is negative.
func saturated(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(b), uint64(c))
	lo, carry := bits.Add64(lo, uint64(a), 0)
	if hi+carry > 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(lo)
}
