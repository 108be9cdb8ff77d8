package gradcheck

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
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

// row is the row of the piece, nothing compared yet.
func (p piece) row() Row {
	return Row{Name: p.name, Param: p.param, Shape: p.shape(), Eq: p.eq, Cols: p.cols, Tensor: p.tensor, piece: p}
}

// Table3 lists the rows of every parameter, from the bottom of the paper's table up, as its
// gradients are found; nothing is compared yet.
func (p Point) Table3() (rows []Row) {
	for _, q := range p.table3() {
		rows = append(rows, q.row())
	}
	return rows
}

// Of gathers the numbers of a parameter's row from those of all tensors, in the order of
// [Pass]: a row may be the columns of one head.
func (row *Row) Of(tensors [][]float64) []float64 { return of(row.piece, tensors[row.Tensor]) }

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
		whole := piece{tensor: k, cols: t.Cols, stride: t.Cols, rows: t.Rows, vec: t.Vec(), param: t.Name}
		where, own := "", k >= len(p.Params.Tensors())
		if t.Block >= 0 && p.Config.Blocks > 1 {
			where = fmt.Sprintf("block %d ", t.Block)
		}
		if own && (t.Role == pedestrian.Gain || t.Role == pedestrian.Bias) {
			where, whole.note = where+"adapter's ", "in the place of the network's"
		} else if !own && p.replaced(t.Name) {
			whole.note = noEffect
		}
		if t.Layer == "qkv" && (t.Role == pedestrian.Matrix || t.Role == pedestrian.Bias) {
			all = append(all, p.heads(whole, where)...)
			continue
		}
		name, eq := p.symbol(t.Slot)
		whole.name, whole.eq = where+name, eq
		if p.Config.Tied && t.Layer == "tok" {
			whole.name, whole.eq, whole.note = "w_tok = w_11ᵗ", "3+T3", "tied: two contributions that add"
			if !p.isTable2() {
				whole.eq = "L23"
			}
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
func (p Point) replaced(name string) bool { return p.LoRA != nil && p.LoRA.Tensor(name).V != nil }

// heads splits the fused projection by queries, keys and values of each head.
func (p Point) heads(whole piece, where string) []piece {
	c := p.Config
	kind, eqs := "w", [3]string{"31.a", "31.b", "23"}
	if whole.vec {
		kind, eqs = "b", [3]string{"32.a", "32.b", "24"}
	}
	if !paper.OwnHeads(c) { // one fully connected layer in front of them
		eqs = [3]string{"FC", "FC", "FC"}
	}
	still := c.KeyBiasesWithoutGradient() == c.Blocks*c.KeyHeads()*c.QueryDim()
	var all []piece
	from := 0
	for i, letter := range []string{"q", "k", "v"} {
		width, heads := c.QueryDim(), c.KeyHeads()
		if letter == "q" {
			heads = c.Heads
		}
		if letter == "v" {
			width = c.ValueDim()
		}
		for h := range heads {
			q := whole
			q.name = fmt.Sprintf("%s%s_%s head %d", where, kind, letter, h)
			q.eq, q.from, q.cols = eqs[i], from, width
			if whole.vec && letter == "k" && still && q.note != noEffect {
				q.note = nullDirection
			}
			all = append(all, q)
			from += width
		}
	}
	return all
}

// table3Layers gives the paper's index of a layer's parameters, what it calls the
// layer, and the equations of the gradients of w and b; T3 where table 3 states it
// without a number.
var table3Layers = map[string]struct{ index, title, w, b string }{
	"tok":      {"tok", "", "3", ""},
	"pos":      {"pos", "", "3", ""},
	"ln1":      {"1", " (1st LN)", "41", "42"},
	"q":        {"q", "", "", ""}, // of the heads, but for its adapter
	"k":        {"k", "", "", ""},
	"v":        {"v", "", "", ""},
	"qkv":      {"qkv", "", "", ""},
	"qNorm":    {"qNorm", "", "L19", ""},
	"kNorm":    {"kNorm", "", "L19", ""},
	"attProj":  {"3", " (FC attProj)", "T3", "T3"},
	"ln2":      {"5", " (2nd LN)", "41", "42"},
	"expand":   {"6", " (FC expand)", "T3", "T3"},
	"contract": {"8", " (FC contract)", "T3", "T3"},
	"gate":     {"gate", "", "FC", "FC"},
	"up":       {"up", "", "FC", "FC"},
	"down":     {"down", "", "FC", "FC"},
	"lnFinal":  {"10", " (final LN)", "41", "42"},
	"logits":   {"11", " (FC logits)", "T3", "T3"},
}

// symbol is the paper's symbol of a parameter and the equation of its gradient.
func (p Point) symbol(s pedestrian.Slot) (name, eq string) {
	l, known := table3Layers[s.Layer]
	if !known || s.Role == pedestrian.TokenRows {
		panic("gradcheck: no row of table 3 for parameter " + s.Name)
	}
	down, up := "45", "46"
	if p.LoRA != nil && p.LoRA.Config.DoRA {
		down, up = "DoRA", "DoRA"
	}
	switch s.Role {
	case pedestrian.Bias:
		if !p.isTable2() && l.b == "T3" {
			l.b = "FC"
		}
		return "b_" + l.index, l.b
	case pedestrian.Down:
		return "d_" + l.index + " (LoRA)", down
	case pedestrian.Up:
		return "u_" + l.index + " (LoRA)", up
	case pedestrian.Magnitude:
		return "m_" + l.index + " (DoRA)", "DoRA"
	}
	if !p.isTable2() && l.w == "T3" { // table 3 states what (FC) does
		l.w = "FC"
	}
	if s.Role == pedestrian.Gain && p.Config.Norm == pedestrian.RMSNorm && l.w == "41" {
		return "w_" + l.index + strings.Replace(l.title, "LN", "RMS", 1), "L4"
	}
	return "w_" + l.index + l.title, l.w
}

// isTable2 says whether the network is one of table 2, or else of the Llama family.
func (p Point) isTable2() bool { return paper.IsTable2(p.Config) }

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
