package train

import (
	"testing"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// BenchmarkGuard compares a step with what the guard adds to it: Norms beside Norm2,
// which clipping needs anyhow, and the judging of spikes.
func BenchmarkGuard(b *testing.B) {
	networks := benchNetworks(b)
	whole, err := PresetOptions("gpt2") // with all its windows a step
	if err != nil {
		b.Fatal(err)
	}
	whole.Preset = "gpt2-whole"
	for _, o := range append(networks, whole) {
		b.Run(o.Preset, func(b *testing.B) {
			o.Data, o.Tokenizer, o.Align, o.Steps = "numbers", "bytes", corpus.AlignNone, 1<<30
			d := &Data{Source: o.Data, Tokenizer: token.NewBytes(), vocab: o.Vocab}
			tokens := make([]int32, 200_000)
			for i := range tokens {
				tokens[i] = int32(i * i % 251 % o.Vocab)
			}
			d.Train, d.Val = corpus.SplitTokens(tokens, o.ValFraction)
			o.Vocab = max(o.Vocab, 256)
			r := start(b, o, d, "")
			s := r.State
			for range 2 {
				if _, err := r.Step(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			for range spikeWindow {
				s.Window.add(2, 1)
			}
			took := map[string]float64{}
			timed := func(name string, f func()) {
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						f()
					}
					took[name] = float64(b.Elapsed()) / float64(b.N)
				})
			}
			timed("step", func() { r.Step(b.Context()) })
			timed("Norm2", func() { r.net.Norm2(r.grad.Slab()) })
			timed("Norms", func() { r.stepper.norms() })
			timed("judge", func() { s.Window.zScores(2, 1) })
			b.Logf("the guard adds %.2f %% to a step", 100*(took["Norms"]-took["Norm2"]+took["judge"])/took["step"])
		})
	}
}
