package gradcheck

import (
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// fixNorms records the norms ‖v‖ of DoRA at p if the gradient treats them as constants. Then
// the differentiated loss is the loss with these norms.
func (p *Point) fixNorms() {
	a := p.Case.Adapter
	if a == nil || !a.DoRA || a.DoRAExact {
		return
	}
	norms := map[string]paper.Mat{}
	for _, s := range p.forward().Steps {
		if s.Name == paper.ColumnNorm {
			norms[s.At] = s.V
		}
	}
	p.norms = norms
}

// fixedSteps replaces the steps that are constants at p: recorded norms, and the masks of
// dropout, which are those of package engine in step 0. It is nil if there are none.
func (p Point) fixedSteps() plant {
	a := p.Case.Adapter
	if a == nil || a.Dropout == 0 && p.norms == nil {
		return nil
	}
	return func(_ *paper.Trace, s paper.Step) paper.Mat {
		switch s.Name {
		case paper.ColumnNorm:
			if v, ok := p.norms[s.At]; ok {
				return v
			}
		case "mask":
			return p.mask(s)
		}
		return s.V
	}
}

// mask is the mask of an adapter's input in one sequence.
func (p Point) mask(s paper.Step) paper.Mat {
	target, block := pedestrian.TargetLogits, max(blockOf(s.At), 0)
	if blockOf(s.At) >= 0 {
		target = pedestrian.Target(s.At[strings.LastIndexByte(s.At, '.')+1:])
	}
	n := len(p.Batch[0].Tokens)
	m := engine.NewMat[float64](n*len(p.Batch), s.V.D)
	engine.AdapterMask(m, p.Case.Adapter.Dropout, p.Seed, 0, block, target)
	from := placeOf(s.At, "seq") * n * s.V.D
	return paper.Mat{N: n, D: s.V.D, V: m.V[from : from+n*s.V.D]}
}
