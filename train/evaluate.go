package train

import (
	"context"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// Evaluate returns the mean validation loss in nats per token. It evaluates EvalBatches·Batch
// rows, always the same ones, evenly spread. If there are no more rows, or EvalBatches is 0,
// it evaluates all of them, with every target once. Windows begin at o.Align.
func (r *Run) Evaluate(ctx context.Context) (float64, error) {
	return r.Options.evaluate(ctx, r.net, r.feed, r.batch)
}

// Evaluate returns the mean loss of net on the validation data of d, as a run with o computes
// it. net must have room for batches of o.Batch rows of o.Length tokens.
func Evaluate(ctx context.Context, net *engine.Network[float32], o Options, d *Data) (float64, error) {
	return o.evaluate(ctx, net, o.feed(d, o.Seed), o.newBatch())
}

func (o Options) evaluate(ctx context.Context, net *engine.Network[float32], f feed, room engine.Batch) (float64, error) {
	rows := spread(f.evalRows(), o.EvalBatches*o.Batch)
	sum, counted := 0.0, 0
	for len(rows) > 0 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		b := room
		b.B, b.Starts = min(o.Batch, len(rows)), b.Starts[:0]
		b.Tokens, b.Targets = b.Tokens[:b.B*b.T], b.Targets[:b.B*b.T]
		for i, row := range rows[:b.B] {
			f.eval(row, i, &b)
		}
		rows = rows[b.B:]
		loss, c := net.Loss(b)
		sum, counted = sum+loss, counted+c
	}
	return sum / float64(counted), nil
}

// sweep returns all windows of the validation split.
func (o Options) sweep(d *Data) *corpus.Sweep {
	s := corpus.NewSweepAt(d.Val, o.starts(d.Val, d.Tokenizer), o.Length())
	if id, ok := o.beginNotLearnt(d.Tokenizer); ok {
		s.Ignore(id)
	}
	return s
}

// evalWindows returns the indices of the windows of s that an evaluation uses.
func (o Options) evalWindows(s *corpus.Sweep) []int {
	return spread(s.Windows(), o.EvalBatches*o.Batch)
}

// spread returns n of total indices, evenly spread, beginning with 0. If n is 0 or more than
// total, it returns all of them.
func spread(total, n int) []int {
	if n == 0 || n > total {
		n = total
	}
	ws := make([]int, n)
	for i := range ws {
		ws[i] = i * total / n
	}
	return ws
}
