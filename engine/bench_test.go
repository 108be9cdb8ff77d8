package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian"
)

// charConfig is nanoGPT's CPU character configuration.
var charConfig = pedestrian.Config{Vocab: 65, Context: 64, Width: 128, Heads: 4, Blocks: 4, Activation: pedestrian.GELU, Eps: 1e-5, Tied: true}

// gpt2Config is GPT-2 small as it was released: 124,439,808 parameters.
var gpt2Config = pedestrian.Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true}

func BenchmarkStepChar(b *testing.B)   { benchmarkStep(b, charConfig, 12, 64) }
func BenchmarkStepGPT2(b *testing.B)   { benchmarkStep(b, gpt2Config, 4, 64) }
func BenchmarkDecodeChar(b *testing.B) { benchmarkDecode(b, charConfig) }

// benchmarkStep is a whole training step: gradients, clipping, AdamW.
func benchmarkStep(b *testing.B, c pedestrian.Config, batch, length int) {
	p := pedestrian.NewParams[float32](c)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range p.Slab {
		p.Slab[i] = 0.02 * float32(rnd.NormFloat64())
	}
	n := New(p, nil, Options{Batch: batch, Context: length})
	defer n.Close()
	dp, m, v := like(p), like(p), like(p)
	data := Batch{B: batch, T: length, Tokens: make([]int32, batch*length), Targets: make([]int32, batch*length)}
	for i := range data.Tokens {
		data.Tokens[i], data.Targets[i] = int32(rnd.IntN(c.Vocab)), int32(rnd.IntN(c.Vocab))
	}
	step := 0
	one := func() {
		step++
		dp.Zero()
		n.Gradients(dp, nil, data, 1/float64(batch*length), uint64(step))
		clip := min(1, 1/n.Norm2(dp.Slab))
		n.AdamW(AdamW{LR: 1e-4, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Decay: 0.1}, step, clip, p, dp, m, v)
	}
	one()
	b.ReportAllocs()
	for b.Loop() {
		one()
	}
	b.ReportMetric(float64(batch*length)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

// benchmarkDecode generates one token after another until the context is full.
func benchmarkDecode(b *testing.B, c pedestrian.Config) {
	p := pedestrian.NewParams[float32](c)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range p.Slab {
		p.Slab[i] = 0.02 * float32(rnd.NormFloat64())
	}
	n := New(p, nil, Options{})
	defer n.Close()
	d := n.NewDecoder(1)
	token := []int32{1}
	for b.Loop() {
		if d.Len(0) == c.Context {
			d.Reset()
		}
		d.Feed(0, token)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

func BenchmarkAttention64(b *testing.B)   { benchmarkAttention(b, 12, 4, 32, 64) }
func BenchmarkAttention1024(b *testing.B) { benchmarkAttention(b, 1, 12, 64, 1024) }

// benchmarkAttention is one layer, forward and backward, on one thread.
func benchmarkAttention(b *testing.B, batch, heads, width, length int) {
	rows, d := batch*length, heads*width
	rnd := rand.New(rand.NewPCG(1, 2))
	mat := func(cols int) Mat[float32] {
		m := NewMat[float32](rows, cols)
		for i := range m.V {
			m.V[i] = float32(rnd.NormFloat64())
		}
		return m
	}
	qkv, dqkv, y, dy := mat(3*d), mat(3*d), mat(d), mat(d)
	split := func(m Mat[float32]) (q, k, v Mat[float32]) {
		return m.Sub(0, rows, 0, d), m.Sub(0, rows, d, 2*d), m.Sub(0, rows, 2*d, 3*d)
	}
	q, k, v := split(qkv)
	dq, dk, dv := split(dqkv)
	segments := make([]segment, batch)
	for i := range segments {
		segments[i] = segment{i * length, i * length, length, 0}
	}
	l := attention[float32]{heads: heads, keyDim: width, valueDim: width}
	c := &attentionCache[float32]{lse: NewMat[float32](heads, rows)}
	forward, backward := 0.0, 0.0
	for b.Loop() {
		start := time.Now()
		l.forward(nil, y, c, q, k, v, segments)
		half := time.Now()
		l.backward(nil, dq, dk, dv, dy, c, q, k, v, y, segments)
		forward, backward = forward+half.Sub(start).Seconds(), backward+time.Since(half).Seconds()
	}
	n := float64(b.N) * float64(batch*heads) * float64(length) * float64(length) * float64(width) // half of 2 n² d a product
	b.ReportMetric(2*n/forward/1e9, "forward-GFLOP/s")
	b.ReportMetric(5*n/backward/1e9, "backward-GFLOP/s")
}
