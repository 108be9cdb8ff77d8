package lesson

import (
	"regexp"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Meaning is a line of a legend: a sign or a symbol, what it stands for, and its shape.
type Meaning struct {
	Symbol  string `json:"symbol"`
	Meaning string `json:"meaning"`
	Shape   string `json:"shape,omitempty"` // in letters, such as "n_T×d"
}

// legend explains the symbols of an equation, then the signs, then the letters of the shapes;
// only those that occur.
func legend(e paper.Equation, w *derive.World, formula []string) (all []Meaning) {
	layer := ofLayer(e)
	var shapes []string
	for _, src := range e.Expr {
		names, err := derive.Names(src)
		if err != nil {
			continue // a test of derive parses every line
		}
		for _, n := range names {
			m := Meaning{Symbol: derive.Symbol(n, layer)}
			m.Meaning, m.Shape = meaning(n, w)
			if strings.Contains(src, " where "+n+" = ") {
				_, known := meaning(n, w)
				m.Meaning, m.Shape = "what stands behind where", known
				if w != nil && w.Meaning(n) != "" {
					m.Meaning = w.Meaning(n)
				}
			}
			m.Meaning = typesetWords(m.Meaning, layer)
			if m.Meaning == "" || slices.ContainsFunc(all, func(have Meaning) bool { return have.Symbol == m.Symbol }) {
				continue
			}
			all = append(all, m)
			shapes = append(shapes, m.Shape)
		}
	}
	text := strings.Join(formula, "  ")
	for _, s := range signs {
		if s.in.MatchString(text) {
			all = append(all, Meaning{Symbol: s.symbol, Meaning: s.meaning})
		}
	}
	for _, l := range letters {
		if slices.ContainsFunc(shapes, func(s string) bool { return slices.Contains(strings.Split(s, "×"), l.symbol) }) &&
			!slices.ContainsFunc(all, func(m Meaning) bool { return m.Symbol == l.symbol }) {
			all = append(all, Meaning{Symbol: l.symbol, Meaning: l.meaning})
		}
	}
	return all
}

// meaning is what a name stands for, and its shape: in its world, or else everywhere.
func meaning(name string, w *derive.World) (says, shape string) {
	if w != nil {
		if t, ok := w.Scope().Type(name); ok {
			return w.Meaning(name), shapeOf(t)
		}
	}
	if name == "D_prev" && w != nil {
		_, shape := meaning("a_prev", w)
		return "error signal on a_prev", shape
	}
	if p, ok := strings.CutPrefix(name, "dL/d"); ok {
		_, shape := meaning(p, w)
		return "gradient of the loss with respect to " + derive.Symbol(p, false), shape
	}
	for _, m := range everywhere {
		if m.name.MatchString(name) {
			return strings.ReplaceAll(m.name.ReplaceAllString(name, m.meaning), "_", ""), m.shape
		}
	}
	return "", ""
}

// typesetWords typesets the names in a text: what has a line in it, and what stands alone
// behind "error signal on".
func typesetWords(text string, layer bool) string {
	if of, ok := strings.CutPrefix(text, "error signal on "); ok && !strings.Contains(of, " ") {
		return "error signal on " + derive.Symbol(of, layer)
	}
	words := strings.Split(text, " ")
	for i, w := range words {
		if strings.Contains(w, "_") && !strings.HasPrefix(w, "FC_") {
			words[i] = derive.Symbol(w, layer)
		}
	}
	return strings.Join(words, " ")
}

// shapeOf is a type as the paper writes shapes.
func shapeOf(t derive.Type) string {
	letter := func(l string) string {
		if l == "T" {
			return "n_T"
		}
		return derive.Symbol(l, false)
	}
	switch t.Kind {
	case derive.Tokens:
		return letter(t.Rows)
	case derive.Features:
		return letter(t.Cols)
	case derive.Matrix:
		return letter(t.Rows) + "×" + letter(t.Cols)
	}
	return "number"
}

// signs are the operations, by what shows that they are there.
var signs = []struct {
	in              *regexp.Regexp
	symbol, meaning string
}{
	{regexp.MustCompile(`[\p{L}\])₀-₉] [\p{L}(√]`), "a b", "matrix product; beside a number, a multiple"},
	{regexp.MustCompile(`ᵗ`), "aᵗ", "transpose"},
	{regexp.MustCompile(`∘`), "a ∘ b", "entry by entry"},
	{regexp.MustCompile(` / |/σ`), "a / b", "entry by entry, or over a number"},
	{regexp.MustCompile(`⊖`), "a ⊖ b", "dot product of each row with the same row: one number a token"},
	{regexp.MustCompile(` · `), "a · b", "sum of all entries of a ∘ b: one number"},
	{regexp.MustCompile("\u0303|~"), "b̃, ~b", "a vector repeated: one number a feature to every row, one a token to every column"},
	{regexp.MustCompile(`Σ_tokens`), "Σ_tokens", "sum over rows: one number a feature"},
	{regexp.MustCompile(`Σ_features`), "Σ_features", "sum over columns: one number a token"},
	{regexp.MustCompile(`softmax`), "softmax", "each row exponentiated and divided by its sum"},
	{regexp.MustCompile(`ohe`), "ohe", "one-hot rows of integers"},
	{regexp.MustCompile(`\bd[aqkvwbuzhρσāμΔ(]`), "da", "a nudge of a, its differential"},
	{regexp.MustCompile(`concat`), "concat", "side by side"},
	{regexp.MustCompile(`slice`), "slice(a, h)", "the columns of head h"},
	{regexp.MustCompile(`diag`), "diag", "the diagonal of a matrix, or the matrix of one"},
	{regexp.MustCompile(`‖`), "‖v‖", "the length of each column"},
	{regexp.MustCompile(`gelu′|silu′|relu′`), "g′", "the slope of g, at each number"},
	{regexp.MustCompile(`\bgelu\b`), "gelu", "x Φ(x), with the normal distribution Φ"},
	{regexp.MustCompile(`\bsilu\b`), "silu", "x / (1 + exp(-x))"},
	{regexp.MustCompile(`μ\(`), "μ(a)", "mean of each row"},
	{regexp.MustCompile(`σ\(`), "σ(a)", "deviation of each row from its mean"},
	{regexp.MustCompile(`\[\d`), "a[2, 1]", "row 2, column 1, counted from 1"},
	{regexp.MustCompile(`\bJ\b`), "J", "a matrix of ones"},
}

// letters of shapes.
var letters = []struct{ symbol, meaning string }{
	{"n_T", "how many tokens"}, {"d", "width of a token"}, {"d_ρ", "width of a query and of a key"}, {"d_h", "width of a head's values"},
	{"V", "size of the vocabulary"}, {"C", "longest sequence"}, {"f", "width on the wide side, or features of the input"}, {"g", "features of the output"},
	{"r", "rank"}, {"p", "how many pairs turn"}, {"n", "tokens with the new one"}, {"d₁", "width of head 1"}, {"d₂", "width of head 2"}, {"e", "features in between"},
}

// everywhere is what names mean that are in no world.
var everywhere = []struct {
	name           *regexp.Regexp
	meaning, shape string
}{
	{regexp.MustCompile(`^D_(\d+)$`), "error signal on stage $1 of table 2", ""},
	{regexp.MustCompile(`^a_1_next$`), "input of the next block", "n_T×d"},
	{regexp.MustCompile(`^D_1_next$`), "error signal on the input of the next block", "n_T×d"},
	{regexp.MustCompile(`^a_(\d+)$`), "stage $1 of table 2", ""},
	{regexp.MustCompile(`^D_prev$`), "error signal on the input", ""},
	{regexp.MustCompile(`^D_(\w+)$`), "error signal on $1", ""},
	{regexp.MustCompile(`^D$`), "error signal on the output", ""},
	{regexp.MustCompile(`^w_(\w+)$`), "weights of $1", ""},
	{regexp.MustCompile(`^w$`), "weights, or a gain", ""},
	{regexp.MustCompile(`^b_(\w+)$`), "bias of $1", ""},
	{regexp.MustCompile(`^R_(t|s|ts)$`), "rotation by the angles of a position: t, s, or t - s", "d_ρ×d_ρ"},
	{regexp.MustCompile(`^Q_split$`), "the quarter turn of half-split pairs", "d_ρ×d_ρ"},
	{regexp.MustCompile(`^theta_split$`), "the angles of half-split pairs", "n_T×d_ρ"},
	{regexp.MustCompile(`^Q$`), "the quarter turn of every pair", "d_ρ×d_ρ"},
	{regexp.MustCompile(`^P$`), "a permutation matrix", ""},
	{regexp.MustCompile(`^theta$`), "the angle of each number", "n_T×d_ρ"},
	{regexp.MustCompile(`^[ab]$`), "a matrix", ""},
	{regexp.MustCompile(`^g$`), "error signal on the normalized input", "n_T×d"},
}
