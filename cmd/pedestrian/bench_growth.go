package main

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// growthBase is the network whose width, vocabulary, blocks and context the growth
// cases change, one at a time, on growthTokens tokens.
var growthBase = pedestrian.Config{Vocab: 4096, Context: 1024, Width: 384, Heads: 6, Blocks: 4,
	Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true}

const growthTokens = 1024

// growthCases measure how the cost of a step grows: where the time follows the number of
// operations, their rate stays the same.
func growthCases() (cases []benchCase) {
	step := func(what string, value, t int, change func(c *pedestrian.Config)) {
		cases = append(cases, benchCase{fmt.Sprintf("growth/%s/%d/float32", what, value), true, func(b *bench, r *figures) error {
			c := growthBase
			change(&c)
			s := newStep(b, c, growthTokens/t, t, engine.Float32)
			defer s.net.Close()
			r.Tokens, r.Flop = growthTokens, s.operations()
			b.against(r, b.repeats(5), func() {
				s.draw()
				s.gradients()
				s.optimize()
			})
			return nil
		}})
	}
	for _, d := range []int{192, 384, 768, 1152} {
		step("width", d, 256, func(c *pedestrian.Config) { c.Width, c.Heads = d, d/64 })
	}
	for _, v := range []int{4096, 16384, 65536} {
		step("vocab", v, 256, func(c *pedestrian.Config) { c.Vocab = v })
	}
	for _, n := range []int{2, 4, 8, 16} {
		step("blocks", n, 256, func(c *pedestrian.Config) { c.Blocks = n })
	}
	for _, t := range []int{64, 256, 1024} {
		step("context", t, t, func(c *pedestrian.Config) {})
	}
	return cases
}
