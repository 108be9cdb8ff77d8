package engine

import (
	"runtime"

	"github.com/pedestrian-ml/pedestrian"
)

// DecoderMemory tells how many bytes a decoder of batch sequences takes for itself in a
// network of that shape, by the same plan, and what the network rounds for it. Parameters
// are the caller's and do not count.
func DecoderMemory[T Float](c pedestrian.Config, l *pedestrian.AdapterConfig, o Options, batch int) (Budget, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	threads := runtime.GOMAXPROCS(0)
	if o.Threads > 0 {
		threads = min(threads, o.Threads)
	}
	s := shape{Config: c, rows: max(batch, min(c.Context, feedRows)), seqs: batch, threads: threads, chunk: batch, lora: l}
	var a arena[T]
	w := workspace[T]{blocks: make([]blockCache[T], 1)}
	w.planForward(&a, s)
	a.in("keys and values")
	for range c.Blocks {
		a.mat(batch*c.Context, c.Heads*c.QueryDim())
		a.mat(batch*c.Context, c.Width)
	}
	if l != nil && l.DoRA {
		planDoRA(&a, c, l)
	}
	if o.Precision == BF16 {
		a.in("bf16")
		a.count(s.mixedBytes())
	}
	return a.budget, nil
}
