package hub

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// A slot is one parameter of GPT-2 under the name that transformers gives it, without
// the prefix.
type slot struct {
	name   string
	ours   string // our dotted name
	shape  []int
	matrix bool // of a fully connected layer in a block: input×output here and in transformers' Conv1D, output×input in nanoGPT and llm.c
	bias   bool // that a network without biases does not have
}

// The names of the four affine maps and two layer norms of a block, in our order.
var blockNames = []struct {
	theirs, ours string
	norm         bool
}{
	{"ln_1", "ln1", true}, {"attn.c_attn", "qkv", false}, {"attn.c_proj", "attProj", false},
	{"ln_2", "ln2", true}, {"mlp.c_fc", "expand", false}, {"mlp.c_proj", "contract", false},
}

const (
	prefix = "transformer."
	lmHead = "lm_head.weight"
)

// slotsOf lists the parameters of GPT-2, the matrix of the logits left out, in the
// order of views.
func slotsOf(c pedestrian.Config) []slot {
	d := c.Width
	ss := []slot{{name: "wte.weight", ours: "tok.w", shape: []int{c.Vocab, d}}, {name: "wpe.weight", ours: "pos.w", shape: []int{c.Context, d}}}
	pair := func(theirs, ours string, norm bool, in, out int) {
		w := slot{name: theirs + ".weight", ours: ours + ".w", shape: []int{in, out}, matrix: true}
		if norm {
			w.shape, w.matrix = []int{out}, false
		}
		ss = append(ss, w, slot{name: theirs + ".bias", ours: ours + ".b", shape: []int{out}, bias: true})
	}
	sizes := [][2]int{{0, d}, {d, c.QKVDim()}, {d, d}, {0, d}, {d, c.HiddenDim()}, {c.HiddenDim(), d}}
	for i := range c.Blocks {
		for j, n := range blockNames {
			pair(fmt.Sprintf("h.%d.%s", i, n.theirs), fmt.Sprintf("block.%d.%s", i, n.ours), n.norm, sizes[j][0], sizes[j][1])
		}
	}
	pair("ln_f", "lnFinal", true, 0, d)
	return ss
}

// views are p's tensors in the order of slotsOf; V is nil where p has no bias.
func views[T pedestrian.Float](p *pedestrian.Params[T]) []pedestrian.Tensor[T] {
	ts := []pedestrian.Tensor[T]{p.Tok, p.Pos}
	for _, b := range p.Blocks {
		for _, a := range []pedestrian.Affine[T]{b.LN1, b.QKV, b.AttProj, b.LN2, b.Expand, b.Contract} {
			ts = append(ts, a.W, a.B)
		}
	}
	return append(ts, p.LNFinal.W, p.LNFinal.B)
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
