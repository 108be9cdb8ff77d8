package sheet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// planted is the answer to "planted": a bug, and what noticed it.
type planted struct {
	ID        string     `json:"id"`
	Title     string     `json:"title"`
	Where     string     `json:"where"`
	Case      string     `json:"case"`
	Rows      []string   `json:"rows"`
	Right     int        `json:"right"`
	Laws      []namedLaw `json:"laws"`
	Diagnosis string     `json:"diagnosis"`
	Caught    bool       `json:"caught"`
}

type namedLaw struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// catchers says which checks noticed a bug.
func (b planted) catchers() string {
	var all, ids []string
	if n := len(b.Rows); n > 0 {
		all = append(all, fmt.Sprintf("%d of %d rows of differences", n, n+b.Right))
	}
	for _, l := range b.Laws {
		ids = append(ids, l.ID)
	}
	if len(ids) > 0 {
		all = append(all, "identities "+strings.Join(ids, ", "))
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, "; ")
}

// printBugs plants all bugs one after the other, and prints each as it is caught; if one is
// chosen, that one alone and in full.
func (s *Sheet) printBugs(p *printer) error {
	var all struct {
		Bugs []planted `json:"bugs"`
	}
	if _, err := s.ask(studio.Request{Op: "bugs"}, &all); err != nil {
		return err
	}
	if s.Row != "" && !slices.ContainsFunc(all.Bugs, func(b planted) bool { return b.ID == s.Row }) {
		return &Refused{fmt.Errorf("row=%s is no planted bug: they are %s to %s", s.Row, all.Bugs[0].ID, all.Bugs[len(all.Bugs)-1].ID)}
	}
	p.line("%s", p.in(bold, "What catches a bug"))
	p.prose(0, fmt.Sprintf("A checker that accepts everything is worth nothing. So %d mistakes that people make are planted, one at a time, and every check is run against each.", len(all.Bugs)))
	p.line("")
	caught, done := 0, 0
	for _, b := range all.Bugs {
		if s.Row != "" && b.ID != s.Row {
			continue
		}
		var x planted
		if _, err := s.ask(studio.Request{Op: "planted", ID: strings.TrimPrefix(b.ID, "M")}, &x); err != nil {
			return err
		}
		if done++; x.Caught {
			caught++
		}
		p.line("%s %s", p.in(bold, left(x.ID, 4)), cut(x.Title, p.Width-5))
		p.prose(5, fmt.Sprintf("%s by %s. Network: %s.", yes(x.Caught, "caught", "not caught"), x.catchers(), x.Case))
		if s.Row == "" {
			continue
		}
		p.prose(5, "Replaced: "+x.Where+".")
		if x.Diagnosis != "" {
			p.prose(5, "The numbers say: "+x.Diagnosis+".")
		}
		if len(x.Rows) > 0 {
			p.prose(5, "Rows that differ from differences of the loss, the first on the way back first: "+strings.Join(x.Rows, ", ")+".")
		} else {
			p.prose(5, "No row differs: the pass is right, and what fails is about more than a pass.")
		}
		for _, l := range x.Laws {
			p.prose(5, l.ID+": "+l.Title)
		}
	}
	p.line("")
	p.prose(0, fmt.Sprintf("%d of %d planted; %d caught. One in full: pedestrian look '#/check/bugs?row=M7'.", done, len(all.Bugs), caught))
	return nil
}

// hasBug says whether there is a bug of that number; "" lists all.
func hasBug(_ *Sheet, number string) error {
	if n, err := strconv.Atoi(number); number != "" && (err != nil || n < 1 || n > gradcheck.Hunts()) {
		return fmt.Errorf("there is no bug %q: they are numbered from 1 to %d", number, gradcheck.Hunts())
	}
	return nil
}

// bugToFind is the answer to "bug".
type bugToFind struct {
	Case      string     `json:"case"`
	Title     string     `json:"title"`
	Loss      *float64   `json:"loss"`
	Equations *float64   `json:"equations"`
	Signals   []seenRow  `json:"signals"`
	Gradients []seenRow  `json:"gradients"`
	Laws      []namedLaw `json:"laws"`
	Lines     []struct {
		Eq       string `json:"eq"`
		Name     string `json:"name"`
		Backward bool   `json:"backward"`
	} `json:"lines"`
	Hints int `json:"hints"`
}

type seenRow struct {
	Name   string   `json:"name"`
	Shape  string   `json:"shape"`
	Off    *float64 `json:"off"`
	Places int      `json:"places"`
	Failed int      `json:"failed"`
}

// printBug prints what can be seen of a bug that is to be found, and the verdict on an answer.
func (s *Sheet) printBug(p *printer, number string) error {
	if number == "" {
		p.line("%s", p.in(bold, "Find the bug"))
		p.prose(0, fmt.Sprintf("One line of a network computes something else than its equation says. You see which gradients are wrong, ask for single numbers, and name the line. There are %d: pedestrian look --screen bug/1. Those that you have found are ticked by pedestrian derive bug, which also judges answers.", gradcheck.Hunts()))
		return nil
	}
	var b bugToFind
	if _, err := s.ask(studio.Request{Op: "bug", ID: number}, &b); err != nil {
		return err
	}
	p.line("%s", p.in(bold, "Bug "+number+" in case "+b.Case))
	p.prose(0, b.Title)
	p.line("")
	rows := [][]string{{"error signals, backwards", "shape", "off by", ""}}
	failing := 0
	add := func(all []seenRow) {
		for _, r := range all {
			verdict := "agrees"
			if r.Failed > 0 {
				if verdict = "≠ fails"; r.Places > 1 {
					verdict = fmt.Sprintf("≠ %d of %d places", r.Failed, r.Places)
				}
				failing++
			}
			rows = append(rows, []string{r.Name, r.Shape, orNone(r.Off, 2), verdict})
		}
	}
	add(b.Signals)
	rows = append(rows, []string{"", "", "", ""}, []string{p.in(faint, "gradients, upwards"), "", "", ""})
	add(b.Gradients)
	same := "the equations give the same: the forward pass is not what differs"
	if *b.Loss != *b.Equations {
		same = "the equations give " + orNone(b.Equations, 9)
	}
	p.prose(0, fmt.Sprintf("The loss is %s, and %s. %d of %d rows differ from differences of the loss.", orNone(b.Loss, 9), same, failing, len(b.Signals)+len(b.Gradients)))
	for _, l := range b.Laws {
		p.prose(0, "An identity does not hold: "+l.ID+", "+l.Title+".")
	}
	p.line("")
	p.table("lrrl", rows)
	for _, back := range []bool{false, true} {
		var all []string
		for _, l := range b.Lines {
			if l.Backward == back {
				all = append(all, strings.TrimSpace(map[bool]string{true: "(" + l.Eq + ") "}[l.Eq != ""]+l.Name))
			}
		}
		p.line("")
		p.prose(0, map[bool]string{false: "Lines of the forward pass: ", true: "Lines of the backward pass: "}[back]+strings.Join(all, ", ")+".")
	}
	if s.Answer != "" {
		var j gradcheck.Judgement
		if _, err := s.ask(studio.Request{Op: "judge", ID: number, Answer: s.Answer}, &j); err != nil {
			return err
		}
		p.line("")
		p.line("%s", p.in(bold, s.Answer+": "+j.Status+"."))
		p.prose(0, j.Message)
		return nil
	}
	p.line("")
	p.prose(0, fmt.Sprintf("Which line has the bug? pedestrian derive bug %s asks for numbers, gives %d hints, and judges an answer.", number, b.Hints))
	return nil
}
