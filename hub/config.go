package hub

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// activations maps transformers' names of activations to ours. Several names mean the
// same function.
var activations = map[string]pedestrian.Activation{
	"gelu_new": pedestrian.GELUTanh, "gelu_pytorch_tanh": pedestrian.GELUTanh, "gelu_python_tanh": pedestrian.GELUTanh,
	"gelu_fast": pedestrian.GELUTanh, "gelu_accurate": pedestrian.GELUTanh,
	"gelu": pedestrian.GELU, "gelu_python": pedestrian.GELU, "relu": pedestrian.ReLU, "silu": pedestrian.SiLU, "swish": pedestrian.SiLU,
}

// aliases maps other names that transformers accepts to GPT-2's own.
var aliases = map[string]string{
	"hidden_size": "n_embd", "max_position_embeddings": "n_positions", "num_attention_heads": "n_head", "num_hidden_layers": "n_layer",
}

// readKeys lists the keys of config.json that change what the network computes.
var readKeys = []string{
	"model_type", "vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "n_inner", "activation_function", "layer_norm_epsilon",
	"scale_attn_weights", "scale_attn_by_inverse_layer_idx", "add_cross_attention", "tie_word_embeddings", "quantization_config",
	"attn_pdrop", "embd_pdrop", "resid_pdrop", "bos_token_id", "eos_token_id", "is_encoder_decoder",
}

// ignoredKeys lists the keys that do not change what the network computes here: names, other
// heads, and options of training, generation and number formats.
var ignoredKeys = []string{
	"_name_or_path", "architectures", "n_ctx", "initializer_range", "reorder_and_upcast_attn", "use_cache", "output_past",
	"summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj",
	"task_specific_params", "transformers_version", "dtype", "torch_dtype", "pad_token_id", "gradient_checkpointing", "n_special", "predict_special_tokens",
	"id2label", "label2id", "num_labels", "problem_type", "finetuning_task", "is_decoder", "output_attentions", "output_hidden_states", "return_dict",
	"chunk_size_feed_forward", "_attn_implementation", "attn_implementation", "_attn_implementation_autoset", "tokenizer_class", "prefix",
	"bad_words_ids", "do_sample", "temperature", "top_k", "top_p", "max_length", "min_length", "no_repeat_ngram_size", "repetition_penalty", "num_beams",
}

// A modelConfig is the content of config.json.
type modelConfig struct {
	network  pedestrian.Config
	eos, bos []int32
	unknown  []string // keys that are neither read nor known to change nothing
	name     string   // _name_or_path
}

// parseConfig reads config.json.
func parseConfig(text []byte) (c modelConfig, err error) {
	o, err := parseObject(text)
	if err != nil {
		return c, err
	}
	kind, err := o.text("model_type", "")
	if err != nil {
		return c, err
	}
	if _, ok := llamaKinds[kind]; ok {
		return parseLlama(o, kind)
	}
	return parseGPT2(o)
}

// parseGPT2 reads config.json of a GPT-2, or says why it is not read.
func parseGPT2(o object) (c modelConfig, err error) {
	other := o.notGPT2() // first, because below aliases are replaced by GPT-2's keys
	for alias, name := range aliases {
		v, ok := o[alias]
		if !ok {
			continue
		}
		if own, ok := o[name]; ok && string(own) != string(v) {
			return c, fmt.Errorf("%s is %s and %s, which is the same, %s: delete one", name, o.show(name), alias, o.show(alias))
		}
		o[name] = v
		delete(o, alias)
	}
	if err := supported(o, other); err != nil {
		return c, err
	}
	n := &c.network
	n.Bias = true
	for _, f := range []struct {
		key      string
		to       *int
		fallback int // the default of transformers
	}{{"vocab_size", &n.Vocab, 50257}, {"n_positions", &n.Context, 1024}, {"n_embd", &n.Width, 768}, {"n_layer", &n.Blocks, 12}, {"n_head", &n.Heads, 12}, {"n_inner", &n.Hidden, 0}} {
		if *f.to, err = o.whole(f.key, 1, f.fallback); err != nil {
			return c, err
		}
	}
	if n.Hidden == 4*n.Width {
		n.Hidden = 0
	}
	if n.Eps, err = o.number("layer_norm_epsilon", 1e-5); err != nil {
		return c, err
	}
	name, err := o.text("activation_function", "gelu_new")
	if err != nil {
		return c, err
	}
	if n.Activation = activations[name]; n.Activation == "" {
		return c, fmt.Errorf("activation_function is %.40q: %s are computed here", name, strings.Join(slices.Sorted(maps.Keys(activations)), ", "))
	}
	scaled := true
	for _, f := range []struct {
		key      string
		to       *bool
		fallback bool
	}{{"tie_word_embeddings", &n.Tied, true}, {"scale_attn_weights", &scaled, true}, {"scale_attn_by_inverse_layer_idx", &n.ScaleByBlock, false}} {
		if *f.to, err = o.boolean(f.key, f.fallback); err != nil {
			return c, err
		}
	}
	n.Unscaled = !scaled
	for _, key := range []string{"attn_pdrop", "embd_pdrop", "resid_pdrop"} {
		if p, err := o.number(key, 0); err != nil || !(p >= 0 && p < 1) {
			return c, fmt.Errorf("%s is %s: it must be a probability below 1", key, o.show(key))
		}
	}
	if err := c.readNames(o); err != nil {
		return c, err
	}
	c.passedOver(o, readKeys, nil)
	return c, n.Validate()
}

// readNames reads the tokens that begin and end a text, and the model's name.
func (c *modelConfig) readNames(o object) (err error) {
	if c.eos, err = o.ids("eos_token_id"); err != nil {
		return err
	}
	if c.bos, err = o.ids("bos_token_id"); err != nil {
		return err
	}
	c.name, err = o.text("_name_or_path", "")
	return err
}

// passedOver lists the keys that are neither read nor known to change nothing.
func (c *modelConfig) passedOver(o object, read, ignored []string) {
	for _, key := range o.sorted() {
		if !slices.Contains(read, key) && !slices.Contains(ignored, key) && !slices.Contains(ignoredKeys, key) {
			c.unknown = append(c.unknown, key)
		}
	}
}

// supported returns an error of one line if the model is of a kind that is not read. other
// is the result of notGPT2.
func supported(o object, other string) error {
	kind, err := o.text("model_type", "")
	if err != nil {
		return err
	}
	const known = `"gpt2", "llama", "mistral", "qwen2" and "qwen3" are read`
	switch {
	case kind == "" && !o.null("network"):
		return fmt.Errorf("this is a checkpoint of pedestrian, not a model of Hugging Face: give its run directory")
	case kind == "":
		if other != "" {
			return fmt.Errorf("model_type is missing: it says which network this is (%s); %s", known, other)
		}
	case kind != "gpt2":
		return fmt.Errorf("model_type is %.40q: %s", kind, known)
	case !o.null("quantization_config"):
		return fmt.Errorf("the weights are quantized (quantization_config): only F64, F32, F16 and BF16 are read: take the model it was made from")
	}
	for _, f := range []struct{ key, why string }{
		{"add_cross_attention", "the blocks attend to a second network, which is not computed here"},
		{"is_encoder_decoder", "a network of encoder and decoder is not computed here"},
	} {
		if on, err := o.boolean(f.key, false); err != nil {
			return err
		} else if on {
			return fmt.Errorf("%s is true: %s", f.key, f.why)
		}
	}
	return nil
}

// notGPT2 says why an object without model_type is not the configuration of a
// GPT-2, or returns "" if it is one. Old versions of transformers did not write
// model_type; a GPT-2 of theirs is recognized by its class or by the keys that only GPT-2
// has.
func (o object) notGPT2() string {
	var classes []string
	if json.Unmarshal(o["architectures"], &classes) == nil && len(classes) > 0 {
		if strings.HasPrefix(classes[0], "GPT2") {
			return ""
		}
		return fmt.Sprintf("architectures is %s", o.show("architectures"))
	}
	for _, key := range []string{"n_embd", "n_layer", "n_head"} {
		if o.null(key) {
			return fmt.Sprintf("and %s, which that of a GPT-2 has, is not there", key)
		}
	}
	if !o.null("afn") {
		return "and afn is of a first GPT"
	}
	return ""
}
