package gradcheck

import (
	"math"
	"math/rand/v2"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Point is a case with values for all parameters. Gradients are compared there.
type Point struct {
	Case
	Seed   uint64
	Params *pedestrian.Params[float64]
	LoRA   *pedestrian.Adapter[float64] // nil when the case has no adapter

	Moved int                  // biases b_6 that were moved off a kink
	norms map[string]paper.Mat // ‖v‖ of DoRA by place, when the gradient holds it constant
}

// At draws the generic point of a case that belongs to a seed: gains from
// N(1, 0.3), biases from N(0, 0.3), embeddings from N(0, 1) and weights from
// N(0, 1/√inputs), so that every layer's numbers are of order one. No gain is
// exactly one and no bias zero: a formula that forgot either would show. All are
// rounded to float32, so that both precisions stand at the same point.
//
// With ReLU, biases b_6 are moved, by as little as it takes, until no
// pre-activation lies within margin of the kink at zero, where the loss has no
// derivative and a difference no meaning.
func (c Case) At(seed uint64, margin float64) Point {
	p := Point{Case: c, Seed: seed, Params: pedestrian.NewParams[float64](c.Config)}
	if c.Adapter != nil {
		p.LoRA = pedestrian.NewAdapter[float64](c.Config, *c.Adapter)
	}
	rnd := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	for _, t := range p.tensors() {
		mean, sd := 0.0, 0.3
		switch t.Role {
		case pedestrian.Gain:
			mean = 1
		case pedestrian.Magnitude:
			mean = 1.2
		case pedestrian.Table:
			sd = 1
		case pedestrian.Matrix, pedestrian.Down, pedestrian.Up, pedestrian.TokenRows:
			sd = 1 / math.Sqrt(float64(t.Rows))
		}
		for i := range t.V {
			t.V[i] = float64(float32(mean + sd*rnd.NormFloat64()))
		}
	}
	if c.Config.Activation == pedestrian.ReLU && c.Config.Bias {
		p.avoidKinks(margin)
	}
	p.fixNorms()
	return p
}

// tensors lists every parameter, then every factor of the adapter.
func (p Point) tensors() []pedestrian.Tensor[float64] {
	ts := p.Params.Tensors()
	if p.LoRA != nil {
		ts = append(ts, p.LoRA.Tensors()...)
	}
	return ts
}

// clone returns a point with numbers of its own.
func (p Point) clone() Point {
	q := p
	q.Params = pedestrian.NewParams[float64](p.Config)
	copy(q.Params.Slab, p.Params.Slab)
	if p.LoRA != nil {
		q.LoRA = pedestrian.NewAdapter[float64](p.Config, *p.Case.Adapter)
		copy(q.LoRA.Slab, p.LoRA.Slab)
	}
	return q
}

// avoidKinks moves b_6, block by block, until no a_7 lies within margin of zero.
// A move of one block changes the pre-activations of the blocks above it, so it
// looks again until nothing moved.
func (p *Point) avoidKinks(margin float64) {
	for range 100 {
		again := false
		for _, s := range p.forward().Steps {
			if s.Name != "a_7" {
				continue
			}
			b6 := p.Params.Blocks[blockOf(s.At)].Expand.B.V
			for j := range s.V.D {
				for t := range s.V.N {
					if a := s.V.At(t, j); math.Abs(a) < margin {
						b6[j] = float64(float32(b6[j] + math.Copysign(2*margin, a)))
						p.Moved, again = p.Moved+1, true
						break
					}
				}
			}
			if again {
				break
			}
		}
		if !again {
			return
		}
	}
}

// forward records the forward pass.
func (p Point) forward() *paper.Trace {
	tr := &paper.Trace{}
	if held := p.fixedSteps(); held != nil {
		tr.Rewrite = func(s paper.Step) paper.Mat { return held(tr, s) }
	}
	paper.Network(tr, p.Params, p.LoRA, p.Batch, p.Reduction)
	return tr
}

// kinks counts the pre-activations of ReLU within margin of zero, and all of them.
func (p Point) kinks(margin float64) (near, all int) {
	if p.Config.Activation != pedestrian.ReLU {
		return 0, 0
	}
	for _, s := range p.forward().Steps {
		if s.Name == "a_7" {
			for _, a := range s.V.V {
				all++
				if math.Abs(a) < margin {
					near++
				}
			}
		}
	}
	return near, all
}

// counted is the number of targets in the loss.
func (p Point) counted() (n int) {
	for _, s := range p.Batch {
		for _, t := range s.Targets {
			if t != paper.Ignored {
				n++
			}
		}
	}
	return n
}

// Scale is the number that turns a sum over targets into the case's loss.
func (p Point) Scale() float64 {
	if p.Reduction == paper.Mean {
		return 1 / float64(p.counted())
	}
	return 1
}

// tokens is the number of tokens of all sequences.
func (p Point) tokens() (n int) {
	for _, s := range p.Batch {
		n += len(s.Tokens)
	}
	return n
}
