package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// The networks of the cases: GPT-2 small as released, and nanoGPT's character
// configuration for a CPU.
var (
	benchGPT2 = pedestrian.Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12,
		Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true}
	benchChar = pedestrian.Config{Vocab: 65, Context: 64, Width: 128, Heads: 4, Blocks: 4,
		Activation: pedestrian.GELU, Eps: 1e-5, Tied: true}
)

// phaseNames is the order of phases in print. The first three make up a step; the
// others are its kinds of work, of which all but the rest are measured alone.
var phaseNames = []string{"forward", "backward", "optimizer", "products", "attention", "logits", "rest"}

func stepCases() (cases []benchCase) {
	for _, s := range []struct {
		name      string
		c         pedestrian.Config
		b, t, rep int
		long      bool
	}{
		{"char", benchChar, 12, 64, 30, false}, {"gpt2", benchGPT2, 4, 64, 5, false},
		{"gpt2", benchGPT2, 4, 256, 3, true}, {"gpt2", benchGPT2, 1, 1024, 3, true},
	} {
		for _, p := range []engine.Precision{engine.Float32, engine.BF16} {
			cases = append(cases, benchCase{fmt.Sprintf("train/%s/%dx%d/%s", s.name, s.b, s.t, p), s.long, func(b *bench, r *figures) error {
				st := newStep(b, s.c, s.b, s.t, p)
				defer st.net.Close()
				st.measure(b, r, b.repeats(s.rep))
				return nil
			}})
		}
	}
	for _, shape := range [][2]int{{1, 512}, {4, 256}} {
		for _, p := range []engine.Precision{engine.Float32, engine.BF16} {
			cases = append(cases, benchCase{fmt.Sprintf("train/smollm2-135m/%dx%d/%s", shape[0], shape[1], p), true, func(b *bench, r *figures) error {
				st := newStep(b, published["smollm2-135m"], shape[0], shape[1], p)
				defer st.net.Close()
				st.measure(b, r, b.repeats(3))
				return nil
			}})
		}
	}
	return cases
}

// trainStep is what a training step needs.
type trainStep struct {
	c           pedestrian.Config
	net         *engine.Network[float32]
	w, dw, m, v *pedestrian.Params[float32] // beside an adapter w alone
	adapter     *adapterStep                // nil where the whole network is trained
	batch       engine.Batch
	rnd         *rand.Rand
	count       int
	precision   engine.Precision
	recompute   bool
}

// randomParams are weights as a network begins with.
func randomParams(c pedestrian.Config) *pedestrian.Params[float32] {
	p, rnd := pedestrian.NewParams[float32](c), rand.New(rand.NewPCG(1, 2))
	for i := range p.Slab {
		p.Slab[i] = 0.02 * float32(rnd.Float64()*2-1)
	}
	for _, t := range p.Tensors() {
		if t.Vec() {
			for i := range t.V {
				t.V[i] += 1
			}
		}
	}
	return p
}

func newStep(b *bench, c pedestrian.Config, batch, t int, p engine.Precision) *trainStep {
	s := &trainStep{c: c, w: randomParams(c), rnd: rand.New(rand.NewPCG(3, 4)), precision: p, recompute: b.recompute}
	s.dw, s.m, s.v = pedestrian.NewParams[float32](c), pedestrian.NewParams[float32](c), pedestrian.NewParams[float32](c)
	s.net = engine.New(s.w, nil, engine.Options{Batch: batch, Context: t, Threads: b.threads, Precision: p, Recompute: b.recompute})
	s.batch = engine.Batch{B: batch, T: t, Tokens: make([]int32, batch*t), Targets: make([]int32, batch*t)}
	return s
}

// draw fills the batch with new tokens.
func (s *trainStep) draw() {
	for i := range s.batch.Tokens {
		s.batch.Tokens[i], s.batch.Targets[i] = int32(s.rnd.IntN(s.c.Vocab)), int32(s.rnd.IntN(s.c.Vocab))
	}
}

func (s *trainStep) gradients() {
	if a := s.adapter; a != nil {
		s.net.SetGradients(nil, a.dw, s.batch, 1/float64(len(s.batch.Tokens)), uint64(s.count))
		return
	}
	s.net.SetGradients(s.dw, nil, s.batch, 1/float64(len(s.batch.Tokens)), uint64(s.count))
}

// optimize clips to norm 1 and updates.
func (s *trainStep) optimize() {
	s.count++
	h := engine.AdamW{LR: 1e-4, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Decay: 0.1}
	if a := s.adapter; a != nil {
		s.net.AdamWAdapter(h, s.count, s.clip(a.dw.Slab), a.w, a.dw, a.m, a.v)
		return
	}
	s.net.AdamW(h, s.count, s.clip(s.dw.Slab), s.w, s.dw, s.m, s.v)
}

// clip is the factor that brings the norm of a gradient to at most 1.
func (s *trainStep) clip(gradient []float32) float64 {
	if norm := s.net.Norm2(gradient); norm > 1 {
		return 1 / norm
	}
	return 1
}

// operations of a step: of GPT-2's as the field counts them, of others those that
// stepGFLOP counts.
func (s *trainStep) operations() float64 {
	c := s.c
	if s.adapter != nil {
		return 1e9 * float64(s.batch.B) * stepGFLOP(c, &s.adapter.w.Config, s.batch.T, s.recompute)
	}
	if c.Gated {
		return 1e9 * float64(s.batch.B) * stepGFLOP(c, nil, s.batch.T, s.recompute)
	}
	return float64(len(s.batch.Tokens)) * (6*float64(s.w.Count()) + 12*float64(c.Blocks*c.Width*s.batch.T))
}

func (s *trainStep) measure(b *bench, r *figures, repeat int) {
	r.Tokens, r.Flop, r.Phases = len(s.batch.Tokens), s.operations(), map[string]float64{}
	s.draw()
	s.gradients() // takes the memory
	s.optimize()
	var gradients, optimizer, forward []float64
	b.against(r, repeat, func() {
		s.draw()
		gradients = append(gradients, timed(s.gradients))
		optimizer = append(optimizer, timed(s.optimize))
	})
	r.PeakMiB = peakMemory()
	for range repeat {
		forward = append(forward, timed(func() { s.net.Loss(s.batch) }))
	}
	f, all := median(forward), median(gradients[1:])
	r.Phases["forward"], r.Phases["backward"], r.Phases["optimizer"] = f, all-f, median(optimizer[1:])
	r.PhaseGFLOPS = map[string]float64{}
	if s.adapter == nil { // forward is a third of the operations
		r.PhaseGFLOPS["forward"], r.PhaseGFLOPS["backward"] = r.Flop/3/f/1e6, r.Flop/1.5/(all-f)/1e6
	}
	s.bandwidth(b, r)
	if b.parts && !s.c.Gated && s.adapter == nil {
		s.parts(b, r, repeat)
	}
}

// bandwidth is the rate at which the optimizer moves weights, a gradient and two moments,
// beside that of copying: it reads the gradient for the norm, then all four, and writes
// three. What it packs in bf16 is not counted. It may be faster than copying, where what
// is written over is fetched first and not counted. Of networks that live in the cache it
// says nothing. What is copied are weights over the gradient, so that the process takes no
// more memory for it.
func (s *trainStep) bandwidth(b *bench, r *figures) {
	const size = 1 << 26
	if len(s.w.Slab) < size || s.adapter != nil {
		return
	}
	copied := &traffic{s.w.Slab[:size], s.dw.Slab[:size]}
	var rates []float64
	for range 5 {
		rates = append(rates, float64(8*len(copied.x))/timed(func() { b.pool.Run(copied.parts(), copied) })/1e6)
	}
	rate := 32 * float64(s.w.Count()) / r.Phases["optimizer"] / 1e6
	r.PhaseGBPerS, r.PhaseOfCopying = map[string]float64{"optimizer": rate}, map[string]float64{"optimizer": rate / median(rates)}
}
