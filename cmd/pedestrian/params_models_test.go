package main

import (
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// The parameters that the published models have, those of a LoRA adapter of rank 16 beside
// the seven layers of every block, and for two of them the work of a step on 512 tokens.
func TestPublished(t *testing.T) {
	for name, want := range map[string]struct {
		parameters, lora int
		gflop            float64
	}{
		"smollm2-135m": {134_515_008, 4_884_480, 322}, "smollm2-360m": {361_821_120, 8_683_520, 0}, "smollm2-1.7b": {1_711_376_384, 18_087_936, 0},
		"qwen2.5-0.5b": {494_032_768, 8_798_208, 1079}, "qwen2.5-1.5b": {1_543_714_304, 18_464_768, 0}, "qwen3-0.6b": {596_049_920, 10_092_544, 0}, "qwen3-1.7b": {1_720_574_976, 17_432_576, 0},
		"tinyllama": {1_100_048_384, 12_615_680, 0}, "llama-3.2-1b": {1_235_814_400, 11_272_192, 0}, "llama-3.2-3b": {3_212_749_824, 24_313_856, 0},
		"llama-2-7b": {6_738_415_616, 39_976_960, 0}, "llama-3.1-8b": {8_030_261_248, 41_943_040, 0}, "mistral-7b": {7_241_732_096, 41_943_040, 0}, "gpt2": {124_439_808, 0, 0},
	} {
		c, ok := published[name]
		if !ok {
			t.Errorf("%s is not there", name)
			continue
		}
		if err := c.Validate(); err != nil || c.Ledger().Total() != want.parameters {
			t.Errorf("%s has %d parameters, %v, and %d by its publisher", name, c.Ledger().Total(), err, want.parameters)
		}
		if want.lora == 0 {
			continue
		}
		a := pedestrian.AdapterConfig{Rank: 16, Alpha: 16, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"q", "k", "v", "attProj", "gate", "up", "down"}}
		if got := a.Ledger(c).Total(); got != want.lora {
			t.Errorf("%s: an adapter of %d parameters, and %d were counted", name, got, want.lora)
		}
		if got := stepGFLOP(c, &a, 512, false); want.gflop > 0 && math.Abs(got-want.gflop) > 1 {
			t.Errorf("%s: a step of %.1f GFLOP, and %.0f were counted", name, got, want.gflop)
		}
		if name == "smollm2-135m" {
			// Of 29 blocks again: all but down, and the scores and values of 9 heads of 64.
			rows := 29 * (576*576*2 + 576*192*2 + 576*1536*2 + 2*9*64*513/2)
			if more := stepGFLOP(c, &a, 512, true) - stepGFLOP(c, &a, 512, false); math.Abs(more-2*512*float64(rows)/1e9) > 0.01 {
				t.Errorf("%s: recomputing takes %.2f GFLOP, and 2·512·%d are %.2f", name, more, rows, 2*512*float64(rows)/1e9)
			}
		}
	}
	// Of Qwen2.5-0.5B all but 24 blocks' 2·896 gains and 1,152 biases, and 896 gains, take 2 bytes.
	if got, vectors := frozenBytes(published["qwen2.5-0.5b"]), int64(24*(2*896+1152)+896); got != 2*494_032_768+2*vectors {
		t.Errorf("Qwen2.5-0.5B takes %d bytes beside an adapter", got)
	}
	if len(published) != 14 {
		t.Errorf("%d networks are listed", len(published))
	}
}
