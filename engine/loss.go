package engine

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// loss is the softmax and the cross-entropy (§1) of a chunk of tokens, as one:
//
//	ℓ    = -log y_pred[target], one number per token
//	Δ_12 = s (y_pred - y_gt)        (T2)
//
// s is 1 for the sum over tokens and 1/N for the mean.
type loss[T Float] struct {
	scale    float64 // s
	backward bool    // put Δ_12 in the place of the logits

	round kernel.MatBF16 // and here, rounded, in mixed precision
	ranks []int32        // the place of each target among the logits, where not nil
}

// lossCache holds the losses of a chunk, and the task.
type lossCache[T Float] struct {
	token []float64 // ℓ of each row
	task  lossTask[T]
}

// forward returns the sum of ℓ over the rows of logits. With l.backward the logits
// become Δ_12.
func (l loss[T]) forward(p *kernel.Pool, logits Mat[T], c *lossCache[T], targets []int32) (sum float64) {
	if len(targets) != logits.Rows {
		panic(fmt.Sprintf("engine.Loss.Forward: %d targets for logits %d×%d", len(targets), logits.Rows, logits.Cols))
	}
	c.task = lossTask[T]{l, logits, c.token, targets}
	p.Run((logits.Rows+lossRows-1)/lossRows, &c.task)
	for _, v := range c.token[:logits.Rows] {
		sum += v
	}
	return sum
}

// lossRows is the number of tokens in one part: few, since rows are long.
const lossRows = 4

type lossTask[T Float] struct {
	l       loss[T]
	logits  Mat[T]
	token   []float64
	targets []int32
}

func (f *lossTask[T]) Do(_ *kernel.Pool, part int) {
	for t := part * lossRows; t < min((part+1)*lossRows, f.logits.Rows); t++ {
		row, target := f.logits.Row(t), int(f.targets[t])
		if f.l.ranks != nil {
			f.l.ranks[t] = rank(row, target)
		}
		if f.l.backward {
			f.token[t] = kernel.CrossEntropy(row, target, T(f.l.scale))
			if f.l.round.V != nil {
				kernel.RoundBF16(f.l.round.Row(t), vec32(row))
			}
		} else {
			f.token[t] = kernel.NegLogProb(row, target)
		}
	}
}
