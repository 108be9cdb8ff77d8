package model

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
)

// MergeLimit is how far logits of a merged network may be from those of base and adapter,
// in parts of the largest: float32, through all layers.
const MergeLimit = 1e-4

// A Merged is one network made of a base and its adapter.
type Merged struct {
	*Model             // the merged network, with what belonged to the base and to the adapter
	Unchanged  bool    // the weights are the base's to the last bit: the adapter does nothing
	Difference float64 // of a logit from that of base and adapter, the largest over 128 tokens or twice the context
	Largest    float64 // of the logits of base and adapter, as a magnitude
}

// Merge adds a to m's weights: the network that computes alone what the two computed
// together; a nil is m's own adapter. Every number must be finite, and the logits those of
// base and adapter to [MergeLimit] of the largest. m stays as it was. What a has recorded of
// its base is not compared: [Adapter.Check] does.
func (m *Model) Merge(a *Adapter) (*Merged, error) {
	own := m.Adapter
	if a != nil {
		own = a.Adapter.Adapter
	}
	if err := errors.Join(finite("the base's", m.Params.Tensors()), finite("the adapter's", own.Tensors())); err != nil {
		return nil, err
	}
	if err := memory.Ask(MergeMemory(m.Params.Config), fmt.Sprintf("merging with %s, of %d parameters, needs", m.Path, m.Params.Count()), "take a smaller model, or free some"); err != nil {
		return nil, err
	}
	out := *m
	out.Params, out.Adapter, out.Checkpoint, out.unfolded, out.sum = engine.Merge(m.Params, own), nil, nil, nil, ""
	if a != nil && a.Run != nil && m.Tokenizer != nil {
		out.Notes = nil
		out.learnt(a.Run)
	}
	if a != nil && a.Tokenizer != nil && len(a.Config.Tokens) > 0 {
		out.read(a.Tokenizer)
	}
	if a != nil && a.Run == nil && a.Chat != "" {
		out.talks(a.Chat)
	}
	if err := finite("the merged", out.Params.Tensors()); err != nil {
		return nil, err
	}
	r := &Merged{Model: &out, Unchanged: unchanged(m.Params, out.Params, own)}
	beside := someLogits(m.Params, own)
	for i, x := range someLogits(out.Params, nil) {
		r.Difference = math.Max(r.Difference, math.Abs(float64(x)-float64(beside[i])))
		r.Largest = math.Max(r.Largest, math.Abs(float64(beside[i])))
	}
	if !(r.Difference <= MergeLimit*math.Max(1, r.Largest)) {
		return nil, fmt.Errorf("the logits of the merged network differ from those of base and adapter by %.3g, of logits up to %.3g: nothing was written", r.Difference, r.Largest)
	}
	return r, nil
}

// MergeMemory is how many bytes Merge takes beside a base of configuration c: another
// network, and logits to compare.
func MergeMemory(c pedestrian.Config) int64 {
	const logits = 4 * 128 * 4 // of base with adapter, of the merged network, and while they are computed
	return 4*int64(c.Ledger().Total()) + logits*int64(c.Vocab)
}

// unchanged says whether the merged weights are those of the base.
func unchanged(base, merged *pedestrian.Params[float32], a *pedestrian.Adapter[float32]) bool {
	for _, t := range merged.Tensors() {
		if before := base.Tensor(t.Name); before.Exists() && !slices.Equal(t.V, before.Widened()) {
			return false
		}
	}
	for _, x := range a.Logits.Up.V { // beside logits that were tied to the embedding
		if x != 0 {
			return false
		}
	}
	return true
}

// finite reports the first number that is not.
func finite(what string, ts []pedestrian.Tensor[float32]) error {
	for _, t := range ts {
		for _, v := range t.Widened() {
			if v-v != 0 {
				return fmt.Errorf("%s %s holds %g: nothing was written", what, t.Name, v)
			}
		}
	}
	return nil
}

// someLogits are the logits of p, with l beside it, after each of 128 tokens from all
// of the vocabulary; of fewer, twice the context, where it is shorter than 64.
func someLogits(p *pedestrian.Params[float32], l *pedestrian.Adapter[float32]) []float32 {
	n := min(p.Config.Context, 64)
	b := engine.Batch{B: 2, T: n, Tokens: make([]int32, 2*n)}
	for i := range b.Tokens {
		b.Tokens[i] = int32(uint64(i+1) * 2654435761 % uint64(p.Config.Vocab))
	}
	net := engine.New(p, l, engine.Options{Batch: 2, Context: n})
	defer net.Close()
	out := engine.NewMat[float32](2*n, p.Config.Vocab)
	net.Logits(out, b)
	return out.V
}
