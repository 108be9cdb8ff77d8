package paper

import (
	"fmt"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// A whole is a network with all there is to compute its loss.
type whole struct {
	p     *pedestrian.Params[float64]
	lora  *pedestrian.Adapter[float64]
	batch []Sequence
	r     Reduction
}

func (w whole) loss(tr *Trace) float64 {
	l, _ := Network(tr, w.p, w.lora, w.batch, w.r)
	return l
}

// wholes are small networks in which all dimensions differ; tokens repeat and
// are absent, targets are ignored, sequences differ in length.
func wholes() map[string]whole {
	a := pedestrian.Config{Vocab: 9, Context: 7, Width: 6, Heads: 3, Blocks: 1, KeyDim: 4, Hidden: 11,
		Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, LogitsBias: true}
	b := pedestrian.Config{Vocab: 8, Context: 5, Width: 4, Heads: 2, Blocks: 2, KeyDim: 3, Hidden: 7,
		Activation: pedestrian.GELUTanh, Tied: true}
	c := pedestrian.Config{Vocab: 7, Context: 5, Width: 6, Heads: 2, Blocks: 2, KeyDim: 5, Hidden: 8,
		Activation: pedestrian.ReLU, Eps: 0.05, Bias: true, Tied: true, LogitsBias: true}
	all := pedestrian.AdapterConfig{Rank: 2, Alpha: 1.5, Scaling: pedestrian.ScaleRank, Targets: pedestrian.Targets}
	some := pedestrian.AdapterConfig{Rank: 3, Alpha: 0.7, Scaling: pedestrian.ScalePaper, Targets: []pedestrian.Target{pedestrian.TargetK, pedestrian.TargetContract}}
	one := []Sequence{{[]int{2, 5, 2, 1}, []int{5, 2, Ignored, 3}}}
	two := []Sequence{{[]int{2, 5, 2, 1}, []int{5, 2, 1, Ignored}}, {[]int{4, 4, 6}, []int{4, 6, 0}}}
	return map[string]whole{
		"one block":        {generic(a, 1), nil, one, Sum},
		"tied, no biases":  {generic(b, 2), nil, two, Mean},
		"adapters":         {generic(a, 3), genericAdapter(a, all, 4), two, Mean},
		"adapters on some": {generic(c, 5), genericAdapter(c, some, 6), two, Sum},
	}
}

func TestNetworkGradients(t *testing.T) {
	for name, w := range wholes() {
		t.Run(name, func(t *testing.T) {
			_, back := Network(nil, w.p, w.lora, w.batch, w.r)
			dp, dlora := back()
			loss := func() float64 { return w.loss(nil) }
			got := dp.Tensors()
			for i, θ := range w.p.Tensors() {
				check(t, θ.Name, θ.V, got[i].V, loss)
			}
			if w.lora == nil {
				if dlora != nil {
					t.Error("a gradient of an adapter that is not there")
				}
				return
			}
			got = dlora.Tensors()
			for i, θ := range w.lora.Tensors() {
				check(t, θ.Name, θ.V, got[i].V, loss)
			}
		})
	}
}

// TestSignals nudges every forward quantity that an error signal is the gradient
// of, and holds the change of the loss against the signal.
func TestSignals(t *testing.T) {
	seen := map[Signal]bool{}
	for name, w := range wholes() {
		t.Run(name, func(t *testing.T) {
			var tr Trace
			_, back := Network(&tr, w.p, w.lora, w.batch, w.r)
			forward := len(tr.Steps)
			back()
			for _, s := range tr.Steps[forward:] {
				for _, signal := range Signals {
					if s.Eq != signal.Eq || s.Name != signal.Error {
						continue
					}
					seen[signal] = true
					δ := Zeros(s.V.N, s.V.D)
					nudged := &Trace{Rewrite: func(r Step) Mat {
						if r.At == s.At && r.Name == signal.Of {
							return r.V.Add(δ)
						}
						return r.V
					}}
					if o, ok := tr.Find(s.At, signal.Of); !ok || o.V.N != s.V.N || o.V.D != s.V.D {
						t.Fatalf("%s at %s: no step %s of its shape", s.Name, s.At, signal.Of)
					}
					check(t, fmt.Sprintf("%s at %s", s.Name, s.At), δ.V, s.V.V, func() float64 { return w.loss(nudged) })
				}
			}
		})
	}
	for _, s := range Signals {
		if !seen[s] {
			t.Errorf("no network of this test has the signal %s (%s)", s.Error, s.Eq)
		}
	}
}

func BenchmarkNetwork(b *testing.B) {
	c := pedestrian.Config{Vocab: 10, Context: 4, Width: 32, Heads: 2, Blocks: 1, Activation: pedestrian.ReLU, Bias: true, LogitsBias: true}
	w := whole{generic(c, 1), nil, []Sequence{{[]int{3, 7, 3, 1}, []int{7, 3, 1, 9}}}, Sum}
	b.Run("forward", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w.loss(nil)
		}
	})
	b.Run("both", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, back := Network(nil, w.p, w.lora, w.batch, w.r)
			back()
		}
	})
}
