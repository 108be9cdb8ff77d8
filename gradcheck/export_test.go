package gradcheck

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// BugIDs lists M1…M48 for tests outside of the package.
func BugIDs() (ids []string) {
	for _, b := range bugs {
		ids = append(ids, b.id)
	}
	return ids
}

// Planted is the loss and the gradients of a point with a bug in it; "" for none.
func (p Point) Planted(id string) (float64, *pedestrian.Params[float64], *pedestrian.Adapter[float64]) {
	var pl plant
	for _, b := range bugs {
		if b.id == id {
			pl = b.make(p)
		}
	}
	if id != "" && pl == nil {
		panic(fmt.Sprintf("no bug %q", id))
	}
	r := p.run(pl)
	return r.loss, r.params, r.lora
}

// ByEngine is the loss of a point and the gradients of its adapter, as the loops have
// them in float64.
func (p Point) ByEngine() (float64, *pedestrian.Adapter[float64]) {
	loss, _, lora := byEngine(p)
	return loss, lora
}

// byEngine is the loss of a point and its gradients, as the loops have them in float64.
func byEngine(p Point) (float64, *pedestrian.Params[float64], *pedestrian.Adapter[float64]) {
	b := engineBatch(p)
	n := engine.New(p.Params, p.LoRA, engine.Options{Batch: b.B, Context: b.T, Threads: 1, Seed: p.Seed})
	defer n.Close()
	g := pedestrian.NewParams[float64](p.Config)
	var lora *pedestrian.Adapter[float64]
	if p.LoRA != nil {
		lora = pedestrian.NewAdapter[float64](p.Config, *p.Case.Adapter)
	}
	sum, _ := n.Gradients(g, lora, b, p.Scale(), 0)
	return sum * p.Scale(), g, lora
}

// engineBatch is the point's sequences, all of one length, as package engine reads them.
func engineBatch(p Point) engine.Batch {
	b := engine.Batch{B: len(p.Batch), T: len(p.Batch[0].Tokens)}
	for _, s := range p.Batch {
		for t := range s.Tokens {
			b.Tokens = append(b.Tokens, int32(s.Tokens[t]))
			b.Targets = append(b.Targets, int32(s.Targets[t]))
		}
	}
	return b
}
