package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// Norms measure the four things that an update reads: of the gradient the Euclidean
// norm, which clipping needs, and of the others the largest |x|, which costs little
// more than reading them. A number that is not finite makes its own so: squares of
// float32 are summed in float64, where they cannot overflow.
type Norms struct {
	W, G, M, V float64
	Negative   bool // some number of V is below 0
}

// Norms measures what AdamW or AdamWAdapter is about to read, in one pass over the
// four slabs. G has the bits of Norm2. It panics when they are not of one length.
func (n *Network[T]) Norms(w, g, m, v []T) Norms {
	all, squares := n.PartNorms(w, g, m, v)
	all.G = Length(squares)
	return all
}

// PartNorms is Norms of a part of the four slabs that begins at a multiple of UpdateBlock.
// Instead of G it returns Σg² of each block of UpdateBlock numbers, which the next call
// overwrites. Join and Length make the Norms of the whole slabs from those of all parts.
func (n *Network[T]) PartNorms(w, g, m, v []T) (part Norms, squares []float64) {
	if len(g) != len(w) || len(m) != len(w) || len(v) != len(w) {
		panic(fmt.Sprintf("engine.Network.Norms: slabs of %d, %d, %d and %d numbers", len(w), len(g), len(m), len(v)))
	}
	parts := (len(w) + UpdateBlock - 1) / UpdateBlock
	f := &n.norms
	if len(f.parts) < parts {
		f.parts, f.squares = make([]Norms, parts), make([]float64, parts)
	}
	f.w, f.g, f.m, f.v = w, g, m, v
	n.pool.Run(parts, f)
	for _, p := range f.parts[:parts] {
		part.Join(p)
	}
	return part, f.squares[:parts]
}

// Join makes n the Norms of what n and part have measured, but for G.
func (n *Norms) Join(part Norms) {
	n.W, n.M, n.V = math.Max(n.W, part.W), math.Max(n.M, part.M), math.Max(n.V, part.V) // NaN if one is
	n.Negative = n.Negative || part.Negative
}

// Length is the Euclidean norm of a vector of whose blocks Σx² are given, in their order.
func Length(squares []float64) float64 {
	sum := 0.0
	for _, v := range squares {
		sum += v
	}
	return math.Sqrt(sum)
}

type normsTask[T Float] struct {
	w, g, m, v []T // of equal lengths
	parts      []Norms
	squares    []float64
}

func (f *normsTask[T]) Do(_ *kernel.Pool, part int) {
	from, to := part*UpdateBlock, min((part+1)*UpdateBlock, len(f.w))
	w, _ := kernel.Extent(f.w[from:to])
	m, _ := kernel.Extent(f.m[from:to])
	v, minus := kernel.Extent(f.v[from:to])
	f.squares[part] = kernel.SumSquares(f.g[from:to])
	f.parts[part] = Norms{W: float64(w), M: float64(m), V: float64(v),
		Negative: minus && slices.ContainsFunc(f.v[from:to], func(x T) bool { return x < 0 })} // not if it is -0
}

// Safe reports whether the update of AdamW with these settings, on numbers that were
// measured so, leaves every float32 finite. Each number is at most what was measured;
// m and v are means of old and new, and a weight moves by at most rate·|m|/ε:
//
//	|d| ≤ gscale·G,  |m| ≤ max(M, |d|),  v ≤ max(V, d²),  |θ| ≤ W + LR/(1-β₁ᵗ) |m|/ε
//
// where LR is the largest rate of any of them, that of LoRA+ if that is larger.
// A negative v has no root. NaN compare as unsafe.
func (h AdamW) Safe(n Norms, step int, gscale float64) bool {
	const most = math.MaxFloat32 / 16 // room for rounding on the way
	d := gscale * n.G
	m := math.Max(n.M, d) // NaN if either is
	rate := h.LR * math.Max(1, h.up()) / (1 - math.Pow(h.Beta1, float64(step)))
	return !n.Negative && n.G-n.G == 0 && d*d < most && m < most && n.V < most && n.W+rate*m/h.Eps < most
}
