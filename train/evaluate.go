package train

import (
	"context"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// Evaluate is the mean loss, in nats per token, over fixed windows of the
// validation split: EvalBatches·Batch of them, evenly spread, or all of them, every
// target once, when there are no more or EvalBatches is 0. They begin where windows
// may begin (Align).
func (r *Run) Evaluate(ctx context.Context) (float64, error) {
	o := &r.Options
	windows := o.evalWindows(r.sweep)
	sum, counted := 0.0, 0
	for len(windows) > 0 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n := min(o.Batch, len(windows))
		b := engine.Batch{B: n, T: o.Context, Tokens: r.batch.Tokens[:n*o.Context], Targets: r.batch.Targets[:n*o.Context]}
		for i, w := range windows[:n] {
			from, to := i*o.Context, (i+1)*o.Context
			r.sweep.Batch(w, 1, b.Tokens[from:to], b.Targets[from:to])
		}
		windows = windows[n:]
		loss, c := r.net.Loss(b)
		sum, counted = sum+loss, counted+c
	}
	return sum / float64(counted), nil
}

// sweep are all windows of the validation split.
func (o Options) sweep(d *Data) *corpus.Sweep {
	return corpus.NewSweepAt(d.Val, o.starts(d.Val, d.Tokenizer), o.Context)
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
