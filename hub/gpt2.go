package hub

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// layerNames are what a layer of GPT-2 is called in other programs. In the names of a
// layer in a block, %d is the block.
type layerNames struct {
	ours         string // in pedestrian.Slot
	transformers string // without the prefix; nanoGPT and PEFT have the same names
	llamaCPP     string

	// conv1D says that transformers holds the matrix input×output, as it is held here.
	// All others hold output×input.
	conv1D bool
}

// gpt2 is the table of names. A parameter of a layer that is not in it has no place in
// any format of this family, nor has a bias of the logits: checkFormat and checkGPT2
// refuse networks with such parameters. A bias that a network does not have is zero in
// the formats that ask for it.
var gpt2 = []layerNames{
	{"tok", "wte", "token_embd", false},
	{"pos", "wpe", "position_embd", false},
	{"ln1", "h.%d.ln_1", "blk.%d.attn_norm", false},
	{"qkv", "h.%d.attn.c_attn", "blk.%d.attn_qkv", true},
	{"attProj", "h.%d.attn.c_proj", "blk.%d.attn_output", true},
	{"ln2", "h.%d.ln_2", "blk.%d.ffn_norm", false},
	{"expand", "h.%d.mlp.c_fc", "blk.%d.ffn_up", true},
	{"contract", "h.%d.mlp.c_proj", "blk.%d.ffn_down", true},
	{"lnFinal", "ln_f", "output_norm", false},
	{"logits", headModule, "output", false},
}

const (
	prefix     = "transformer." // of all names but the head's
	headModule = "lm_head"
	lmHead     = headModule + ".weight"
)

// namesOf is the line of the table for a layer of ours, with the block in its names.
func namesOf(layer string, block int) (n layerNames, ok bool) {
	i := slices.IndexFunc(gpt2, func(n layerNames) bool { return n.ours == layer })
	if i < 0 {
		return n, false
	}
	n = gpt2[i]
	if block >= 0 {
		n.transformers, n.llamaCPP = fmt.Sprintf(n.transformers, block), fmt.Sprintf(n.llamaCPP, block)
	}
	return n, true
}

// A slot is a parameter with its names in other programs, such as "h.0.ln_1.weight".
type slot struct {
	pedestrian.Slot
	layerNames
}

// slotsOf lists the parameters of a GPT-2 with the sizes of c, in our order: with every
// bias but that of the logits, and with a matrix of the logits unless c is tied.
func slotsOf(c pedestrian.Config) (slots []slot) {
	c.Bias = true
	for _, s := range c.Slots() {
		if notInGPT2(s) {
			continue
		}
		n, _ := namesOf(s.Layer, s.Block)
		kind := ".weight"
		if s.Role == pedestrian.Bias {
			kind = ownBias
		}
		n.transformers, n.llamaCPP = n.transformers+kind, n.llamaCPP+kind
		slots = append(slots, slot{s, n})
	}
	return slots
}

// notInGPT2 says whether the formats of GPT-2 have no place for a parameter.
func notInGPT2(s pedestrian.Slot) bool {
	_, ok := namesOf(s.Layer, s.Block)
	return !ok || s.Layer == "logits" && s.Role == pedestrian.Bias
}

// full returns the name in transformers, with the prefix.
func (s slot) full() string {
	if s.Layer == "logits" {
		return s.transformers
	}
	return prefix + s.transformers
}

// transposed says whether a format holds the parameter output×input. In transformers
// the matrices of blocks are input×output; all other formats transpose every matrix.
func (s slot) transposed(transformers bool) bool {
	return s.Role == pedestrian.Matrix && !(transformers && s.conv1D)
}

// shape is the parameter's shape in a file.
func (s slot) shape(transposed bool) []int {
	switch {
	case s.Vec():
		return []int{s.Cols}
	case transposed:
		return []int{s.Cols, s.Rows}
	}
	return []int{s.Rows, s.Cols}
}

// buffer says whether a tensor, its prefix taken off, is the causal mask that old
// files keep among the weights.
func buffer(name string) bool {
	rest, ok := strings.CutPrefix(name, "h.")
	if !ok {
		return false
	}
	number, rest, _ := strings.Cut(rest, ".")
	return number != "" && strings.Trim(number, "0123456789") == "" && (rest == "attn.bias" || rest == "attn.masked_bias")
}
