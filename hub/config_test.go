package hub

import (
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// smallConfig is a config.json with members of one's own, the last one winning nothing:
// a key that is given again is a duplicate.
func smallConfig(more string) string {
	return `{"model_type": "gpt2", "vocab_size": 50, "n_positions": 11, "n_embd": 12, "n_layer": 2, "n_head": 3` + more + `}`
}

func TestConfigRefuses(t *testing.T) {
	sizes := func(key, value string) string {
		text := smallConfig("")
		for _, k := range []string{"vocab_size", "n_positions", "n_embd", "n_layer", "n_head"} {
			if k == key {
				i := strings.Index(text, `"`+k+`": `) + len(k) + 4
				j := i + strings.IndexAny(text[i:], ",}")
				return text[:i] + value + text[j:]
			}
		}
		return smallConfig(`, "` + key + `": ` + value)
	}
	for text, want := range map[string]string{
		``:                                   "ends too early",
		`{`:                                  "ends too early",
		`[]`:                                 `instead of an object`,
		`{"a":1}x`:                           "something follows",
		`{"a":1}{}`:                          "something follows",
		`{"a":1,"a":2}`:                      `the key "a" twice`,
		`{"a":1,"\u0061":2}`:                 `the key "a" twice`,
		"{\"\xff\":1}":                       "not UTF-8",
		`{"a":}`:                             "not JSON",
		`{"a"}`:                              "not JSON",
		`{a:1}`:                              "not JSON",
		`{"a":1 "b"`:                         "not JSON",
		`{"a":` + strings.Repeat("[", 20000): "not JSON",
		`{}`:                                 "model_type is missing",
		`{"network":{}}`:                     "a checkpoint of pedestrian",
		`{"model_type":"gemma"}`:             `model_type is "gemma": "gpt2", "llama", "mistral", "qwen2" and "qwen3" are read`,
		`{"model_type":7}`:                   "model_type is 7: it must be a string",
		sizes("n_head", "0"):                 "n_head is 0: it must be a whole number of at least 1",
		sizes("n_head", "5"):                 "5 heads do not divide the width 12",
		sizes("n_layer", "-1"):               "n_layer is -1",
		sizes("n_layer", "1099511627776"):    "n_layer is 1099511627776",
		sizes("n_layer", "1.0"):              "n_layer is 1.0",
		sizes("n_layer", "1e1"):              "n_layer is 1e1",
		sizes("vocab_size", "0"):             "vocab_size is 0",
		sizes("vocab_size", `"50"`):          `vocab_size is "50": it must be a whole number`,
		sizes("n_positions", "0"):            "n_positions is 0",
		sizes("n_embd", "[12]"):              "n_embd is [12]",
		sizes("n_inner", "0"):                "n_inner is 0",
		sizes("n_inner", "2147483648"):       "n_inner is 2147483648",
		smallConfig(`, "layer_norm_epsilon": -1e-5`):   "eps is -1e-05",
		smallConfig(`, "layer_norm_epsilon": 1e999`):   "layer_norm_epsilon is 1e999: it must be a number",
		smallConfig(`, "layer_norm_epsilon": NaN`):     "not JSON",
		smallConfig(`, "layer_norm_epsilon": "1e-5"`):  `layer_norm_epsilon is "1e-5"`,
		smallConfig(`, "attn_pdrop": 1.0`):             "attn_pdrop is 1.0: it must be a probability below 1",
		smallConfig(`, "resid_pdrop": 2`):              "resid_pdrop is 2",
		smallConfig(`, "embd_pdrop": "0.1"`):           `embd_pdrop is "0.1"`,
		smallConfig(`, "activation_function": "mish"`): `activation_function is "mish": gelu, `,
		smallConfig(`, "activation_function": 1`):      "activation_function is 1: it must be a string",
		smallConfig(`, "tie_word_embeddings": 1`):      "tie_word_embeddings is 1: it must be true or false",
		smallConfig(`, "scale_attn_weights": "no"`):    `scale_attn_weights is "no"`,
		smallConfig(`, "add_cross_attention": true`):   "add_cross_attention is true: the blocks attend to a second network",
		smallConfig(`, "add_cross_attention": 1`):      "add_cross_attention is 1",
		smallConfig(`, "is_encoder_decoder": true`):    "is_encoder_decoder is true",
		smallConfig(`, "quantization_config": {}`):     "the weights are quantized",
		smallConfig(`, "eos_token_id": -1`):            "eos_token_id is -1",
		smallConfig(`, "eos_token_id": [1, -1]`):       "a token's number is not negative",
		smallConfig(`, "eos_token_id": [1.5]`):         "eos_token_id is [1.5]",
		smallConfig(`, "bos_token_id": "x"`):           `bos_token_id is "x"`,
		smallConfig(`, "_name_or_path": 1`):            "_name_or_path is 1",
		smallConfig(`, "hidden_size": 13`):             "n_embd is 12 and hidden_size, which is the same, 13",
		smallConfig(`, "vocab_size": 51`):              `the key "vocab_size" twice`,
		smallConfig(`, "n_inner": 2147483647, "num_hidden_layers": 2, "hidden_size": 12, "x": "` + strings.Repeat("x", 100) + `"`):              "",
		`{"model_type": "gpt2", "vocab_size": 2147483647, "n_positions": 2147483647, "n_embd": 2147483647, "n_layer": 2147483647, "n_head": 1}`: "parameters: more than",
		smallConfig(`, "eos_token_id": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,"` + strings.Repeat("é", 40) + `"]`):                                   "eos_token_id is [1,2,3,4,5,6,7,8,9,10,11,12,13,14,",
	} {
		_, err := parseConfig([]byte(text))
		switch {
		case want == "" && err != nil:
			t.Errorf("%.80s: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%.80s: got %v, want one line with %s", text, err, want)
		}
	}
}

func TestConfig(t *testing.T) {
	c, err := parseConfig([]byte(`{"model_type": "gpt2"}`))
	small := pedestrian.Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true}
	if err != nil || c.network != small {
		t.Errorf("what transformers takes when nothing is said: %+v, %v", c.network, err)
	}
	c, err = parseConfig([]byte(`{"model_type": "gpt2", "vocab_size": 50, "max_position_embeddings": 11, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "n_inner": 48, "eos_token_id": [1, 2], "bos_token_id": 0, "rope_theta": 1, "dtype": "float16", "_name_or_path": "a/b", "tie_word_embeddings": null, "scale_attn_weights": false}`))
	want := small
	want.Vocab, want.Context, want.Width, want.Blocks, want.Heads = 50, 11, 12, 2, 3
	want.Unscaled = true
	if err != nil || c.network != want || len(c.eos) != 2 || len(c.bos) != 1 || c.name != "a/b" || len(c.unknown) != 1 || c.unknown[0] != "rope_theta" {
		t.Errorf("%+v, %v", c, err)
	}
	for name, activation := range activations {
		if c, err := parseConfig([]byte(smallConfig(`, "activation_function": "` + name + `"`))); err != nil || c.network.Activation != activation {
			t.Errorf("%s: %+v, %v", name, c.network, err)
		}
	}
}

func TestIndexRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                         "ends too early",
		`{"metadata":{}}`:           "weight_map is missing",
		`{"weight_map":null}`:       "weight_map is missing",
		`{"weight_map":[]}`:         "weight_map: ",
		`{"weight_map":{}}`:         "it names no file",
		`{"weight_map":{"a":1}}`:    `the file of "a" is 1`,
		`{"weight_map":{"a":null}}`: `the file of "a" is null`,
		`{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}`:             `the key "a" twice`,
		`{"weight_map":{"a":"../x.safetensors"}}`:                              "it must be a .safetensors file beside it",
		`{"weight_map":{"a":"/x.safetensors"}}`:                                "beside it",
		`{"weight_map":{"a":"a/x.safetensors"}}`:                               "beside it",
		`{"weight_map":{"a":"a\\x.safetensors"}}`:                              "beside it",
		`{"weight_map":{"a":"C:x.safetensors"}}`:                               "beside it",
		`{"weight_map":{"a":"x\u0000.safetensors"}}`:                           "beside it",
		`{"weight_map":{"a":"x.bin"}}`:                                         "beside it",
		`{"weight_map":{"a":""}}`:                                              "beside it",
		`{"weight_map":{"a":".."}}`:                                            "beside it",
		`{"weight_map":{"a":"` + strings.Repeat("x", 5000) + `.safetensors"}}`: "beside it",
	} {
		if _, err := shardsOf([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), indexFile) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
			t.Errorf("%.80s: got %v, want one line with %s", text, err, want)
		}
	}
	var many strings.Builder
	for i := range maxShards + 1 {
		many.WriteString(`,"` + strings.Repeat("a", i%7) + string(rune('a'+i%26)) + strings.Repeat("b", i/26%50) + quote(string(rune(i + 256)))[1:])
		many.WriteString(`:"` + string(rune(i+256)) + `.safetensors"`)
	}
	if _, err := shardsOf([]byte(`{"weight_map":{` + many.String()[1:] + `}}`)); err == nil || !strings.Contains(err.Error(), "more than 10000 files") {
		t.Errorf("%d files: %v", maxShards+1, err)
	}
	large := `{"weight_map":{` + strings.TrimSuffix(manyNames(maxTensors+1), ",") + `}}`
	if _, err := parseIndex([]byte(large)); err == nil || !strings.Contains(err.Error(), "tensors: more than") {
		t.Errorf("%d tensors: %v", maxTensors+1, err)
	}
}

// manyNames are n members with names of their own.
func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteByte('"')
		for v := i + 1; v > 0; v >>= 5 {
			b.WriteByte('a' + byte(v&31)%26)
			b.WriteByte('A' + byte(v&31)/26)
		}
		b.WriteString(`":"x.safetensors",`)
	}
	return b.String()
}
