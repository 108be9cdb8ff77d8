package engine

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// AttentionAlone returns a function that computes the attention of all blocks of c,
// forward and backward, for sequences of length tokens each, on matrices of ones.
// Benchmarks time it beside a whole step.
func AttentionAlone[T Float](c pedestrian.Config, p *kernel.Pool, sequences, length int) func() {
	rows := sequences * length
	ones := func(cols int) Mat[T] {
		m := NewMat[T](rows, cols)
		for i := range m.V {
			m.V[i] = 1
		}
		return m
	}
	b := blockOf[T](c, nil, nil, 0)
	qkv, dqkv, y, dy := ones(c.QKVDim()), ones(c.QKVDim()), ones(c.AttentionDim()), ones(c.AttentionDim())
	cache := &attentionCache[T]{lse: NewMat[T](c.Heads, rows)}
	var segments []segment
	for i := range sequences {
		segments = append(segments, segment{q: i * length, k: i * length, n: length})
	}
	q, k, v := b.split(qkv)
	dq, dk, dv := b.split(dqkv)
	return func() {
		for range c.Blocks {
			b.att.forward(p, y, cache, q, k, v, segments)
			b.att.backward(p, dq, dk, dv, dy, cache, q, k, v, y, segments)
		}
	}
}
