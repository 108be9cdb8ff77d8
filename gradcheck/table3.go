package gradcheck

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// A piece is a row of table 3: a whole tensor of the parameters, or the columns
// of the fused matrix [w_q | w_k | w_v] that belong to one head.
type piece struct {
	name   string // in the paper's symbols, such as "w_q head 0"
	eq     string // of its gradient
	tensor int    // among Point.tensors
	from   int    // first column
	cols   int    // columns; rows are those of the tensor
	stride int    // columns of the tensor
	rows   int
	vec    bool
	param  string // dotted name
	note   string // a theorem about it
}

// index is the place in the tensor of the piece's number i.
func (p piece) index(i int) int { return i/p.cols*p.stride + p.from + i%p.cols }

func (p piece) len() int { return p.rows * p.cols }

func (p piece) shape() string {
	if p.vec {
		return strconv.Itoa(p.cols)
	}
	return fmt.Sprintf("%dx%d", p.rows, p.cols)
}

// of gathers the piece's numbers from its tensor's.
func of[T pedestrian.Float](p piece, v []T) []float64 {
	out := make([]float64, p.len())
	for i := range out {
		out[i] = float64(v[p.index(i)])
	}
	return out
}

// table3 lists the pieces of every parameter, from the bottom of the paper's
// table up, as its gradients are found.
func (p Point) table3() []piece {
	var all []piece
	for k, t := range p.tensors() {
		whole := piece{tensor: k, cols: t.Cols, stride: t.Cols, rows: t.Rows, vec: t.Vec, param: t.Name}
		where, own := "", k >= len(p.Params.Tensors())
		name := t.Name
		if rest, ok := strings.CutPrefix(name, "block."); ok {
			block, layer, _ := strings.Cut(rest, ".")
			name = layer
			if p.Config.Blocks > 1 {
				where = "block " + block + " "
			}
		}
		if own && t.Vec && !strings.HasSuffix(name, ".magnitude") {
			where, whole.note = where+"adapter's ", "in the place of the network's"
		} else if !own && p.replaced(t.Name) {
			whole.note = noEffect
		}
		switch name {
		case "qkv.w", "qkv.b":
			all = append(all, p.heads(whole, where)...)
			continue
		}
		s, known := table3Symbols[name]
		if !known {
			panic("gradcheck: no row of table 3 for parameter " + t.Name)
		}
		whole.name, whole.eq = where+s.name, s.eq
		if p.LoRA != nil && p.Case.Adapter.DoRA && (strings.HasSuffix(name, ".down") || strings.HasSuffix(name, ".up")) {
			whole.eq = "DoRA"
		}
		if p.Config.Tied && name == "tok.w" {
			whole.name, whole.eq, whole.note = "w_tok = w_11ᵗ", "3+T3", "tied: two contributions that add"
		}
		all = append(all, whole)
	}
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// replaced says whether the adapter has a parameter of that name in the place of
// the network's.
func (p Point) replaced(name string) bool {
	return p.LoRA != nil && slices.ContainsFunc(p.LoRA.Tensors(), func(t pedestrian.Tensor[float64]) bool { return t.Name == name })
}

// heads splits the fused projection by queries, keys and values of each head.
func (p Point) heads(whole piece, where string) []piece {
	c := p.Config
	kind, eqs := "w", [3]string{"31.a", "31.b", "23"}
	if whole.vec {
		kind, eqs = "b", [3]string{"32.a", "32.b", "24"}
	}
	var all []piece
	from := 0
	for i, letter := range []string{"q", "k", "v"} {
		width := c.QueryDim()
		if letter == "v" {
			width = c.ValueDim()
		}
		for h := range c.Heads {
			q := whole
			q.name = fmt.Sprintf("%s%s_%s head %d", where, kind, letter, h)
			q.eq, q.from, q.cols = eqs[i], from, width
			if whole.vec && letter == "k" && q.note != noEffect {
				q.note = nullDirection
			}
			all = append(all, q)
			from += width
		}
	}
	return all
}

// table3Symbols gives the paper's symbol of a parameter and the equation of its
// gradient; T3 where table 3 states it without a number.
var table3Symbols = map[string]struct{ name, eq string }{
	"tok.w":         {"w_tok", "3"},
	"pos.w":         {"w_pos", "3"},
	"ln1.w":         {"w_1 (1st LN)", "41"},
	"ln1.b":         {"b_1", "42"},
	"attProj.w":     {"w_3 (FC attProj)", "T3"},
	"attProj.b":     {"b_3", "T3"},
	"ln2.w":         {"w_5 (2nd LN)", "41"},
	"ln2.b":         {"b_5", "42"},
	"expand.w":      {"w_6 (FC expand)", "T3"},
	"expand.b":      {"b_6", "T3"},
	"contract.w":    {"w_8 (FC contract)", "T3"},
	"contract.b":    {"b_8", "T3"},
	"lnFinal.w":     {"w_10 (final LN)", "41"},
	"lnFinal.b":     {"b_10", "42"},
	"logits.w":      {"w_11 (FC logits)", "T3"},
	"logits.b":      {"b_11", "T3"},
	"q.down":        {"d_q (LoRA)", "45"},
	"q.up":          {"u_q (LoRA)", "46"},
	"k.down":        {"d_k (LoRA)", "45"},
	"k.up":          {"u_k (LoRA)", "46"},
	"qkv.down":      {"d_qkv (LoRA)", "45"},
	"qkv.up":        {"u_qkv (LoRA)", "46"},
	"v.down":        {"d_v (LoRA)", "45"},
	"v.up":          {"u_v (LoRA)", "46"},
	"attProj.down":  {"d_3 (LoRA)", "45"},
	"attProj.up":    {"u_3 (LoRA)", "46"},
	"expand.down":   {"d_6 (LoRA)", "45"},
	"expand.up":     {"u_6 (LoRA)", "46"},
	"contract.down": {"d_8 (LoRA)", "45"},
	"contract.up":   {"u_8 (LoRA)", "46"},
	"logits.down":   {"d_11 (LoRA)", "45"},
	"logits.up":     {"u_11 (LoRA)", "46"},

	"q.magnitude":        {"m_q (DoRA)", "DoRA"},
	"k.magnitude":        {"m_k (DoRA)", "DoRA"},
	"v.magnitude":        {"m_v (DoRA)", "DoRA"},
	"qkv.magnitude":      {"m_qkv (DoRA)", "DoRA"},
	"attProj.magnitude":  {"m_3 (DoRA)", "DoRA"},
	"expand.magnitude":   {"m_6 (DoRA)", "DoRA"},
	"contract.magnitude": {"m_8 (DoRA)", "DoRA"},
	"logits.magnitude":   {"m_11 (DoRA)", "DoRA"},
}

// blockOf reads the block's number from a place such as "seq.0.block.1.head.2",
// or -1 when the place is in no block.
func blockOf(at string) int { return placeOf(at, "block") }

// placeOf reads the number that follows a word in a place, or -1.
func placeOf(at, word string) int {
	parts := strings.Split(at, ".")
	for i := range len(parts) - 1 {
		if parts[i] == word {
			if n, err := strconv.Atoi(parts[i+1]); err == nil {
				return n
			}
		}
	}
	return -1
}
