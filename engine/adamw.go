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
type AdamW struct{ LR, Beta1, Beta2, Eps, Decay float64 }

// blockSize is the number of parameters in one part: fixed, so that sums over
// the parts do not depend on the number of threads.
const blockSize = 1 << 13

// Norm2 is the Euclidean norm √Σg², the length that clipping compares. It sums
// in float64 along a fixed tree.
func (n *Network[T]) Norm2(g []T) float64 {
	parts := (len(g) + blockSize - 1) / blockSize
	if cap(n.squares.sums) < parts {
		n.squares.sums = make([]float64, parts)
	}
	n.squares.g, n.squares.sums = g, n.squares.sums[:parts]
	n.pool.Run(parts, &n.squares)
	sum := 0.0
	for _, v := range n.squares.sums {
		sum += v
	}
	return math.Sqrt(sum)
}

type sumSquares[T Float] struct {
	g    []T
	sums []float64
}

func (s *sumSquares[T]) Do(_ *kernel.Pool, part int) {
	s.sums[part] = kernel.SumSquares(s.g[part*blockSize : min((part+1)*blockSize, len(s.g))])
}

// AdamW takes step number step ≥ 1 on w, a network's parameters, with moments m
// and v. The gradient counts as gscale·g, which is how clipping is done without a
// pass of its own.
func (n *Network[T]) AdamW(h AdamW, step int, gscale float64, w, g, m, v *pedestrian.Params[T]) {
	if w.Config != n.params.Config {
		panic(fmt.Sprintf("engine.Network.AdamW: parameters of %+v, a network of %+v", w.Config, n.params.Config))
	}
	if n.paramParts == nil {
		n.paramParts = parts(n.params.Slab, n.params.Tensors())
	}
	n.adamw(h, step, gscale, n.paramParts, w.Slab, g.Slab, m.Slab, v.Slab)
	n.mixed.stale = true
}

// AdamWAdapter is AdamW for an adapter.
func (n *Network[T]) AdamWAdapter(h AdamW, step int, gscale float64, w, g, m, v *pedestrian.Adapter[T]) {
	if n.lora == nil || len(w.Slab) != len(n.lora.Slab) {
		panic(fmt.Sprintf("engine.Network.AdamWAdapter: an adapter %+v beside %+v is not the network's", w.Config, w.Base))
	}
	if n.loraParts == nil {
		n.loraParts = parts(n.lora.Slab, n.lora.Tensors())
	}
	n.adamw(h, step, gscale, n.loraParts, w.Slab, g.Slab, m.Slab, v.Slab)
}

func (n *Network[T]) adamw(h AdamW, step int, gscale float64, parts []span, w, g, m, v []T) {
	if step < 1 || len(g) != len(w) || len(m) != len(w) || len(v) != len(w) {
		panic(fmt.Sprintf("engine.Network.AdamW: step %d with %d parameters, %d gradients, %d and %d moments", step, len(w), len(g), len(m), len(v)))
	}
	vec := kernel.AdamWStep[T]{
		Scale: T(gscale), Beta1: T(h.Beta1), Rest1: T(1 - h.Beta1), Beta2: T(h.Beta2), Rest2: T(1 - h.Beta2),
		Rate:   T(h.LR / (1 - math.Pow(h.Beta1, float64(step)))),
		Unbias: T(1 / math.Sqrt(1-math.Pow(h.Beta2, float64(step)))),
		Eps:    T(h.Eps), Keep: 1,
	}
	matrix := vec
	matrix.Keep = T(1 - h.LR*h.Decay)
	n.update = adamwTask[T]{parts, w, g, m, v, vec, matrix}
	n.pool.Run(len(parts), &n.update)
}

// A span is a range of a slab that lies in one parameter.
type span struct {
	from, to int
	decay    bool
}

// parts cuts the parameters of a slab into spans of at most blockSize.
func parts[T Float](slab []T, tensors []pedestrian.Tensor[T]) (spans []span) {
	at := 0
	for _, t := range tensors {
		for &slab[at] != &t.V[0] { // padding before it
			at++
		}
		for end := at + len(t.V); at < end; at = min(at+blockSize, end) {
			spans = append(spans, span{at, min(at+blockSize, end), !t.Vec})
		}
	}
	return spans
}

type adamwTask[T Float] struct {
	parts       []span
	w, g, m, v  []T
	vec, matrix kernel.AdamWStep[T]
}

func (f *adamwTask[T]) Do(_ *kernel.Pool, part int) {
	s, h := f.parts[part], &f.vec
	if s.decay {
		h = &f.matrix
	}
	kernel.AdamW(f.w[s.from:s.to], f.g[s.from:s.to], f.m[s.from:s.to], f.v[s.from:s.to], h)
}
