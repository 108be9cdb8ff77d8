package hub

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// gpt2 is the table of GPT-2's names. A parameter of a layer that is not in it has no place
// in any format of this family, nor has a bias of the logits: checkFormat and checkBase
// refuse networks with such parameters. A bias that a network does not have is zero in the
// formats that ask for it.
var gpt2 = family{
	title: "GPT-2", prefix: "transformer.", blocks: "h", sizes: "n_layer",
	norms:  []string{"ln_1", "ln_2", "ln_f"},
	buffer: isMask, bufferNote: "the causal mask, which is not a parameter",
	layers: []layerNames{
		{tokLayer, "", "wte", "token_embd", false},
		{"pos", "", "wpe", "position_embd", false},
		{"ln1", "", "h.%d.ln_1", "blk.%d.attn_norm", false},
		{"qkv", "", "h.%d.attn.c_attn", "blk.%d.attn_qkv", true},
		{"attProj", "", "h.%d.attn.c_proj", "blk.%d.attn_output", true},
		{"ln2", "", "h.%d.ln_2", "blk.%d.ffn_norm", false},
		{"expand", "", "h.%d.mlp.c_fc", "blk.%d.ffn_up", true},
		{"contract", "", "h.%d.mlp.c_proj", "blk.%d.ffn_down", true},
		{"lnFinal", "", "ln_f", "output_norm", false},
		{headLayer, "", headModule, "output", false},
	},
}

// isMask says whether a tensor is the causal mask that old files keep among the weights.
func isMask(name string) bool {
	rest, ok := inBlock(name, "h.")
	return ok && (rest == "attn.bias" || rest == "attn.masked_bias")
}

// inBlock takes off the name of a list and the number of a block, such as "h.11.".
func inBlock(name, list string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(name, list)
	if !ok {
		return "", false
	}
	number, rest, _ := strings.Cut(rest, ".")
	return rest, number != "" && strings.Trim(number, "0123456789") == ""
}

// checkGPT2 returns an error if no GPT-2 of transformers has the sizes and choices of c.
func checkGPT2(c pedestrian.Config) error {
	if more := c.BeyondGPT2(); len(more) > 0 {
		return fmt.Errorf("it has %s, and there is none of it", strings.Join(more, ", "))
	}
	if c.QueryDim() != c.ValueDim() {
		return fmt.Errorf("a head has queries of %d features (key_dim) and values of %d, and there they are equal", c.QueryDim(), c.ValueDim())
	}
	return nil
}
