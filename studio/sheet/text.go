package sheet

import (
	"errors"
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
	{"table/3", "every parameter, and its gradient as a sum over tokens"},
	{"nodes", "the names of all tensors"},
	{"node/ID", "one tensor beside its error, every digit, with its equation"},
	{"cell/ID/i,j", "what one cell is made of, rows and columns from 1"},
	{"check", "every error and gradient, against differences of the loss"},
	{"check/ID", "one cell of one, against differences at many steps"},
	{"check/bugs", "48 planted bugs, and what catches each (some ten seconds)"},
	{"bug/N", "a planted bug to find; bug lists them"},
	{"laws/ID", "a property of both passes, with its knob; laws lists them"},
	{"lora", "an adapter beside the frozen logits, both passes"},
	{"params", "how many parameters there are, term by term"},
	{"train", "the story model after some steps: losses, gradients of layers"},
	{"generate", "what may come next, and the keys and values that are kept"},
	{"derive/ID", "an exercise, and a verdict on an answer; derive lists them"},
	{"derive/check", "a derivation, line by line"},
	{"book/CHAPTER", "a chapter; book lists them"},
	{"equations/N", "an equation of the registry; equations lists them"},
	{"errata/S1", "an erratum with its counter-example; errata lists all"},
	{"teach", "the lesson of 90 minutes; teach/sheet/1 is a worksheet"},
}

// A screen is how what stands under the first part of a name is printed.
type screen struct {
	about bool // both passes of the text: the sheet's heading stands first
	has   func(s *Sheet, rest string) error
	print func(s *Sheet, p *printer, rest string) error
}

// alone is of a screen that has no parts.
func alone(_ *Sheet, rest string) error {
	if rest != "" {
		return errNoScreen
	}
	return nil
}

var errNoScreen = errors.New("there is no such screen")

// plain is a screen that has nothing to ask.
func plain(print func(s *Sheet, p *printer)) func(*Sheet, *printer, string) error {
	return func(s *Sheet, p *printer, _ string) error {
		print(s, p)
		return nil
	}
}

// screens are all of them, by the first part of their names.
func screens() map[string]screen {
	return map[string]screen{
		"":          {true, alone, plain((*Sheet).printBlock)},
		"block":     {true, alone, plain((*Sheet).printBlock)},
		"table":     {true, hasTable, (*Sheet).printTables},
		"nodes":     {true, alone, plain((*Sheet).printNodes)},
		"node":      {true, hasNode, func(s *Sheet, p *printer, id string) error { s.printNode(p, s.Node(id)); return nil }},
		"cell":      {true, hasCell, (*Sheet).printCellAt},
		"check":     {true, hasCheck, (*Sheet).printCheck},
		"bug":       {false, hasBug, (*Sheet).printBug},
		"laws":      {true, hasLaw, (*Sheet).printLaws},
		"lora":      {true, alone, (*Sheet).printAdapter},
		"params":    {true, alone, (*Sheet).printParams},
		"train":     {false, alone, (*Sheet).printTraining},
		"generate":  {true, alone, (*Sheet).printGenerated},
		"derive":    {false, hasExercise, (*Sheet).printDerive},
		"book":      {false, hasChapter, (*Sheet).printBook},
		"equations": {false, hasEquation, (*Sheet).printEquations},
		"errata":    {false, hasErratum, (*Sheet).printErrata},
		"teach":     {false, hasLesson, (*Sheet).printTeach},
	}
}

// Has returns an error that says why there is no such screen: its name, or its tensor, or its cell.
// "" is the block.
func (s *Sheet) Has(name string) error {
	first, rest, _ := strings.Cut(name, "/")
	x, ok := screens()[first]
	if !ok {
		return noScreen(name)
	}
	if err := x.has(s, rest); err != errNoScreen {
		return err
	}
	return noScreen(name)
}

func noScreen(name string) error {
	return fmt.Errorf("there is no screen %q: %s", name, screenNames())
}

func hasTable(_ *Sheet, key string) error {
	if slices.ContainsFunc(studio.Tables, func(t studio.Table) bool { return t.Key == key }) {
		return nil
	}
	return errNoScreen
}

func hasNode(s *Sheet, id string) error {
	_, err := s.find(id)
	return err
}

func hasCell(s *Sheet, at string) error {
	_, _, _, err := s.cell(at)
	return err
}

// Text prints a screen for a terminal. An error is that of [Sheet.Has], a [Refused], or w's.
func (s *Sheet) Text(w io.Writer, name string, t Terminal) error {
	if err := s.Has(name); err != nil {
		return err
	}
	if t.Width == 0 {
		t.Width = 80
	}
	p := &printer{Terminal: t, w: w}
	first, rest, _ := strings.Cut(name, "/")
	x := screens()[first]
	if x.about {
		p.first = s.heading
	}
	if err := x.print(s, p, rest); err != nil {
		return err
	}
	return p.err
}

// printTables prints the table of that key.
func (s *Sheet) printTables(p *printer, key string) error {
	for _, table := range studio.Tables {
		if table.Key == key {
			return s.printTable(p, table)
		}
	}
	return nil
}

// printCellAt prints the cell "b0.h1.rho/5,2".
func (s *Sheet) printCellAt(p *printer, at string) error {
	id, i, j, err := s.cell(at)
	if err == nil {
		s.printCell(p, id, i, j)
	}
	return err
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
	if n := len(s.State.Edits); n > 0 {
		p.line("%s changed by hand.", map[bool]string{true: "One number is", false: strconv.Itoa(n) + " numbers are"}[n == 1])
	}
	if held := s.State.Held; len(held) > 0 {
		var names []string
		for _, h := range held {
			names = append(names, h.ID+map[bool]string{true: " (frozen)", false: " (detached)"}[h.Frozen])
		}
		p.prose(0, "Constants for the backward pass: "+strings.Join(names, ", ")+".")
	}
	if s.Before != nil {
		p.prose(0, "Maps show new − old; old is this network before every change, on its own text. An exact 0 is what cannot change.")
	}
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
