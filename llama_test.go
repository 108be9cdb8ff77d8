package pedestrian

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// llamaLike is a network of the Llama family of this size.
func llamaLike(vocab, width, hidden, blocks, heads, kvHeads, headDim int, base float64) Config {
	return Config{Vocab: vocab, Context: 2048, Width: width, Heads: heads, Blocks: blocks, Hidden: hidden, KVHeads: kvHeads, HeadDim: headDim,
		Activation: SiLU, Eps: 1e-5, Norm: RMSNorm, Positions: Rotary, Rotation: Rotation{Base: base}, Gated: true}
}

// TestLlamaCounts counts the parameters of known networks, and those of LoRA with r = 16
// beside all products of their blocks. The figures are those of their publishers.
func TestLlamaCounts(t *testing.T) {
	tied := func(c Config) Config { c.Tied = true; return c }
	biased := func(c Config) Config { c.Tied, c.QKVBias = true, true; return c }
	normed := func(c Config) Config { c.Tied, c.QKNorm = true, true; return c }
	slid := func(c Config) Config { c.SlidingWindow = 4096; return c }
	llama3 := tied(llamaLike(128256, 2048, 8192, 16, 32, 8, 64, 5e5))
	llama3.Rotation = Rotation{Base: 5e5, Scaling: Llama3Scaling, Factor: 32, Low: 1, High: 4, Original: 8192}
	for _, n := range []struct {
		name         string
		c            Config
		params, lora int
	}{
		{"SmolLM2-135M", tied(llamaLike(49152, 576, 1536, 30, 9, 3, 0, 1e5)), 134_515_008, 4_884_480},
		{"SmolLM2-360M", tied(llamaLike(49152, 960, 2560, 32, 15, 5, 64, 1e5)), 361_821_120, 8_683_520},
		{"SmolLM2-1.7B", tied(llamaLike(49152, 2048, 8192, 24, 32, 0, 0, 1.3e5)), 1_711_376_384, 18_087_936},
		{"Qwen2.5-0.5B", biased(llamaLike(151936, 896, 4864, 24, 14, 2, 0, 1e6)), 494_032_768, 8_798_208},
		{"Qwen2.5-1.5B", biased(llamaLike(151936, 1536, 8960, 28, 12, 2, 128, 1e6)), 1_543_714_304, 18_464_768},
		{"Qwen3-0.6B", normed(llamaLike(151936, 1024, 3072, 28, 16, 8, 128, 1e6)), 596_049_920, 10_092_544},
		{"Qwen3-1.7B", normed(llamaLike(151936, 2048, 6144, 28, 16, 8, 0, 1e6)), 1_720_574_976, 17_432_576},
		{"TinyLlama-1.1B", llamaLike(32000, 2048, 5632, 22, 32, 4, 0, 1e4), 1_100_048_384, 12_615_680},
		{"Llama-3.2-1B", llama3, 1_235_814_400, 11_272_192},
		{"Llama-3.2-3B", tied(llamaLike(128256, 3072, 8192, 28, 24, 8, 128, 5e5)), 3_212_749_824, 24_313_856},
		{"Llama-2-7B", llamaLike(32000, 4096, 11008, 32, 32, 0, 0, 1e4), 6_738_415_616, 39_976_960},
		{"Llama-3.1-8B", llamaLike(128256, 4096, 14336, 32, 32, 8, 128, 5e5), 8_030_261_248, 41_943_040},
		{"Mistral-7B", slid(llamaLike(32000, 4096, 14336, 32, 32, 8, 0, 1e4)), 7_241_732_096, 41_943_040},
	} {
		if err := n.c.Validate(); err != nil {
			t.Errorf("%s: %v", n.name, err)
			continue
		}
		seven := slices.DeleteFunc(n.c.Targets(), func(t Target) bool { return t == TargetLogits })
		lora := AdapterConfig{Rank: 16, Alpha: 16, Scaling: ScaleRank, Targets: seven}
		if err := lora.ValidateFor(n.c); err != nil {
			t.Errorf("%s: %v", n.name, err)
		}
		slots := 0
		for _, s := range n.c.Slots() {
			slots += s.Rows * s.Cols
		}
		if got := n.c.Ledger().Total(); got != n.params || slots != n.params {
			t.Errorf("%s: %d parameters by the ledger and %d by the slots, not %d", n.name, got, slots, n.params)
		}
		if got := lora.Ledger(n.c).Total(); got != n.lora || len(seven) != 7 {
			t.Errorf("%s: LoRA on %v has %d parameters, not %d", n.name, seven, got, n.lora)
		}
	}
}

// TestLlamaSlots lists the parameters of a small network with every choice.
func TestLlamaSlots(t *testing.T) {
	c := Config{Vocab: 7, Context: 9, Width: 10, Heads: 4, Blocks: 1, KeyDim: 6, Hidden: 11, KVHeads: 2, HeadDim: 3, Activation: SiLU,
		Norm: RMSNorm, Positions: Rotary, Gated: true, QKNorm: true, QKVBias: true, MLPBias: true}
	var all []string
	for _, s := range c.Slots() {
		all = append(all, s.Name+" "+s.Shape())
	}
	want := "tok.w 7x10, block.0.ln1.w 10, block.0.qkv.w 10x42, block.0.qkv.b 42, block.0.qNorm.w 6, block.0.kNorm.w 6, block.0.attProj.w 12x10, " +
		"block.0.ln2.w 10, block.0.gate.w 10x11, block.0.gate.b 11, block.0.up.w 10x11, block.0.up.b 11, block.0.down.w 11x10, block.0.down.b 10, lnFinal.w 10, logits.w 10x7"
	if got := strings.Join(all, ", "); got != want {
		t.Errorf("parameters are %s, want %s", got, want)
	}
	for _, l := range []struct {
		target        Target
		in, out, from int
	}{{TargetQ, 10, 24, 0}, {TargetK, 10, 12, 24}, {TargetV, 10, 6, 36}, {TargetAttProj, 12, 10, 0}, {TargetUp, 10, 11, 0}, {TargetDown, 11, 10, 0}} {
		if got := c.Linear(0, l.target); got.In != l.in || got.Out != l.out || got.From != l.from {
			t.Errorf("%s is %+v, want %+v", l.target, got, l)
		}
	}
	p, a := NewParams[float32](c), NewAdapter[float32](c, AdapterConfig{Rank: 2, Scaling: ScaleRank, Targets: c.Targets(), Norms: true, DoRA: true, Bias: BiasAll})
	if p.Blocks[0].KNorm.W.V == nil || p.Blocks[0].Down.B.V == nil || p.Blocks[0].Expand.W.V != nil || p.Pos.V != nil {
		t.Error("the views are not those of the network")
	}
	if a.Blocks[0].Up.Down.Cols != 2 || a.Blocks[0].Own.QNorm.W.V == nil || a.Count() != a.Config.Ledger(c).Total() || p.Count() != c.Ledger().Total() {
		t.Errorf("an adapter of %d numbers, %d by its ledger; %d parameters, %d by theirs", a.Count(), a.Config.Ledger(c).Total(), p.Count(), c.Ledger().Total())
	}
}

// TestKeyBiasesWithoutGradient: those of keys that turn learn, and those of normed keys.
func TestKeyBiasesWithoutGradient(t *testing.T) {
	c := llamaLike(11, 24, 7, 3, 4, 2, 0, 0)
	c.QKVBias = true
	for want, change := range map[int]func(*Config){
		0:         func(*Config) {},
		3 * 2 * 2: func(c *Config) { c.Rotation.Dims = 4 },
		3 * 2 * 6: func(c *Config) { c.Positions = NoPositions },
		3 * 4 * 6: func(c *Config) { c.Positions, c.KVHeads = Learned, 0 },
	} {
		c := c
		change(&c)
		if got := c.KeyBiasesWithoutGradient(); got != want {
			t.Errorf("%+v: %d, want %d", c, got, want)
		}
		if c.QKNorm = true; c.KeyBiasesWithoutGradient() != 0 {
			t.Errorf("%+v: biases of keys that are normed learn", c)
		}
	}
}

// TestChoicesAreOptional: the configuration of a GPT-2 is written as ever, and one with
// choices is read as it was written.
func TestChoicesAreOptional(t *testing.T) {
	text, err := json.Marshal(gpt2Small())
	if want := `{"vocab":50257,"context":1024,"width":768,"heads":12,"blocks":12,"activation":"gelu_tanh","eps":0.00001,"bias":true,"logits_bias":true,"tied":false}`; err != nil || string(text) != want {
		t.Errorf("%v: %s, want %s", err, text, want)
	}
	c := llamaLike(11, 24, 7, 3, 4, 2, 8, 1e6)
	c.Rotation = Rotation{Base: 1e6, Scaling: YarnScaling, Factor: 4, Original: 32768}
	var read Config
	if text, err = json.Marshal(c); err == nil {
		err = json.Unmarshal(text, &read)
	}
	if err != nil || read != c {
		t.Errorf("%v: %+v is read as %+v", err, c, read)
	}
	if got := gpt2Small().BeyondGPT2(); got != nil {
		t.Errorf("a GPT-2 is said to have %v", got)
	}
	if got := strings.Join(c.BeyondGPT2(), ", "); got != "norm rmsnorm, positions rotary, gated, kv_heads 2, head_dim 8" {
		t.Errorf("choices are %s", got)
	}
}

func TestValidateChoices(t *testing.T) {
	ok := llamaLike(11, 24, 7, 3, 4, 2, 0, 1e4)
	for want, breakIt := range map[string]func(*Config){
		"kv_heads is 3: it must divide":                       func(c *Config) { c.KVHeads = 3 },
		"kv_heads is 8: it must divide":                       func(c *Config) { c.KVHeads = 8 },
		"kv_heads is -1":                                      func(c *Config) { c.KVHeads = -1 },
		"head_dim is -1":                                      func(c *Config) { c.HeadDim = -1 },
		"head_dim is 2000000000, for 4 heads":                 func(c *Config) { c.HeadDim = 2e9 },
		"or set head_dim":                                     func(c *Config) { c.Width = 25 },
		`unknown norm "rms": choose "rmsnorm"`:                func(c *Config) { c.Norm = "rms" },
		`unknown positions "alibi"`:                           func(c *Config) { c.Positions = "alibi" },
		`rotation is set, and positions is ""`:                func(c *Config) { c.Positions = Learned },
		"sliding_window is -1":                                func(c *Config) { c.SlidingWindow = -1 },
		"bias is true, which means all biases":                func(c *Config) { c.Bias, c.QKVBias = true, true },
		"rotation.base is 1":                                  func(c *Config) { c.Rotation.Base = 1 },
		"rotation.dims is 5":                                  func(c *Config) { c.Rotation.Dims = 5 },
		"rotation.dims is 8":                                  func(c *Config) { c.Rotation.Dims = 8 },
		"a head has queries of 5 numbers":                     func(c *Config) { c.KeyDim = 5 },
		`unknown rotation.scaling "dynamic"`:                  func(c *Config) { c.Rotation.Scaling, c.Rotation.Factor = "dynamic", 2 },
		`rotation.factor is 2, and rotation.scaling is ""`:    func(c *Config) { c.Rotation.Factor = 2 },
		`rotation.low is 1, and rotation.scaling is "linear"`: func(c *Config) { c.Rotation = Rotation{Scaling: LinearScaling, Factor: 2, Low: 1} },
		"rotation.factor is 0: linear scaling needs":          func(c *Config) { c.Rotation.Scaling = LinearScaling },
		"rotation.low is 4 and rotation.high 1": func(c *Config) {
			c.Rotation = Rotation{Scaling: Llama3Scaling, Factor: 8, Low: 4, High: 1, Original: 9}
		},
		"rotation.original is 0: yarn scaling needs": func(c *Config) { c.Rotation = Rotation{Scaling: YarnScaling, Factor: 8} },
		"rotation.slow is 40 and rotation.fast 32":   func(c *Config) { c.Rotation = Rotation{Scaling: YarnScaling, Factor: 8, Slow: 40, Original: 9} },
	} {
		c := ok
		breakIt(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := (AdapterConfig{Rank: 1, Scaling: ScaleRank, Targets: []Target{TargetGate}}).ValidateFor(gpt2Small()); err == nil || !strings.Contains(err.Error(), `target "gate": the network has no such layer: choose from [q k v`) {
		t.Error(err)
	}
}
