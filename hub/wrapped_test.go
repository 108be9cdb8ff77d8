package hub

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// Names as trainers leave them are those of the parameters, and a model with an
// adapter beside it is not taken for one.
func TestWrappedNames(t *testing.T) {
	plain, err := LoadModel(saved(t, "hf-tied"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to string }{
		{"", "_orig_mod."}, {"", "module."}, {"", "module._orig_mod."}, {"", "_orig_mod.module."}, {"", "_forward_module."},
		{"transformer.", "base_model.model.transformer."}, {"transformer.", "module.base_model.model."}, {"transformer.", "_orig_mod."},
		{"transformer.", "transformer._orig_mod."}, {"h.", "h._fsdp_wrapped_module."}, {"attn.", "_checkpoint_wrapped_module.attn."},
	} {
		dir := saved(t, "hf-tied")
		rewrite(t, filepath.Join(dir, weightsFile), func(es []safetensors.Entry[float64]) []safetensors.Entry[float64] {
			for i := range es {
				if at := strings.Index(es[i].Name, c.from); at >= 0 {
					es[i].Name = es[i].Name[:at] + c.to + es[i].Name[at+len(c.from):]
				}
			}
			safetensors.Sort(es)
			return es
		})
		m, err := LoadModel(dir)
		if err != nil {
			t.Errorf("%q for %q: %v", c.to, c.from, err)
			continue
		}
		for i, v := range plain.Params.Slab {
			if v != m.Params.Slab[i] {
				t.Fatalf("%q for %q: other numbers", c.to, c.from)
			}
		}
	}
	for _, c := range []struct{ from, to, says string }{
		{"transformer.", "gpt.", `tensor wte.weight is missing: 28 tensors have names that are not GPT-2's, the first is "gpt.h.0.attn.c_attn.bias"`},
		{"transformer.h.0.attn.c_attn.weight", "base_model.model.transformer.h.0.attn.c_attn.base_layer.weight", "merge them first (merge_and_unload)"},
		{"transformer.h.1.ln_1.bias", "transformer.h.1.ln_1.beta", `tensor h.1.ln_1.bias is missing: 1 tensors have names that are not GPT-2's, the first is "h.1.ln_1.beta"`},
	} {
		dir := saved(t, "hf-tied")
		rewrite(t, filepath.Join(dir, weightsFile), func(es []safetensors.Entry[float64]) []safetensors.Entry[float64] {
			for i := range es {
				es[i].Name = strings.Replace(es[i].Name, c.from, c.to, 1)
			}
			safetensors.Sort(es)
			return es
		})
		if err := reads(dir); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v does not say %q", c.to, err, c.says)
		}
	}
	// Two that are one parameter are not chosen between.
	dir := saved(t, "hf-tied")
	rewrite(t, filepath.Join(dir, weightsFile), func(es []safetensors.Entry[float64]) []safetensors.Entry[float64] {
		e := *find(es, "transformer.ln_f.bias")
		e.Name = "module." + e.Name
		es = append(es, e)
		safetensors.Sort(es)
		return es
	})
	if err := reads(dir); err == nil || !strings.Contains(err.Error(), `both "module.transformer.ln_f.bias" and "transformer.ln_f.bias"`) {
		t.Error(err)
	}
}

// config.json without model_type is a GPT-2's by its class or its keys, as old
// versions of transformers wrote it, and nothing else is.
func TestConfigWithoutModelType(t *testing.T) {
	const sizes = `"vocab_size": 50, "n_positions": 11, "n_embd": 12, "n_layer": 2, "n_head": 3`
	for _, good := range []string{
		`{` + sizes + `}`, `{` + sizes + `, "architectures": ["GPT2LMHeadModel"]}`, `{` + sizes + `, "model_type": null, "architectures": null}`,
		`{` + sizes + `, "n_ctx": 11, "n_special": 0, "predict_special_tokens": true, "architectures": ["GPT2Model"]}`,
	} {
		c, err := parseConfig([]byte(good))
		if err != nil || c.network.Width != 12 || c.network.Heads != 3 {
			t.Errorf("%s: %v, %+v", good, err, c.network)
		}
	}
	for bad, says := range map[string]string{
		`{}`:                             "n_embd, which that of a GPT-2 has, is not there",
		`{"n_embd": 12, "n_layer": 2}`:   "n_head, which",
		`{` + sizes + `, "afn": "gelu"}`: "afn is of a first GPT",
		`{` + sizes + `, "architectures": ["LlamaForCausalLM"]}`:                `architectures is ["LlamaForCausalLM"]`,
		`{"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3}`: "n_embd, which",
		" \n": "it is empty",
	} {
		if _, err := parseConfig([]byte(bad)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v does not say %q", bad, err, says)
		}
	}
}

// An adapter's tensors as the state dictionary of a model in training has them.
func TestAdapterNames(t *testing.T) {
	for from, changes := range map[string][]string{
		"plain": {".lora_A.weight", ".lora_A.default.weight", ".lora_B.weight", ".lora_B.default.weight", "base_model.", "_orig_mod.module.base_model."},
		"dora":  {".lora_A.weight", ".lora_A.default.weight", ".lora_B.weight", ".lora_B.default.weight", ".lora_magnitude_vector", ".lora_magnitude_vector.default.weight"},
	} {
		dir, p := filepath.Join(peftDir, "theirs", from), readBase(t, map[string]string{"plain": "tied", "dora": "untied"}[from])
		want, err := LoadAdapter(dir, p)
		if err != nil {
			t.Fatal(err)
		}
		d := openAdapterDir(t, dir)
		renamed := map[string]safetensors.Entry[float32]{}
		for name, e := range d.entries {
			e.Name = strings.NewReplacer(changes...).Replace(name)
			if e.Name == name && strings.Contains(name, ".lora_") {
				t.Fatalf("%s is as it was", name)
			}
			renamed[e.Name] = e
		}
		d.entries = renamed
		got, err := LoadAdapter(d.write(t), p)
		if err != nil {
			t.Errorf("%s: %v", from, err)
			continue
		}
		for i, x := range want.Tensors() {
			for j, v := range x.V {
				if v != got.Tensors()[i].V[j] {
					t.Fatalf("%s: %s is another", from, x.Name)
				}
			}
		}
	}
}
