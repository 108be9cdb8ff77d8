package hub

import (
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
)

// inModules returns the adapter as PEFT has it beside a network of its family: with one
// pair of factors for each layer there.
func inModules(a *pedestrian.Adapter[float32], base *pedestrian.Params[float32]) (*pedestrian.Adapter[float32], error) {
	if familyOf(a.Base) == &gpt2 {
		return fuse(a, base)
	}
	return separate(a), nil
}

// separate returns the adapter with the factors of the fused queries, keys and values given
// to each of the three: the same down factor, and the columns of the up factor that are
// theirs. It computes the same function to the bit.
func separate(a *pedestrian.Adapter[float32]) *pedestrian.Adapter[float32] {
	c, fused := a.Config, pedestrian.TargetQKV
	at := slices.Index(c.Targets, fused)
	if at < 0 {
		return a
	}
	apart := c
	apart.Targets = slices.Replace(slices.Clone(c.Targets), at, at+1, qkvTargets...)
	apart.Ranks, apart.Alphas = inParts(c.Ranks), inParts(c.Alphas)
	s := pedestrian.NewAdapter[float32](a.Base, apart)
	copyCommon(s, a)
	for i := range s.Blocks {
		from := a.LoRA(i, fused)
		if from.Down.V == nil {
			continue
		}
		for _, t := range qkvTargets {
			l, to := a.Base.Linear(i, t), s.LoRA(i, t)
			copy(to.Down.V, from.Down.V)
			copyColumns(to.Up, from.Up, l.From)
			copyColumns(to.Magnitude, from.Magnitude, l.From)
		}
	}
	return s
}

// inParts gives the parts of the fused queries, keys and values what m has for the whole.
func inParts[V any](m map[pedestrian.Target]V) (parts map[pedestrian.Target]V) {
	for t, v := range m {
		if t != pedestrian.TargetQKV {
			parts = with(parts, t, v)
			continue
		}
		for _, part := range qkvTargets {
			parts = with(parts, part, v)
		}
	}
	return parts
}

// copyColumns fills to with the columns of from that begin at column first. Where to has no
// numbers it does nothing.
func copyColumns(to, from pedestrian.Tensor[float32], first int) {
	if to.V == nil {
		return
	}
	for i := range to.Rows {
		copy(to.V[i*to.Cols:][:to.Cols], from.V[i*from.Cols+first:])
	}
}

// joinFactors is the inverse of separate for one part of one block: it copies the factors
// of t into those of the fused queries, keys and values.
func joinFactors(a, back *pedestrian.Adapter[float32], block int, t pedestrian.Target) error {
	from, to := a.LoRA(block, t), back.LoRA(block, pedestrian.TargetQKV)
	if from.Down.Cols != to.Down.Cols || !almostEqual(from.Multiplier, to.Multiplier) || (from.Magnitude.V == nil) != (to.Magnitude.V == nil) {
		return fmt.Errorf("%q has rank %d and multiplier %g, and queries, keys and values had %d and %g together", t, from.Down.Cols, from.Multiplier, to.Down.Cols, to.Multiplier)
	}
	if t == qkvTargets[0] {
		copy(to.Down.V, from.Down.V)
	} else if !slices.Equal(to.Down.V, from.Down.V) {
		return fmt.Errorf("the down factors of queries, keys and values are no longer the same")
	}
	first := a.Base.Linear(block, t).From
	for i := range from.Up.Rows {
		copy(to.Up.V[i*to.Up.Cols+first:], from.Up.V[i*from.Up.Cols:][:from.Up.Cols])
	}
	if to.Magnitude.V != nil {
		copy(to.Magnitude.V[first:], from.Magnitude.V)
	}
	return nil
}
