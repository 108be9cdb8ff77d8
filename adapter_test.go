package pedestrian

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

var adapterBase = Config{Vocab: 11, Context: 7, Width: 12, Heads: 3, Blocks: 3, KeyDim: 5, Hidden: 14, Activation: ReLU, Bias: true, LogitsBias: true}

// everywhere are the layers that have adapters when every one does.
var everywhere = adapterBase.Targets()

var adapterConfigs = []AdapterConfig{
	{Rank: 2, Scaling: ScaleRank, Targets: everywhere},
	{Rank: 2, Scaling: ScaleRank, Targets: []Target{TargetQKV, TargetExpand}, Ranks: map[Target]int{TargetQKV: 5}, Alphas: map[Target]float64{TargetExpand: 3}},
	{Rank: 2, Scaling: ScaleRSqrt, Targets: everywhere, DoRA: true, DoRAExact: true, Layers: []int{1}},
	{Scaling: ScalePaper, Targets: []Target{TargetV}, Ranks: map[Target]int{TargetV: 3}, Bias: BiasAdapted, Layers: []int{1}},
	{Rank: 1, Scaling: ScalePaper, Targets: []Target{TargetLogits, TargetContract}, Bias: BiasAdapted},
	{Scaling: ScaleRank, Bias: BiasAll},
	{Scaling: ScaleRank, Norms: true, Bias: BiasNone},
	{Rank: 1, Scaling: ScaleRank, Targets: everywhere, Norms: true, Bias: BiasAll, Layers: []int{0}},
}

// TestAdapterViews checks that views are named apart, aligned, disjoint and of the
// slab, and that factors, norms and biases are where the configuration has them.
func TestAdapterViews(t *testing.T) {
	for _, a := range adapterConfigs {
		p := NewAdapter[float64](adapterBase, a)
		seen := map[string]bool{}
		for k, ts := range p.Tensors() {
			if seen[ts.Name] || len(ts.V) != ts.Rows*ts.Cols || len(ts.V) == 0 {
				t.Errorf("%s: named twice or %d numbers for %s", ts.Name, len(ts.V), ts.Shape())
			}
			seen[ts.Name] = true
			for j := range ts.V {
				if ts.V[j] != 0 {
					t.Fatalf("%s overlaps another view", ts.Name)
				}
				ts.V[j] = float64(k + 1)
			}
		}
		sum, want := 0.0, 0.0
		for _, v := range p.Slab {
			sum += v
		}
		for k, ts := range p.Tensors() {
			want += float64((k + 1) * len(ts.V))
		}
		if sum != want {
			t.Errorf("%+v: the slab sums to %g, the views to %g", a, sum, want)
		}
		for i := range adapterBase.Blocks {
			for _, target := range allTargets {
				l := p.LoRA(i, target)
				if has := a.Has(i, target); has != (l.Down.V != nil) || has != (l.Up.V != nil) || (has && a.DoRA) != (l.Magnitude.V != nil) {
					t.Errorf("%+v: block %d, %s: factors are %v, %v, %v", a, i, target, l.Down.V != nil, l.Up.V != nil, l.Magnitude.V != nil)
				} else if has && (l.Down.Cols != a.RankOf(target) || l.Multiplier != a.MultiplierOf(target)) {
					t.Errorf("%+v: block %d, %s: rank %d, multiplier %g", a, i, target, l.Down.Cols, l.Multiplier)
				}
			}
		}
	}
	p := NewAdapter[float32](adapterBase, adapterConfigs[3])
	if p.Blocks[1].Own.QKV.B.V == nil || p.Blocks[0].Own.QKV.B.V != nil || p.Blocks[1].Own.AttProj.B.V != nil || p.Blocks[1].Own.LN1.B.V != nil {
		t.Error("bias adapted: not the bias of the adapted layer alone")
	}
	p = NewAdapter[float32](adapterBase, adapterConfigs[5])
	if p.Blocks[2].Own.LN1.W.V != nil || p.Blocks[2].Own.LN1.B.V == nil || p.LNFinal.B.V == nil || p.LogitsBias.V == nil || p.Blocks[0].Own.Contract.B.V == nil {
		t.Error("bias all: not every bias, or a gain")
	}
}

// TestMultipliers holds every convention against its formula, by target.
func TestMultipliers(t *testing.T) {
	a := AdapterConfig{Rank: 4, Alpha: 6, Targets: everywhere, Ranks: map[Target]int{TargetK: 9}, Alphas: map[Target]float64{TargetV: 1}}
	for s, want := range map[Scaling][3]float64{
		ScalePaper: {6, 6, 1}, ScaleRank: {6. / 4, 6. / 9, 1. / 4}, ScaleRSqrt: {3, 2, .5},
	} {
		a.Scaling = s
		if got := [3]float64{a.MultiplierOf(TargetQ), a.MultiplierOf(TargetK), a.MultiplierOf(TargetV)}; got != want {
			t.Errorf("%s: multipliers %v, not %v", s, got, want)
		}
	}
}

// TestOldAdapterConfig: what was written before there were options reads as before.
func TestOldAdapterConfig(t *testing.T) {
	const old = `{"rank":3,"alpha":2,"scaling":"alpha/r","targets":["q","logits"]}`
	var a AdapterConfig
	if err := json.Unmarshal([]byte(old), &a); err != nil {
		t.Fatal(err)
	}
	if err := a.ValidateFor(adapterBase); err != nil || a.DoRA || a.Dropout != 0 || a.MultiplierOf(TargetQ) != 2./3 {
		t.Errorf("%+v: %v", a, err)
	}
	if again, err := json.Marshal(a); err != nil || string(again) != old {
		t.Errorf("written again: %s, %v", again, err)
	}
	for _, a := range adapterConfigs {
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var b AdapterConfig
		if err := json.Unmarshal(text, &b); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(b); string(again) != string(text) {
			t.Errorf("%s reads as %s", text, again)
		}
	}
}

// TestAdapterConfigErrors: each says what, which value, and what to do.
func TestAdapterConfigErrors(t *testing.T) {
	good := AdapterConfig{Rank: 2, Alpha: 1, Scaling: ScaleRank, Targets: []Target{TargetQ}}
	for want, change := range map[string]func(a *AdapterConfig){
		`rank of "q" is 0: it must be at least 1`:        func(a *AdapterConfig) { a.Rank = 0 },
		`rank of "q" is -1`:                              func(a *AdapterConfig) { a.Ranks = map[Target]int{TargetQ: -1} },
		`alpha of "q" is NaN`:                            func(a *AdapterConfig) { a.Alpha = math.NaN() },
		`unknown target "c_attn": choose from`:           func(a *AdapterConfig) { a.Targets = []Target{"c_attn"} },
		`target "q" is named twice`:                      func(a *AdapterConfig) { a.Targets = []Target{TargetQ, TargetQ} },
		`targets "qkv" and "q" are the same weights`:     func(a *AdapterConfig) { a.Targets = []Target{TargetQ, TargetQKV} },
		`ranks names "v", which is not among the target`: func(a *AdapterConfig) { a.Ranks = map[Target]int{TargetV: 1} },
		`alphas names "v"`:                               func(a *AdapterConfig) { a.Alphas = map[Target]float64{TargetV: 1} },
		`unknown scaling "": choose "alpha"`:             func(a *AdapterConfig) { a.Scaling = "" },
		`unknown bias "lora_only": choose "none"`:        func(a *AdapterConfig) { a.Bias = "lora_only" },
		`nothing to train: an adapter needs`:             func(a *AdapterConfig) { a.Targets = nil },
		`dropout is 1: it must be`:                       func(a *AdapterConfig) { a.Dropout = 1 },
		`dropout is NaN`:                                 func(a *AdapterConfig) { a.Dropout = math.NaN() },
		`dora_exact says how dora`:                       func(a *AdapterConfig) { a.DoRAExact = true },
		`layer -1: blocks count from 0`:                  func(a *AdapterConfig) { a.Layers = []int{-1} },
		`layer 2 is named twice`:                         func(a *AdapterConfig) { a.Layers = []int{2, 2} },
		`layer 3: the network has 3 blocks, the last`:    func(a *AdapterConfig) { a.Layers = []int{3} },
	} {
		a := good
		change(&a)
		if err := a.ValidateFor(adapterBase); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
	bare := adapterBase
	bare.Bias, bare.LogitsBias = false, false
	if err := (AdapterConfig{Scaling: ScaleRank, Bias: BiasAll}).ValidateFor(bare); err == nil || !strings.Contains(err.Error(), "no biases") {
		t.Errorf("all biases of a network without: %v", err)
	}
	huge := Config{Vocab: 1 << 20, Context: 1, Width: 1 << 10, Heads: 1, Blocks: 1, Activation: ReLU}
	if err := (AdapterConfig{Rank: 1 << 20, Scaling: ScaleRank, Targets: []Target{TargetLogits}}).ValidateFor(huge); err == nil || !strings.Contains(err.Error(), "cannot be held") {
		t.Errorf("2⁴⁰ numbers and more: %v", err)
	}
}
