package sheet

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// Screens are the names of what a sheet prints, with a word on each.
var Screens = [][2]string{
	{"block", "the block: values down, errors up, and the head with most to see"},
	{"table/1", "one head of attention, row by row"},
	{"table/mha", "the heads together"},
	{"table/2", "the whole network, from tokens to the loss"},
	{"table/3", "every parameter, and its gradient"},
	{"check", "every error and gradient, against differences of the loss"},
	{"nodes", "the names of all tensors"},
	{"node/ID", "one tensor beside its error, every digit, with its equation"},
	{"cell/ID/i,j", "what one cell is made of, rows and columns from 1"},
}

// Has returns an error that says why there is no such screen: its name, or its tensor, or its cell.
// "" is the block.
func (s *Sheet) Has(screen string) error {
	name, rest, _ := strings.Cut(screen, "/")
	switch name {
	case "", "block", "check", "nodes":
		if rest == "" {
			return nil
		}
	case "table":
		if slices.ContainsFunc(studio.Tables, func(t studio.Table) bool { return t.Key == rest }) {
			return nil
		}
	case "node":
		_, err := s.find(rest)
		return err
	case "cell":
		_, _, _, err := s.cell(rest)
		return err
	}
	return fmt.Errorf("there is no screen %q: %s", screen, screenNames())
}

// Text prints a screen for a terminal. An error is that of [Sheet.Has], or w's.
func (s *Sheet) Text(w io.Writer, screen string, t Terminal) error {
	if err := s.Has(screen); err != nil {
		return err
	}
	if t.Width == 0 {
		t.Width = 80
	}
	p := &printer{Terminal: t, w: w}
	s.heading(p)
	name, rest, _ := strings.Cut(screen, "/")
	switch name {
	case "block", "":
		s.printBlock(p)
	case "check":
		s.printChecks(p)
	case "nodes":
		s.printNodes(p)
	case "table":
		for _, table := range studio.Tables {
			if table.Key == rest {
				s.printTable(p, table)
			}
		}
	case "node":
		s.printNode(p, s.Node(rest))
	case "cell":
		id, i, j, _ := s.cell(rest)
		s.printCell(p, id, i, j)
	}
	return p.err
}

func screenNames() string {
	var names []string
	for _, s := range Screens {
		names = append(names, s[0])
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// find is the tensor of that id.
func (s *Sheet) find(id string) (*studio.Node, error) {
	if n := s.Node(id); n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("there is no tensor %q in this network: the screen \"nodes\" lists them", id)
}

// cell reads "b0.h1.rho/5,2".
func (s *Sheet) cell(text string) (id string, i, j int, err error) {
	id, at, _ := strings.Cut(text, "/")
	n, err := s.find(id)
	if err != nil {
		return "", 0, 0, err
	}
	a, b, _ := strings.Cut(at, ",")
	i, err1 := strconv.Atoi(a)
	j, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil || i < 1 || j < 1 || i > n.Rows || j > n.Cols {
		return "", 0, 0, fmt.Errorf("%s is %d×%d and has no cell %q: a cell is written cell/%s/1,1", id, n.Rows, n.Cols, at, id)
	}
	return id, i - 1, j - 1, nil
}

// heading prints what every screen begins with: the network, its text, and what is counted.
func (s *Sheet) heading(p *printer) {
	p.line("%s", p.in(bold, cut(s.about(), p.Width)))
	var words []string
	for t := range s.Sequence().Tokens {
		words = append(words, s.word(t))
	}
	p.prose(0, "Text: "+strings.Join(words, " "))
	p.prose(0, fmt.Sprintf("%s L = %s.", s.Counted(), significant(s.Loss, 4)))
	p.line("")
}

// printNodes lists the tensors.
func (s *Sheet) printNodes(p *printer) {
	for _, n := range s.Nodes() {
		eq := ""
		if n.Eq != "" {
			eq = "(" + n.Eq + ")"
		}
		p.line("%s %s %s %s", p.in(hue(n.Kind), left(n.ID, 20)), left(fmt.Sprintf("%d×%d", n.Rows, n.Cols), 7), left(eq, 9), cut(n.Title+" · "+n.At, max(20, p.Width-39)))
	}
}
