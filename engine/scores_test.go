package engine

import (
	"math"
	"testing"
)

// Scores must be what the definition says of the logits, token by token, in whatever
// chunks they are computed, with targets missing here and there.
func TestScores(t *testing.T) {
	for _, cs := range append(everyCase(), biggest()) {
		b := cs.packed(2)
		b.Targets[0], b.Targets[len(b.Targets)/2] = Ignored, Ignored
		p, lora := cs.params(1)
		for _, chunk := range []int{0, 1, 3} {
			n := New(p, lora, Options{Batch: b.B, Chunk: chunk})
			logits := NewMat[float64](len(b.Tokens), cs.c.Vocab)
			n.Logits(logits, b)
			got := make([]Score, len(b.Tokens))
			counted := n.Scores(got, b)
			total, sum := 0, 0.0
			for i, target := range b.Targets {
				if target == Ignored {
					if got[i] != (Score{}) {
						t.Errorf("%s: token %d has no target, and the score %v", cs.name, i, got[i])
					}
					continue
				}
				row, z, before := logits.Row(i), 0.0, 0
				for j, v := range row {
					z += math.Exp(v)
					if v > row[target] || v == row[target] && j < int(target) {
						before++
					}
				}
				if want := math.Log(z) - row[target]; math.Abs(got[i].Loss-want) > sumTol*(1+want) || int(got[i].Rank) != before {
					t.Errorf("%s, chunks of %d: token %d has the score %v, not {%v %d}", cs.name, chunk, i, got[i], want, before)
				}
				total, sum = total+1, sum+got[i].Loss
			}
			loss, c := n.Loss(b)
			if counted != total || c != total || math.Abs(loss-sum) > sumTol*sum {
				t.Errorf("%s: %d scores of %v, the loss is %v of %d", cs.name, counted, sum, loss, c)
			}
			n.Close()
		}
	}
}

// Of equal logits the lower id is taken first.
func TestRank(t *testing.T) {
	logits := []float32{2, 5, 2, 7, 2}
	for target, want := range []int32{2, 1, 3, 0, 4} {
		if got := rank(logits, target); got != want {
			t.Errorf("rank of %d is %d, not %d", target, got, want)
		}
	}
}
