package hub

import (
	"math"

	"github.com/pedestrian-ml/pedestrian"
)

// Some formats know networks alone that divide their scores by √d_ρ. What another
// network multiplies its scores by can go into its queries instead, which computes the
// same; it is done where such a file is written, and nowhere else.

// Standard is c with scores that are divided by √d_ρ alone.
func Standard(c pedestrian.Config) pedestrian.Config {
	c.Unscaled, c.ScaleByBlock = false, false
	return c
}

// queryFactor is what the queries of a block are multiplied by, so that dividing their
// scores by √d_ρ gives the scores of c.
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

// Folded is a network that computes the same as p and divides its scores by √d_ρ
// alone: what its configuration multiplies them by is in its queries, each number
// rounded once. It is a copy, or where there is nothing to fold, p.
func Folded[T pedestrian.Float](p *pedestrian.Params[T]) *pedestrian.Params[T] {
	c := p.Config
	if Standard(c) == c {
		return p
	}
	q := pedestrian.NewParams[T](Standard(c))
	copy(q.Slab, p.Slab)
	for i, b := range q.Blocks {
		for _, t := range []pedestrian.Tensor[T]{b.QKV.W, b.QKV.B} {
			if t.V != nil {
				scaleColumns(t, c.Heads*c.QueryDim(), queryFactor(c, i))
			}
		}
	}
	return q
}

// scaleColumns multiplies the first columns of t.
func scaleColumns[T pedestrian.Float](t pedestrian.Tensor[T], columns int, factor float64) {
	for row := range t.Rows {
		for j := range columns {
			v := &t.V[row*t.Cols+j]
			*v = T(float64(*v) * factor)
		}
	}
}

// FoldNote says what Folded did.
const FoldNote = "what multiplies the scores of this network besides 1/√d_h went into its queries: the format knows no other, and it computes the same"

// foldAdapter is an adapter beside a folded base that does what a does beside the base:
// factors, magnitudes and biases of queries are multiplied as the queries are. Those of
// queries, keys and values are one adapter, or apart.
func foldAdapter(a *pedestrian.Adapter[float32]) *pedestrian.Adapter[float32] {
	return refold(a, Standard(a.Base), false)
}

// UnfoldAdapter is the inverse: a stands beside a network of configuration c that was
// folded, and the result beside that network.
func UnfoldAdapter(a *pedestrian.Adapter[float32], c pedestrian.Config) *pedestrian.Adapter[float32] {
	return refold(a, c, true)
}

// refold is a copy of a beside a network of configuration c; back says that c is the
// one that was folded.
func refold(a *pedestrian.Adapter[float32], c pedestrian.Config, back bool) *pedestrian.Adapter[float32] {
	q := pedestrian.NewAdapter[float32](c, a.Config)
	copy(q.Slab, a.Slab)
	scaled := a.Base
	if back {
		scaled = c
	}
	for i := range q.Blocks {
		b, factor := &q.Blocks[i], queryFactor(scaled, i)
		if back {
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
