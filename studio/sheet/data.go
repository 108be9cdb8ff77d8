package sheet

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// A Data is a screen for a program: JSON has it.
type Data struct {
	Model    string      `json:"model"`
	Text     []string    `json:"text"`
	Tokens   []int       `json:"tokens"`
	Targets  []int       `json:"targets"` // -1: none
	Loss     *float64    `json:"loss"`    // null where it is not a number
	Of       string      `json:"of"`      // "sum" or "mean", of the losses of the tokens
	Losses   []*float64  `json:"losses"`  // of every token; null without a target
	P        []*float64  `json:"p"`       // probability of its target
	Screen   string      `json:"screen"`
	Block    int         `json:"block"`
	Head     int         `json:"head"`
	Heads    []Attention `json:"heads"`
	Tensors  []Tensor    `json:"tensors"`
	Cell     *CellData   `json:"cell,omitempty"`
	Agree    *int        `json:"agree,omitempty"` // of the screen check: how many agree
	Compared *int        `json:"compared,omitempty"`
	Changes  []Change    `json:"changes,omitempty"` // with a difference, what changed most first
	Answers  []Answer    `json:"answers,omitempty"` // of the core, to what the screen asks beyond both passes
}

// A Tensor is a node with its numbers.
type Tensor struct {
	ID      string        `json:"id"`
	Symbol  string        `json:"symbol"` // as text
	Kind    studio.Kind   `json:"kind"`
	Eq      string        `json:"eq,omitempty"`
	Title   string        `json:"title,omitempty"`
	At      string        `json:"at"`
	Rows    int           `json:"rows"`
	Cols    int           `json:"cols"`
	Partner string        `json:"partner,omitempty"`
	Norm    *float64      `json:"norm"`
	Max     *float64      `json:"max"`
	Check   *studio.Check `json:"check,omitempty"`
	Values  [][]*float64  `json:"values,omitempty"` // by rows; null is -∞, a token that is not seen, or not a number
	Change  [][]*float64  `json:"change,omitempty"` // with a difference, new less old
}

// A CellData is what one cell is made of.
type CellData struct {
	ID      string        `json:"id"`
	Row     int           `json:"i"` // from 1
	Col     int           `json:"j"`
	Value   *float64      `json:"value"`
	Formula string        `json:"formula"`
	Numbers string        `json:"numbers"`
	Terms   *studio.Terms `json:"terms,omitempty"` // labels are MathML
	Says    string        `json:"says,omitempty"`
	Feeds   []string      `json:"feeds"`
}

// Data returns a screen for a program. An error says that there is no such screen or tensor.
func (s *Sheet) Data(screen string) (*Data, error) {
	if err := s.Has(screen); err != nil {
		return nil, err
	}
	if screen == "" {
		screen = "block"
	}
	d := &Data{Model: s.Model.Name, Tokens: s.Sequence().Tokens, Targets: s.Sequence().Targets, Loss: finite(s.Loss), Of: map[bool]string{false: "sum", true: "mean"}[s.State.Mean],
		Screen: screen, Block: s.Block, Head: s.Head, Heads: s.Heads, Tensors: []Tensor{}}
	for t := range d.Tokens {
		d.Text = append(d.Text, s.word(t))
	}
	d.Losses, d.P = s.Losses()
	name, rest, _ := strings.Cut(screen, "/")
	add := func(numbers bool, ids ...string) {
		for _, id := range ids {
			if n := s.Node(id); n != nil && !slices.ContainsFunc(d.Tensors, func(t Tensor) bool { return t.ID == id }) {
				d.Tensors = append(d.Tensors, s.tensor(n, numbers))
			}
		}
	}
	switch name {
	case "block":
		for _, x := range s.stations() {
			add(true, x.value, x.error)
		}
		at := fmt.Sprintf("b%d.h%d.", s.Block, s.Head)
		add(true, at+"rho", at+"D_causal")
	case "table":
		i := slices.IndexFunc(studio.Tables, func(t studio.Table) bool { return t.Key == rest })
		for _, r := range studio.Tables[i].Rows {
			add(true, s.here(r.Value), s.here(r.Error))
			for _, id := range r.Extra {
				add(true, s.here(id))
			}
		}
	case "nodes":
		for _, n := range s.Nodes() {
			add(false, n.ID)
		}
	case "check":
		if rest != "" {
			break
		}
		agree := 0
		for _, n := range s.Nodes() {
			if c, ok := s.compared(n.ID); ok {
				t := s.tensor(s.Node(n.ID), false)
				t.Check = &c
				if d.Tensors = append(d.Tensors, t); c.OK {
					agree++
				}
			}
		}
		compared := len(d.Tensors)
		d.Agree, d.Compared = &agree, &compared
	case "node":
		add(true, rest, s.Node(rest).Partner)
	case "cell":
		id, i, j, _ := s.cell(rest)
		m, err := s.Look(id, i, j)
		if err != nil {
			return nil, err
		}
		d.Cell = &CellData{id, i + 1, j + 1, finite(m.Value), Plain(m.Formula), Plain(m.Numbers), m.Terms, m.Says, m.Feeds}
		add(true, id, s.Node(id).Partner)
	}
	d.Changes = s.Changes()
	switch {
	case name == "block" || name == "nodes" || name == "node" || name == "cell", screen == "check", name == "table" && rest != "3":
		return d, nil // tensors are all that they show
	}
	var err error
	d.Answers, err = s.recorded(screen)
	return d, err
}

func (s *Sheet) tensor(n *studio.Node, numbers bool) Tensor {
	v := s.Values(n.ID)
	norm, top := studio.Size(v)
	t := Tensor{ID: n.ID, Symbol: Plain(n.MathML), Kind: n.Kind, Eq: n.Eq, Title: n.Title, At: n.At, Rows: n.Rows, Cols: n.Cols, Partner: n.Partner, Norm: finite(norm), Max: finite(top)}
	if numbers {
		if t.Values = rows(v); s.changes(n) {
			t.Change = rows(s.shown(n.ID))
		}
	}
	if c, ok := s.checked(n.ID); ok && numbers {
		t.Check = &c
	}
	return t
}

func rows(m paper.Mat) (all [][]*float64) {
	for i := range m.N {
		row := make([]*float64, m.D)
		for j, x := range m.Row(i) {
			row[j] = finite(x)
		}
		all = append(all, row)
	}
	return all
}

// finite is a number that JSON has, or nil.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
