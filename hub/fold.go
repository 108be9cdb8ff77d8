package hub

import (
	"math"

	"github.com/pedestrian-ml/pedestrian"
)

// Some formats hold only networks that divide their attention scores by √d_ρ. Another
// factor of the scores can be multiplied into the weights and biases of the queries, which
// gives the same function. This happens only when a file in such a format is written.

// Standard returns c for a network that divides its scores by √d_ρ and by nothing else.
func Standard(c pedestrian.Config) pedestrian.Config {
	c.Unscaled, c.ScaleByBlock = false, false
	return c
}

// queryFactor returns the factor for the queries of a block with which scores divided by
// √d_ρ are those of c.
func queryFactor(c pedestrian.Config, block int) float64 {
	factor := 1.0
	if c.Unscaled {
		factor = math.Sqrt(float64(c.QueryDim()))
	}
	if c.ScaleByBlock {
		factor /= float64(block + 1)
	}
	return factor
}

// Folded returns a network that computes the same function as p and divides its scores by
// √d_ρ only: the other factors of p's scores are multiplied into the queries, each number
// rounded once. The result is a copy, or p itself if there is no other factor.
func Folded[T pedestrian.Float](p *pedestrian.Params[T]) *pedestrian.Params[T] {
	c := p.Config
	if Standard(c) == c {
		return p
	}
	q := pedestrian.NewParams[T](Standard(c))
	copy(q.Slab, p.Widened().Slab)
	for i, b := range q.Blocks {
		for _, t := range []pedestrian.Tensor[T]{b.QKV.W, b.QKV.B} {
			if t.V != nil {
				scaleColumns(t, c.Heads*c.QueryDim(), queryFactor(c, i))
			}
		}
	}
	return q
}

// scaleColumns multiplies the first columns columns of t by factor.
func scaleColumns[T pedestrian.Float](t pedestrian.Tensor[T], columns int, factor float64) {
	for row := range t.Rows {
		for j := range columns {
			v := &t.V[row*t.Cols+j]
			*v = T(float64(*v) * factor)
		}
	}
}

// FoldNote is a note for the user that says what Folded did.
const FoldNote = "what multiplies the scores of this network besides 1/√d_h went into its queries: the format knows no other, and it computes the same"

// foldAdapter returns an adapter that has the same effect on the folded base as a on the
// base: the up factors, magnitudes and biases of the queries are multiplied by the factor
// of the queries. The queries may have factors of their own, or share them with keys and
// values.
func foldAdapter(a *pedestrian.Adapter[float32]) *pedestrian.Adapter[float32] {
	return refold(a, Standard(a.Base), false)
}

// UnfoldAdapter turns an adapter of a folded network into one of the network before
// [Folded], whose configuration is c. The result has the same effect there.
func UnfoldAdapter(a *pedestrian.Adapter[float32], c pedestrian.Config) *pedestrian.Adapter[float32] {
	return refold(a, c, true)
}

// refold returns a copy of a for a network of configuration c. If unfold is true, a is folded
// and the result is not; otherwise the other way round.
func refold(a *pedestrian.Adapter[float32], c pedestrian.Config, unfold bool) *pedestrian.Adapter[float32] {
	q := pedestrian.NewAdapter[float32](c, a.Config)
	copy(q.Slab, a.Slab)
	scaled := a.Base
	if unfold {
		scaled = c
	}
	for i := range q.Blocks {
		b, factor := &q.Blocks[i], queryFactor(scaled, i)
		if unfold {
			factor = 1 / factor
		}
		for _, t := range []pedestrian.Tensor[float32]{b.Q.Up, b.Q.Magnitude, b.QKV.Up, b.QKV.Magnitude, b.Own.QKV.B} {
			if t.V != nil {
				scaleColumns(t, c.Heads*c.QueryDim(), factor)
			}
		}
	}
	return q
}
