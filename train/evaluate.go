package train

import (
	"context"
	"slices"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// Evaluate returns the mean validation loss in nats per token. It evaluates EvalBatches·Batch
// rows, always the same ones, evenly spread. If there are no more rows, or EvalBatches is 0,
// it evaluates all of them, with every target once. Windows begin at o.Align. Processes that
// share a run divide the rows, and all of them must call Evaluate.
func (r *Run) Evaluate(ctx context.Context) (float64, error) { return r.stepper.evaluate(ctx) }

func (p oneProcess) evaluate(ctx context.Context) (float64, error) {
	return p.r.Options.evaluate(ctx, p.r.net, p.r.feed, p.r.batch)
}

// Evaluate returns the mean loss of net on the validation data of d, as a run with o computes
// it. net must have room for batches of o.Batch rows of o.Length tokens.
func Evaluate(ctx context.Context, net *engine.Network[float32], o Options, d *Data) (float64, error) {
	return o.evaluate(ctx, net, o.feed(d, o.Seed), o.newBatch())
}

func (o Options) evaluate(ctx context.Context, net *engine.Network[float32], f feed, room engine.Batch) (float64, error) {
	sum, counted := 0.0, 0
	for _, rows := range o.evalBatches(f) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		loss, c := net.Loss(evalBatch(f, rows, room))
		sum, counted = sum+loss, counted+c
	}
	return sum / float64(counted), nil
}

// evalBatches returns the rows of each batch of an evaluation.
func (o Options) evalBatches(f feed) [][]int {
	return slices.Collect(slices.Chunk(spread(f.evalRows(), o.EvalBatches*o.Batch), o.Batch))
}

// evalBatch fills the batch room, which may have more rows, with these.
func evalBatch(f feed, rows []int, room engine.Batch) engine.Batch {
	b := room
	b.B, b.Starts = len(rows), b.Starts[:0]
	b.Tokens, b.Targets = b.Tokens[:b.B*b.T], b.Targets[:b.B*b.T]
	for i, row := range rows {
		f.eval(row, i, &b)
	}
	return b
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
