package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/train"
)

// What one repetition generates, after a prompt that is not timed.
const (
	generatePrompt = 32
	generateTokens = 128
)

// generateTogether is how many texts one repetition generates at the same time.
var generateTogether = []int{1, 8}

// generateModels are the networks that generate, and that read a prompt.
var generateModels = []string{"gpt2", "smollm2-135m", "qwen2.5-0.5b"}

func generateCases() (cases []benchCase) {
	for _, model := range generateModels {
		for _, texts := range generateTogether {
			for _, p := range readPrecisions {
				name := "generate/" + model + "/"
				if texts > 1 {
					name += fmt.Sprint(texts, "/")
				}
				cases = append(cases, benchCase{name + string(p), model != "gpt2", func(b *bench, r *figures) error {
					b.generate(r, published[model], texts, p)
					return nil
				}})
			}
		}
	}
	for _, model := range generateModels {
		for _, p := range readPrecisions {
			cases = append(cases, benchCase{fmt.Sprintf("prompt/%s/%d/%s", model, promptTokens, p), true, func(b *bench, r *figures) error {
				b.readPrompt(r, published[model], p)
				return nil
			}})
		}
	}
	return cases
}

// promptTokens is the length of a prompt that is read alone.
const promptTokens = 512

// readParams are random weights as a model that is read with precision p has them.
func readParams(c pedestrian.Config, p readPrecision) *pedestrian.Params[float32] {
	switch p {
	case inBlocks:
		return frozenParams(c, pedestrian.Q8)
	case readPrecision(engine.BF16):
		return frozenParams(c, pedestrian.BF16)
	}
	return randomParams(c)
}

// readPrompt reads a prompt, to the logits of its last token.
func (b *bench) readPrompt(r *figures, c pedestrian.Config, precision readPrecision) {
	net := engine.New(readParams(c, precision), nil, engine.Options{Threads: b.threads, Precision: precision.products()})
	defer net.Close()
	d := net.NewDecoder(1)
	rnd := rand.New(rand.NewPCG(7, 8))
	prompt := make([]int32, promptTokens)
	r.Tokens, r.Flop = promptTokens, 1e9*forwardGFLOP(c, promptTokens)
	b.against(r, b.repeats(5), func() {
		d.Reset()
		for j := range prompt {
			prompt[j] = int32(rnd.IntN(c.Vocab))
		}
		d.Feed(0, prompt)
	})
	r.PeakMiB = peakMemory()
}

// forwardGFLOP counts the multiplications and additions of reading n tokens, with the
// logits of the last alone.
func forwardGFLOP(c pedestrian.Config, n int) float64 {
	sum := 2 * float64(c.Width) * float64(c.Vocab)
	for _, l := range c.Linears() {
		if l.Target == l.Layer && l.Block >= 0 {
			sum += 2 * float64(n) * float64(l.In) * float64(l.Out)
		}
	}
	return (sum + float64(n*(n+1))*float64(c.Blocks*c.Heads)*float64(c.QueryDim()+c.ValueDim())) / 1e9
}

// generate feeds a prompt for each text, then the most likely token again and again.
func (b *bench) generate(r *figures, c pedestrian.Config, texts int, precision readPrecision) {
	p := readParams(c, precision)
	net := engine.New(p, nil, engine.Options{Threads: b.threads, Precision: precision.products()})
	defer net.Close()
	d := net.NewDecoder(texts)
	seqs, next := make([]int, texts), make([]int32, texts)
	rnd := rand.New(rand.NewPCG(5, 6))
	prompt := make([]int32, generatePrompt)
	read := newMemory(1 << 27)
	var bandwidth []float64
	for i := range b.repeats(3) + 1 {
		d.Reset()
		for seq := range seqs {
			for j := range prompt {
				prompt[j] = int32(rnd.IntN(c.Vocab))
			}
			seqs[seq], next[seq] = seq, greedy(d.Feed(seq, prompt))
		}
		ms := timed(func() { b.pool.Run(read.parts(), read) })
		bandwidth = append(bandwidth, float64(4*len(read.x))/ms/1e6)
		ms = timed(func() {
			for range generateTokens {
				logits := d.Next(seqs, next)
				for seq := range seqs {
					next[seq] = greedy(logits.Row(seq))
				}
			}
		})
		if i > 0 { // the first takes memory
			r.MS = append(r.MS, ms)
		}
	}
	bytes := int64(0) // of the weights, which each token reads
	for _, t := range p.Tensors() {
		if t.Layer != "pos" {
			bytes += t.Bytes(t.Narrow.Storage, 4)
		}
	}
	r.Tokens, r.Bytes, r.PeakMiB = texts*generateTokens, generateTokens*float64(bytes), peakMemory()
	r.OfBandwidth = r.Bytes / median(r.MS) / 1e6 / median(bandwidth)
}

// greedy is the most likely token.
func greedy(logits []float32) int32 {
	best := 0
	for i, v := range logits {
		if v > logits[best] {
			best = i
		}
	}
	return int32(best)
}

// charTarget is the validation loss of run/char that time is taken to.
const charTarget = 1.90

func runCases() (cases []benchCase) {
	for _, p := range []engine.Precision{engine.Float32, engine.BF16} {
		cases = append(cases, benchCase{"run/char/" + string(p), true, func(b *bench, r *figures) error { return b.charRuns(r, p) }})
	}
	return cases
}

func (b *bench) charRuns(r *figures, p engine.Precision) error {
	o, err := train.PresetOptions("char")
	if err != nil {
		return err
	}
	o.Data, o.Threads, o.EvalEvery, o.EvalBatches, o.Precision = b.text, b.threads, 250, 0, string(p)
	d, err := train.LoadData(o)
	if err != nil {
		return usageError{err}
	}
	for range b.repeats(1) {
		if err := b.charRun(r, o, d); err != nil {
			return err
		}
	}
	r.PeakMiB = peakMemory()
	return nil
}

// charRun trains once, to the end. The clock starts after the evaluation of the random
// weights, which takes the memory and is not what others do.
func (b *bench) charRun(r *figures, o train.Options, d *train.Data) (err error) {
	run, err := train.Start(o, d, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	var hit *float64
	var last float64
	start := time.Now()
	_, err = run.Train(context.Background(), train.Observer{Evaluate: func(e train.Evaluation) {
		if e.Step == 0 {
			start = time.Now()
			return
		}
		if s := time.Since(start).Seconds(); e.Loss <= charTarget && hit == nil {
			hit = &s
		}
		last = e.Loss
	}})
	r.MS = append(r.MS, float64(time.Since(start))/1e6)
	r.SToTarget, r.ValLoss = append(slices.Clip(r.SToTarget), hit), append(r.ValLoss, last)
	r.Tokens = int(run.State.Tokens)
	return err
}
