package hub

import (
	"fmt"
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// llama is the table of names of Llama, Mistral, Qwen2 and Qwen3, which differ in their
// configurations alone. transformers and llama.cpp hold queries, keys and values as three
// layers; here they are columns of one. Columns of queries and keys that turn together are
// half a head apart here as in transformers; for llama.cpp see headsPermuted.
var llama = family{
	title: "Llama", prefix: "model.", blocks: "layers", sizes: "num_hidden_layers",
	norms:  []string{"input_layernorm", "post_attention_layernorm", "q_norm", "k_norm", "norm"},
	buffer: isFrequencies, bufferNote: "frequencies, which follow from the configuration",
	layers: []layerNames{
		{tokLayer, "", "embed_tokens", "token_embd", false},
		{"ln1", "", "layers.%d.input_layernorm", "blk.%d.attn_norm", false},
		{"qkv", pedestrian.TargetQ, "layers.%d.self_attn.q_proj", "blk.%d.attn_q", false},
		{"qkv", pedestrian.TargetK, "layers.%d.self_attn.k_proj", "blk.%d.attn_k", false},
		{"qkv", pedestrian.TargetV, "layers.%d.self_attn.v_proj", "blk.%d.attn_v", false},
		{"qNorm", "", "layers.%d.self_attn.q_norm", "blk.%d.attn_q_norm", false},
		{"kNorm", "", "layers.%d.self_attn.k_norm", "blk.%d.attn_k_norm", false},
		{"attProj", "", "layers.%d.self_attn.o_proj", "blk.%d.attn_output", false},
		{"ln2", "", "layers.%d.post_attention_layernorm", "blk.%d.ffn_norm", false},
		{"gate", "", "layers.%d.mlp.gate_proj", "blk.%d.ffn_gate", false},
		{"up", "", "layers.%d.mlp.up_proj", "blk.%d.ffn_up", false},
		{"down", "", "layers.%d.mlp.down_proj", "blk.%d.ffn_down", false},
		{"lnFinal", "", "norm", "output_norm", false},
		{headLayer, "", headModule, "output", false},
	},
}

// isFrequencies says whether a tensor holds the frequencies of the rotation, which old
// files keep among the weights. They follow from the configuration.
func isFrequencies(name string) bool {
	if rest, ok := inBlock(name, "layers."); ok {
		name = strings.TrimPrefix(rest, "self_attn.")
	}
	return name == "rotary_emb.inv_freq" || name == "rotary_emb.original_inv_freq"
}

// The types of models that are read and written, as model_type of config.json has them.
const (
	typeLlama   = "llama"
	typeMistral = "mistral"
	typeQwen2   = "qwen2"
	typeQwen3   = "qwen3"
)

// A llamaKind is a type of models with what its configuration class assumes where
// config.json is silent.
type llamaKind struct {
	class                string // of transformers
	vocab, width, hidden int
	kvHeads, headDim     int // 0 = as many as heads; the width divided by the heads
	context              int
}

var llamaKinds = map[string]llamaKind{
	typeLlama:   {"LlamaForCausalLM", 32000, 4096, 11008, 0, 0, 2048},
	typeMistral: {"MistralForCausalLM", 32000, 4096, 14336, 8, 0, 131072},
	typeQwen2:   {"Qwen2ForCausalLM", 151936, 4096, 22016, 32, 0, 32768},
	typeQwen3:   {"Qwen3ForCausalLM", 151936, 4096, 22016, 32, 128, 32768},
}

// llamaType is the type of models that computes what a network of configuration c does. An
// error says why there is none.
func llamaType(c pedestrian.Config) (string, error) {
	odd := func(format string, args ...any) (string, error) { return "", fmt.Errorf(format, args...) }
	full := c.Rotation.WithDefaults(c.QueryDim())
	switch {
	case c.Norm != pedestrian.RMSNorm || c.Positions != pedestrian.Rotary || !c.Gated:
		return odd("it is neither a GPT-2 (layer norms, a table of positions, no gate) nor of the Llama family (norm rmsnorm, positions rotary, gated): no model type of transformers that is written here has its choices")
	case c.QueryDim() != c.ValueDim():
		return odd("a head has queries of %d features (key_dim) and values of %d, and there they are equal", c.QueryDim(), c.ValueDim())
	case c.Unscaled || c.ScaleByBlock:
		return odd("its scores are not divided by √d_h alone (unscaled, scale_by_block), and there they are")
	case c.ScaleEmbedding:
		return odd("its embeddings are multiplied by √d (scale_embedding), and there they are not")
	case full.Dims != c.QueryDim():
		return odd("%d of the %d columns of a head turn (rotation.dims), and there all of them do", full.Dims, c.QueryDim())
	}
	qkv, att, mlp := c.Bias || c.QKVBias, c.Bias || c.AttProjBias, c.Bias || c.MLPBias
	switch {
	case c.QKNorm && qkv == att && !mlp:
		return typeQwen3, nil
	case c.QKNorm:
		return odd("beside norms of queries and keys (qk_norm), there all layers of the attention have biases or none has, and the others have none")
	case qkv && !att && !mlp:
		return typeQwen2, nil
	case qkv != att:
		return odd("queries, keys and values have biases and FC_attProj has none, or the other way round: there that is so only of a network whose other layers have none (qwen2)")
	case c.SlidingWindow > 0 && (qkv || mlp):
		return odd("it has a window of %d tokens (sliding_window) and biases, and there a model has one of the two", c.SlidingWindow)
	case c.SlidingWindow > 0:
		return typeMistral, nil
	}
	return typeLlama, nil
}

// rotationMembers returns rope_theta and the members of rope_scaling, nil without a scaling.
// Of yarn's ramp and scale only what is not the usual is written.
func rotationMembers(r pedestrian.Rotation) (theta float64, scaling []member) {
	theta = r.WithDefaults(2).Base
	if r.Scaling == "" {
		return theta, nil
	}
	scaling = []member{asText("rope_type", string(r.Scaling)), asFloat("factor", r.Factor)}
	switch r.Scaling {
	case pedestrian.Llama3Scaling:
		scaling = append(scaling, asFloat("low_freq_factor", r.Low), asFloat("high_freq_factor", r.High), asInt("original_max_position_embeddings", r.Original))
	case pedestrian.YarnScaling:
		scaling = append(scaling, asInt("original_max_position_embeddings", r.Original))
		for _, f := range []struct {
			key   string
			value float64
		}{{"beta_fast", r.Fast}, {"beta_slow", r.Slow}, {"attention_factor", r.Scale}} {
			if f.value != 0 {
				scaling = append(scaling, asFloat(f.key, f.value))
			}
		}
	}
	return theta, scaling
}

// llamaConfigText returns the content of config.json of a network of the Llama family. The
// rotation is written as transformers 4 has it, which version 5 reads as well.
func llamaConfigText(c pedestrian.Config, eos, bos []int32, o SaveOptions) (string, error) {
	kind, err := llamaType(c)
	if err != nil {
		return "", err
	}
	theta, scaling := rotationMembers(c.Rotation)
	rope := member{"rope_scaling", "null"}
	if scaling != nil {
		rope.value = strings.ReplaceAll(strings.TrimSuffix(jsonText(scaling...), "\n"), "\n", "\n  ")
	}
	ms := []member{
		{"architectures", fmt.Sprintf("[%s]", quote(llamaKinds[kind].class))}, asText("model_type", kind),
		asInt("vocab_size", c.Vocab), asInt("max_position_embeddings", c.Context), asInt("hidden_size", c.Width), asInt("intermediate_size", c.HiddenDim()),
		asInt("num_hidden_layers", c.Blocks), asInt("num_attention_heads", c.Heads), asInt("num_key_value_heads", c.KeyHeads()), asInt("head_dim", c.ValueDim()),
		asText("hidden_act", activationNames[c.Activation]), asFloat("rms_norm_eps", c.Eps), asBool("tie_word_embeddings", c.Tied), asFloat("rope_theta", theta), rope,
	}
	window, unlimited := member{"sliding_window", "null"}, c.Blocks // blocks without a window, before the others
	if c.SlidingWindow > 0 {
		window, unlimited = asInt("sliding_window", c.SlidingWindow), 0
	}
	bias := c.Bias || c.AttProjBias
	switch kind {
	case typeLlama:
		ms = append(ms, asBool("attention_bias", bias), asBool("mlp_bias", c.Bias || c.MLPBias))
	case typeMistral:
		ms = append(ms, window)
	case typeQwen3:
		ms = append(ms, asBool("attention_bias", bias))
		fallthrough
	case typeQwen2: // from block max_window_layers on, the window is used
		ms = append(ms, asBool("use_sliding_window", c.SlidingWindow > 0), window, asInt("max_window_layers", unlimited))
	}
	return jsonText(append(ms, asFloat("attention_dropout", o.Dropout), asFloat("initializer_range", 0.02), asBool("use_cache", true),
		asIDs("bos_token_id", bos), asIDs("eos_token_id", eos), member{"pad_token_id", "null"}, asText("dtype", torchNames[o.DType]), asText("torch_dtype", torchNames[o.DType]))...), nil
}

// headsPermuted says, for each column of the queries or keys of heads of dim columns where
// llama.cpp's architecture "llama" has it. There columns 2j and 2j+1 of a head turn
// together, and here columns j and j + dim/2.
func headsPermuted(heads, dim int) []int {
	to := make([]int, heads*dim)
	for h := range heads {
		for j := range dim / 2 {
			to[h*dim+j] = h*dim + 2*j
			to[h*dim+dim/2+j] = h*dim + 2*j + 1
		}
	}
	return to
}

// ropeFactors are the divisors of the frequencies under llama3 scaling, one for each pair
// of columns, which llama.cpp reads from a tensor.
func ropeFactors(c pedestrian.Config) []float32 {
	r := c.Rotation.WithDefaults(c.QueryDim())
	divisors := make([]float32, r.Dims/2)
	for j := range divisors {
		omega := math.Pow(r.Base, -2*float64(j)/float64(r.Dims))
		turns := float64(r.Original) * omega / (2 * math.Pi) // in the texts of training
		switch {
		case turns > r.High:
			divisors[j] = 1
		case turns < r.Low:
			divisors[j] = float32(r.Factor)
		default:
			s := (turns - r.Low) / (r.High - r.Low)
			divisors[j] = float32(1 / ((1-s)/r.Factor + s))
		}
	}
	return divisors
}
