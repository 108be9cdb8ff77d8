package engine

import (
	"math/rand/v2"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// BenchmarkAdapterGPT2 is a training step of GPT-2 small on 4×256 tokens in float32:
// all parameters, and adapters of r = 8. MiB is all that training holds: weights,
// gradients, moments and the network's own memory.
//
//	go test ./engine -run '^$' -bench AdapterGPT2 -benchtime 3x
func BenchmarkAdapterGPT2(b *testing.B) {
	fused := []pedestrian.Target{pedestrian.TargetQKV}
	every := []pedestrian.Target{pedestrian.TargetQKV, pedestrian.TargetAttProj, pedestrian.TargetExpand, pedestrian.TargetContract}
	config := func(ts []pedestrian.Target, change func(a *pedestrian.AdapterConfig)) *pedestrian.AdapterConfig {
		a := pedestrian.AdapterConfig{Rank: 8, Alpha: 16, Scaling: pedestrian.ScaleRank, Targets: ts}
		if change != nil {
			change(&a)
		}
		return &a
	}
	for _, c := range []struct {
		name string
		a    *pedestrian.AdapterConfig
	}{
		{"full", nil},
		{"c_attn", config(fused, nil)},
		{"all", config(every, nil)},
		{"all,dropout", config(every, func(a *pedestrian.AdapterConfig) { a.Dropout = 0.05 })},
		{"all,dora", config(every, func(a *pedestrian.AdapterConfig) { a.DoRA = true })},
		{"all,dora,exact", config(every, func(a *pedestrian.AdapterConfig) { a.DoRA, a.DoRAExact = true, true })},
		{"c_attn,top2", config(fused, func(a *pedestrian.AdapterConfig) { a.Layers = []int{10, 11} })},
		{"biases", &pedestrian.AdapterConfig{Scaling: pedestrian.ScaleRank, Bias: pedestrian.BiasAll}},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkAdapter(b, gpt2Config, c.a, 4, 256) })
	}
}

func benchmarkAdapter(b *testing.B, c pedestrian.Config, a *pedestrian.AdapterConfig, batch, length int) {
	p := pedestrian.NewParams[float32](c)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range p.Slab {
		p.Slab[i] = 0.02 * float32(rnd.NormFloat64())
	}
	o := Options{Batch: batch, Context: length}
	budget, err := Memory[float32](c, a, o)
	if err != nil {
		b.Fatal(err)
	}
	data := Batch{B: batch, T: length, Tokens: make([]int32, batch*length), Targets: make([]int32, batch*length)}
	for i := range data.Tokens {
		data.Tokens[i], data.Targets[i] = int32(rnd.IntN(c.Vocab)), int32(rnd.IntN(c.Vocab))
	}
	h, step := AdamW{LR: 1e-4, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}, 0
	var one func()
	held := len(p.Slab)
	if a == nil {
		n := New(p, nil, o)
		defer n.Close()
		dp, m, v := like(p), like(p), like(p)
		held += 3 * len(p.Slab)
		one = func() {
			step++
			n.SetGradients(dp, nil, data, 1/float64(batch*length), uint64(step))
			n.AdamW(h, step, 1/n.Norm2(dp.Slab), p, dp, m, v)
		}
	} else {
		lora := pedestrian.NewAdapter[float32](c, *a)
		for i := range lora.Slab {
			lora.Slab[i] = 0.02 * float32(rnd.NormFloat64())
		}
		n := New(p, lora, o)
		defer n.Close()
		da, m, v := likeAdapter(lora), likeAdapter(lora), likeAdapter(lora)
		held += 4 * len(lora.Slab)
		one = func() {
			step++
			n.SetGradients(nil, da, data, 1/float64(batch*length), uint64(step))
			n.AdamWAdapter(h, step, 1/n.Norm2(da.Slab), lora, da, m, v)
		}
	}
	one()
	b.ReportAllocs()
	for b.Loop() {
		one()
	}
	b.ReportMetric(float64(int64(4*held)+budget.Total())/(1<<20), "MiB")
}
