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
	BaseName   string           // base_model_name_or_path, the name of the base; "" if unknown
	BaseSHA256 string           // SHA-256 of the base's weights, in hexadecimal; "" if unknown
	Tokenizer  *token.Tokenizer // has the tokens whose rows the adapter trains; or nil
	Chat       string           // the chat template beside an adapter that was read, or ""
	Notes      []string         // what was read in another way than the files say, one line each
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

// CheckAdapter returns an error of one line if the configuration of the adapter at path, of
// PEFT or in GGUF, is not one that can be read. It does not check the tensors, which must
// fit a base: see [LoadAdapter] and [LoadAdapterGGUF].
func CheckAdapter(path string) error {
	if IsGGUF(path) {
		g, err := openAdapterGGUF(path)
		if err == nil {
			defer g.Close()
			_, err = g.checkAdapter()
		}
		if err != nil {
			return fmt.Errorf("reading the adapter: %w", err)
		}
		return nil
	}
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
	baseModel   = "base_model.model." // PEFT's prefix of every name
	downSuffix  = ".lora_A.weight"
	upSuffix    = ".lora_B.weight"
	doraSuffix  = ".lora_magnitude_vector"
	ownBias     = ".bias"            // of a layer without an adapter
	adaptedBias = ".base_layer.bias" // of one with an adapter
	metaAdapter = "pedestrian.adapter"
	metaBase    = "pedestrian.base_sha256"
)

// A module is one layer of the network that may have an adapter.
type module struct {
	name   string // without base_model.model., such as "transformer.h.0.attn.c_attn" or "lm_head"
	block  int    // -1 for the head
	target pedestrian.Target
	layerNames
	family *family
}

// modulesOf lists the layers of a network that can have an adapter: queries, keys and
// values as the formats of its family have them, as one layer or as three.
func modulesOf(c pedestrian.Config) (ms []module) {
	f := familyOf(c)
	for _, l := range c.Linears() {
		for _, n := range f.named(string(l.Layer)) {
			if n.part == l.Target || n.part == "" && l.Target == l.Layer {
				n = n.in(l.Block)
				ms = append(ms, module{f.full(n.transformers), l.Block, l.Target, n, f})
			}
		}
	}
	return ms
}

// relative returns the module's name within its block, such as "attn.c_attn".
func (m module) relative() string {
	if m.block < 0 {
		return m.name
	}
	return strings.TrimPrefix(m.name, fmt.Sprintf("%s%s.%d.", m.family.prefix, m.family.blocks, m.block))
}

// short returns the name that adapter_config.json has for the module in all blocks: the
// shortest that is that of no other layer.
func (m module) short() string {
	name := m.relative()
	if m.family == &llama {
		return name[strings.LastIndexByte(name, '.')+1:]
	}
	return name
}

// matches says whether pattern is the module's name or its last parts, separated by dots.
// This is how PEFT matches an entry of target_modules.
func (m module) matches(pattern string) bool {
	return m.name == pattern || strings.HasSuffix(m.name, "."+pattern)
}

// matchesKey says whether a key of rank_pattern or alpha_pattern matches the module. The rule is
// that of matches, but after a ^ the key must be the whole name.
func (m module) matchesKey(key string) bool {
	if whole, ok := strings.CutPrefix(key, "^"); ok {
		return m.name == whole
	}
	return m.matches(key)
}

// qkvTargets are the parts of the fused queries, keys and values, in their order.
var qkvTargets = []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetK, pedestrian.TargetV}

// splitsQKV says whether an adapter has separate factors for queries, keys or values.
func splitsQKV(a pedestrian.AdapterConfig) bool {
	return slices.ContainsFunc(qkvTargets, func(t pedestrian.Target) bool { return slices.Contains(a.Targets, t) })
}
