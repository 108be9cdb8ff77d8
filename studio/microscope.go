package studio

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Ref is a cell of a node, counted from 0.
type Ref struct {
	ID  string `json:"id"` // of the node
	Row int    `json:"i"`  // of its entry
	Col int    `json:"j"`  // and its column
}

// A Microscope is what one cell is made of: its equation, the same with its numbers, and the
// terms of its sum where there are many.
type Microscope struct {
	Ref
	Value   float64  `json:"-"`
	Formula string   `json:"formula"`         // typeset, with the indices of the cell
	Numbers string   `json:"numbers"`         // typeset, with its numbers
	Terms   *Terms   `json:"terms,omitempty"` // of a product, a softmax, a norm
	Says    string   `json:"says,omitempty"`
	From    []Ref    `json:"from"`  // cells that it is made of, at most 40
	Feeds   []string `json:"feeds"` // tensors that are made of this one

	result float64 // the number that the terms make: the cell, up to rounding
}

// Terms are a small table: a column for each term.
type Terms struct {
	Head []string  `json:"head"` // of the columns: "1", or words where the columns are tokens
	Hot  int       `json:"hot"`  // the column of the cell, -1 if there is none
	Rows []TermRow `json:"rows"`
}

// A TermRow is a quantity, term by term.
type TermRow struct {
	Label string     `json:"label"` // typeset
	Kind  Kind       `json:"kind"`
	V     []*float64 `json:"v"`               // nil where it is not finite
	Total *float64   `json:"total,omitempty"` // the sum of the row
}

// A scope puts cells of the network into the microscope of one.
type scope struct {
	s    *Session
	n    *Node
	i, j int
	m    *Microscope
	at   string // prefix of ids at the same place: "b0.h1."
}

// Look shows what a cell is made of.
func (s *Session) Look(id string, row, col int) (*Microscope, error) {
	n := s.node(id)
	if n == nil {
		return nil, fmt.Errorf("there is no tensor %q in this network", clip(id))
	}
	if row < 0 || row >= n.Rows || col < 0 || col >= n.Cols {
		return nil, fmt.Errorf("%s is %d×%d: it has no cell %d,%d", id, n.Rows, n.Cols, row+1, col+1)
	}
	m := &Microscope{Ref: Ref{id, row, col}, Value: s.value(id).At(row, col), From: []Ref{}, Feeds: s.feeds(id)}
	(&scope{s, n, row, col, m, at(id)}).look()
	if len(m.From) > 40 {
		m.From = m.From[:40]
	}
	return m, nil
}

// at is the prefix of an id that says where in the network its tensor is: "b0.h1.".
func at(id string) string { return id[:strings.LastIndexByte(id, '.')+1] }

// get is a cell that this one is made of.
func (c *scope) get(id string, i, j int) float64 {
	c.m.From = append(c.m.From, Ref{id, i, j})
	n := c.s.node(id)
	if n == nil || n.Kind != Parameter {
		return c.s.value(id).At(i, j)
	}
	t := c.s.tensor(n) // value would copy all of it
	return t.V[i*t.Cols+n.cols[j]]
}

// here is the id of a node at the same place; above is one at the place around it.
func (c *scope) here(name string) string { return c.at + name }

func (c *scope) above(name string) string {
	at := strings.TrimSuffix(c.at, ".")
	if i := strings.LastIndexByte(at, '.'); i >= 0 {
		return at[:i+1] + name
	}
	return name
}

// symbol is a node's symbol in TeX, with the indices of a cell in brackets, counted from 1.
func (c *scope) symbol(id string, index ...int) string {
	tex := symbolTeX(c.s.node(id).Symbol)
	if len(index) == 0 {
		return tex
	}
	var at []string
	for _, i := range index {
		at = append(at, strconv.Itoa(i+1))
	}
	return tex + `[` + strings.Join(at, `,`) + `]`
}

// show sets the formula, and the formula with numbers, from TeX.
func (c *scope) show(formula, numbers string, result float64) {
	c.m.result = result
	for _, f := range []struct {
		to  *string
		tex string
	}{{&c.m.Formula, formula}, {&c.m.Numbers, numbers}} {
		m, err := displayML(f.tex)
		if err != nil {
			panic(err) // TestMicroscopes looks at every cell
		}
		*f.to = m
	}
}

// num writes a number with four digits as TeX; in brackets where it is negative and follows a sign.
func num(x float64) string {
	switch {
	case x == 0:
		return "0"
	case math.IsInf(x, -1):
		return `-\infty`
	case math.IsInf(x, 1) || math.IsNaN(x):
		return `\text{not a number}`
	}
	if a := math.Abs(x); a < 1e-3 || a >= 1e5 {
		digits, exponent, _ := strings.Cut(strconv.FormatFloat(x, 'e', 2, 64), "e")
		e, _ := strconv.Atoi(exponent)
		return digits + `\cdot10^{` + strconv.Itoa(e) + `}`
	}
	return strconv.FormatFloat(x, 'f', max(0, 3-int(math.Floor(math.Log10(math.Abs(x))))), 64)
}

func signed(x float64) string {
	if x < 0 {
		return `(` + num(x) + `)`
	}
	return num(x)
}

// plus joins terms with their signs.
func plus(terms ...float64) string {
	var b strings.Builder
	for i, x := range terms {
		switch {
		case i == 0:
			b.WriteString(num(x))
		case x < 0 || math.Signbit(x) && x != 0:
			b.WriteString(`-` + num(-x))
		default:
			b.WriteString(`+` + num(x))
		}
	}
	return b.String()
}

// cell is the symbol of the cell that is looked at.
func (c *scope) cell() string { return c.symbol(c.n.ID, c.i, c.j) }

// copied says that the cell is that of another node.
func (c *scope) copied(id string, i, j int, says string) {
	x := c.get(id, i, j)
	c.m.Says = says
	c.show(c.cell()+`=`+c.symbol(id, i, j), `=`+num(x), x)
}

// sum says that the cell is a sum of cells in the same place.
func (c *scope) sum(says string, ids ...string) {
	var names []string
	var xs []float64
	total := 0.0
	for _, id := range ids {
		x := c.get(id, c.i, c.j)
		names, xs, total = append(names, c.symbol(id, c.i, c.j)), append(xs, x), total+x
	}
	c.m.Says = says
	c.show(c.cell()+`=`+strings.Join(names, `+`), `=`+plus(xs...)+`=`+num(total), total)
}

// A factor is a row of numbers that goes into a product.
type factor struct {
	label string // in TeX
	kind  Kind
	at    func(k int) float64
}

// term is the label of one number of the row.
func (f factor) term(k string) string {
	if !strings.Contains(f.label, `\cdot`) {
		return `(` + f.label + `)[` + k + `]`
	}
	return strings.Replace(f.label, `\cdot`, k, 1)
}

// product says that the cell is the sum of n products, and of a bias if the network has it.
func (c *scope) product(formula string, n int, a, b factor, bias string, head []string) {
	t := &Terms{Head: head, Hot: -1}
	if head == nil {
		for k := range n {
			t.Head = append(t.Head, strconv.Itoa(k+1))
		}
	}
	ra, rb, rp := TermRow{Label: set(a.label), Kind: a.kind}, TermRow{Label: set(b.label), Kind: b.kind}, TermRow{Label: set(`\text{product}`), Kind: c.n.Kind}
	total := 0.0
	for k := range n {
		x, y := a.at(k), b.at(k)
		p := x * y
		total += p
		ra.V, rb.V, rp.V = append(ra.V, finite(x)), append(rb.V, finite(y)), append(rp.V, finite(p))
	}
	rp.Total = finite(total)
	t.Rows = []TermRow{ra, rb, rp}
	c.m.Terms = t
	numbers := `=` + num(total)
	if c.s.node(bias) != nil {
		x := c.get(bias, 0, c.j)
		formula += `+` + c.symbol(bias, c.j)
		numbers = `=` + plus(total, x) + `=` + num(total+x)
		total += x
	}
	c.show(c.cell()+`=`+formula, numbers, total)
}

func set(tex string) string {
	m, err := mathML(tex)
	if err != nil {
		panic(err)
	}
	return m
}

// row and column of a node as factors.
func (c *scope) row(id string, i int) factor {
	return factor{c.symbol(id) + `[` + strconv.Itoa(i+1) + `,\cdot]`, c.s.node(id).Kind, func(k int) float64 { return c.get(id, i, k) }}
}

func (c *scope) column(id string, j int) factor {
	return factor{c.symbol(id) + `[\cdot,` + strconv.Itoa(j+1) + `]`, c.s.node(id).Kind, func(k int) float64 { return c.get(id, k, j) }}
}

// weight is the row i or column j of a layer's matrix, by the number of table 2: with tied logits
// w_11 is w_tokᵗ. The other index is -1.
func (c *scope) weight(id string, i, j int) factor {
	switch {
	case id == "w_11" && c.s.node(id) == nil && j >= 0:
		return c.row("w_tok", j)
	case id == "w_11" && c.s.node(id) == nil:
		return c.column("w_tok", i)
	case j >= 0:
		return c.column(id, j)
	}
	return c.row(id, i)
}

// times is the product of matrices a and b, of which cell i,j is looked at.
func (c *scope) times(a factor, b factor, n int, bias string) {
	c.product(`\sum_k `+a.term("k")+`\,`+b.term("k"), n, a, b, bias, nil)
}

// words are the tokens, to head columns that are tokens.
func (c *scope) words() []string {
	var w []string
	for _, id := range c.s.seq.Tokens {
		w = append(w, c.s.Model.Words[id])
	}
	return w
}

// feeds lists the nodes that read a node: those whose equations have it on their right. They
// depend on the layout alone.
func (s *Session) feeds(id string) []string {
	s.layout.once.Do(func() {
		s.layout.readers = map[string][]string{}
		for _, n := range s.nodes {
			if n.Kind == Mask || n.Kind == Parameter {
				continue
			}
			m := &Microscope{}
			row := 0
			if n.Rows > 1 {
				row = 1 // the first is special where attention is causal
			}
			(&scope{s, s.node(n.ID), row, 0, m, at(n.ID)}).look()
			seen := map[string]bool{}
			for _, r := range m.From {
				if !seen[r.ID] {
					seen[r.ID] = true
					s.layout.readers[r.ID] = append(s.layout.readers[r.ID], n.ID)
				}
			}
		}
	})
	if f := s.layout.readers[id]; f != nil {
		return f
	}
	return []string{}
}
