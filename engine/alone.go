package engine

import (
	"math/rand/v2"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// AttentionAlone returns functions that compute the two passes of the attention of all blocks
// of c for sequences of length tokens each, on matrices of random numbers between -1 and 1.
// Backward needs one forward pass before it. Benchmarks time them beside a whole step.
func AttentionAlone[T Float](c pedestrian.Config, p *kernel.Pool, sequences, length int) (forward, backward func()) {
	rows, draws := sequences*length, rand.New(rand.NewPCG(1, 1))
	random := func(cols int) Mat[T] {
		m := NewMat[T](rows, cols)
		for i := range m.V {
			m.V[i] = T(2*draws.Float32() - 1)
		}
		return m
	}
	b := blockOf[T](c, nil, nil, 0)
	qkv, dqkv, y, dy := random(c.QKVDim()), random(c.QKVDim()), random(c.AttentionDim()), random(c.AttentionDim())
	cache := &attentionCache[T]{lse: NewMat[T](c.Heads, rows)}
	var segments []segment
	for i := range sequences {
		segments = append(segments, segment{q: i * length, k: i * length, n: length})
	}
	q, k, v := b.split(qkv)
	dq, dk, dv := b.split(dqkv)
	forward = func() {
		for range c.Blocks {
			b.att.forward(p, y, cache, q, k, v, segments)
		}
	}
	backward = func() {
		for range c.Blocks {
			b.att.backward(p, dq, dk, dv, dy, cache, q, k, v, y, segments)
		}
	}
	return forward, backward
}
