package engine

import (
	"math"
	"math/bits"
	"runtime"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
)

// A Part is a part of the memory of a network.
type Part struct {
	Name  string // "activations", "attention", "logits", "errors", "adapters" or "bf16"
	Bytes int64
}

// Budget lists the memory of a network by part.
type Budget []Part

// Total is the sum over the parts.
func (b Budget) Total() (bytes int64) {
	for _, p := range b {
		bytes = saturated(bytes, 1, p.Bytes)
	}
	return bytes
}

// Memory tells how many bytes the SetGradients of a network of that shape will take
// for itself, and with Accumulate its Gradients, by the same plan: those of the
// parameters if l is nil, and otherwise those of the adapter alone. Parameters, gradients and moments are the caller's and
// do not count. Numbers that do not fit into an int64
// are given as the largest that does.
func Memory[T Float](c pedestrian.Config, l *pedestrian.AdapterConfig, o Options) (Budget, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if l != nil {
		if err := l.ValidateFor(c); err != nil {
			return nil, err
		}
	}
	o, err := o.withDefaults(c)
	if err != nil {
		return nil, err
	}
	if most := runtime.GOMAXPROCS(0); o.Threads <= 0 || o.Threads > most {
		o.Threads = most
	}
	var a arena[T]
	s := o.shape(c, l, lowest(c, l))
	caches := 1 // of its own, and as many more as adapters say
	if s.lend {
		caches = c.Blocks
	}
	w := workspace[T]{blocks: make([]blockCache[T], caches+1)}
	w.planForward(&a, s)
	w.planBackward(&a, s, nil)
	adapted := 0 // of the blocks that have a cache of their own
	if l != nil {
		adapted = c.Blocks - 1 - s.low
		if len(l.Layers) > 0 {
			adapted = 0
			for _, i := range l.Layers {
				if i > s.low {
					adapted++
				}
			}
		}
	}
	if !s.lend && !o.Recompute { // then all blocks share the first one's
		a.times(adapted, func(b *arena[T]) { w.planBlock(b, &w.blocks[0], s, true) })
		a.times(c.Blocks-1-s.low-adapted, func(b *arena[T]) { w.planBlock(b, &w.blocks[0], s, false) })
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

// lowest is the first block that the gradients of the parameters reach, or those of
// an adapter l; the last when none is trained.
func lowest(c pedestrian.Config, l *pedestrian.AdapterConfig) int {
	switch {
	case l == nil || l.Norms || len(l.Tokens) > 0 || l.Bias == pedestrian.BiasAll && c.Bias:
		return 0
	case len(l.Targets) == 0 || len(l.Targets) == 1 && l.Targets[0] == pedestrian.TargetLogits:
		return c.Blocks - 1
	case len(l.Layers) > 0:
		return slices.Min(l.Layers)
	}
	return 0
}

// planDoRA counts what the layers with magnitudes take.
func planDoRA[T Float](a *arena[T], c pedestrian.Config, l *pedestrian.AdapterConfig) {
	beside := func(out int, ts ...pedestrian.Target) *dora[T] {
		d := &dora[T]{layer: new([3]lora[T]), w: Mat[T]{Rows: 1, Cols: out}}
		any := false
		for i, t := range ts {
			if slices.Contains(l.Targets, t) {
				at := c.Linear(0, t)
				d.w.Rows, any = at.In, true
				d.layer[i%3].up = Mat[T]{Rows: l.RankOf(t), Cols: at.Out}
			}
		}
		if !any {
			return nil
		}
		return d
	}
	blocks := c.Blocks
	if len(l.Layers) > 0 {
		blocks = len(l.Layers)
	}
	a.times(blocks, func(b *arena[T]) {
		for _, d := range []*dora[T]{
			beside(c.QKVDim(), pedestrian.TargetQ, pedestrian.TargetK, pedestrian.TargetV, pedestrian.TargetQKV),
			beside(c.Width, pedestrian.TargetAttProj), beside(c.HiddenDim(), pedestrian.TargetExpand), beside(c.Width, pedestrian.TargetContract),
		} {
			if d != nil {
				d.plan(b)
			}
		}
	})
	if d := beside(c.Vocab, pedestrian.TargetLogits); d != nil {
		d.plan(a)
	}
}

// times counts what plan takes, n times.
func (a *arena[T]) times(n int, plan func(b *arena[T])) {
	var b arena[T]
	b.in("activations")
	if n > 0 {
		plan(&b)
	}
	for _, p := range b.budget {
		a.in(p.Name)
		a.count(saturated(0, int64(n), p.Bytes))
	}
}

// saturated is a + b·c, at most the largest int64; none is negative.
func saturated(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(b), uint64(c))
	lo, carry := bits.Add64(lo, uint64(a), 0)
	if hi+carry > 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(lo)
}
