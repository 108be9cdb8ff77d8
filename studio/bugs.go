package studio

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
)

// A planted bug as the laboratory shows it: what was done, and which checks noticed. The rows
// are those of differences; identities are evaluated on the same pass.
type planted struct {
	ID        string   `json:"id"` // M1…M48
	Title     string   `json:"title"`
	Where     string   `json:"where"` // what was replaced
	Case      string   `json:"case"`  // the network that it is planted in
	Rows      []string `json:"rows"`
	Right     int      `json:"right"` // rows that differences find nothing wrong with
	Laws      []law    `json:"laws"`
	Diagnosis string   `json:"diagnosis,omitempty"`
	Caught    bool     `json:"caught"`
}

// A law is an identity by its name.
type law struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// A bug that is to be found: what can be seen of it, and nothing that says which it is.
type bugToFind struct {
	Revision  int       `json:"rev"`
	Number    int       `json:"bug"`
	Of        int       `json:"of"` // how many there are
	Case      string    `json:"case"`
	Title     string    `json:"title"`
	Loss      *float64  `json:"loss"`
	Equations *float64  `json:"equations"` // the loss of the equations
	Signals   []seen    `json:"signals"`   // in the order of the backward pass
	Gradients []seen    `json:"gradients"` // from the bottom of table 3 up
	Laws      []law     `json:"laws"`      // that do not hold
	Lines     []bugLine `json:"lines"`     // that can be named
	Hints     int       `json:"hints"`
}

// A row of verify, seen.
type seen struct {
	Name   string   `json:"name"`
	MathML string   `json:"math,omitempty"` // its first word, typeset
	Rest   string   `json:"rest,omitempty"` // what stands behind it
	Shape  string   `json:"shape"`
	Off    *float64 `json:"off"`
	Places int      `json:"places"`
	Failed int      `json:"failed"`
}

// A line of the pass.
type bugLine struct {
	Eq       string `json:"eq"`
	Name     string `json:"name"`
	MathML   string `json:"math,omitempty"`
	Backward bool   `json:"backward"`
}

// A number of the pass that was asked for.
type askedNumber struct {
	Revision int `json:"rev"`
	gradcheck.Cell
	Value *float64 `json:"value"`
	Slope *float64 `json:"slope"`
	Is    bool     `json:"is"` // the value is meant to be the slope
}

// hunted answers what is about planted bugs. It needs no network of the page: each bug has its
// own case. No bug is given away by anything but "planted", the last hint, and "solution".
func (c *Core) hunted(r Request) (header any, err error) {
	if r.Op == "bugs" {
		all := []planted{}
		for _, m := range gradcheck.Bugs() {
			all = append(all, planted{ID: m.ID, Title: m.Title, Where: m.Where, Case: m.Case})
		}
		return struct {
			Revision int       `json:"rev"`
			Bugs     []planted `json:"bugs"`
		}{r.Revision, all}, nil
	}
	n, err := strconv.Atoi(r.ID)
	if err != nil {
		return nil, fmt.Errorf("there is no bug %q: they are numbered from 1 to %d", clip(r.ID), gradcheck.Hunts())
	}
	h, err := c.hunter.Hunt(context.Background(), n)
	if err != nil {
		return nil, err
	}
	switch r.Op {
	case "planted":
		m := h.Mutant()
		return struct {
			Revision int `json:"rev"`
			planted
		}{r.Revision, planted{m.ID, m.Title, m.Where, m.Case, m.Differences, len(h.Signals) + len(h.Parameters) - len(m.Differences), identities(m.Laws), m.Diagnosis, m.Caught()}}, nil
	case "number":
		cell, err := h.Cell(r.Name, r.At, r.Row, r.Col)
		if err != nil {
			return nil, fmt.Errorf("%s", strings.ReplaceAll(err.Error(), `"lines" lists`, "the list of lines has"))
		}
		return askedNumber{r.Revision, cell, finite(float64(cell.Value)), finite(float64(cell.Slope)), cell.Is()}, nil
	case "judge":
		return struct {
			Revision int `json:"rev"`
			gradcheck.Judgement
		}{r.Revision, h.Judge(r.Answer)}, nil
	case "clue":
		if r.Hint < 0 || r.Hint >= len(h.Hints) {
			return nil, fmt.Errorf("bug %d has %d hints", n, len(h.Hints))
		}
		return struct {
			Revision int    `json:"rev"`
			Hint     string `json:"hint"`
		}{r.Revision, h.Hints[r.Hint]}, nil
	case "solution":
		return struct {
			Revision int    `json:"rev"`
			Solution string `json:"solution"`
		}{r.Revision, h.Solution()}, nil
	}
	b := bugToFind{Revision: r.Revision, Number: n, Of: gradcheck.Hunts(), Case: h.Case.Name, Title: h.Case.Title, Loss: finite(float64(h.Loss)), Equations: finite(float64(h.Equations)),
		Signals: look(h.Signals), Gradients: look(h.Parameters), Laws: identities(h.Laws), Lines: []bugLine{}, Hints: len(h.Hints)}
	for _, l := range h.Lines {
		m, _ := mathML(symbolTeX(l.Name)) // TestBugs
		b.Lines = append(b.Lines, bugLine{l.Eq, l.Name, m, l.Backward})
	}
	return b, nil
}

// look joins rows of verify that heads and blocks share.
func look(rows []gradcheck.Row) []seen {
	all := []seen{}
	for _, j := range gradcheck.Join(rows) {
		symbol, rest, _ := strings.Cut(j.Name, " ")
		m, _ := mathML(symbolTeX(symbol)) // TestBugs
		all = append(all, seen{j.Name, m, rest, j.Shape, finite(float64(max(j.Differences.Error, j.Directions.Error))), j.Places, j.Failed})
	}
	return all
}

// identities are those of the names, with their titles.
func identities(ids []string) []law {
	all := []law{}
	for _, id := range ids {
		for _, i := range gradcheck.Identities() {
			if i.ID == id {
				all = append(all, law{id, i.Title})
			}
		}
	}
	return all
}
