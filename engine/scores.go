package engine

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// A Score is how well a network predicted one token.
type Score struct {
	Loss float64 // -log of its probability, in nats; 0 for a token without a target
	Rank int32   // how many tokens were likelier, those of equal logits and a lower id among them: 0 is what Sampling of temperature 0 takes
}

// Scores sets out[i] for each token of b to how well its target was predicted, and
// returns how many have one. out has B·T entries. There is no dropout in it. Loss
// returns the sum of what Scores tells of each.
func (n *Network[T]) Scores(out []Score, b Batch) (counted int) {
	n.mustTake("Scores", b, true)
	if len(out) != len(b.Tokens) {
		panic(fmt.Sprintf("engine.Network.Scores: room for %d scores, a batch of %d tokens", len(out), len(b.Tokens)))
	}
	clear(out)
	n.reserve(false, trainee[T]{})
	n.prepare()
	w := &n.work
	if counted = w.logits.note(b.Targets); counted == 0 {
		return 0
	}
	w.place(b)
	w.logits.Mask = kernel.Mask{}
	a11 := n.forward(w, b.Tokens, nil)
	n.logits.Scores(n.pool, out, &w.logits, a11)
	return counted
}

// Scores sets out of the tokens that were noted.
func (l *Logits[T]) Scores(p *Pool, out []Score, c *LogitsCache[T], x Mat[T]) {
	ranks := make([]int32, min(len(c.Rows), c.Chunk))
	for from := 0; from < len(c.Rows); from += evenChunk(len(c.Rows), c.Chunk) {
		rows, targets := c.chunk(from)
		xc, y := gather(c.X, x, rows), first(c.Y, len(rows))
		l.Forward(p, y, c, xc, nil)
		Loss[T]{ranks: ranks}.Forward(p, y, &c.Loss, targets)
		for i, t := range rows {
			out[t] = Score{c.Loss.Token[i], ranks[i]}
		}
	}
}

// rank is how many numbers of logits are before that of target in descending order,
// of equal ones the lower index first.
func rank[T Float](logits []T, target int) (n int32) {
	for i, v := range logits {
		if v > logits[target] || v == logits[target] && i < target {
			n++
		}
	}
	return n
}
