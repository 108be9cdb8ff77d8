package hub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// peftUnread lists the keys of adapter_config.json that do not change what is computed:
// names, and how the adapter was made.
var peftUnread = []string{
	"auto_mapping", "peft_version", "revision", "inference_mode", "megatron_core", "qalora_group_size", "runtime_config",
	"fan_in_fan_out", // PEFT itself sets it by the kind of layer; the files are the same
}

// peftRead lists the keys that are read.
var peftRead = []string{
	"peft_type", "task_type", "base_model_name_or_path", "r", "lora_alpha", "lora_dropout", "target_modules", "exclude_modules", "bias",
	"use_rslora", "use_dora", "modules_to_save", "init_lora_weights", "layers_to_transform", "layers_pattern", "rank_pattern", "alpha_pattern", "trainable_token_indices",
}

// peftRefused lists the keys of other kinds of adapters, and says why each is not read.
var peftRefused = map[string]string{
	"megatron_config":         "layers of Megatron are not read",
	"loftq_config":            "the base was quantized and changed (LoftQ), so the adapter does not fit the original one",
	"eva_config":              "EVA is not read: save the adapter with init_lora_weights true and the same ranks",
	"corda_config":            "the base was changed (CorDA): save the adapter with path_initial_model_for_weight_conversion",
	"lora_ga_config":          "the base was changed (LoRA-GA): save the adapter with path_initial_model_for_weight_conversion",
	"layer_replication":       "blocks are repeated, which makes another network",
	"lora_bias":               "lora_B has a bias, which an adapter here cannot hold",
	"target_parameters":       "parameters that are no layers are adapted",
	"use_qalora":              "QALoRA pools the input of lora_A",
	"alora_invocation_tokens": "an activated LoRA starts in the middle of a text",
	"arrow_config":            "Arrow chooses among several adapters",
	"use_bdlora":              "block-diagonal LoRA is not read",
	"velora_config":           "VeLoRA is not read",
	"monteclora_config":       "MonteCLoRA is not read",
	"kasa_config":             "KaSA changes the base",
	"ensure_weight_tying":     "embedding and head are adapted as one matrix",
}

// A peftConfig is the content of adapter_config.json.
type peftConfig struct {
	base            string
	rank            int
	alpha           float64
	dropout         float64
	targets         []string // target_modules; nil if that is a pattern
	pattern         string   // "all-linear", or a regular expression, which is not evaluated
	excluded        []string
	excludesPattern bool
	bias            string
	rsLoRA, dora    bool
	saved           []string // modules_to_save
	layers          []int    // layers_to_transform; nil means all
	layersPattern   []string
	tokens          []int32 // trainable_token_indices
	tokensOf        string  // the name of the embedding there; "" if there is none
	headTokens      bool    // tokens are trained in the head, too
	ranks           map[string]int
	alphas          map[string]float64
}

// parsePEFT reads adapter_config.json. An option that would make PEFT compute something
// else than this module is an error with its name. So is an unknown key, unless its value
// is that of an unused option.
func parsePEFT(text []byte) (c peftConfig, err error) {
	o, err := parseObject(text)
	if err != nil {
		return c, err
	}
	for key := range o {
		if slices.Contains(peftRead, key) || slices.Contains(peftUnread, key) || isOff(o[key]) {
			continue
		}
		if why, ok := peftRefused[key]; ok {
			return c, fmt.Errorf("%s is %s: %s", key, o.show(key), why)
		}
		return c, fmt.Errorf("%.80q is %s: that key is not known here, so what it changes is not either", key, o.show(key))
	}
	kind, err := o.text("peft_type", "")
	if err == nil && !strings.EqualFold(kind, "LORA") {
		err = fmt.Errorf("peft_type is %.40q: only LORA is read", kind)
	}
	if err != nil {
		return c, err
	}
	task, err := o.text("task_type", "CAUSAL_LM")
	if err == nil && task != "CAUSAL_LM" {
		err = fmt.Errorf("task_type is %.40q: only CAUSAL_LM is read, which predicts text", task)
	}
	if err != nil {
		return c, err
	}
	if err := checkInit(o); err != nil {
		return c, err
	}
	if c.base, err = o.text("base_model_name_or_path", ""); err != nil {
		return c, err
	}
	if c.rank, err = o.whole("r", 1, 8); err != nil {
		return c, err
	}
	if c.alpha, err = o.number("lora_alpha", 8); err != nil {
		return c, err
	}
	if c.dropout, err = o.number("lora_dropout", 0); err == nil && !(c.dropout >= 0 && c.dropout < 1) {
		err = fmt.Errorf("lora_dropout is %s: it must be at least 0 and less than 1", o.show("lora_dropout"))
	}
	if err != nil {
		return c, err
	}
	if c.bias, err = o.text("bias", "none"); err == nil && !slices.Contains([]string{"none", "all", "lora_only"}, c.bias) {
		err = fmt.Errorf("bias is %.40q: none, all and lora_only are read", c.bias)
	}
	if err != nil {
		return c, err
	}
	if c.rsLoRA, err = o.boolean("use_rslora", false); err != nil {
		return c, err
	}
	if c.dora, err = o.boolean("use_dora", false); err != nil {
		return c, err
	}
	if c.tokens, c.tokensOf, c.headTokens, err = trainedTokens(o); err != nil {
		return c, err
	}
	return c, c.readLayers(o)
}

// isOff says whether v is a value that PEFT writes for an unused option.
func isOff(v json.RawMessage) bool {
	switch string(bytes.Join(bytes.Fields(v), nil)) {
	case "null", "false", "{}", "[]":
		return true
	}
	return false
}

// checkInit returns an error if the adapter was initialized in a way that changed its base.
func checkInit(o object) error {
	const key = "init_lora_weights"
	if o.null(key) {
		return nil
	}
	if _, err := o.boolean(key, true); err == nil {
		return nil
	}
	name, err := o.text(key, "")
	if err != nil {
		return err
	}
	switch kind, _, _ := strings.Cut(strings.ToLower(name), "_niter_"); kind {
	case "gaussian", "orthogonal":
		return nil
	case "pissa", "olora", "corda", "lora_ga", "loftq":
		return fmt.Errorf("%s is %q: training began by changing the base, so the adapter does not fit the original one; save it with path_initial_model_for_weight_conversion", key, name)
	case "eva":
		return fmt.Errorf("%s is %q: %s", key, name, peftRefused["eva_config"])
	}
	return fmt.Errorf("%s is %.40q, which is not known here", key, name)
}

// readLayers reads which layers are adapted, and their ranks and alphas.
func (c *peftConfig) readLayers(o object) (err error) {
	if c.targets, c.pattern, err = o.namesOrPattern("target_modules"); err != nil {
		return err
	}
	var excludes string
	if c.excluded, excludes, err = o.namesOrPattern("exclude_modules"); err != nil {
		return err
	}
	c.excludesPattern = excludes != ""
	saved, pattern, err := o.namesOrPattern("modules_to_save")
	if err != nil {
		return err
	}
	if c.saved = saved; pattern != "" {
		c.saved = []string{pattern} // for PEFT a single name is a list of one
	}
	layersPattern, pattern, err := o.namesOrPattern("layers_pattern")
	if err != nil {
		return err
	}
	if c.layersPattern = layersPattern; pattern != "" {
		c.layersPattern = []string{pattern}
	}
	if !o.null("layers_to_transform") {
		if bytes.HasPrefix(o["layers_to_transform"], []byte{'['}) {
			err = json.Unmarshal(o["layers_to_transform"], &c.layers)
		} else {
			c.layers = []int{0}
			c.layers[0], err = o.whole("layers_to_transform", 0, 0)
		}
		if err != nil {
			return fmt.Errorf("layers_to_transform is %s: it must be a block's number or a list of them", o.show("layers_to_transform"))
		}
	}
	for _, p := range c.layersPattern {
		if p != gpt2.blocks && p != llama.blocks {
			return fmt.Errorf("layers_pattern is %s: the blocks of a GPT-2 are %q, those of a Llama %q", o.show("layers_pattern"), gpt2.blocks, llama.blocks)
		}
	}
	if c.ranks, err = patterns(o, "rank_pattern", func(v float64) (int, bool) {
		return int(v), v == math.Trunc(v) && v >= 1 && v <= math.MaxInt32
	}); err != nil {
		return err
	}
	c.alphas, err = patterns(o, "alpha_pattern", func(v float64) (float64, bool) { return v, true })
	return err
}

// namesOrPattern reads a value that is a list of names or one string.
func (o object) namesOrPattern(key string) (names []string, pattern string, err error) {
	if o.null(key) {
		return nil, "", nil
	}
	if bytes.HasPrefix(o[key], []byte{'['}) {
		if err := json.Unmarshal(o[key], &names); err != nil {
			return nil, "", fmt.Errorf("%s is %s: it must be a list of names", key, o.show(key))
		}
		return names, "", nil
	}
	pattern, err = o.text(key, "")
	return nil, pattern, err
}

// patterns reads rank_pattern or alpha_pattern, which map names of layers to numbers. For
// PEFT the keys are regular expressions. This package does not evaluate expressions from
// files: a key must be a plain name, with or without ^.
func patterns[T any](o object, key string, number func(float64) (T, bool)) (map[string]T, error) {
	if o.null(key) {
		return nil, nil
	}
	inner, err := parseObject(o[key])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	m := map[string]T{}
	for pattern := range inner {
		v, err := inner.number(pattern, math.NaN())
		n, ok := number(v)
		if err != nil || !ok || math.IsNaN(v) {
			return nil, fmt.Errorf("%s of %.80q is %s: it must be a number that fits", key, pattern, inner.show(pattern))
		}
		name := strings.ReplaceAll(pattern, `\.`, ".")
		for _, c := range []byte(strings.TrimPrefix(name, "^")) {
			if !isWord(c) && c != '.' {
				return nil, fmt.Errorf("%s has the key %.80q, a regular expression: write the names of the layers instead", key, pattern)
			}
		}
		if _, ok := m[name]; ok {
			return nil, fmt.Errorf("%s has two keys for %.80q", key, name)
		}
		m[name] = n
	}
	return m, nil
}
