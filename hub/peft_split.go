package hub

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
)

// In PEFT, an adapter of a GPT-2 with separate factors for queries, keys and values becomes
// one adapter of c_attn. Its rank is the sum of the ranks. The down factors are side by side, and the
// up factors are the diagonal blocks of a block matrix, so that each third of the output
// depends only on its own ranks.
//
//	Δ[q|k|v] = m [d_q d_k d_v] ⎡u_q m_q/m               ⎤
//	                          ⎢          u_k m_k/m     ⎥
//	                          ⎣                u_v m_v/m⎦
//
// The multiplier m is the largest of the three. The ratio of each multiplier to m is
// multiplied into its up factor. A ratio that is 1 or another power of 2 is exact;
// otherwise the product is rounded once, to float32.

// fuse returns the adapter with the factors of queries, keys and values joined into
// factors of c_attn. With DoRA, outputs without an adapter get the magnitudes of the base,
// which do not change them; base is needed only for this and may be nil otherwise.
func fuse(a *pedestrian.Adapter[float32], base *pedestrian.Params[float32]) (*pedestrian.Adapter[float32], error) {
	c := a.Config
	if !splitsQKV(c) {
		return a, nil
	}
	parts, rank, m := joined(c)
	for _, t := range parts {
		if m != 0 && c.MultiplierOf(t) == 0 {
			return nil, fmt.Errorf("alpha of %q is 0, and that of another of q, k and v is not: leave the target out", t)
		}
	}
	if c.DoRA && len(parts) < len(qkvTargets) && base == nil {
		return nil, errors.New("DoRA of some of q, k and v: PEFT needs the magnitudes of the others too, which are the base's: give the base")
	}
	fused := c
	fused.Targets = slices.DeleteFunc(slices.Clone(c.Targets), func(t pedestrian.Target) bool { return slices.Contains(qkvTargets, t) })
	fused.Targets = append([]pedestrian.Target{pedestrian.TargetQKV}, fused.Targets...)
	fused.Ranks = without(c.Ranks)
	fused.Ranks = with(fused.Ranks, pedestrian.TargetQKV, rank)
	fused.Alphas = without(c.Alphas)
	fused.Alphas = with(fused.Alphas, pedestrian.TargetQKV, alphaFor(c.Scaling, m, rank))
	f := pedestrian.NewAdapter[float32](a.Base, fused)
	copyCommon(f, a)
	for i := range f.Blocks {
		to := &f.Blocks[i].QKV
		if to.Down.V == nil {
			continue
		}
		if to.Magnitude.V != nil && len(parts) < len(qkvTargets) {
			baseMagnitudes(to.Magnitude.V, base.Blocks[i].QKV.W)
		}
		at := 0
		for _, t := range parts {
			l := a.LoRA(i, t)
			insertFactors(to, l, at, a.Base.Linear(i, t).From, ratio(c, t, m))
			at += l.Down.Cols
		}
	}
	return f, nil
}

// joined describes the joined factors: which of queries, keys and values have factors, the
// sum of their ranks, and the multiplier with the largest absolute value.
func joined(c pedestrian.AdapterConfig) (parts []pedestrian.Target, rank int, m float64) {
	for _, t := range qkvTargets {
		if !slices.Contains(c.Targets, t) {
			continue
		}
		parts = append(parts, t)
		rank += c.RankOf(t)
		if v := c.MultiplierOf(t); math.Abs(v) > math.Abs(m) {
			m = v
		}
	}
	return parts, rank, m
}

// ratio returns the factor that is multiplied into the up factor of t: its multiplier
// divided by m.
func ratio(c pedestrian.AdapterConfig, t pedestrian.Target, m float64) float64 {
	if m == 0 {
		return 1
	}
	return c.MultiplierOf(t) / m
}

// insertFactors writes the factors of l into to: its ranks begin at rank at, and its outputs at
// output column. Its up factor is multiplied by factor.
func insertFactors(to, l *pedestrian.LoRA[float32], at, column int, factor float64) {
	r := l.Down.Cols
	for i := range l.Down.Rows {
		copy(to.Down.V[i*to.Down.Cols+at:][:r], l.Down.V[i*r:][:r])
	}
	n := l.Up.Cols
	for i := range r {
		for j, v := range l.Up.V[i*n:][:n] {
			to.Up.V[(at+i)*to.Up.Cols+column+j] = float32(float64(v) * factor)
		}
	}
	if l.Magnitude.V != nil {
		copy(to.Magnitude.V[column:], l.Magnitude.V)
	}
}

// alphaFor returns the α with which the multiplier is m.
func alphaFor(s pedestrian.Scaling, m float64, rank int) float64 {
	switch s {
	case pedestrian.ScaleRank:
		return m * float64(rank)
	case pedestrian.ScaleRSqrt:
		return m * math.Sqrt(float64(rank))
	}
	return m
}

// without returns a copy of m without queries, keys and values; nil if nothing remains.
func without[V any](m map[pedestrian.Target]V) (rest map[pedestrian.Target]V) {
	for t, v := range m {
		if !slices.Contains(qkvTargets, t) {
			rest = with(rest, t, v)
		}
	}
	return rest
}

// baseMagnitudes sets m to the norms of the columns of w.
func baseMagnitudes(m []float32, w pedestrian.Tensor[float32]) {
	numbers := w.Widened()
	for j := range m {
		sum := 0.0
		for i := range w.Rows {
			v := float64(numbers[i*w.Cols+j])
			sum += v * v
		}
		m[j] = float32(math.Sqrt(sum))
	}
}

// copyCommon copies the tensors of from to those of to with the same name.
func copyCommon(to, from *pedestrian.Adapter[float32]) {
	for _, t := range to.Tensors() {
		copy(t.V, from.Tensor(t.Name).V)
	}
}

// reshape is the inverse of fuse: it returns a, which was read from PEFT's files, as an
// adapter with the configuration was. It is an error if no such adapter computes the same
// function.
func reshape(a *pedestrian.Adapter[float32], was pedestrian.AdapterConfig) (*pedestrian.Adapter[float32], error) {
	back := pedestrian.NewAdapter[float32](a.Base, was)
	for _, m := range modulesOf(a.Base) {
		block, t := max(m.block, 0), m.target
		if slices.Contains(qkvTargets, t) && was.Has(block, pedestrian.TargetQKV) {
			if err := joinFactors(a, back, block, t); err != nil {
				return nil, err
			}
			continue
		}
		if t == pedestrian.TargetQKV && splitsQKV(was) {
			if err := extractFactors(a, back, block); err != nil {
				return nil, err
			}
			continue
		}
		l, b := a.LoRA(block, t), back.LoRA(block, t)
		if l.Down.Cols != b.Down.Cols || !almostEqual(l.Multiplier, b.Multiplier) || len(l.Magnitude.V) != len(b.Magnitude.V) {
			return nil, fmt.Errorf("%q has rank %d and multiplier %g, and had %d and %g", t, l.Down.Cols, l.Multiplier, b.Down.Cols, b.Multiplier)
		}
	}
	for _, t := range back.Tensors() {
		if !isFactor(t.Slot) && a.Tensor(t.Name).V == nil {
			return nil, fmt.Errorf("%s is missing", t.Name)
		}
	}
	for _, t := range a.Tensors() {
		if !isFactor(t.Slot) && back.Tensor(t.Name).V == nil {
			return nil, fmt.Errorf("%s was not trained", t.Name)
		}
	}
	copyCommon(back, a)
	return back, nil
}

// isFactor says whether a parameter belongs to the adapter of a layer; the others are
// gains, biases and rows of tokens.
func isFactor(s pedestrian.Slot) bool {
	return s.Role == pedestrian.Down || s.Role == pedestrian.Up || s.Role == pedestrian.Magnitude
}

// almostEqual says whether two multipliers are equal up to rounding.
func almostEqual(a, b float64) bool { return math.Abs(a-b) <= 1e-12*math.Abs(b) }

// extractFactors is the inverse of insertFactors for one block: it copies the factors of
// queries, keys and values out of those of c_attn.
func extractFactors(a, back *pedestrian.Adapter[float32], block int) error {
	from := a.LoRA(block, pedestrian.TargetQKV)
	was := back.Config
	parts, rank, m := joined(was)
	if from.Down.Cols == 0 && !was.Has(block, parts[0]) {
		return nil
	}
	if from.Down.Cols != rank || !almostEqual(from.Multiplier, m) {
		return fmt.Errorf("c_attn has rank %d and multiplier %g, and q, k and v had %d and %g", from.Down.Cols, from.Multiplier, rank, m)
	}
	at := 0
	for _, t := range qkvTargets {
		if !was.Has(block, t) {
			continue
		}
		l, column := back.LoRA(block, t), a.Base.Linear(block, t).From
		r, n := l.Down.Cols, l.Up.Cols
		factor := ratio(was, t, m)
		for i := range l.Down.Rows {
			copy(l.Down.V[i*r:][:r], from.Down.V[i*from.Down.Cols+at:][:r])
		}
		for i := range r {
			row := from.Up.V[(at+i)*from.Up.Cols:][:from.Up.Cols]
			for j, v := range row {
				if j >= column && j < column+n {
					l.Up.V[i*n+j-column] = float32(float64(v) / factor)
				} else if v != 0 {
					return fmt.Errorf("c_attn is no longer made of three blocks")
				}
			}
		}
		if l.Magnitude.V != nil {
			if from.Magnitude.V == nil {
				return errors.New("the magnitudes are missing")
			}
			copy(l.Magnitude.V, from.Magnitude.V[column:])
		}
		at += r
	}
	return nil
}
