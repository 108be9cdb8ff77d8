package paper

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
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
	all := pedestrian.AdapterConfig{Rank: 2, Alpha: 1.5, Scaling: pedestrian.ScaleRank, Targets: a.Targets()}
	some := pedestrian.AdapterConfig{Rank: 3, Alpha: 0.7, Scaling: pedestrian.ScalePaper, Targets: []pedestrian.Target{pedestrian.TargetK, pedestrian.TargetContract}}
	one := []Sequence{{Tokens: []int{2, 5, 2, 1}, Targets: []int{5, 2, Ignored, 3}}}
	two := []Sequence{{Tokens: []int{2, 5, 2, 1}, Targets: []int{5, 2, 1, Ignored}}, {Tokens: []int{4, 4, 6}, Targets: []int{4, 6, 0}}}
	packed := []Sequence{{Tokens: []int{2, 5, 2, 1, 4, 4, 6}, Targets: []int{5, 2, 1, Ignored, 4, 6, 0}, Starts: []int{4}}, {Tokens: []int{3, 3, 0, 1}, Targets: []int{3, 0, 2, 2}, Starts: []int{1, 3}}}
	fused := pedestrian.AdapterConfig{Rank: 2, Alpha: 1.5, Scaling: pedestrian.ScaleRSqrt, DoRA: true, DoRAExact: true, Dropout: 0.3, Norms: true, Bias: pedestrian.BiasAll,
		Targets: []pedestrian.Target{pedestrian.TargetQKV, pedestrian.TargetAttProj, pedestrian.TargetExpand, pedestrian.TargetContract, pedestrian.TargetLogits}, Ranks: map[pedestrian.Target]int{pedestrian.TargetQKV: 3}}
	dora := pedestrian.AdapterConfig{Rank: 2, Alpha: 1.5, Scaling: pedestrian.ScaleRank, DoRA: true, Targets: c.Targets(), Layers: []int{1}, Bias: pedestrian.BiasAdapted}
	dropped := pedestrian.AdapterConfig{Rank: 2, Alpha: 1.5, Scaling: pedestrian.ScalePaper, Dropout: 0.3, Targets: []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetV, pedestrian.TargetExpand}}
	unscaled, byBlock, both := a, b, c
	unscaled.Unscaled, byBlock.ScaleByBlock, both.Unscaled, both.ScaleByBlock = true, true, true, true
	rows, tied := some, pedestrian.AdapterConfig{Scaling: pedestrian.ScaleRank}
	rows.Tokens, tied.Tokens = []int32{2, 4, 8}, []int32{1, 2}
	norms := pedestrian.AdapterConfig{Scaling: pedestrian.ScaleRank, Norms: true}
	return map[string]whole{
		"DoRA, exact":      {generic(a, 7), genericAdapter(a, fused, 8), two, Mean},
		"DoRA on a block":  {generic(c, 9), genericAdapter(c, dora, 10), two, Mean},
		"dropout":          {generic(c, 11), genericAdapter(c, dropped, 12), two, Mean},
		"norms alone":      {generic(a, 13), genericAdapter(a, norms, 14), one, Sum},
		"one block":        {generic(a, 1), nil, one, Sum},
		"tied, no biases":  {generic(b, 2), nil, two, Mean},
		"adapters":         {generic(a, 3), genericAdapter(a, all, 4), two, Mean},
		"packed":           {generic(a, 3), genericAdapter(a, all, 4), packed, Mean},
		"rows":             {generic(a, 19), genericAdapter(a, rows, 20), two, Mean},
		"tied rows":        {generic(c, 21), genericAdapter(c, tied, 22), two, Sum},
		"unscaled":         {generic(unscaled, 15), nil, one, Mean},
		"by block":         {generic(byBlock, 16), nil, two, Sum},
		"both scales":      {generic(both, 17), genericAdapter(both, some, 18), two, Mean},
		"adapters on some": {generic(c, 5), genericAdapter(c, some, 6), two, Sum},
	}
}

// everyWhole are those and the networks of the Llama family.
func everyWhole() map[string]whole {
	all := wholes()
	maps.Copy(all, llamas())
	return all
}

// TestNetworkGradients differentiates some networks entry by entry: with adapters beside
// every layer, of the Llama family, and, of one with DoRA, what it trains. Of the others some
// entries, and directions through all.
func TestNetworkGradients(t *testing.T) {
	for name, w := range everyWhole() {
		hold := checkSome
		if slices.Contains([]string{"adapters", "llama", "dora"}, name) {
			hold = check
		}
		t.Run(name, func(t *testing.T) {
			trace := held(w.lora != nil && !w.lora.Config.DoRAExact)
			_, back := Network(trace(), w.p, w.lora, w.batch, w.r)
			dp, dlora := back()
			loss := func() float64 { return w.loss(trace()) }
			got := dp.Tensors()
			for i, θ := range w.p.Tensors() {
				hold(t, θ.Name, θ.V, got[i].V, loss)
			}
			if w.lora == nil {
				if dlora != nil {
					t.Error("a gradient of an adapter that is not there")
				}
				return
			}
			if name == "DoRA, exact" {
				hold = check
			}
			got = dlora.Tensors()
			for i, θ := range w.lora.Tensors() {
				hold(t, θ.Name, θ.V, got[i].V, loss)
			}
		})
	}
}

// TestSignals nudges every forward quantity that an error signal is the gradient
// of, and holds the change of the loss against the signal: in a network and in one of
// the Llama family every entry where a signal comes first, and some entries and directions
// through all of them in other heads, blocks and sequences, and in the other networks.
func TestSignals(t *testing.T) {
	seen := map[Signal]bool{}
	for _, name := range []string{"adapters", "tied, no biases", "dropout", "DoRA, exact", "qwen3", "lora"} {
		w := everyWhole()[name]
		t.Run(name, func(t *testing.T) {
			trace := held(false)
			tr := trace()
			_, back := Network(tr, w.p, w.lora, w.batch, w.r)
			forward := len(tr.Steps)
			back()
			hold := checkSome
			if name == "adapters" || name == "qwen3" {
				hold = check
			}
			nudge(t, tr, forward, seen, w.loss, hold)
		})
	}
	for _, s := range Signals {
		if !seen[s] {
			t.Errorf("no network of this test has the signal %s (%s)", s.Error, s.Eq)
		}
	}
}

// nudge differentiates the loss with respect to what every error signal that tr
// recorded after its forward pass is the gradient of.
func nudge(t *testing.T, tr *Trace, forward int, seen map[Signal]bool, loss func(tr *Trace) float64, hold func(t *testing.T, name string, x, gradient []float64, f func() float64)) {
	t.Helper()
	before := map[Signal]bool{}
	for _, s := range tr.Steps[forward:] {
		if !strings.HasPrefix(s.Name, "Δ") || s.Name == "Δ_{logits}" { // which is recorded again as Δ_12
			continue
		}
		known := false
		for _, signal := range Signals {
			if s.Eq != signal.Eq || s.Name != signal.Error {
				continue
			}
			known, seen[signal] = true, true
			δ := Zeros(s.V.N, s.V.D)
			nudged := func(r Step) Mat {
				r.V = tr.Rewrite(r)
				if r.At == s.At && r.Name == signal.Of {
					return r.V.Add(δ)
				}
				return r.V
			}
			if o, ok := tr.Find(s.At, signal.Of); !ok || o.V.N != s.V.N || o.V.D != s.V.D {
				t.Fatalf("%s at %s: no step %s of its shape", s.Name, s.At, signal.Of)
			}
			hold := hold
			if before[signal] {
				hold = checkSome
			}
			before[signal] = true
			hold(t, fmt.Sprintf("%s at %s", s.Name, s.At), δ.V, s.V.V, func() float64 { return loss(&Trace{Rewrite: nudged}) })
		}
		if !known {
			t.Errorf("error signal %s (%s) is not in Signals", s.Name, s.Eq)
		}
	}
}

// TestCounts: the figures of §7, which pedestrian.Config.Ledger adds up.
func TestCounts(t *testing.T) {
	c := pedestrian.Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12, Activation: pedestrian.GELUTanh, Bias: true, LogitsBias: true}
	one, tied := c, c
	one.Blocks, tied.Tied, tied.LogitsBias = 1, true, false
	head := pedestrian.AdapterConfig{Rank: 16, Targets: []pedestrian.Target{pedestrian.TargetLogits}}
	all := pedestrian.AdapterConfig{Rank: 16, Targets: c.Targets()}
	for _, f := range []struct {
		what      string
		got, want int
	}{
		{"one block", c.BlockLedger().Total(), 7087872},
		{"network of one block", one.Ledger().Total(), 85120849},
		{"GPT-2", c.Ledger().Total(), 163087441},
		{"GPT-2 tied, without a logits bias", tied.Ledger().Total(), 124439808},
		{"LoRA on the logits", head.Ledger(c).Total(), 816400},
		{"LoRA everywhere", all.Ledger(c).Total(), 3470608},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d parameters, the paper has %d", f.what, f.got, f.want)
		}
	}
}

// Two tokens of one feature: layer norm makes every feature zero, so that the
// logits are their bias, whatever the rest, and the loss of token 1 is log 3.
func ExampleNetwork() {
	c := pedestrian.Config{Vocab: 3, Context: 2, Width: 1, Heads: 1, Blocks: 1, Activation: pedestrian.ReLU, Eps: 1, LogitsBias: true}
	p := pedestrian.NewParams[float64](c)
	copy(p.Logits.B.V, []float64{0, math.Log(2), math.Log(3)})
	loss, back := Network(nil, p, nil, []Sequence{{Tokens: []int{0, 2}, Targets: []int{1, Ignored}}}, Sum)
	dp, _ := back()
	fmt.Printf("L        = %.4f\n", loss)
	fmt.Printf("∂L/∂b_11 = %.4f\n", dp.Logits.B.V)
	// Output:
	// L        = 1.0986
	// ∂L/∂b_11 = [0.1667 -0.6667 0.5000]
}

func BenchmarkNetwork(b *testing.B) {
	c := pedestrian.Config{Vocab: 10, Context: 4, Width: 32, Heads: 2, Blocks: 1, Activation: pedestrian.ReLU, Bias: true, LogitsBias: true}
	w := whole{generic(c, 1), nil, []Sequence{{Tokens: []int{3, 7, 3, 1}, Targets: []int{7, 3, 1, 9}}}, Sum}
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

// TestBlocksCompose: two blocks, the one's output the other's input and the other's
// Δ_1 the one's Δ_10, are the network of two blocks.
func TestBlocksCompose(t *testing.T) {
	w := wholes()["tied, no biases"]
	var tr Trace
	_, back := Network(&tr, w.p, nil, w.batch[:1], w.r)
	back()
	step := func(at, name string) Mat {
		s, ok := tr.Find("seq.0."+at, name)
		if !ok {
			t.Fatalf("no step %s at %s", name, at)
		}
		return s.V
	}
	p := read(nil, w.p, nil, false)
	a1 := step("block.0", "a_1")
	lower, backLower := Block(nil, a1, p.Blocks[0])
	upper, backUpper := Block(nil, lower, p.Blocks[1])
	same(t, "a_10 of the lower is a_1 of the upper", step("block.0", "a_10").V, step("block.1", "a_1").V, 0)
	same(t, "a_10", step("block.1", "a_10").V, upper.V, 0)
	Δ, _ := backUpper(step("block.1", "Δ_10"))
	same(t, "Δ_1 of the upper is Δ_10 of the lower", step("block.0", "Δ_10").V, Δ.V, 0)
	Δ, _ = backLower(Δ)
	same(t, "Δ_1", step("block.0", "Δ_1").V, Δ.V, 0)
}
