package engine

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// AdamW holds the settings of one step of Adam with decoupled weight decay
// (Loshchilov and Hutter):
//
//	m ← β₁ m + (1-β₁) g,  v ← β₂ v + (1-β₂) g²
//	θ ← θ - LR ( m̂/(√v̂ + ε) + Decay θ ),  m̂ = m/(1-β₁ᵗ),  v̂ = v/(1-β₂ᵗ)
//
// Matrices decay; gains and biases do not.
type AdamW struct {
	LR, Beta1, Beta2, Eps, Decay float64 // Beta1, Beta2 and Eps are β₁, β₂ and ε

	// Up is the ratio of LoRA+ (Hayou, Ghosh and Yu): of an adapter, u and all
	// vectors learn at the rate Up·LR, and d at LR. 0 means 1.
	Up float64
}

// up is Up with its default.
func (h AdamW) up() float64 {
	if h.Up == 0 {
		return 1
	}
	return h.Up
}

// UpdateBlock is the number of parameters in one part: fixed, so that sums over the
// parts do not depend on the number of threads, nor on which process has which of them.
const UpdateBlock = 1 << 13

// Norm2 is the Euclidean norm √Σg², the length that clipping compares. It sums
// in float64 along a fixed tree.
func (n *Network[T]) Norm2(g []T) float64 {
	parts := (len(g) + UpdateBlock - 1) / UpdateBlock
	if cap(n.squares.sums) < parts {
		n.squares.sums = make([]float64, parts)
	}
	n.squares.g, n.squares.sums = g, n.squares.sums[:parts]
	n.pool.Run(parts, &n.squares)
	return Length(n.squares.sums)
}

type sumSquares[T Float] struct {
	g    []T
	sums []float64
}

func (s *sumSquares[T]) Do(_ *kernel.Pool, part int) {
	s.sums[part] = kernel.SumSquares(s.g[part*UpdateBlock : min((part+1)*UpdateBlock, len(s.g))])
}

// AdamW takes step number step ≥ 1 on w, a network's parameters, with moments m
// and v. The gradient counts as gscale·g, which is how clipping is done without a
// pass of its own. In mixed precision the new weights are rounded and laid out in the
// same pass, while they are near.
func (n *Network[T]) AdamW(h AdamW, step int, gscale float64, w, g, m, v *pedestrian.Params[T]) {
	if w.Config != n.params.Config {
		panic(fmt.Sprintf("engine.Network.AdamW: parameters of %+v, a network of %+v", w.Config, n.params.Config))
	}
	n.update.pack = &w.Slab[0] == &n.params.Slab[0]
	n.adamw(h, step, gscale, n.spansOfParams(), w.Slab, g.Slab, m.Slab, v.Slab)
	n.Changed()
	n.mixed.stale = !n.update.pack
}

// AdamWAdapter is AdamW for an adapter.
func (n *Network[T]) AdamWAdapter(h AdamW, step int, gscale float64, w, g, m, v *pedestrian.Adapter[T]) {
	if n.adapter == nil || len(w.Slab) != len(n.adapter.Slab) {
		panic(fmt.Sprintf("engine.Network.AdamWAdapter: an adapter %+v beside %+v is not the network's", w.Config, w.Base))
	}
	n.adamw(h, step, gscale, n.spansOfAdapter(), w.Slab, g.Slab, m.Slab, v.Slab)
	n.normsStale = true
}

// AdamWPart is AdamW, or AdamWAdapter in a network with an adapter, for the part of the
// slab that begins with its number at: w, g, m and v have the numbers of that part alone.
// The rest of the slab is taken to have changed too, by other processes, before the next pass.
func (n *Network[T]) AdamWPart(h AdamW, step int, gscale float64, at int, w, g, m, v []T) {
	var spans []span
	var all int
	if n.adapter != nil {
		spans, all = n.spansOfAdapter(), len(n.adapter.Slab)
	} else {
		spans, all = n.spansOfParams(), len(n.params.Slab)
	}
	if at < 0 || at+len(w) > all {
		panic(fmt.Sprintf("engine.Network.AdamWPart: numbers %d to %d of a slab of %d", at, at+len(w), all))
	}
	own := n.ownSpans[:0]
	for _, s := range spans {
		from, to := max(s.from, at), min(s.to, at+len(w))
		if from < to {
			own = append(own, span{from: from - at, to: to - at, kind: s.kind})
		}
	}
	n.ownSpans = own
	n.adamw(h, step, gscale, own, w, g, m, v)
	if n.adapter != nil {
		n.normsStale = true
	} else {
		n.Changed()
	}
}

func (n *Network[T]) spansOfParams() []span {
	if n.paramParts == nil {
		n.paramParts = parts(n.params.Tensors(), n.mixed.packed, nil)
	}
	return n.paramParts
}

func (n *Network[T]) spansOfAdapter() []span {
	if n.adapterParts == nil {
		n.adapterParts = parts(n.adapter.Tensors(), nil, func(t pedestrian.Tensor[T]) bool { return t.Vec() || t.Role == pedestrian.Up })
	}
	return n.adapterParts
}

func (n *Network[T]) adamw(h AdamW, step int, gscale float64, parts []span, w, g, m, v []T) {
	if step < 1 || len(g) != len(w) || len(m) != len(w) || len(v) != len(w) {
		panic(fmt.Sprintf("engine.Network.AdamW: step %d with %d parameters, %d gradients, %d and %d moments", step, len(w), len(g), len(m), len(v)))
	}
	f := &n.update
	f.parts, f.w, f.g, f.m, f.v = parts, w, g, m, v
	for kind := range f.steps {
		lr, decay := h.LR, h.Decay
		if kind&fast != 0 {
			lr *= h.up()
		}
		if kind&vector != 0 {
			decay = 0
		}
		f.steps[kind] = kernel.AdamWStep[T]{
			Scale: T(gscale), Beta1: T(h.Beta1), Rest1: T(1 - h.Beta1), Beta2: T(h.Beta2), Rest2: T(1 - h.Beta2),
			Rate:   T(lr / (1 - math.Pow(h.Beta1, float64(step)))),
			Unbias: T(1 / math.Sqrt(1-math.Pow(h.Beta2, float64(step)))),
			Eps:    T(h.Eps), Keep: T(1 - lr*decay),
		}
	}
	n.pool.Run(len(parts), &n.update)
}

// A span is a range of a slab that lies in one parameter.
type span struct {
	from, to, kind int
	weight         *packedWeight // in mixed precision: whose rows these are, from row on; or nil
	row            int
}

// Kinds of parameters, which add.
const (
	vector = 1 // does not decay
	fast   = 2 // learns at the rate Up·LR
	kinds  = 4
)

// parts cuts the parameters of a slab into spans: of UpdateBlock at most, and of what is
// packed so many rows as are packed at once. isFast says which learn at the rate Up·LR,
// and nil that none does.
func parts[T Float](tensors []pedestrian.Tensor[T], packed weights, isFast func(pedestrian.Tensor[T]) bool) (spans []span) {
	for _, t := range tensors {
		kind := 0
		if t.Vec() {
			kind |= vector
		}
		if isFast != nil && isFast(t) {
			kind |= fast
		}
		size, weight := UpdateBlock, packed.of(t)
		if weight != nil {
			size = kernel.PackedRows * t.Cols
		}
		end := t.Offset + len(t.V)
		for row, at := 0, t.Offset; at < end; at = min(at+size, end) {
			spans = append(spans, span{at, min(at+size, end), kind, weight, row})
			row += kernel.PackedRows
		}
	}
	return spans
}

type adamwTask[T Float] struct {
	parts      []span
	w, g, m, v []T
	steps      [kinds]kernel.AdamWStep[T]
	pack       bool // w is what the packed weights are made of
}

func (f *adamwTask[T]) Do(p *kernel.Pool, part int) {
	s := f.parts[part]
	for at := s.from; at < s.to; at += UpdateBlock {
		to := min(at+UpdateBlock, s.to)
		kernel.AdamW(f.w[at:to], f.g[at:to], f.m[at:to], f.v[at:to], &f.steps[s.kind])
	}
	if s.weight != nil && f.pack {
		s.weight.to.PackRows(p, s.weight.from, s.row, min(s.row+kernel.PackedRows, s.weight.from.Rows))
	}
}
