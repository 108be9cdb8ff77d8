package engine

import (
	"math"
	"testing"
)

// Merged weights give the logits of the base with the adapter beside it.
func TestMerge(t *testing.T) {
	for _, cs := range everyCase() {
		p, lora := cs.params(1)
		if lora == nil {
			continue
		}
		b := cs.batch(2)
		logits := func(n *Network[float64]) []float64 {
			defer n.Close()
			out := NewMat[float64](b.B*b.T, p.Config.Vocab)
			n.Logits(out, b)
			return out.V
		}
		before := append([]float64(nil), p.Slab...)
		alone := logits(New(p, nil, Options{Batch: b.B}))
		beside := logits(New(p, lora, Options{Batch: b.B}))
		q := Merge(p, lora)
		near(t, cs.name, logits(New(q, nil, Options{Batch: b.B})), beside, 1e-12)
		near(t, cs.name+": the base", p.Slab, before, 0)
		change := 0.0
		for i := range alone {
			change = math.Max(change, math.Abs(alone[i]-beside[i]))
		}
		if change < 1e-3 {
			t.Errorf("%s: the adapter changes logits by %g: nothing is tested", cs.name, change)
		}
		if want := p.Config.Tied && lora.Logits.Down.V == nil; q.Config.Tied != want {
			t.Errorf("%s: tied is %v", cs.name, q.Config.Tied)
		}
	}
}
