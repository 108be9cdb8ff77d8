package engine

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// Options sizes a Network. The zero value suits one sequence of the whole
// context, all threads and no dropout.
type Options struct {
	Batch   int     // the largest number of sequences, B; 0 means 1
	Context int     // the largest number of tokens in a sequence, T; 0 means the configuration's context
	Threads int     // the number of threads; 0 means GOMAXPROCS
	Dropout float64 // probability that an element of a_1, ρ, a_4 or a_9 is dropped in Gradients; 0 ≤ Dropout < 1
	Seed    uint64  // selects the dropout masks
	Chunk   int     // number of tokens whose logits are in memory at once; 0 means as many as have about 2²⁵ logits

	// Recompute keeps only the input of each block, a_1, and computes its other
	// activations again in the backward pass (gradient checkpointing). The results have
	// the same bits. Activations need a tenth of the memory, and a step costs two thirds of
	// a forward pass more. It saves memory if the activations are larger than the
	// gradients, or with Accumulate.
	Recompute bool

	// Accumulate says that Gradients will be called after SetGradients. Without it,
	// SetGradients puts activations into the memory of gradients that it has not computed
	// yet, as far as they fit; a call of Gradients then allocates more memory.
	Accumulate bool

	DecoderContext int // the largest number of tokens in a sequence of a decoder; 0 means the configuration's context

	Precision Precision // format of the operands of large products; "" means that of the parameters
}

// Network computes the loss of a GPT, its gradients and its logits (table 2 and
// table 3). It does not copy the parameters that it was made with, so the next call
// sees a step of the optimizer. Only one goroutine at a time may use a network and its
// decoders.
//
// The first call of Loss or Logits allocates memory, and the first call of SetGradients or
// Gradients allocates more; [Memory] tells beforehand how much. Later calls allocate
// nothing.
type Network[T Float] struct {
	params  *pedestrian.Params[T]
	adapter *pedestrian.Adapter[T]
	o       Options
	pool    *kernel.Pool
	work    workspace[T]

	embedding embedding[T]
	blocks    []block[T]
	final     norm[T]
	logits    logits[T]

	mixed      packedWeights // in mixed precision
	doras      []*dora[T]    // of all layers that have magnitudes
	normsStale bool          // the parameters have changed since the norms of DoRA were computed

	adapterBottom int // the lowest stage that the adapter trains

	squares                  sumSquares[T]
	slabs                    slabsTask[T]
	update                   adamwTask[T]
	norms                    normsTask[T]
	paramParts, adapterParts []span
	ownSpans                 []span // of the part that AdamWPart updates
}

// New makes a network of the parameters p and the adapter, which may be nil. Of frozen
// parameters ([pedestrian.NewFrozen]) it computes what it computes of the widened ones, to
// the last bit, and the gradients of the adapter alone. It panics when the adapter was made
// for another configuration, or when an option is invalid.
func New[T Float](p *pedestrian.Params[T], adapter *pedestrian.Adapter[T], o Options) *Network[T] {
	c := p.Config
	if err := validate(c, nil); err != nil {
		panic("engine.New: " + err.Error())
	}
	if adapter != nil && adapter.Base != c {
		panic(fmt.Sprintf("engine.New: an adapter for %+v beside a network of %+v", adapter.Base, c))
	}
	o, err := o.withDefaults(c)
	if err != nil {
		panic("engine.New: " + err.Error())
	}
	if o.Precision != "" && !is32[T]() {
		panic(fmt.Sprintf("engine.New: Options.Precision is %q, which is for parameters in float32", o.Precision))
	}
	n := &Network[T]{params: p, adapter: adapter, o: o, pool: kernel.NewPool(o.Threads), blocks: make([]block[T], c.Blocks)}
	n.embedding = embedding[T]{tok: weight(p.Tok), pos: weight(p.Pos)}
	if c.ScaleEmbedding {
		n.embedding.scale = T(math.Sqrt(float64(c.Width)))
	}
	for i := range n.blocks {
		n.blocks[i] = blockOf(c, p, adapter, i)
	}
	n.final = normOf(p.LNFinal, c)
	if adapter != nil {
		n.embedding.own = rowsOf(adapter.TokRows, adapter.Config.Tokens)
		n.final.replace(adapter.LNFinal)
	}
	n.logits = logitsOf(p, adapter)
	n.work.blocks = make([]blockCache[T], c.Blocks+1)
	n.adapterBottom = bottom(c, false, n.adapterConfig())
	return n
}

// withDefaults replaces zero options by their defaults and reports the first invalid one.
func (o Options) withDefaults(c pedestrian.Config) (Options, error) {
	if o.Batch == 0 {
		o.Batch = 1
	}
	if o.Context == 0 {
		o.Context = c.Context
	}
	if o.DecoderContext == 0 {
		o.DecoderContext = c.Context
	}
	if o.Chunk == 0 {
		o.Chunk = defaultChunk(c.Vocab)
	}
	switch {
	case o.Batch < 1 || o.Batch > math.MaxInt32:
		return o, fmt.Errorf("Options.Batch is %d: it must be at least 1 and at most %d", o.Batch, math.MaxInt32)
	case o.Context < 1 || o.Context > c.Context:
		return o, fmt.Errorf("Options.Context is %d: it must be at least 1 and at most the network's context of %d", o.Context, c.Context)
	case !(o.Dropout >= 0 && o.Dropout < 1):
		return o, fmt.Errorf("Options.Dropout is %g: it must be at least 0 and less than 1", o.Dropout)
	case o.DecoderContext < 0 || o.DecoderContext > c.Context:
		return o, fmt.Errorf("Options.DecoderContext is %d: it must be at most the network's context of %d, or 0 for all of it", o.DecoderContext, c.Context)
	case o.Chunk < 1:
		return o, fmt.Errorf("Options.Chunk is %d: it must be at least 1", o.Chunk)
	case o.Precision != "" && o.Precision != Float32 && !o.Precision.takesBF16():
		return o, fmt.Errorf("Options.Precision is %q: choose %q, %q or %q", o.Precision, Float32, BF16, BF16x3)
	}
	o.Chunk = min(evenChunk(o.Batch*o.Context, o.Chunk), o.Batch*o.Context)
	return o, nil
}

// Base returns the network without its adapter, for Loss and Logits. Both share memory and
// threads: use one at a time, and do not use the base after n is closed.
func (n *Network[T]) Base() *Network[T] {
	n.reserve(nil, gradients[T]{})
	n.prepare()
	b, c := *n, n.params.Config
	b.adapter, b.doras, b.adapterBottom = nil, nil, bottom(c, false, nil)
	b.embedding.own = tokenRows[T]{}
	b.blocks = make([]block[T], c.Blocks)
	for i := range b.blocks {
		b.blocks[i] = blockOf(c, n.params, nil, i)
		with := n.blocks[i].linears()
		for j, l := range b.blocks[i].linears() {
			l.mixed = with[j].mixed
		}
	}
	b.final = normOf(n.params.LNFinal, c)
	b.logits = logitsOf(n.params, nil)
	b.logits.mixed = n.logits.mixed
	return &b
}

// Close stops the threads. The network cannot be used afterwards.
func (n *Network[T]) Close() { n.pool.Close() }

// mustFit panics when b does not fit n, and, if targets is true, when b has no targets.
func (n *Network[T]) mustFit(fn string, b Batch, targets bool) {
	if err := b.Check(n.params.Config); err != nil {
		panic("engine.Network." + fn + ": " + err.Error())
	}
	if targets && b.Targets == nil {
		panic("engine.Network." + fn + ": the batch has no targets")
	}
	if b.B*b.T > n.o.Batch*n.o.Context {
		panic(fmt.Sprintf("engine.Network.%s: a batch of %d×%d tokens, a network made for %d×%d", fn, b.B, b.T, n.o.Batch, n.o.Context))
	}
}

// Loss returns Σℓ, the sum of the losses (in nats) of the tokens of b that have a target,
// and the number of these tokens. There is no dropout. It panics when b does not fit the
// network or has no targets.
func (n *Network[T]) Loss(b Batch) (sum float64, counted int) {
	n.mustFit("Loss", b, true)
	n.reserve(nil, gradients[T]{})
	n.prepare()
	w := &n.work
	if counted = w.logits.setTargets(b.Targets); counted == 0 {
		return 0, 0
	}
	w.setSegments(b)
	w.logits.mask = kernel.Mask{}
	a11 := n.forward(w, b.Tokens, nil)
	return n.logits.loss(n.pool, &w.logits, a11), counted
}

// Logits sets row t of out, which is B·T×V, to the logits (a_12) of token t of b. It panics
// when b does not fit the network, or out has another shape.
func (n *Network[T]) Logits(out Mat[T], b Batch) {
	n.mustFit("Logits", b, false)
	mustShape("Network.Logits", "out", out, b.B*b.T, n.params.Config.Vocab)
	n.reserve(nil, gradients[T]{})
	n.prepare()
	w := &n.work
	w.setSegments(b)
	w.logits.mask = kernel.Mask{}
	a11 := n.forward(w, b.Tokens, nil)
	n.logits.forward(n.pool, out, &w.logits, a11, nil)
}

// prepare updates what is derived from the parameters and kept between calls: packed
// weights and the norms of DoRA.
func (n *Network[T]) prepare() {
	n.packWeights()
	n.updateNorms()
}

// updateNorms computes the norms of DoRA again.
func (n *Network[T]) updateNorms() {
	for _, d := range n.doras {
		d.updateNorms(n.pool)
	}
	n.normsStale = false
}

// forward returns a_11 for tokens, whose positions and segments w holds. If drops is nil,
// no backward pass follows, and all blocks share one cache.
func (n *Network[T]) forward(w *workspace[T], tokens []int32, drops *drops) Mat[T] {
	x := first(w.x, len(tokens))
	n.embedding.forward(n.pool, x, &w.embedding, tokens, w.positions[:len(tokens)]) // a_1
	if drops != nil && drops.embedding().On() {
		w.drop.mask = drops.embedding()
		w.drop.apply(n.pool, x, x, false)
	}
	w.show(-1, "a_1", "embedding", x)
	for i := range n.blocks {
		c, m := w.shared(), masks{}
		if drops != nil {
			m = drops.block(i)
			if i >= w.low {
				c = w.cache(i)
				c.keepInput(n.pool, &w.copy, x)
			}
		}
		n.blocks[i].forward(n.pool, x, c, w, i, m) // a_2 … a_10
	}
	y := first(w.y, len(tokens))
	n.final.forward(n.pool, y, &w.final, x) // a_11
	w.show(-1, "a_11", "lnFinal", y)
	return y
}
