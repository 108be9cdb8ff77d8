package engine

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// A Score says how well a network predicted one token.
type Score struct {
	Loss float64 // -log of its probability, in nats; 0 for a token without a target
	Rank int32   // number of likelier tokens, and of equally likely ones with a lower id: 0 is the token that greedy decoding chooses
}

// Scores sets out[i] to the score of the target of token i of b, and returns the number
// of tokens that have a target; the others get the zero Score. out must have B·T entries.
// There is no dropout. The sum of all Loss fields is what Network.Loss returns. Scores
// panics when b does not fit the network or has no targets.
func (n *Network[T]) Scores(out []Score, b Batch) (counted int) {
	n.mustFit("Scores", b, true)
	if len(out) != len(b.Tokens) {
		panic(fmt.Sprintf("engine.Network.Scores: room for %d scores, a batch of %d tokens", len(out), len(b.Tokens)))
	}
	clear(out)
	n.reserve(nil, gradients[T]{})
	n.prepare()
	w := &n.work
	if counted = w.logits.setTargets(b.Targets); counted == 0 {
		return 0
	}
	w.setSegments(b)
	w.logits.mask = kernel.Mask{}
	a11 := n.forward(w, b.Tokens, nil)
	n.logits.scores(n.pool, out, &w.logits, a11)
	return counted
}

// scores sets the entries of out for the tokens that have a target.
func (l *logits[T]) scores(p *kernel.Pool, out []Score, c *logitsCache[T], x Mat[T]) {
	ranks := make([]int32, min(len(c.rows), c.size))
	for from := 0; from < len(c.rows); from += evenChunk(len(c.rows), c.size) {
		rows, targets := c.chunk(from)
		xc, y := gather(c.x, x, rows), first(c.y, len(rows))
		l.forward(p, y, c, xc, nil)
		loss[T]{ranks: ranks}.forward(p, y, &c.loss, targets)
		for i, t := range rows {
			out[t] = Score{c.loss.token[i], ranks[i]}
		}
	}
}

// rank returns the number of logits that come before that of target in descending
// order; of equal logits the one with the lower index comes first.
func rank[T Float](logits []T, target int) (n int32) {
	for i, v := range logits {
		if v > logits[target] || v == logits[target] && i < target {
			n++
		}
	}
	return n
}
