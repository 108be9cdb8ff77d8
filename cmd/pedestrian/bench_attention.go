package main

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/engine"
)

// attentionTokens is the number of tokens of a case of attention, in sequences of T.
const attentionTokens = 8192

// attentionCases measure one layer of GPT-2's attention, forward and backward, at a fixed
// number of tokens: where the time follows the number of operations, their rate is the same
// for every length of a sequence.
func attentionCases() (cases []benchCase) {
	for t := 64; t <= attentionTokens; t *= 2 {
		cases = append(cases, benchCase{fmt.Sprintf("attention/%d/float32", t), true, func(b *bench, r *figures) error {
			return b.attention(r, t)
		}})
	}
	return cases
}

// attention measures one layer on sequences of t, and tells what a step of the whole network
// on one such sequence takes beside parameters, gradients and moments.
func (b *bench) attention(r *figures, t int) error {
	c := benchGPT2
	c.Context = t
	plan, err := engine.Memory[float32](c, nil, engine.Options{Context: t})
	if err != nil {
		return err
	}
	r.PlannedMiB = float64(plan.Total()) / (1 << 20)
	c.Blocks = 1
	// Of a product: every query with every key before it, or itself. Two of the seven
	// products are forward.
	product := 2 * float64(c.Width) * float64(attentionTokens) * float64(t+1) / 2
	r.Tokens, r.Flop = attentionTokens, 7*product
	forward, backward := engine.AttentionAlone[float32](c, b.pool, attentionTokens/t, t)
	var ms [2][]float64
	b.against(r, b.repeats(5), func() {
		ms[0], ms[1] = append(ms[0], timed(forward)), append(ms[1], timed(backward))
	})
	r.Phases, r.PhaseGFLOPS = map[string]float64{}, map[string]float64{}
	for i, name := range []string{"forward", "backward"} {
		m := median(ms[i][1:]) // the first is to warm up
		r.Phases[name], r.PhaseGFLOPS[name] = m, []float64{2, 5}[i]*product/m/1e6
	}
	return nil
}
