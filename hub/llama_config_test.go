package hub

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pedestrian-ml/pedestrian"
)

// llamaConfig is a config.json of a small network of the Llama family, with more members.
func llamaConfig(kind, more string) string {
	return fmt.Sprintf(`{"model_type": %q, "vocab_size": 50, "max_position_embeddings": 32, "hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 6, "num_key_value_heads": 2`, kind) + more + `}`
}

// What config.json says, and what the class of transformers assumes where it is silent.
func TestLlamaConfig(t *testing.T) {
	small := pedestrian.Config{Vocab: 50, Context: 32, Width: 24, Heads: 6, KVHeads: 2, Blocks: 2, Hidden: 20, Eps: 1e-6,
		Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Gated: true, Activation: pedestrian.SiLU}
	with := func(change func(c *pedestrian.Config)) pedestrian.Config {
		c := small
		change(&c)
		return c
	}
	type config = pedestrian.Config
	rotated := func(r pedestrian.Rotation) pedestrian.Config { return with(func(c *config) { c.Rotation = r }) }
	for _, f := range []struct {
		kind, more string
		want       pedestrian.Config
	}{
		{"llama", ``, small},
		{"llama", `, "head_dim": 4, "hidden_act": "silu", "rms_norm_eps": 1e-5, "tie_word_embeddings": true`, with(func(c *config) { c.Eps, c.Tied = 1e-5, true })},
		{"llama", `, "head_dim": null, "attention_bias": true`, with(func(c *config) { c.QKVBias, c.AttProjBias = true, true })},
		{"llama", `, "mlp_bias": true, "head_dim": 6`, with(func(c *config) { c.MLPBias, c.HeadDim = true, 6 })},
		{"llama", `, "hidden_act": "gelu_pytorch_tanh"`, with(func(c *config) { c.Activation = pedestrian.GELUTanh })},
		{"mistral", `, "sliding_window": null`, small},
		{"mistral", ``, with(func(c *config) { c.SlidingWindow = 4096 })},
		{"mistral", `, "sliding_window": 7`, with(func(c *config) { c.SlidingWindow = 7 })},
		{"qwen2", `, "sliding_window": 7`, with(func(c *config) { c.QKVBias = true })},
		{"qwen2", `, "use_sliding_window": true, "sliding_window": 7`, with(func(c *config) { c.QKVBias = true })}, // from block 28 on
		{"qwen2", `, "use_sliding_window": true, "sliding_window": 7, "max_window_layers": 0`, with(func(c *config) { c.QKVBias, c.SlidingWindow = true, 7 })},
		{"qwen2", `, "use_sliding_window": true, "sliding_window": 7, "layer_types": ["sliding_attention", "sliding_attention"]`, with(func(c *config) { c.QKVBias, c.SlidingWindow = true, 7 })},
		{"qwen2", `, "use_sliding_window": true, "max_window_layers": 0`, with(func(c *config) { c.QKVBias, c.SlidingWindow = true, 4096 })},
		{"qwen3", ``, with(func(c *config) { c.QKNorm, c.HeadDim = true, 128 })},
		{"qwen3", `, "head_dim": 4, "attention_bias": true`, with(func(c *config) { c.QKNorm, c.QKVBias, c.AttProjBias = true, true, true })},
		{"llama", `, "rope_theta": 10000.0, "rope_scaling": null`, small},
		{"llama", `, "rope_theta": 500000`, rotated(pedestrian.Rotation{Base: 5e5})},
		{"llama", `, "rope_parameters": {"rope_theta": 500000.0, "rope_type": "default"}`, rotated(pedestrian.Rotation{Base: 5e5})},
		{"llama", `, "rope_theta": 1e6, "rope_parameters": {"rope_type": "default"}`, rotated(pedestrian.Rotation{Base: 1e6})},
		{"llama", `, "rope_scaling": {"type": "linear", "factor": 4}`, rotated(pedestrian.Rotation{Scaling: pedestrian.LinearScaling, Factor: 4})},
		{"llama", `, "rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}`,
			rotated(pedestrian.Rotation{Base: 5e5, Scaling: pedestrian.Llama3Scaling, Factor: 8, Low: 1, High: 4, Original: 16})},
		{"llama", `, "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "beta_fast": 32, "beta_slow": 1, "truncate": true}`, // of max_position_embeddings
			rotated(pedestrian.Rotation{Scaling: pedestrian.YarnScaling, Factor: 4, Original: 32})},
		{"llama", `, "rope_scaling": {"type": "yarn", "original_max_position_embeddings": 8, "beta_fast": 16, "attention_factor": 1.5, "mscale": 2, "mscale_all_dim": 3}`,
			rotated(pedestrian.Rotation{Scaling: pedestrian.YarnScaling, Factor: 4, Original: 8, Fast: 16, Scale: 1.5})},
		{"llama", `, "rope_scaling": {"type": "yarn", "factor": 20.085536923187668, "original_max_position_embeddings": 8, "mscale": 1, "mscale_all_dim": 0}`,
			rotated(pedestrian.Rotation{Scaling: pedestrian.YarnScaling, Factor: 20.085536923187668, Original: 8})},
		{"llama", `, "rope_scaling": {"type": "linear", "factor": 4}, "rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000}`, rotated(pedestrian.Rotation{Scaling: pedestrian.LinearScaling, Factor: 4})},
	} {
		c, err := parseConfig([]byte(llamaConfig(f.kind, f.more)))
		if diff := cmp.Diff(f.want, c.network); err != nil || diff != "" || len(c.unknown) > 0 {
			t.Errorf("%s%s: %v, unknown %v, -want +got:\n%s", f.kind, f.more, err, c.unknown, diff)
		}
	}
	c, err := parseConfig([]byte(llamaConfig("llama", `, "rope_scaling": {"type": "yarn", "factor": 20.085536923187668, "original_max_position_embeddings": 8, "mscale": 2, "mscale_all_dim": 1}`)))
	if got, want := c.network.Rotation.Scale, (0.2*3+1)/(0.1*3+1); err != nil || got < want-1e-12 || got > want+1e-12 {
		t.Errorf("mscale: cosines are multiplied by %g, %v, want %g", got, err, want)
	}
	c, err = parseConfig([]byte(`{"model_type": "llama"}`))
	if want := (pedestrian.Config{Vocab: 32000, Context: 2048, Width: 4096, Heads: 32, Blocks: 32, Hidden: 11008, Eps: 1e-6, Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Gated: true, Activation: pedestrian.SiLU}); err != nil || c.network != want {
		t.Errorf("what LlamaConfig takes when nothing is said: %+v, %v", c.network, err)
	}
	huge := strings.Replace(llamaConfig("qwen2", `, "use_sliding_window": true, "max_window_layers": 0`), `"num_hidden_layers": 2`, `"num_hidden_layers": 2147483647`, 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = parseConfig([]byte(huge))
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; err == nil || !strings.Contains(err.Error(), "cannot be held") || n > 1<<20 {
		t.Errorf("two thousand million blocks: %v, for which %d bytes were taken", err, n)
	}
	for kind, want := range map[string]int{"mistral": 8, "qwen2": 0} {
		if c, err := parseConfig([]byte(fmt.Sprintf(`{"model_type": %q}`, kind))); err != nil || c.network.KVHeads != want {
			t.Errorf("%s: %d heads of keys, %v", kind, c.network.KVHeads, err)
		}
	}
	c, err = parseConfig([]byte(llamaConfig("llama", `, "sliding_window": 7, "new_key": 1, "pretraining_tp": 4, "num_experts": 1, "logits_scaling": 1.0, "final_logit_softcapping": null, "eos_token_id": [1, 2]`)))
	if err != nil || c.network != small || fmt.Sprint(c.unknown) != "[new_key sliding_window]" || fmt.Sprint(c.eos) != "[1 2]" {
		t.Errorf("what changes nothing: %v, %+v", err, c)
	}
}

// What would be computed in another way is refused by its name, in one line.
func TestLlamaConfigRefuses(t *testing.T) {
	for _, f := range []struct{ kind, more, want string }{
		{"llama", `, "hidden_act": "mish"`, `hidden_act is "mish": gelu, `},
		{"llama", `, "quantization_config": {"bits": 4}`, "the weights are quantized"},
		{"llama", `, "partial_rotary_factor": 0.5`, "partial_rotary_factor is 0.5"},
		{"llama", `, "rope_scaling": {"type": "linear", "factor": 4, "partial_rotary_factor": 0.5}`, "partial_rotary_factor is 0.5"},
		{"llama", `, "rope_interleaved": true`, "rope_interleaved is true"},
		{"llama", `, "no_rope_layers": [1, 1, 0]`, "no_rope_layers is [1, 1, 0]: some blocks do not turn"},
		{"llama", `, "attn_logit_softcapping": 50.0`, "scores are capped"},
		{"llama", `, "logits_scaling": 8`, "logits_scaling is 8"},
		{"llama", `, "logits_scaling": 0`, "logits_scaling is 0"},
		{"llama", `, "residual_multiplier": 0.22`, "residual_multiplier is 0.22"},
		{"llama", `, "num_local_experts": 8`, "mixture of experts"},
		{"llama", `, "attention_multiplier": 1`, "attention_multiplier is 1"},
		{"mistral", `, "attention_bias": true`, "attention_bias is true and mlp_bias false: a model of type mistral has no such biases"},
		{"qwen3", `, "mlp_bias": true`, "a model of type qwen3 has no such biases"},
		{"qwen2", `, "use_sliding_window": true, "max_window_layers": 1`, "some blocks have a window of 4096 tokens and some have none"},
		{"qwen2", `, "use_sliding_window": true, "layer_types": ["sliding_attention"]`, "it must be a list of 2 names"},
		{"qwen2", `, "use_sliding_window": true, "layer_types": ["sliding_attention", "linear_attention"]`, `layer_types has "linear_attention"`},
		{"mistral", `, "sliding_window": 0`, "sliding_window is 0: it must be a whole number of at least 1"},
		{"llama", `, "rope_scaling": {"type": "dynamic", "factor": 2}`, `rope_scaling: rope_type is "dynamic": default, linear, llama3 and yarn are computed here`},
		{"llama", `, "rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4}`, `rope_parameters: rope_type is "longrope"`},
		{"llama", `, "rope_scaling": {"type": "linear"}`, "rope_scaling: factor is missing"},
		{"llama", `, "rope_scaling": {"type": "linear", "factor": "4"}`, `factor is "4": it must be a number`},
		{"llama", `, "rope_scaling": {"type": "linear", "factor": 0.5}`, "rotation.factor is 0.5"},
		{"llama", `, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1}`, "high_freq_factor is missing"},
		{"llama", `, "rope_scaling": {"rope_type": "yarn", "factor": 2, "truncate": false}`, "truncate is false"},
		{"llama", `, "rope_scaling": {"rope_type": "linear", "factor": 2, "short_factor": [1]}`, `"short_factor" is [1]: that key is not known here`},
		{"llama", `, "rope_scaling": {"type": "linear", "factor": 4}, "rope_parameters": {"rope_type": "linear", "factor": 8}`, "rope_scaling and rope_parameters say different things"},
		{"llama", `, "rope_parameters": {"full_attention": {"rope_type": "default"}}`, `"full_attention" is {"rope_type": "default"}`},
		{"llama", `, "rope_scaling": 3`, "rope_scaling: "},
		{"llama", `, "rope_theta": 1`, "rotation.base is 1"},
		{"llama", `, "rope_theta": "x"`, `rope_theta is "x"`},
		{"llama", `, "head_dim": 5`, "a head has 5 columns, which do not turn in pairs"},
		{"llama", `, "num_key_value_heads": 4`, "kv_heads is 4: it must divide the 6 heads"},
		{"llama", `, "tie_word_embeddings": 1`, "tie_word_embeddings is 1"},
		{"llama", `, "attention_dropout": 1`, "attention_dropout is 1"},
		{"llama", `, "rms_norm_eps": -1`, "eps is -1"},
	} {
		text := llamaConfig(f.kind, f.more)
		if strings.Contains(f.more, `"num_key_value_heads"`) {
			text = strings.Replace(text, `, "num_key_value_heads": 2`, "", 1)
		}
		_, err := parseConfig([]byte(text))
		if err == nil || !strings.Contains(err.Error(), f.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s%s: got %v, want one line with %s", f.kind, f.more, err, f.want)
		}
	}
	text := strings.Replace(llamaConfig("llama", ""), `"hidden_size": 24`, `"hidden_size": 25`, 1)
	if _, err := parseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), "head_dim is missing, and 6 heads do not divide hidden_size, 25") {
		t.Error(err)
	}
	for _, kind := range []string{"gemma", "gemma2", "phi3", "qwen2_moe", "qwen3_moe", "mixtral", "smollm3", "granite"} {
		if _, err := parseConfig([]byte(llamaConfig(kind, ""))); err == nil || !strings.Contains(err.Error(), fmt.Sprintf(`model_type is %q: "gpt2", "llama", "mistral", "qwen2" and "qwen3" are read`, kind)) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// A network is written as the type of models that computes what it does, or not at all.
func TestLlamaType(t *testing.T) {
	c := pedestrian.Config{Vocab: 50, Context: 32, Width: 24, Heads: 6, Blocks: 2, Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Gated: true, Activation: pedestrian.SiLU}
	type config = pedestrian.Config
	for _, f := range []struct {
		change func(c *config)
		want   string // the type, or what an error says
	}{
		{func(c *config) {}, "llama"},
		{func(c *config) { c.Bias = true }, "llama"},
		{func(c *config) { c.MLPBias = true }, "llama"},
		{func(c *config) { c.QKVBias, c.AttProjBias = true, true }, "llama"},
		{func(c *config) { c.SlidingWindow = 3 }, "mistral"},
		{func(c *config) { c.QKVBias = true }, "qwen2"},
		{func(c *config) { c.QKVBias, c.SlidingWindow = true, 3 }, "qwen2"},
		{func(c *config) { c.QKNorm = true }, "qwen3"},
		{func(c *config) { c.QKNorm, c.SlidingWindow, c.QKVBias, c.AttProjBias = true, 3, true, true }, "qwen3"},
		{func(c *config) { c.QKNorm, c.QKVBias = true, true }, "all layers of the attention have biases or none has"},
		{func(c *config) { c.QKVBias, c.MLPBias = true, true }, "FC_attProj has none"},
		{func(c *config) { c.AttProjBias = true }, "or the other way round"},
		{func(c *config) { c.Bias, c.SlidingWindow = true, 3 }, "it has a window of 3 tokens (sliding_window) and biases"},
		{func(c *config) { c.Positions = pedestrian.NoPositions }, "neither a GPT-2"},
		{func(c *config) { c.Norm = pedestrian.LayerNorm }, "neither a GPT-2"},
		{func(c *config) { c.Gated = false }, "neither a GPT-2"},
		{func(c *config) { c.KeyDim = 2 }, "queries of 2 features (key_dim)"},
		{func(c *config) { c.Unscaled = true }, "its scores are not divided by √d_h alone"},
		{func(c *config) { c.ScaleEmbedding = true }, "scale_embedding"},
		{func(c *config) { c.Rotation.Dims = 2 }, "2 of the 4 columns of a head turn"},
	} {
		n := c
		f.change(&n)
		got, err := llamaType(n)
		if err != nil {
			got = err.Error()
		}
		if got != f.want && (err == nil || !strings.Contains(got, f.want)) {
			t.Errorf("%+v: %s, want %s", n, got, f.want)
		}
	}
}
