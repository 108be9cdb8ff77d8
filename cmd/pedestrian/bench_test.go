package main

import (
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// TestForwardGFLOP holds the count of reading a prompt to one written out: GPT-2's twelve
// blocks have 12·768² weights each, the logits of one token 768·50257, and 512 tokens see
// 512·513/2 pairs in each of 144 heads, with two products of 64 features.
func TestForwardGFLOP(t *testing.T) {
	want := (2*512*12*12*768*768 + 2*768*50257 + 2*512*513/2*144*(64+64)) / 1e9
	if got := forwardGFLOP(published["gpt2"], 512); math.Abs(got-want) > 1e-9*want {
		t.Errorf("reading 512 tokens takes %g GFLOP, want %g", got, want)
	}
}

// TestAdapterStep takes steps of a case on a small network: factors change, weights do not,
// and each of the last target's factors has a gradient.
func TestAdapterStep(t *testing.T) {
	c := gated(50, 16, 24, 40, 2, 4, 2, 1e4, 1e-5, tied)
	a := pedestrian.AdapterConfig{Rank: 3, Alpha: 6, Scaling: pedestrian.ScaleRank, Targets: c.Targets()[:7]}
	st := newAdapterStep(&bench{threads: 1}, c, a, 2, 8, engine.Float32)
	defer st.net.Close()
	weights, factors := sum(st.w.Widened().Slab), sum(st.adapter.w.Slab)
	r := &figures{Name: "lora/small/2x8/float32"}
	st.measure(&bench{threads: 1}, r, 2)
	if weights == 0 || sum(st.w.Widened().Slab) != weights || sum(st.adapter.w.Slab) == factors {
		t.Error("a step beside a frozen network changed its weights, or not the adapter")
	}
	for _, p := range st.adapter.dw.Tensors() {
		if sum(p.V) == 0 {
			t.Errorf("%s has no gradient after three steps", p.Name)
		}
	}
	if r.Flop != 2e9*stepGFLOP(c, &a, 8, false) || len(r.MS) != 2 || r.Phases["optimizer"] <= 0 {
		t.Errorf("figures of a case: %+v", r)
	}
}

// sum is of the absolute values.
func sum(x []float32) (s float64) {
	for _, v := range x {
		s += math.Abs(float64(v))
	}
	return s
}
