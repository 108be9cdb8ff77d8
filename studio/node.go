package studio

import (
	"strconv"
	"strings"
	"sync"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Kind says which pass a node belongs to.
type Kind string

const (
	Value     Kind = "value"     // of the forward pass
	Error     Kind = "error"     // Δ, of the backward pass: the gradient of the loss with respect to a value
	Gradient  Kind = "gradient"  // ∂L/∂ of a parameter
	Parameter Kind = "parameter" // of the network or its adapter
	Mask      Kind = "mask"      // m of (13): 0, or -∞ where a token is not seen
)

// A Node is a tensor with a name.
type Node struct {
	ID      string `json:"id"`     // such as "b0.h1.rho": block 0, head 1, ρ
	Symbol  string `json:"symbol"` // in the paper, such as "Δ_{i-1}"
	MathML  string `json:"math"`   // the symbol, typeset
	Kind    Kind   `json:"kind"`
	Eq      string `json:"eq,omitempty"`    // number of its equation in the registry
	Title   string `json:"title,omitempty"` // what it is, in words
	At      string `json:"at"`              // where in the network, in words
	Rows    int    `json:"rows"`
	Cols    int    `json:"cols"`
	Partner string `json:"partner,omitempty"` // of a value its error, of an error its value; of a parameter its gradient
	Hidden  string `json:"hidden,omitempty"`  // id of the node whose entries of -∞ are hatched in this one

	step int   // its place in the trace; -1 of parameters and masks
	cols []int // of a parameter: the columns of its slot
	slot string
}

// place shortens where a step was recorded: "seq.0.block.1.head.0" is "b1.h0".
func place(at string) string {
	at = strings.TrimPrefix(strings.TrimPrefix(at, "seq.0"), ".")
	return strings.NewReplacer("block.", "b", "head.", "h").Replace(at)
}

var symbolIDs = strings.NewReplacer("∂L/∂", "d", "Δ", "D", "ρ", "rho", "σ", "sigma", "ā", "abar", "ℓ", "l", "α", "alpha", "→", "_to_",
	"i-1", "prev", "ohe(a_{i-1})", "ohe", "_h}", "}", " = ", "_", "^", "_")

// symbolID is a symbol in ASCII: "Δ_{v_h}" is D_v, "∂L/∂w_{q_h}" is dw_q.
func symbolID(symbol string) string {
	switch symbol {
	case "v_h", "q_h", "k_h":
		return symbol[:1]
	}
	id := symbolIDs.Replace(strings.Replace(symbol, "_h}", "}", 1))
	return strings.NewReplacer("{", "", "}", "", "(", "_", ")", "", "_h_to_", "_to_", "_to_v_h", "_to_v", "_to_q_h", "_to_q", "_to_k_h", "_to_k").Replace(id)
}

// symbolTeX is a symbol of the trace in TeX.
func symbolTeX(symbol string) string {
	if of, ok := strings.CutPrefix(symbol, "∂L/∂"); ok {
		return `\frac{\partial L}{\partial ` + symbolTeX(of) + `}`
	}
	if strings.HasPrefix(symbol, "ohe(") {
		return `\mathrm{ohe}` + symbolTeX(symbol[3:])
	}
	if of, ok := strings.CutPrefix(symbol, "ā"); ok {
		return `\bar a` + of
	}
	for _, word := range []string{"raw", "scaled", "causal"} {
		if base, ok := strings.CutSuffix(symbol, "^"+word); ok {
			return symbolTeX(base) + `_{\mathrm{` + word + `}}`
		}
	}
	if base, _, ok := strings.Cut(symbol, "→"); ok && !strings.Contains(base, "{") {
		return symbolTeX(base)
	}
	symbol = strings.ReplaceAll(symbol, "→", `\to `)
	switch symbol {
	case "y_pred", "y_gt":
		return `y_{\mathrm{` + symbol[2:] + `}}`
	case "Δ_{logits}":
		return `\Delta_{\mathrm{logits}}`
	}
	base, sub, ok := strings.Cut(symbol, "_")
	if ok && len(sub) > 1 && !strings.HasPrefix(sub, "{") && !strings.Contains(sub, "^") {
		return base + "_{" + map[bool]string{true: sub, false: `\mathrm{` + sub + `}`}[sub[0] <= '9'] + "}"
	}
	return symbol
}

// where says in words where a step was recorded; heads and blocks are counted from 0.
func where(at string) string {
	words := map[string]string{"tok": "token embedding", "pos": "position embedding", "ln1": "first layer norm", "ln2": "second layer norm",
		"lnFinal": "final layer norm", "logits": "logits", "attProj": "FC attProj", "expand": "FC expand", "g": "activation", "contract": "FC contract", "lora": "adapter"}
	var out []string
	parts := strings.Split(strings.TrimPrefix(strings.TrimPrefix(at, "seq.0"), "."), ".")
	for i := 0; i < len(parts); i++ {
		switch p := parts[i]; p {
		case "block", "head":
			if i++; i < len(parts) {
				out = append(out, p+" "+parts[i])
			}
		case "":
		default:
			w := words[p]
			if w == "" {
				w = p
			}
			out = append(out, w)
		}
	}
	if out == nil {
		return "network"
	}
	return strings.Join(out, ", ")
}

// A layout is the nodes of a network that reads a number of tokens: those of the trace in its
// order, then parameters, then masks.
type layout struct {
	nodes []Node
	index map[string]int
	split int         // the first step of the backward pass
	of    map[int]int // step of an error: the step that it is the error of

	once    sync.Once
	readers map[string][]string // of each node, see Session.feeds
}

// node returns the node of that id.
func (l *layout) node(id string) *Node {
	if i, ok := l.index[id]; ok {
		return &l.nodes[i]
	}
	return nil
}

// newLayout names the steps of a trace, and the parameters of the network that made it.
func newLayout(tr *paper.Trace, split int, p *pedestrian.Params[float64], a *pedestrian.Adapter[float64]) *layout {
	l := &layout{index: map[string]int{}, split: split, of: map[int]int{}}
	titles := map[string]string{}
	for _, s := range paper.Signals {
		titles[s.Error+s.Eq], titles[s.Of] = "error on the "+s.Title, s.Title
	}
	for i, s := range tr.Steps {
		n := Node{Symbol: s.Name, Kind: Value, Eq: s.Eq, At: where(s.At), Rows: s.V.N, Cols: s.V.D, step: i}
		id := symbolID(s.Name)
		if p := place(s.At); p != "" {
			id = p + "." + id
		}
		if s.At == "" {
			id = "all." + id
		}
		switch {
		case strings.HasPrefix(s.Name, "∂"):
			n.Kind = Gradient
		case i >= split:
			n.Kind = Error
		}
		if n.Title = titles[s.Name+s.Eq]; n.Title == "" && n.Kind == Value && !strings.Contains(s.Name, "i") {
			n.Title = titles[s.Name]
		}
		if e, ok := paper.FindEquation(s.Eq); n.Title == "" && ok {
			n.Title = e.Title
		}
		if n.Title == "" {
			n.Title = map[string]string{"a_{i-1}": "input", "a_i": "output", "ohe(a_{i-1})": "one-hot rows of the ids", "y_gt": "one-hot rows of the targets"}[s.Name]
		}
		l.add(id, n)
	}
	l.pair(tr)
	l.parameters(p, a)
	for i, s := range tr.Steps { // a mask for every head
		if s.Name == "ρ^causal" {
			at := place(s.At)
			l.add(at+".m", Node{Symbol: "m", Kind: Mask, Eq: "13", Title: "mask", At: where(s.At), Rows: s.V.N, Cols: s.V.D, step: -1})
			for _, id := range []string{".m", ".rho_causal", ".rho"} {
				l.node(at + id).Hidden = l.nodes[i].ID
			}
		}
	}
	return l
}

func (l *layout) add(id string, n Node) {
	for n.ID = id; l.index[n.ID] != 0 || n.ID == firstID(l); {
		n.ID += "+"
	}
	n.MathML, _ = mathML(symbolTeX(n.Symbol)) // TestSymbols has all of them
	l.index[n.ID] = len(l.nodes)
	l.nodes = append(l.nodes, n)
}

func firstID(l *layout) string {
	if len(l.nodes) == 0 {
		return ""
	}
	return l.nodes[0].ID
}

// pair finds the value of every error.
func (l *layout) pair(tr *paper.Trace) {
	type key struct{ at, name string }
	forward := map[key]int{}
	for i, s := range tr.Steps[:l.split] {
		forward[key{s.At, s.Name}] = i
	}
	for i, s := range tr.Steps[l.split:] {
		for _, signal := range paper.Signals {
			if signal.Error != s.Name || signal.Eq != s.Eq {
				continue
			}
			if v, ok := forward[key{s.At, signal.Of}]; ok {
				e := l.split + i
				l.of[e] = v
				l.nodes[e].Partner = l.nodes[v].ID
				if l.nodes[v].Partner == "" {
					l.nodes[v].Partner = l.nodes[e].ID
				}
			}
		}
	}
	if d := l.node("D_logits"); d != nil {
		l.of[d.step], d.Partner = l.node("a_12").step, "a_12"
	}
}

// numbers of table 2 that name the parameters of a layer.
var layerNumbers = map[string]string{"ln1": "1", "attProj": "3", "ln2": "5", "expand": "6", "contract": "8", "lnFinal": "10", "logits": "11"}

// parameters adds the parameters as table 3 names them; those of queries, keys and values are
// cut into heads, as in table 1.
func (l *layout) parameters(p *pedestrian.Params[float64], a *pedestrian.Adapter[float64]) {
	c := p.Config
	for _, t := range p.Tensors() {
		prefix, letter := "", "w"
		if t.Block >= 0 {
			prefix = "b" + strconv.Itoa(t.Block) + "."
		}
		if t.Role == pedestrian.Bias {
			letter = "b"
		}
		switch t.Layer {
		case "tok", "pos":
			l.parameter(t.Slot, "w_"+t.Layer, "w_"+t.Layer, columns(0, t.Cols))
			if part := l.node("tok.dw_emb"); c.Tied {
				part.Partner = "" // see Session.tie
			}
		case "qkv":
			for h := range c.Heads {
				for i, part := range []string{"q", "k", "v"} {
					d, from := c.QueryDim(), i*c.Heads*c.QueryDim()
					if part == "v" {
						d = c.ValueDim()
					}
					l.parameter(t.Slot, prefix+"h"+strconv.Itoa(h)+"."+letter+"_"+part, letter+"_{"+part+"_h}", columns(from+h*d, d))
				}
			}
		default:
			n := layerNumbers[t.Layer]
			l.parameter(t.Slot, prefix+letter+"_"+n, letter+"_"+n, columns(0, t.Cols))
		}
	}
	if a != nil {
		l.parameter(a.Logits.Down.Slot, "d_11", "d_11", columns(0, a.Logits.Down.Cols))
		l.parameter(a.Logits.Up.Slot, "u_11", "u_11", columns(0, a.Logits.Up.Cols))
	}
}

func columns(from, n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = from + i
	}
	return s
}

func (l *layout) parameter(s pedestrian.Slot, id, symbol string, cols []int) {
	at, name := "", id
	if i := strings.LastIndexByte(id, '.'); i >= 0 {
		at, name = id[:i+1], id[i+1:]
	}
	words := map[pedestrian.Role]string{pedestrian.Matrix: "weight", pedestrian.Table: "table of embeddings", pedestrian.Gain: "gain", pedestrian.Bias: "bias", pedestrian.Down: "down-projection", pedestrian.Up: "up-projection"}
	n := Node{Symbol: symbol, Kind: Parameter, Title: words[s.Role], At: where(parameterPlace(s, at)), Rows: s.Rows, Cols: len(cols), step: -1, cols: cols, slot: s.Name}
	own := ownStep(s, name)
	for _, g := range []string{at + "d" + name, own, "logits.frozen" + strings.TrimPrefix(own, "logits"), "logits.lora" + strings.TrimPrefix(own, "logits")} { // table 3's, and the layer's own
		if g == "logits.frozen"+own || g == "logits.lora"+own {
			continue // of another layer
		}
		if d := l.node(g); d != nil && d.Kind == Gradient {
			d.Partner = id
			if n.Partner == "" {
				n.Partner = g
			}
		}
	}
	l.add(id, n)
}

func parameterPlace(s pedestrian.Slot, at string) string {
	if s.Layer == "qkv" {
		return strings.NewReplacer("b", "block.", "h", "head.").Replace(strings.TrimSuffix(at, "."))
	}
	if s.Block >= 0 {
		return "block." + strconv.Itoa(s.Block) + "." + s.Layer
	}
	return s.Layer
}

// LayerName is what the layer of a parameter is called, with its block: "block 0, FC expand".
func LayerName(s pedestrian.Slot) string {
	at := parameterPlace(s, "")
	if s.Layer == "qkv" {
		at = "block." + strconv.Itoa(s.Block) + ".queries, keys, values"
	}
	return where(at)
}

// ownStep is the id of the gradient as the layer itself records it.
func ownStep(s pedestrian.Slot, name string) string {
	at := s.Layer
	if s.Block >= 0 {
		at = "b" + strconv.Itoa(s.Block) + "." + s.Layer
	}
	if s.Role == pedestrian.Table {
		return at + ".dw_emb"
	}
	return at + ".d" + name[:1]
}
