package engine

import (
	"math"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// mergedColumns is the number of tokens whose logits are merged at once.
const mergedColumns = 4096

// MergedDifference computes the logits of b twice: by p with the adapter a beside it, and by
// the parameters that Merge returns. It returns the largest difference of two logits, and the
// largest absolute logit of the first. It takes as many threads; 0 means GOMAXPROCS.
//
// It never holds all merged parameters: it merges a block when the pass comes to it, in the
// memory of the one before, and the logits' matrix a few columns at a time. [MergedMemory]
// tells what it takes. It panics when b does not fit p, or when a was made for another
// configuration.
func MergedDifference[T Float](p *pedestrian.Params[T], a *pedestrian.Adapter[T], b Batch, threads int) (difference, largest float64) {
	mergedLogits(p, a, b, threads, mergedColumns, func(beside, merged []T) {
		for i, v := range merged {
			difference = math.Max(difference, math.Abs(float64(v)-float64(beside[i])))
			largest = math.Max(largest, math.Abs(float64(beside[i])))
		}
	})
	return difference, largest
}

// mergedLogits calls visit with the logits of a token and of at most so many columns, of p
// with a beside it and of the merged parameters. It takes the columns in turn, and for each
// the tokens.
func mergedLogits[T Float](p *pedestrian.Params[T], a *pedestrian.Adapter[T], b Batch, threads, columns int, visit func(beside, merged []T)) {
	n := New(p, a, mergedOptions(b.B, b.T, threads))
	defer n.Close()
	m := mergedPass[T]{merger: newMerger(p, a), columns: min(columns, p.Config.Vocab)}
	allocate(func(arena *arena[T]) { m.plan(arena, p.Config, len(b.Tokens)) })
	n.Logits(m.logits, b) // then the workspace is free for the merged pass
	x := m.forward(n, b)
	for from := 0; from < p.Config.Vocab; from += m.columns {
		y := m.logitsOf(n, x, from)
		for t := range y.Rows {
			visit(m.logits.Row(t)[from:][:y.Cols], y.Row(t))
		}
	}
}

// MergedMemory tells how many bytes MergedDifference takes for that many tokens of a network
// of configuration c with an adapter a. The error says what is wrong with c or a.
func MergedMemory[T Float](c pedestrian.Config, a *pedestrian.AdapterConfig, tokens, threads int) (Budget, error) {
	if err := validate(c, a); err != nil {
		return nil, err
	}
	o, err := mergedOptions(1, tokens, threads).withDefaults(c)
	if err != nil {
		return nil, err
	}
	o.Threads = threadsOf(o)
	budget := newPlan[T](o.passes(c, a, nil)).budget
	m := mergedPass[T]{columns: min(mergedColumns, c.Vocab)}
	var counted arena[T]
	m.plan(&counted, c, tokens)
	for _, part := range counted.budget {
		budget.add(part.Name, part.Bytes)
	}
	return budget, nil
}

// mergedOptions are those of the network; the logits of its pass are not its own.
func mergedOptions(sequences, context, threads int) Options {
	return Options{Batch: sequences, Context: context, Threads: threads, Chunk: 1}
}

// A mergedPass is a forward pass of merged parameters, in the workspace of the network whose
// parameters they are.
type mergedPass[T Float] struct {
	merger[T]
	columns int    // tokens whose logits are merged at once
	logits  Mat[T] // of the network with the adapter beside it
	y       Mat[T] // of the merged one, some columns
	rows    Mat[T] // of the embedding, one for each token of the batch
	tokens  []int32
	slab    []T // of the parameters at work: those of a block, of the final norm, or some columns of the logits
}

func (m *mergedPass[T]) plan(a *arena[T], c pedestrian.Config, tokens int) {
	a.in("logits")
	m.logits, m.y = a.mat(tokens, c.Vocab), a.mat(tokens, m.columns)
	a.in("merged")
	m.rows, m.tokens = a.mat(tokens, c.Width), list[int32](a, tokens)
	most := int64(padded(c.Width * m.columns))
	for _, block := range []int{-1, 0} {
		size := int64(0)
		for _, s := range c.Slots() {
			if s.Block == block && s.Role != pedestrian.Table && s.Layer != "logits" {
				size = saturated(size, 1, int64(padded(s.Rows*s.Cols)))
			}
		}
		most = max(most, size)
	}
	m.slab = a.vec(int(most))
}

// padded is n rounded up, so that what follows begins at a cache line.
func padded(n int) int { return (n + 15) / 16 * 16 }

// forward returns a_11 of the merged network for b.
func (m *mergedPass[T]) forward(n *Network[T], b Batch) Mat[T] {
	c, w := m.p.Config, &n.work
	for t, id := range b.Tokens {
		m.merger.rows(m.rows.Sub(t, t+1, 0, c.Width), int(id))
		m.tokens[t] = int32(t)
	}
	tables := n.embedding
	tables.tok, tables.own = kernel.Weight[T]{Mat: m.rows}, tokenRows[T]{}
	x := first(w.x, len(b.Tokens))
	tables.forward(n.pool, x, &w.embedding, m.tokens, w.positions[:len(b.Tokens)])
	for i := range c.Blocks {
		one := m.block(i)
		one.forward(n.pool, x, w.shared(), w, i, masks{})
	}
	y, slab := first(w.y, len(b.Tokens)), m.slab
	final := normOf(m.affine(m.p.LNFinal, &slab), c)
	final.forward(n.pool, y, &w.final, x)
	return y
}

// block is block i with merged parameters.
func (m *mergedPass[T]) block(i int) block[T] {
	only := pedestrian.Params[T]{Blocks: make([]pedestrian.Block[T], i+1)}
	only.Blocks[i] = m.p.Blocks[i]
	slab, b := m.slab, block[T]{gated: m.p.Config.Gated}
	for _, l := range b.layers(&only.Blocks[i]) {
		*l.params = m.affine(*l.params, &slab)
	}
	return blockOf(m.p.Config, &only, nil, i)
}

// affine is the merged form of a, cut from slab.
func (m *mergedPass[T]) affine(a pedestrian.Affine[T], slab *[]T) pedestrian.Affine[T] {
	for _, t := range []*pedestrian.Tensor[T]{&a.W, &a.B} {
		if t.Exists() {
			size := t.Rows * t.Cols
			t.V, t.Narrow = (*slab)[:size:size], pedestrian.Narrow{}
			*slab = (*slab)[padded(size):]
			m.tensor(*t)
		}
	}
	return a
}

// logitsOf returns the merged logits of x (a_11) for token from and those after it.
func (m *mergedPass[T]) logitsOf(n *Network[T], x Mat[T], from int) Mat[T] {
	columns := min(m.columns, m.p.Config.Vocab-from)
	var l logits[T]
	if part := m.slab[:x.Cols*columns]; m.tied() {
		l.tok.Mat = over(part, columns, x.Cols)
		m.merger.rows(l.tok.Mat, from)
	} else {
		l.w.Mat = over(part, x.Cols, columns)
		m.merger.columns(l.w.Mat, from)
	}
	if b := m.p.Logits.B.V; b != nil {
		if own := m.a.LogitsBias.V; own != nil {
			b = own
		}
		l.b = b[from:][:columns]
	}
	y := over(m.y.V, x.Rows, columns)
	l.product(n.pool, y, x, l.b)
	return y
}
