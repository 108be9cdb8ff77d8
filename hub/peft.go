package hub

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/token"
)

// An Adapter is an adapter in the files of PEFT, Hugging Face's library of adapters:
// adapter_config.json and adapter_model.safetensors.
type Adapter struct {
	*pedestrian.Adapter[float32]
	BaseName   string           // base_model_name_or_path: what others call the base, "" when it is not known
	BaseSHA256 string           // of the base's weights, in hexadecimal, "" when it is not known
	Tokenizer  *token.Tokenizer // with the tokens whose rows it trains, or nil
	Notes      []string         // what was read otherwise than it stands there, one line each
}

// IsAdapter says whether path looks like an adapter directory of PEFT.
func IsAdapter(path string) bool {
	f, err := openFolder(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return f.has(adapterConfig)
}

// CheckAdapter says why the configuration of an adapter of PEFT is not read, in one
// line, or nil. Whether its tensors fit, only a base can tell: see [LoadAdapter].
func CheckAdapter(path string) error {
	f, err := openFolder(path)
	if err == nil {
		defer f.Close()
		_, err = f.peftConfig()
	}
	if err != nil {
		return fmt.Errorf("reading the adapter: %w", err)
	}
	return nil
}

const (
	baseModel   = "base_model.model." // what PEFT puts before every name
	downSuffix  = ".lora_A.weight"
	upSuffix    = ".lora_B.weight"
	doraSuffix  = ".lora_magnitude_vector"
	ownBias     = ".bias"            // of a layer without an adapter
	adaptedBias = ".base_layer.bias" // of one with an adapter
	metaAdapter = "pedestrian.adapter"
	metaBase    = "pedestrian.base_sha256"
)

// normModules are the layer norms, as modules_to_save names them.
var normModules = []string{"ln_1", "ln_2", "ln_f"}

// A module is one layer of the network that may have an adapter.
type module struct {
	name   string // without base_model.model., such as "transformer.h.0.attn.c_attn" or "lm_head"
	block  int    // -1 for the head
	target pedestrian.Target
}

// modulesOf lists every layer of a network that can have an adapter: queries, keys and
// values are one.
func modulesOf(c pedestrian.Config) (ms []module) {
	for _, l := range c.Linears() {
		if l.Target != l.Layer {
			continue
		}
		n, _ := namesOf(string(l.Layer), l.Block)
		if l.Block >= 0 {
			n.transformers = prefix + n.transformers
		}
		ms = append(ms, module{n.transformers, l.Block, l.Target})
	}
	return ms
}

// relative is a module's name within its block.
func (m module) relative() string {
	if m.block < 0 {
		return m.name
	}
	return strings.TrimPrefix(m.name, fmt.Sprintf("%sh.%d.", prefix, m.block))
}

// named says whether a suffix of the module's name, of whole parts, is pattern: what
// PEFT takes an entry of target_modules for.
func (m module) named(pattern string) bool {
	return m.name == pattern || strings.HasSuffix(m.name, "."+pattern)
}

// keyed says whether key, of rank_pattern or alpha_pattern, means the module: as named,
// and after ^ the whole name alone.
func (m module) keyed(key string) bool {
	if whole, ok := strings.CutPrefix(key, "^"); ok {
		return m.name == whole
	}
	return m.named(key)
}

// thirds are the layers that c_attn is made of, in its order.
var thirds = []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetK, pedestrian.TargetV}

// splits says whether an adapter has factors of queries, keys or values of their own.
func splits(a pedestrian.AdapterConfig) bool {
	return slices.ContainsFunc(thirds, func(t pedestrian.Target) bool { return slices.Contains(a.Targets, t) })
}

// speaksGPT2 reports why an adapter beside c is none beside a GPT-2 of transformers.
func speaksGPT2(c pedestrian.Config) error {
	switch {
	case c.QKVDim() != 3*c.Width:
		return fmt.Errorf("the network has queries and keys of %d numbers a head and values of %d: a GPT-2 of transformers has the same number", c.QueryDim(), c.ValueDim())
	case c.LogitsBias:
		return fmt.Errorf("the network has a bias of the logits: a GPT-2 of transformers has none")
	}
	c.Blocks = 1
	for _, s := range c.Slots() {
		if placeless(s) {
			return fmt.Errorf("the network has %s: a GPT-2 of transformers has no such parameter", s.Name)
		}
	}
	return nil
}
