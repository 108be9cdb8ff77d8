package hub

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// llamaRead lists the keys of config.json that change what a network of the Llama family
// computes.
var llamaRead = []string{
	"model_type", "vocab_size", "max_position_embeddings", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
	"num_key_value_heads", "head_dim", "hidden_act", "rms_norm_eps", "tie_word_embeddings", "attention_bias", "mlp_bias", "attention_dropout",
	"sliding_window", "use_sliding_window", "max_window_layers", "layer_types", "rope_theta", "rope_scaling", "rope_parameters", "partial_rotary_factor",
	"original_max_position_embeddings", "bos_token_id", "eos_token_id",
}

// llamaIgnored lists keys that do not change what the network computes, besides
// ignoredKeys. pretraining_tp splits products into sums of the same terms.
var llamaIgnored = []string{"pretraining_tp", "is_llama_config", "transformers.js_config", "num_logits_to_keep", "keys_to_ignore_at_inference", "sep_token_id"}

// A foreignKey is a key of relatives of the Llama family that changes what is computed.
type foreignKey struct {
	why     string    // it is not read
	neutral []float64 // numbers with which it changes nothing, besides null, false and empty
}

const (
	experts  = "the layers are a mixture of experts, which is not computed here"
	scaledBy = "what it multiplies or divides is not multiplied here"
	someTurn = "some blocks do not turn queries and keys, and here all blocks do"
	parallel = "attention and the other layers of a block stand side by side, which is not computed here"
)

// llamaRefused lists these keys. A model type of their own as a rule says the same; where
// the type is one that is read, the key alone tells.
var llamaRefused = map[string]foreignKey{
	"quantization_config":           {"the weights are quantized: only F64, F32, F16 and BF16 are read: take the model it was made from", nil},
	"rope_interleaved":              {"columns that turn together are side by side, and in files that are read they are half a head apart", nil},
	"no_rope_layers":                {someTurn, nil},
	"no_rope_layer_interval":        {someTurn, nil},
	"use_qk_norm":                   {"queries and keys are normalized in another way than in Qwen3", nil},
	"use_mrope":                     {"positions are those of pictures", nil},
	"attn_logit_softcapping":        {"scores are capped, which is not computed here", []float64{0}},
	"final_logit_softcapping":       {"logits are capped, which is not computed here", []float64{0}},
	"query_pre_attn_scalar":         {"scores are divided by another number than √d_h", nil},
	"attention_multiplier":          {"scores are multiplied by another number than 1/√d_h", nil},
	"embedding_multiplier":          {scaledBy, []float64{1}},
	"residual_multiplier":           {scaledBy, []float64{1}},
	"logits_scaling":                {scaledBy, []float64{1}},
	"logit_scale":                   {scaledBy, []float64{1}},
	"clip_qkv":                      {"queries, keys and values are clipped, which is not computed here", nil},
	"attn_temperature_tuning":       {"scores depend on the position, which is not computed here", []float64{0}},
	"num_experts":                   {experts, []float64{0, 1}},
	"num_local_experts":             {experts, []float64{0, 1}},
	"n_routed_experts":              {experts, []float64{0, 1}},
	"sliding_window_pattern":        {"some blocks have a window and some have none, and here all have the same", nil},
	"attention_chunk_size":          {"attention is cut into chunks, which is not computed here", nil},
	"add_cross_attention":           {"the blocks attend to a second network, which is not computed here", nil},
	"is_encoder_decoder":            {"a network of encoder and decoder is not computed here", nil},
	"vision_config":                 {"the model reads pictures, too", nil},
	"parallel_attn":                 {parallel, nil},
	"use_parallel_residual":         {parallel, nil},
	"layer_replication":             {"blocks are repeated, which makes another network", nil},
	"cross_layer_attention_sharing": {"blocks share keys and values, which is not computed here", nil},
}

// changes says whether a value of the key changes what is computed.
func (k foreignKey) changes(v json.RawMessage) bool {
	var number float64
	return !isOff(v) && (json.Unmarshal(v, &number) != nil || !slices.Contains(k.neutral, number))
}

// parseLlama reads config.json of a network of the Llama family.
func parseLlama(o object, kind string) (c modelConfig, err error) {
	for _, key := range o.sorted() {
		if k, ok := llamaRefused[key]; ok && k.changes(o[key]) {
			return c, fmt.Errorf("%s is %s: %s", key, o.show(key), k.why)
		}
	}
	defaults := llamaKinds[kind]
	n := &c.network
	n.Norm, n.Positions, n.Gated = pedestrian.RMSNorm, pedestrian.Rotary, true
	kvHeads := defaults.kvHeads
	if _, ok := o["num_key_value_heads"]; ok {
		kvHeads = 0 // null means as many as heads
	}
	for _, f := range []struct {
		key      string
		to       *int
		fallback int
	}{
		{"vocab_size", &n.Vocab, defaults.vocab}, {"max_position_embeddings", &n.Context, defaults.context}, {"hidden_size", &n.Width, defaults.width},
		{"intermediate_size", &n.Hidden, defaults.hidden}, {"num_hidden_layers", &n.Blocks, 32}, {"num_attention_heads", &n.Heads, 32},
		{"num_key_value_heads", &n.KVHeads, kvHeads}, {"head_dim", &n.HeadDim, defaults.headDim},
	} {
		if *f.to, err = o.whole(f.key, 1, f.fallback); err != nil {
			return c, err
		}
	}
	if n.HeadDim == 0 && n.Width%n.Heads != 0 {
		return c, fmt.Errorf("head_dim is missing, and %d heads do not divide hidden_size, %d", n.Heads, n.Width)
	}
	usual(n)
	if n.Eps, err = o.number("rms_norm_eps", 1e-6); err != nil {
		return c, err
	}
	if n.Tied, err = o.boolean("tie_word_embeddings", false); err != nil {
		return c, err
	}
	if err := o.biases(n, kind); err != nil {
		return c, err
	}
	act, err := o.text("hidden_act", "silu")
	if err != nil {
		return c, err
	}
	if n.Activation = activations[act]; n.Activation == "" {
		return c, fmt.Errorf("hidden_act is %.40q: %s are computed here", act, strings.Join(slices.Sorted(maps.Keys(activations)), ", "))
	}
	if n.SlidingWindow, err = o.window(kind, n.Blocks); err != nil {
		return c, err
	}
	if n.Rotation, err = o.rotation(n.Context, n.QueryDim()); err != nil {
		return c, err
	}
	if p, err := o.number("attention_dropout", 0); err != nil || !(p >= 0 && p < 1) {
		return c, fmt.Errorf("attention_dropout is %s: it must be a probability below 1", o.show("attention_dropout"))
	}
	if err := c.readNames(o); err != nil {
		return c, err
	}
	c.passedOver(o, llamaRead, slices.AppendSeq(slices.Clone(llamaIgnored), maps.Keys(llamaRefused)))
	if kind == typeLlama && !o.null("sliding_window") { // its class passes over a window
		c.unknown = append(c.unknown, "sliding_window")
	}
	return c, n.Validate()
}

// usual sets sizes that are the usual ones to 0, which means the same, so that equal
// networks have equal configurations.
func usual(n *pedestrian.Config) {
	if n.KVHeads == n.Heads {
		n.KVHeads = 0
	}
	if n.HeadDim*n.Heads == n.Width {
		n.HeadDim = 0
	}
	if n.Hidden == 4*n.Width {
		n.Hidden = 0
	}
}

// biases reads which layers have biases. Qwen2 has some without saying so.
func (o object) biases(n *pedestrian.Config, kind string) error {
	attention, err := o.boolean("attention_bias", false)
	if err != nil {
		return err
	}
	mlp, err := o.boolean("mlp_bias", false)
	if err != nil {
		return err
	}
	switch kind {
	case typeLlama:
		n.QKVBias, n.AttProjBias, n.MLPBias = attention, attention, mlp
		return nil
	case typeQwen2:
		n.QKVBias = true
		attention = false // no key of its class
	case typeQwen3:
		n.QKVBias, n.AttProjBias, n.QKNorm = attention, attention, true
		attention = false
	}
	if attention || mlp {
		return fmt.Errorf("attention_bias is %t and mlp_bias %t: a model of type %s has no such biases", attention, mlp, kind)
	}
	return nil
}

// window reads how many tokens a token sees, 0 for all before it.
func (o object) window(kind string, blocks int) (int, error) {
	const key = "sliding_window"
	if kind == typeLlama {
		return 0, nil
	}
	fallback := 4096
	if _, ok := o[key]; ok {
		fallback = 0
	}
	w, err := o.whole(key, 1, fallback)
	if err != nil || kind == typeMistral {
		return w, err
	}
	used, err := o.boolean("use_sliding_window", false)
	if err != nil || !used || w == 0 {
		return 0, err
	}
	some, all := false, true // of the blocks have a window
	if o.null("layer_types") {
		from, err := o.whole("max_window_layers", 0, 28)
		if err != nil {
			return 0, err
		}
		some, all = from < blocks, from == 0
	} else {
		var types []string
		if err := json.Unmarshal(o["layer_types"], &types); err != nil || len(types) != blocks {
			return 0, fmt.Errorf("layer_types is %s: it must be a list of %d names", o.show("layer_types"), blocks)
		}
		for _, t := range types {
			if t != "sliding_attention" && t != "full_attention" {
				return 0, fmt.Errorf("layer_types has %.40q: sliding_attention and full_attention are read", t)
			}
			some, all = some || t == "sliding_attention", all && t == "sliding_attention"
		}
	}
	switch {
	case !some:
		return 0, nil
	case !all:
		return 0, fmt.Errorf("use_sliding_window is true and some blocks have a window of %d tokens and some have none (max_window_layers, layer_types): here all have the same", w)
	}
	return w, nil
}

// turnsWhole refuses a rotation of some columns of a head alone.
func (o object) turnsWhole() error {
	if p, err := o.number("partial_rotary_factor", 1); err != nil || p != 1 {
		return fmt.Errorf("partial_rotary_factor is %s: it turns some columns of a head alone, which no model of these types does", o.show("partial_rotary_factor"))
	}
	return nil
}

// rotationKeys lists the keys of rope_scaling and rope_parameters that are read.
var rotationKeys = []string{
	"rope_type", "type", "rope_theta", "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings",
	"beta_fast", "beta_slow", "attention_factor", "mscale", "mscale_all_dim", "truncate", "partial_rotary_factor",
}

// rotation reads how queries and keys turn: rope_parameters of transformers 5, or
// rope_theta and rope_scaling of earlier versions. If both are there, they must agree.
// context is the longest text, headDim the number of columns of a head.
func (o object) rotation(context, headDim int) (r pedestrian.Rotation, err error) {
	theta, err := o.number("rope_theta", 10000)
	if err != nil {
		return r, err
	}
	found := ""
	for _, key := range []string{"rope_scaling", "rope_parameters"} {
		if isOff(o[key]) || o.null(key) {
			continue
		}
		inner, err := parseObject(o[key])
		if err != nil {
			return r, fmt.Errorf("%s: %w", key, err)
		}
		this, err := inner.scaled(o, theta, context)
		if err != nil {
			return r, fmt.Errorf("%s: %w", key, err)
		}
		if found != "" && this != r {
			return r, fmt.Errorf("%s and %s say different things: delete one", found, key)
		}
		r, found = this, key
	}
	if found == "" {
		r.Base = theta
	}
	if err := o.turnsWhole(); err != nil {
		return r, err
	}
	if headDim%2 != 0 {
		return r, fmt.Errorf("a head has %d columns, which do not turn in pairs", headDim)
	}
	if r.Base == 10000 {
		r.Base = 0
	}
	return r, nil
}

// scaled reads the object of rope_scaling or rope_parameters. outer is config.json.
func (o object) scaled(outer object, theta float64, context int) (r pedestrian.Rotation, err error) {
	for _, key := range o.sorted() {
		if !slices.Contains(rotationKeys, key) && !isOff(o[key]) {
			return r, fmt.Errorf("%.40q is %s: that key is not known here, so what it changes is not either", key, o.show(key))
		}
	}
	kind, err := o.text("type", "default")
	if err != nil {
		return r, err
	}
	if kind, err = o.text("rope_type", kind); err != nil {
		return r, err
	}
	if r.Base, err = o.number("rope_theta", theta); err != nil {
		return r, err
	}
	if err := o.turnsWhole(); err != nil {
		return r, err
	}
	var original int
	if outer.null("original_max_position_embeddings") {
		original, err = o.whole("original_max_position_embeddings", 1, context)
	} else {
		original, err = outer.whole("original_max_position_embeddings", 1, context)
	}
	if err != nil {
		return r, err
	}
	switch kind {
	case "default":
		return r, nil
	case "linear", "llama3", "yarn":
	default:
		return r, fmt.Errorf("rope_type is %.40q: default, linear, llama3 and yarn are computed here", kind)
	}
	r.Scaling = pedestrian.RotationScaling(kind)
	numbers := []struct {
		key      string
		to       *float64
		fallback float64 // NaN: it must be there
	}{{"factor", &r.Factor, math.NaN()}}
	switch r.Scaling {
	case pedestrian.Llama3Scaling:
		numbers = append(numbers, numbers[0], numbers[0])
		numbers[1].key, numbers[1].to = "low_freq_factor", &r.Low
		numbers[2].key, numbers[2].to = "high_freq_factor", &r.High
		r.Original = original
	case pedestrian.YarnScaling:
		numbers[0].fallback = float64(context) / float64(original)
		r.Original = original
	}
	for _, f := range numbers {
		if *f.to, err = o.number(f.key, f.fallback); err == nil && math.IsNaN(*f.to) {
			err = fmt.Errorf("%s is missing, and rope_type is %q", f.key, kind)
		}
		if err != nil {
			return r, err
		}
	}
	if r.Scaling == pedestrian.YarnScaling {
		return r, o.ramp(&r)
	}
	return r, nil
}

// ramp reads what yarn alone has. Values that are the usual ones become 0, which means the
// same.
func (o object) ramp(r *pedestrian.Rotation) error {
	truncate, err := o.boolean("truncate", true)
	if err == nil && !truncate {
		err = fmt.Errorf("truncate is false: the ramp of yarn begins and ends at whole pairs here")
	}
	var scale, all float64
	for _, f := range []struct {
		key      string
		to       *float64
		fallback float64
	}{{"beta_fast", &r.Fast, 32}, {"beta_slow", &r.Slow, 1}, {"attention_factor", &r.Scale, 0}, {"mscale", &scale, 0}, {"mscale_all_dim", &all, 0}} {
		if err == nil {
			*f.to, err = o.number(f.key, f.fallback)
		}
	}
	if err != nil {
		return err
	}
	of := func(m float64) float64 {
		if r.Factor <= 1 {
			return 1
		}
		return 0.1*m*math.Log(r.Factor) + 1
	}
	if o.null("attention_factor") && scale != 0 && all != 0 {
		r.Scale = of(scale) / of(all)
	}
	if r.Scale == of(1) {
		r.Scale = 0
	}
	if r.Fast == 32 {
		r.Fast = 0
	}
	if r.Slow == 1 {
		r.Slow = 0
	}
	return nil
}
