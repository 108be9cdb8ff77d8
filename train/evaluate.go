package train

import (
	"context"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// Evaluate is the mean loss, in nats per token, over fixed rows of validation:
// EvalBatches·Batch of them, evenly spread, or all of them, every target once, when
// there are no more or EvalBatches is 0. Windows begin where they may (Align).
func (r *Run) Evaluate(ctx context.Context) (float64, error) {
	return r.Options.evaluate(ctx, r.net, r.feed, r.batch)
}

// Evaluate is the mean loss of net on d, as a run with o evaluates. net was made for
// rows and batches of o.
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

// sweep are all windows of the validation split.
func (o Options) sweep(d *Data) *corpus.Sweep {
	s := corpus.NewSweepAt(d.Val, o.starts(d.Val, d.Tokenizer), o.Length())
	if id, ok := o.unlearnt(d.Tokenizer); ok {
		s.Ignore(id)
	}
	return s
}

// evalWindows are the numbers of the windows of s that an evaluation takes.
func (o Options) evalWindows(s *corpus.Sweep) []int {
	return spread(s.Windows(), o.EvalBatches*o.Batch)
}

// spread spreads n of total windows evenly, the first among them; n = 0 or
// more than there are is all.
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
