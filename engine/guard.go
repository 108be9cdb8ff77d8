package engine

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// Norms are the Euclidean norms of the four things that an update reads. A number
// that is not finite makes its norm so: squares of float32 are summed in float64,
// where they cannot overflow.
type Norms struct {
	W, G, M, V float64
	Negative   bool // some number of V is below 0, or none
}

// Norms measures what AdamW or AdamWAdapter is about to read, in one pass over the
// four slabs. G has the bits of Norm2. It panics when they are not of one length.
func (n *Network[T]) Norms(w, g, m, v []T) Norms {
	if len(g) != len(w) || len(m) != len(w) || len(v) != len(w) {
		panic(fmt.Sprintf("engine.Network.Norms: slabs of %d, %d, %d and %d numbers", len(w), len(g), len(m), len(v)))
	}
	slabs := [4][]T{w, g, m, v}
	parts := (len(w) + blockSize - 1) / blockSize
	f := &n.norms
	if len(f.sums) < parts {
		f.sums, f.negative = make([][4]float64, parts), make([]bool, parts)
	}
	f.slabs = slabs
	n.pool.Run(parts, f)
	var sums [4]float64
	negative := false
	for i, part := range f.sums[:parts] {
		for j := range sums {
			sums[j] += part[j]
		}
		negative = negative || f.negative[i]
	}
	for j := range sums {
		sums[j] = math.Sqrt(sums[j])
	}
	return Norms{sums[0], sums[1], sums[2], sums[3], negative}
}

type normsTask[T Float] struct {
	slabs    [4][]T // of equal lengths
	sums     [][4]float64
	negative []bool
}

func (f *normsTask[T]) Do(_ *kernel.Pool, part int) {
	from, to := part*blockSize, min((part+1)*blockSize, len(f.slabs[0]))
	for j, s := range f.slabs {
		f.sums[part][j] = kernel.SumSquares(s[from:to])
	}
	f.negative[part] = anyNegative(f.slabs[3][from:to])
}

// anyNegative reports whether a number of x is not at least 0. Of float32 it first
// looks at the sign bits alone, which takes a quarter of the time.
func anyNegative[T Float](x []T) bool {
	if x, ok := any(x).([]float32); ok {
		var a, b, c, d uint32
		for ; len(x) >= 4; x = x[4:] {
			a |= math.Float32bits(x[0])
			b |= math.Float32bits(x[1])
			c |= math.Float32bits(x[2])
			d |= math.Float32bits(x[3])
		}
		for _, v := range x {
			a |= math.Float32bits(v)
		}
		if (a|b|c|d)>>31 == 0 {
			return false // or a NaN, which shows in the norm
		}
	}
	for _, v := range x {
		if !(v >= 0) {
			return true
		}
	}
	return false
}

// Safe reports whether the update of AdamW with these settings, on numbers of these
// norms, leaves every float32 finite. Each number is at most the norm it is part of;
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
