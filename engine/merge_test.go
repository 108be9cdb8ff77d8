package engine

import (
	"math"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
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

// A pass that merges a block and some columns at a time has the logits of the network that
// is merged as a whole: of a base in any type, with every adapter, to the last bit.
func TestMergedLogits(t *testing.T) {
	for _, cs := range everyCase() {
		wide, lora := convert[float32](cs.params(1))
		if lora == nil {
			continue
		}
		frozen := pedestrian.NewFrozen[float32](cs.c, func(pedestrian.Slot) pedestrian.Storage { return pedestrian.BF16 })
		for i, x := range wide.Tensors() {
			for j := range x.V {
				x.V[j] = math.Float32frombits(math.Float32bits(x.V[j]) &^ 0xffff)
			}
			frozen.Tensors()[i].Write(0, x.V)
		}
		for _, p := range []*pedestrian.Params[float32]{wide, frozen} {
			b := cs.batch(2)
			logits := func(n *Network[float32]) Mat[float32] {
				defer n.Close()
				out := NewMat[float32](b.B*b.T, p.Config.Vocab)
				n.Logits(out, b)
				return out
			}
			beside, merged := logits(New(p, lora, Options{Batch: b.B})), logits(New(Merge(p, lora), nil, Options{Batch: b.B}))
			const columns = 5
			at, from := 0, 0
			mergedLogits(p, lora, b, 2, columns, func(got, sum []float32) {
				n := min(columns, cs.c.Vocab-from)
				if want := beside.Row(at)[from:][:n]; !slices.Equal(got, want) {
					t.Errorf("%s: beside, token %d from logit %d on: %g, not %g", cs.name, at, from, got, want)
				}
				if want := merged.Row(at)[from:][:n]; !slices.Equal(sum, want) {
					t.Errorf("%s: merged, token %d from logit %d on: %g, not %g", cs.name, at, from, sum, want)
				}
				if at++; at == b.B*b.T {
					at, from = 0, from+n
				}
			})
			if at != 0 || from != cs.c.Vocab {
				t.Errorf("%s: the last was logit %d of token %d", cs.name, from, at)
			}
			d, most := MergedDifference(p, lora, b, 2)
			want, largest := 0.0, 0.0
			for i, v := range beside.V {
				want, largest = max(want, math.Abs(float64(v)-float64(merged.V[i]))), max(largest, math.Abs(float64(v)))
			}
			if d != want || most != largest || d == 0 && len(cs.lora.Targets) > 0 {
				t.Errorf("%s: differences up to %g of logits up to %g, not %g and %g", cs.name, d, most, want, largest)
			}
		}
	}
}

// A network and the one without its adapter share memory, and each has its own losses.
func TestBase(t *testing.T) {
	for _, cs := range everyCase() {
		for _, precision := range []Precision{Float32, BF16} {
			p, lora := convert[float32](cs.params(1))
			if lora == nil {
				continue
			}
			b, o := cs.batch(2), Options{Batch: cs.b, Context: cs.t, Precision: precision}
			loss := func(n *Network[float32]) float64 {
				sum, _ := n.Loss(b)
				return sum
			}
			alone, with := New(p, nil, o), New(p, lora, o)
			base := with.Base()
			want, beside := loss(alone), loss(with)
			if got, again := loss(base), loss(with); got != want || again != beside || want == beside {
				t.Errorf("%s, %s: the base's loss is %g, not %g; with the adapter %g, then %g", cs.name, precision, got, want, beside, again)
			}
			alone.Close()
			with.Close()
		}
	}
}
