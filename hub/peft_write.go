package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// SaveAdapter writes a as a new directory that PEFT loads: adapter_config.json and
// adapter_model.safetensors, in float32. Beside a GPT-2, separate factors of queries, keys
// and values become one adapter of c_attn; beside a Llama, factors of all three become
// three adapters. Both compute the same function. base may be nil, except for DoRA of only
// some of a GPT-2's queries, keys and values. If a has rows of single tokens, the
// tokenizer's files are written, too, so that PEFT's AutoPeftModel gives the base as many
// tokens. If the tokenizer has a chat template, that is written as chat_template.jinja. The
// directory appears complete or not at all. An adapter that PEFT cannot hold is
// an error that says why.
func SaveAdapter(path string, a *Adapter, base *pedestrian.Params[float32]) error {
	files, err := a.peftFiles(base)
	if err == nil {
		err = durable.WriteFolder(path, files)
	}
	if err != nil {
		return fmt.Errorf("writing the adapter: %w", err)
	}
	return nil
}

// peftFiles returns the files of the directory.
func (a *Adapter) peftFiles(base *pedestrian.Params[float32]) ([]durable.File, error) {
	c := a.Config
	if err := checkBase(a.Base); err != nil {
		return nil, err
	}
	if len(c.Targets) == 0 {
		return nil, errors.New("only norms or biases are trained, and no layer is adapted: PEFT has no such adapter")
	}
	for _, t := range a.Tensors() {
		for _, v := range t.V {
			if v-v != 0 {
				return nil, fmt.Errorf("%s holds %g: the adapter is broken", t.Name, v)
			}
		}
	}
	f, err := inModules(a.Adapter, base)
	if err != nil {
		return nil, err
	}
	shape, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	meta := map[string]string{"format": "pt", metaAdapter: string(shape)}
	if a.BaseSHA256 != "" {
		meta[metaBase] = a.BaseSHA256
	}
	config, err := peftJSON(f.Base, f.Config, a.BaseName, tokenIndices(f))
	if err != nil {
		return nil, err
	}
	entries := peftEntries(f)
	files := []durable.File{
		textFile(adapterConfig, string(config)),
		{Name: adapterWeights, Write: func(w io.Writer) error { return safetensors.Write(w, meta, entries) }},
	}
	if len(c.Tokens) == 0 {
		if a.Tokenizer != nil && a.Tokenizer.ChatTemplate() != "" {
			files = append(files, textFile(chatTemplate, a.Tokenizer.ChatTemplate()))
		}
		return files, nil
	}
	tok, err := tokenizerFiles(a.Tokenizer, a.Base.Context)
	return append(files, tok...), err
}

// peftAlpha returns the value of lora_alpha for t.
func peftAlpha(c pedestrian.AdapterConfig, t pedestrian.Target) float64 {
	if c.Scaling == pedestrian.ScalePaper { // α itself multiplies, and PEFT divides by r
		return c.AlphaOf(t) * float64(c.RankOf(t))
	}
	return c.AlphaOf(t)
}

// peftJSON returns the content of adapter_config.json for an adapter of configuration c
// beside a network. base is the network's name, tokens what tokenIndices returns.
func peftJSON(network pedestrian.Config, c pedestrian.AdapterConfig, base string, tokens any) ([]byte, error) {
	f := familyOf(network)
	var targets []string
	first := c.Targets[0]
	rank, alpha := c.RankOf(first), peftAlpha(c, first)
	ranks, alphas := map[string]int{}, map[string]float64{}
	block := false
	names := map[pedestrian.Target]string{}
	for _, m := range modulesOf(network) {
		if m.block <= 0 {
			names[m.target] = m.short()
		}
	}
	for _, t := range c.Targets {
		name := names[t]
		block = block || t != pedestrian.TargetLogits
		targets = append(targets, name)
		if r := c.RankOf(t); r != rank {
			ranks[name] = r
		}
		if v := peftAlpha(c, t); v != alpha {
			alphas[name] = v
		}
	}
	o := map[string]any{
		"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": nil, "revision": nil, "inference_mode": true,
		"r": rank, "lora_alpha": alpha, "rank_pattern": ranks, "alpha_pattern": alphas, "lora_dropout": c.Dropout,
		"target_modules": targets, "layers_to_transform": nil, "layers_pattern": nil, "modules_to_save": nil,
		"use_rslora": c.Scaling == pedestrian.ScaleRSqrt, "use_dora": c.DoRA, "init_lora_weights": true,
		"fan_in_fan_out": block && f == &gpt2, // GPT-2's layers are input×output; its head is not
		"bias":           map[pedestrian.Biases]string{pedestrian.BiasAll: "all", pedestrian.BiasAdapted: "lora_only"}[c.Bias],
	}
	if tokens != nil {
		o["trainable_token_indices"] = tokens
	}
	if base != "" {
		o["base_model_name_or_path"] = base
	}
	if o["bias"] == "" {
		o["bias"] = "none"
	}
	if len(c.Layers) > 0 && block {
		o["layers_to_transform"], o["layers_pattern"] = slices.Sorted(slices.Values(c.Layers)), f.blocks
	}
	if c.Norms {
		o["modules_to_save"] = slices.DeleteFunc(slices.Clone(f.norms), func(name string) bool { // those that the network has
			return !network.QKNorm && (name == "q_norm" || name == "k_norm")
		})
	}
	text, err := json.MarshalIndent(o, "", "  ")
	return append(text, '\n'), err
}

// peftEntries returns the tensors of adapter_model.safetensors, in its order.
func peftEntries(a *pedestrian.Adapter[float32]) (entries []safetensors.Entry[float32]) {
	add := func(name string, data []float32, shape ...int) {
		entries = append(entries, safetensors.Entry[float32]{Name: baseModel + name, DType: safetensors.F32, Shape: shape, Data: data})
	}
	adapted := map[string]bool{}
	for _, m := range modulesOf(a.Base) {
		l := a.LoRA(max(m.block, 0), m.target)
		in, out, r := l.Down.Rows, l.Up.Cols, l.Down.Cols
		if l.Down.V == nil {
			continue
		}
		adapted[m.name] = true
		add(m.name+downSuffix, transposed(l.Down), r, in)
		add(m.name+upSuffix, transposed(l.Up), out, r)
		if l.Magnitude.V != nil {
			add(m.name+doraSuffix, l.Magnitude.V, out)
		}
	}
	rowEntries(a, add)
	for _, s := range slotsOf(a.Base) {
		name, v := s.full(), viewOf(s, a.Tensor(s.Name)).contiguous()
		module, bias := strings.CutSuffix(name, ownBias)
		switch {
		case v != nil:
		case bias && a.Config.Norms && !a.Base.Bias && s.family.isNorm(module):
			v = make([]float32, s.Cols) // PEFT saves a norm with its bias, which is zero
		default:
			continue
		}
		if bias && adapted[module] {
			name = module + adaptedBias
		}
		add(name, v, s.shape(false)...)
	}
	safetensors.Sort(entries)
	return entries
}
