package hub

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// Each setting that would compute something else is refused, by its name.
func TestPEFTConfigRefuses(t *testing.T) {
	for change, says := range map[string]string{
		`"peft_type":"IA3"`:                     "peft_type is \"IA3\": only LORA is read",
		`"peft_type":null`:                      "peft_type is \"\"",
		`"peft_type":3`:                         "peft_type is 3: it must be a string",
		`"task_type":"SEQ_CLS"`:                 "task_type is \"SEQ_CLS\"",
		`"task_type":[]`:                        "task_type is []",
		`"r":0`:                                 "r is 0: it must be a whole number",
		`"r":-1`:                                "r is -1",
		`"r":2.0`:                               "r is 2.0",
		`"r":"8"`:                               "r is \"8\"",
		`"r":4294967296`:                        "r is 4294967296",
		`"lora_alpha":"x"`:                      "lora_alpha is \"x\"",
		`"lora_alpha":1e999`:                    "lora_alpha is 1e999",
		`"lora_dropout":1`:                      "lora_dropout is 1",
		`"lora_dropout":-0.1`:                   "lora_dropout is -0.1",
		`"lora_dropout":true`:                   "lora_dropout is true",
		`"bias":"lora"`:                         "bias is \"lora\"",
		`"bias":1`:                              "bias is 1",
		`"use_rslora":1`:                        "use_rslora is 1: it must be true or false",
		`"use_dora":"yes"`:                      "use_dora is \"yes\"",
		`"init_lora_weights":"pissa"`:           "training began by changing the base",
		`"init_lora_weights":"pissa_niter_16"`:  "training began by changing the base",
		`"init_lora_weights":"OLoRA"`:           "training began by changing the base",
		`"init_lora_weights":"loftq"`:           "training began by changing the base",
		`"init_lora_weights":"corda"`:           "training began by changing the base",
		`"init_lora_weights":"lora_ga"`:         "training began by changing the base",
		`"init_lora_weights":"eva"`:             "EVA is not read",
		`"init_lora_weights":"new"`:             "which is not known here",
		`"init_lora_weights":7`:                 "init_lora_weights is 7",
		`"trainable_token_indices":[1,-2]`:      "trainable_token_indices is [1,-2]: a token is not negative",
		`"trainable_token_indices":"wte"`:       "it must be a list of tokens",
		`"trainable_token_indices":{"wpe":[1]}`: `names "wpe"`,
		`"trainable_token_indices":{"wte":[1],"lm_head":[2]}`: "has other tokens for wte than for lm_head",
		`"loftq_config":{"loftq_bits":4}`:                     "LoftQ",
		`"eva_config":{"rho":2}`:                              "EVA",
		`"corda_config":{"x":1}`:                              "CorDA",
		`"lora_ga_config":{"x":1}`:                            "LoRA-GA",
		`"layer_replication":[[0,2]]`:                         "blocks are repeated",
		`"lora_bias":true`:                                    "lora_B has a bias",
		`"target_parameters":["a"]`:                           "parameters that are no layers",
		`"use_qalora":true`:                                   "QALoRA",
		`"alora_invocation_tokens":[1]`:                       "activated LoRA",
		`"arrow_config":{"a":1}`:                              "Arrow",
		`"use_bdlora":true`:                                   "block-diagonal",
		`"velora_config":{"a":1}`:                             "VeLoRA",
		`"monteclora_config":{"a":1}`:                         "MonteCLoRA",
		`"kasa_config":{"a":1}`:                               "KaSA",
		`"ensure_weight_tying":true`:                          "one matrix",
		`"megatron_config":{"a":1}`:                           "Megatron",
		`"a_new_option":1`:                                    `"a_new_option" is 1: that key is not known here`,
		`"base_model_name_or_path":1`:                         "base_model_name_or_path is 1",
		`"target_modules":3`:                                  "target_modules is 3",
		`"target_modules":[3]`:                                "target_modules is [3]: it must be a list of names",
		`"exclude_modules":3`:                                 "exclude_modules is 3",
		`"modules_to_save":3`:                                 "modules_to_save is 3",
		`"layers_pattern":3`:                                  "layers_pattern is 3",
		`"layers_pattern":"blocks"`:                           `the blocks of a GPT-2 are "h", those of a Llama "layers"`,
		`"layers_pattern":["h","blocks"]`:                     `the blocks of a GPT-2 are "h"`,
		`"layers_to_transform":"0"`:                           "layers_to_transform is \"0\"",
		`"layers_to_transform":-1`:                            "layers_to_transform is -1",
		`"layers_to_transform":[1.5]`:                         "layers_to_transform is [1.5]",
		`"rank_pattern":[]`:                                   "rank_pattern: ",
		`"rank_pattern":{"c_attn":0}`:                         "rank_pattern of \"c_attn\" is 0",
		`"rank_pattern":{"c_attn":1.5}`:                       "rank_pattern of \"c_attn\" is 1.5",
		`"rank_pattern":{"c_attn":null}`:                      "rank_pattern of \"c_attn\" is null",
		`"rank_pattern":{"(a+)+$":2}`:                         "a regular expression: write the names",
		`"rank_pattern":{"c_attn":2,"c_attn":3}`:              "the key \"c_attn\" twice",
		`"rank_pattern":{"h.0":2,"h\\.0":3}`:                  "two keys for \"h.0\"",
		`"alpha_pattern":{"c_attn":"x"}`:                      "alpha_pattern of \"c_attn\" is \"x\"",
		`"alpha_pattern":{"c_attn":1e999}`:                    "alpha_pattern of \"c_attn\" is 1e999",
		`"r":8,"r":4`:                                         `the key "r" twice`,
	} {
		text := `{"peft_type":"LORA",` + change + `}`
		if strings.HasPrefix(change, `"peft_type"`) {
			text = `{` + change + `}`
		}
		if _, err := parsePEFT([]byte(text)); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", change, err, says)
		}
	}
	for _, text := range []string{"", "[]", "{", "{} x", "\xff{}"} {
		if _, err := parsePEFT([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
	for _, fine := range []string{`"a_new_option":null`, `"a_new_option":false`, `"eva_config":{ }`, `"arrow_config":[]`, `"init_lora_weights":"gaussian"`,
		`"init_lora_weights":null`, `"init_lora_weights":false`, `"auto_mapping":{"a":1}`, `"peft_version":"99.0"`, `"layers_to_transform":1`, `"modules_to_save":"ln_f"`} {
		if _, err := parsePEFT([]byte(`{"peft_type":"LORA",` + fine + `}`)); err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}
}

// anAdapterDir is an adapter of PEFT, changed.
type anAdapterDir struct {
	config  map[string]any
	entries map[string]safetensors.Entry[float32]
	meta    map[string]string
}

func openAdapterDir(t *testing.T, dir string) *anAdapterDir {
	t.Helper()
	d := &anAdapterDir{entries: map[string]safetensors.Entry[float32]{}}
	text, err := os.ReadFile(filepath.Join(dir, adapterConfig))
	if err == nil {
		err = json.Unmarshal(text, &d.config)
	}
	if err != nil {
		t.Fatal(err)
	}
	weights, err := os.ReadFile(filepath.Join(dir, adapterWeights))
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Read(bytes.NewReader(weights), int64(len(weights)))
	if err != nil {
		t.Fatal(err)
	}
	d.meta = f.Metadata
	for _, in := range f.Tensors {
		v := make([]float32, in.Len())
		if err := safetensors.Decode(f, in, 0, v); err != nil {
			t.Fatal(err)
		}
		d.entries[in.Name] = safetensors.Entry[float32]{Name: in.Name, DType: safetensors.F32, Shape: in.Shape, Data: v}
	}
	return d
}

func (d *anAdapterDir) write(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	text, err := json.Marshal(d.config)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	var es []safetensors.Entry[float32]
	for _, name := range slices.Sorted(maps.Keys(d.entries)) {
		es = append(es, d.entries[name])
	}
	if err := safetensors.Write(&b, d.meta, es); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{adapterConfig: text, adapterWeights: b.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func (d *anAdapterDir) add(name string, data []float32, shape ...int) {
	d.entries[name] = safetensors.Entry[float32]{Name: name, DType: safetensors.F32, Shape: shape, Data: data}
}

// Adapters whose tensors and settings do not fit each other, or not the base.
func TestLoadAdapterRefuses(t *testing.T) {
	const m = "base_model.model."
	const attn = m + "transformer.h.0.attn.c_attn"
	zeros := func(n int) []float32 { return make([]float32, n) }
	for name, test := range map[string]struct {
		from   string // of theirs; plain when empty
		change func(d *anAdapterDir)
		says   string
	}{
		"a tensor missing": {"", func(d *anAdapterDir) { delete(d.entries, attn+".lora_A.weight") }, "has one of lora_A and lora_B"},
		"a layer missing": {"", func(d *anAdapterDir) {
			delete(d.entries, attn+".lora_A.weight")
			delete(d.entries, attn+".lora_B.weight")
		}, "is adapted by adapter_config.json and has no tensors"},
		"a layer too many":          {"", func(d *anAdapterDir) { d.config["layers_to_transform"] = []int{1, 2} }, "is not adapted by adapter_config.json"},
		"an excluded layer":         {"", func(d *anAdapterDir) { d.config["exclude_modules"] = []string{"h.0.attn.c_attn"} }, "is not adapted by adapter_config.json"},
		"a tensor too many":         {"", func(d *anAdapterDir) { d.add(attn+".lora_C.weight", zeros(1), 1) }, "has no place in an adapter of"},
		"DoRA that is not said":     {"", func(d *anAdapterDir) { d.add(attn+".lora_magnitude_vector", zeros(36), 36) }, "has no place"},
		"DoRA without magnitudes":   {"", func(d *anAdapterDir) { d.config["use_dora"] = true }, "lora_magnitude_vector is missing"},
		"an adapter's name":         {"", func(d *anAdapterDir) { d.add(attn+".lora_A.default.weight", zeros(1), 1) }, "has no place"},
		"no prefix":                 {"", func(d *anAdapterDir) { d.add("transformer.h.0.x", zeros(1), 1) }, `does not begin with "base_model.model."`},
		"both prefixes":             {"", func(d *anAdapterDir) { d.add(m+"h.0.attn.c_attn.lora_A.weight", zeros(48), 4, 12) }, "twice, with and without"},
		"another rank":              {"", func(d *anAdapterDir) { d.config["r"] = 5 }, "is [4 12], and [5 12] by adapter_config.json"},
		"another width":             {"", func(d *anAdapterDir) { d.add(attn+".lora_A.weight", zeros(44), 4, 11) }, "is [4 11], and [4 12]"},
		"transposed":                {"", func(d *anAdapterDir) { d.add(attn+".lora_B.weight", zeros(144), 4, 36) }, "is [4 36], and [36 4]"},
		"another block":             {"", func(d *anAdapterDir) { d.add(m+"transformer.h.9.attn.c_attn.lora_A.weight", zeros(48), 4, 12) }, "has no place"},
		"infinite":                  {"", func(d *anAdapterDir) { d.entries[attn+".lora_B.weight"].Data[7] = 1 / zeros(1)[0] }, "holds +Inf: the adapter is broken"},
		"an adapted embedding":      {"", func(d *anAdapterDir) { d.config["target_modules"] = []string{"c_attn", "wte"} }, "adapters of embeddings are not read"},
		"a layer of another model":  {"", func(d *anAdapterDir) { d.config["target_modules"] = []string{"c_attn", "q_proj"} }, "\"q_proj\", which is no layer of this network"},
		"a rank of another model":   {"", func(d *anAdapterDir) { d.config["rank_pattern"] = map[string]int{"q_proj": 2} }, "rank_pattern has \"q_proj\""},
		"a whole name that is none": {"", func(d *anAdapterDir) { d.config["alpha_pattern"] = map[string]int{"^c_attn": 80} }, "alpha_pattern has \"^c_attn\", which is no layer"},
		"a whole name of one block": {"", func(d *anAdapterDir) {
			d.config["alpha_pattern"] = map[string]int{"^transformer.h.1.attn.c_attn": 80}
		}, "has one of each for all blocks"},
		"two alphas":            {"", func(d *anAdapterDir) { d.config["alpha_pattern"] = map[string]int{"c_attn": 2, "attn.c_attn": 3} }, "with different values: keep one"},
		"two ranks":             {"", func(d *anAdapterDir) { d.config["rank_pattern"] = map[string]int{"c_attn": 2, "attn.c_attn": 3} }, "with different values: keep one"},
		"an alpha of one block": {"", func(d *anAdapterDir) { d.config["alpha_pattern"] = map[string]int{"h.1.attn.c_attn": 2} }, "has one of each for all blocks"},
		"a head of its own": {"", func(d *anAdapterDir) {
			d.config["modules_to_save"] = []string{"lm_head"}
			d.add(m+"lm_head.weight", zeros(17*12), 17, 12)
		}, "another head than the base's"},
		"an embedding saved":       {"", func(d *anAdapterDir) { d.config["modules_to_save"] = []string{"wte"} }, "modules_to_save has \"wte\""},
		"another embedding":        {"", func(d *anAdapterDir) { d.add(m+"transformer.wte.weight", zeros(17*12), 17, 12) }, "differs from the base's"},
		"a bias that is not said":  {"", func(d *anAdapterDir) { d.add(attn+".base_layer.bias", zeros(36), 36) }, "differs from the base's"},
		"a norm that is not said":  {"", func(d *anAdapterDir) { d.add(m+"transformer.ln_f.weight", zeros(12), 12) }, "differs from the base's"},
		"a bias missing":           {"lora_only", func(d *anAdapterDir) { delete(d.entries, m+"transformer.h.1.mlp.c_fc.base_layer.bias") }, "is missing, and adapter_config.json says that it was trained"},
		"a norm missing":           {"pattern", func(d *anAdapterDir) { delete(d.entries, m+"transformer.ln_f.weight") }, "is missing, and adapter_config.json says"},
		"a bias of the base moved": {"biases", func(d *anAdapterDir) { d.entries[m+"transformer.ln_f.original_module.bias"].Data[0]++ }, "differs from the base's"},
		"a norm saved twice":       {"biases", func(d *anAdapterDir) { d.entries[m+"transformer.ln_f.modules_to_save.bias"].Data[0]++ }, "differs from the base's"},
		"blocks that differ": {"rslora", func(d *anAdapterDir) {
			d.config["layers_to_transform"] = nil
			d.config["target_modules"] = "a pattern"
			for _, f := range []string{"A", "B"} {
				delete(d.entries, m+"transformer.h.2.mlp.c_proj.lora_"+f+".weight")
			}
		}, "an adapter here has the same layers in each of its blocks"},
		"whole numbers":         {"", func(d *anAdapterDir) { d.meta = map[string]string{metaAdapter: "{"} }, "is not the shape of an adapter"},
		"a shape that is wrong": {"", func(d *anAdapterDir) { d.meta = map[string]string{metaAdapter: `{"rank":0,"targets":["q"]}`} }, "is not the shape of an adapter"},
	} {
		from := test.from
		if from == "" {
			from = "plain"
		}
		base := "tied"
		if from == "biases" {
			base = "untied"
		}
		d := openAdapterDir(t, filepath.Join(peftDir, "theirs", from))
		test.change(d)
		if a, err := LoadAdapter(d.write(t), readBase(t, base)); err == nil {
			t.Errorf("%s: read as %+v", name, a.Config)
		} else if !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	p := readBase(t, "tied")
	dir := openAdapterDir(t, filepath.Join(peftDir, "theirs", "plain")).write(t)
	if !IsAdapter(dir) || IsAdapter(filepath.Join(peftDir, "bases", "tied")) || IsAdapter(filepath.Join(dir, "none")) {
		t.Error("IsAdapter is wrong")
	}
	if err := CheckAdapter(dir); err != nil {
		t.Error(err)
	}
	if err := CheckAdapter(filepath.Join(dir, "none")); err == nil {
		t.Error("an adapter that is not there can be read")
	}
	if err := os.Rename(filepath.Join(dir, adapterWeights), filepath.Join(dir, pickledAdapter)); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{dir: "is a program as much as data", t.TempDir(): "no such file", filepath.Join(dir, "none"): "no such file"} {
		if _, err := LoadAdapter(path, p); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
	os.WriteFile(filepath.Join(dir, adapterWeights), []byte("x"), 0o644)
	if _, err := LoadAdapter(dir, p); err == nil || !strings.Contains(err.Error(), "no header") {
		t.Errorf("a file that is none: %v", err)
	}
	os.Remove(filepath.Join(dir, adapterWeights))
	os.Remove(filepath.Join(dir, pickledAdapter))
	if _, err := LoadAdapter(dir, p); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no weights: %v", err)
	}
	os.WriteFile(filepath.Join(dir, adapterConfig), []byte("x"), 0o644)
	if _, err := LoadAdapter(dir, p); err == nil || !strings.Contains(err.Error(), "adapter_config.json: not JSON") {
		t.Errorf("a configuration that is none: %v", err)
	}
	odd := p.Config
	odd.KeyDim = 5
	if _, err := LoadAdapter(filepath.Join(peftDir, "theirs", "plain"), pedestrian.NewParams[float32](odd)); err == nil || !strings.Contains(err.Error(), "and there they are equal") {
		t.Errorf("beside another network: %v", err)
	}
}

// What a file repeats of the base is compared and passed over; what GPT2Model saves
// without a head is found.
func TestLoadAdapterVariants(t *testing.T) {
	p := readBase(t, "tied")
	const m = "base_model.model."
	d := openAdapterDir(t, filepath.Join(peftDir, "theirs", "plain"))
	d.config["modules_to_save"] = "lm_head"
	d.config["target_modules"] = []string{"transformer.h.0.attn.c_attn", "h.1.attn.c_attn", "h.2.attn.c_attn"}
	d.add(m+"lm_head.weight", p.Tok.V, 17, 12)
	d.add(m+"transformer.wte.weight", p.Tok.V, 17, 12)
	want, err := LoadAdapter(filepath.Join(peftDir, "theirs", "plain"), p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := LoadAdapter(d.write(t), p)
	if err != nil || !slices.Equal(got.Slab, want.Slab) || got.Config.Norms {
		t.Errorf("with the base's head and embedding: %v", err)
	}
	d = openAdapterDir(t, filepath.Join(peftDir, "theirs", "plain"))
	bare := map[string]safetensors.Entry[float32]{}
	for name, e := range d.entries {
		e.Name = strings.Replace(name, "transformer.", "", 1)
		e.DType = safetensors.F16
		bare[e.Name] = e
	}
	d.entries = bare
	d.config["exclude_modules"] = "a pattern that is not evaluated"
	if got, err = LoadAdapter(d.write(t), p); err != nil || got.Config.RankOf("qkv") != 4 {
		t.Errorf("of a model without a head, in half precision: %v", err)
	}
	d = openAdapterDir(t, filepath.Join(peftDir, "theirs", "plain"))
	d.config["alpha_pattern"] = map[string]int{`^transformer\.h\.0\.attn\.c_attn`: 80, "^transformer.h.1.attn.c_attn": 80, "h.2.attn.c_attn": 80}
	if got, err = LoadAdapter(d.write(t), p); err != nil || got.Config.AlphaOf("qkv") != 80 {
		t.Errorf("with whole names: %v", err)
	}
	// Ours, changed by somebody: read as it stands, and said.
	for name, change := range map[string]func(d *anAdapterDir){
		"another alpha":    func(d *anAdapterDir) { d.config["lora_alpha"] = 7 },
		"no longer blocks": func(d *anAdapterDir) { d.entries[m+"transformer.h.0.attn.c_attn.lora_B.weight"].Data[8] = 1 },
	} {
		d := openAdapterDir(t, filepath.Join(peftDir, "ours", "thirds"))
		change(d)
		got, err := LoadAdapter(d.write(t), p)
		if err != nil || len(got.Notes) != 1 || !slices.Equal(got.Config.Targets, []pedestrian.Target{"qkv"}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	d = openAdapterDir(t, filepath.Join(peftDir, "ours", "biases"))
	d.meta[metaAdapter] = `{"rank":2,"alpha":4,"scaling":"alpha/r","targets":["qkv"],"layers":[1]}`
	if got, err = LoadAdapter(d.write(t), p); err != nil || len(got.Notes) != 1 || got.Config.Bias != pedestrian.BiasAll {
		t.Errorf("with the shape of an adapter without biases: %+v, %v", got, err)
	}
	d = openAdapterDir(t, filepath.Join(peftDir, "theirs", "plain"))
	d.meta = map[string]string{metaAdapter: `{"rank":4,"alpha":8,"scaling":"alpha/r","targets":["qkv"],"bias":"all"}`}
	if got, err = LoadAdapter(d.write(t), p); err != nil || len(got.Notes) != 1 || got.Config.Bias == pedestrian.BiasAll {
		t.Errorf("with the shape of an adapter with biases: %+v, %v", got, err)
	}
}

func TestSaveAdapterRefuses(t *testing.T) {
	p := readBase(t, "tied")
	shape := func(change func(*pedestrian.Config), a pedestrian.AdapterConfig) *Adapter {
		c := p.Config
		change(&c)
		a.Scaling = pedestrian.ScaleRank
		return &Adapter{Adapter: pedestrian.NewAdapter[float32](c, a)}
	}
	same := func(*pedestrian.Config) {}
	q := []pedestrian.Target{"q"}
	broken := shape(same, pedestrian.AdapterConfig{Rank: 1, Alpha: 1, Targets: q})
	broken.Slab[0] /= broken.Slab[1]
	for says, a := range map[string]*Adapter{
		"there they are equal":    shape(func(c *pedestrian.Config) { c.KeyDim = 5 }, pedestrian.AdapterConfig{Rank: 1, Targets: q}),
		"a bias of the logits":    shape(func(c *pedestrian.Config) { c.LogitsBias = true }, pedestrian.AdapterConfig{Rank: 1, Targets: q}),
		"no layer is adapted":     shape(same, pedestrian.AdapterConfig{Norms: true}),
		"holds NaN":               broken,
		"give the base":           shape(same, pedestrian.AdapterConfig{Rank: 1, DoRA: true, Targets: q}),
		"leave the target out":    shape(same, pedestrian.AdapterConfig{Rank: 1, Alpha: 1, Targets: []pedestrian.Target{"q", "v"}, Alphas: map[pedestrian.Target]float64{"v": 0}}),
		"is there already and ho": shape(same, pedestrian.AdapterConfig{Rank: 1, Targets: q}),
	} {
		dir := filepath.Join(t.TempDir(), "a")
		if strings.HasPrefix(says, "is there") {
			dir = peftDir
		}
		if err := SaveAdapter(dir, a, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	// A network without biases is one whose biases are zero to PEFT; all α may be 0.
	a := shape(func(c *pedestrian.Config) { c.Bias = false }, pedestrian.AdapterConfig{Rank: 1, Targets: []pedestrian.Target{"k", "q"}, Norms: true})
	bare := pedestrian.NewParams[float32](a.Base)
	dir := filepath.Join(t.TempDir(), "a")
	if err := SaveAdapter(dir, a, nil); err != nil {
		t.Fatal(err)
	}
	back, err := LoadAdapter(dir, bare)
	if err != nil || !slices.Equal(back.Config.Targets, a.Config.Targets) || !slices.Equal(back.Slab, a.Slab) {
		t.Errorf("%+v, %v", back, err)
	}
	for name, e := range openAdapterDir(t, dir).entries {
		if strings.HasSuffix(name, ".bias") && (len(e.Data) != 12 || !strings.Contains(name, "ln_")) {
			t.Errorf("%s was written", name)
		}
	}
}

// What is refused is refused without a panic; what is read is read again the same.
func FuzzPEFTConfig(f *testing.F) {
	for _, dir := range []string{"theirs", "ours"} {
		entries, err := os.ReadDir(filepath.Join(peftDir, dir))
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range entries {
			text, err := os.ReadFile(filepath.Join(peftDir, dir, e.Name(), adapterConfig))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Add([]byte(`{"peft_type":"LORA","rank_pattern":{"^h\\.0":2},"layers_to_transform":3}`))
	network := pedestrian.Config{Vocab: 17, Context: 12, Width: 12, Heads: 3, Blocks: 3, Hidden: 20, Activation: pedestrian.GELUTanh, Bias: true, Tied: true}
	all := modulesOf(network)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parsePEFT(text)
		if err != nil {
			if s := err.Error(); strings.ContainsAny(s, "\n\r") || len(s) > 2000 {
				t.Errorf("an error of %d bytes or two lines: %q", len(s), s)
			}
			return
		}
		if c.rank < 1 || c.rank > 1<<20 || c.check(familyOf(network), all) != nil {
			return
		}
		var has []module
		for _, m := range all {
			if yes, known := c.adapted(m); yes || !known {
				has = append(has, m)
			}
		}
		a, err := c.config(network, has)
		if err != nil || len(a.Targets) == 0 {
			return
		}
		again, err := peftJSON(network, a, c.base, nil)
		if err != nil {
			t.Fatal(err)
		}
		c2, err := parsePEFT(again)
		if err != nil {
			t.Fatalf("written and not to be read: %v\n%s", err, again)
		}
		a2, err := c2.config(network, has)
		for _, x := range a.Targets {
			if err != nil || a2.RankOf(x) != a.RankOf(x) || a2.MultiplierOf(x) != a.MultiplierOf(x) || !slices.Equal(a2.Targets, a.Targets) {
				t.Fatalf("%+v became %+v, %v", a, a2, err)
			}
		}
	})
}
