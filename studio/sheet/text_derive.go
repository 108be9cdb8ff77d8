package sheet

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// exercise is the answer to "exercise".
type exercise struct {
	Title  string `json:"title"`
	Ask    string `json:"ask"`
	Wanted string `json:"wanted"`
	Target string `json:"target"`
	Names  []struct {
		Name    string `json:"name"`
		Meaning string `json:"meaning"`
		Shape   string `json:"shape"`
	} `json:"names"`
	Template string   `json:"template"`
	Choices  []string `json:"choices"`
	Hints    int      `json:"hints"`
}

// hasExercise says whether there is an exercise of that id; "" lists all.
func hasExercise(s *Sheet, id string) error {
	if id == "" || id == "check" {
		return nil
	}
	_, err := s.ask(studio.Request{Op: "exercise", ID: id}, new(exercise))
	return err
}

// printDerive prints the path of exercises, or one of them with the verdict on an answer.
func (s *Sheet) printDerive(p *printer, id string) error {
	if id == "" {
		return s.listExercises(p)
	}
	if id == "check" {
		return s.printLines(p)
	}
	var x exercise
	if _, err := s.ask(studio.Request{Op: "exercise", ID: id}, &x); err != nil {
		return err
	}
	p.line("%s", p.in(bold, x.Title))
	p.prose(0, x.Ask)
	if x.Target != "" {
		p.line("What is %s ?  %s", p.in(blue, Plain(x.Target)), x.Wanted)
	}
	if x.Template != "" {
		p.line("%s", x.Template)
	}
	p.line("")
	for k, c := range x.Choices {
		p.prose(2, fmt.Sprintf("%d  %s", k+1, c))
	}
	if len(x.Names) > 0 {
		rows := [][]string{{"given", "shape", "it is"}}
		for _, n := range x.Names {
			rows = append(rows, []string{n.Name, n.Shape, n.Meaning})
		}
		p.table("llw", rows)
	}
	p.line("")
	if s.Answer == "" {
		p.prose(0, fmt.Sprintf("pedestrian derive %s asks for an answer, gives %s, and judges it.", id, count(x.Hints, "hint")))
		return nil
	}
	var v struct {
		Status  string   `json:"status"`
		Message string   `json:"message"`
		Column  int      `json:"column"`
		Eq      string   `json:"eq"`
		Shows   []string `json:"shows"`
	}
	if _, err := s.ask(studio.Request{Op: "grade", ID: id, Answer: s.Answer}, &v); err != nil {
		return err
	}
	p.line("%s", s.Answer)
	if v.Column > 0 && v.Status != "right" {
		p.line("%*s▴", v.Column-1, "")
	}
	p.line("%s", p.in(bold, map[string]string{"right": "Right.", "wrong": "Not yet.", "refused": "It cannot be read."}[v.Status]))
	p.prose(0, strings.TrimPrefix(v.Message, "Right. "))
	for _, line := range v.Shows {
		p.prose(2, line)
	}
	if v.Eq != "" {
		p.line("This is (%s): pedestrian explain %s", v.Eq, v.Eq)
	}
	return nil
}

// listExercises prints the path, section by section.
func (s *Sheet) listExercises(p *printer) error {
	var all struct {
		Exercises []struct {
			ID      string `json:"id"`
			Title   string `json:"title"`
			Section string `json:"section"`
		} `json:"exercises"`
	}
	if _, err := s.ask(studio.Request{Op: "exercises"}, &all); err != nil {
		return err
	}
	p.line("%s", p.in(bold, "Derive"))
	p.prose(0, "Type a gradient as a formula. It is compared with differences of the loss, so every right form counts; a wrong one is taken apart. pedestrian derive opens them, and ticks those that you have done.")
	section := ""
	for _, x := range all.Exercises {
		if x.Section != section {
			section = x.Section
			p.line("")
			p.line("%s", p.in(bold, section))
		}
		p.line("  %s %s", left(x.ID, 16), cut(x.Title, p.Width-19))
	}
	return nil
}

// printLines prints a derivation with a verdict on each line: the one that the address has as its
// answer, or ours of the equation that it has as its row.
func (s *Sheet) printLines(p *printer) error {
	var d struct {
		Title string `json:"title"`
		Eq    string `json:"eq"`
		Text  string `json:"text"`
		Lines []struct {
			Line    int    `json:"line"`
			Text    string `json:"text"`
			Status  string `json:"status"`
			Message string `json:"message"`
			Column  int    `json:"column"`
			Why     string `json:"why"`
		} `json:"lines"`
		True int `json:"true"`
	}
	if _, err := s.ask(studio.Request{Op: "lines", ID: cmp.Or(s.Row, "25"), Answer: s.Answer}, &d); err != nil {
		return err
	}
	p.line("%s", p.in(bold, cmp.Or(d.Title, "Check a derivation")))
	p.prose(0, "Each line is an equation with differentials. It is evaluated at five random points: a line that is false there is false, and its place is looked for.")
	p.line("")
	if s.Answer == "" {
		for line := range strings.SplitSeq(d.Text, "\n") {
			if !strings.HasPrefix(line, "world ") && !strings.HasPrefix(line, "hold ") {
				break
			}
			p.line("%s", line)
		}
	}
	for _, l := range d.Lines {
		verdict := map[string]string{"right": "true", "wrong": "FALSE", "refused": "cannot be read"}[l.Status]
		p.line("%s", left(fmt.Sprintf("%3d  %s", l.Line, verdict), 12))
		for at, rest := 0, []rune(l.Text); len(rest) > 0; {
			n := min(len(rest), p.Width-5)
			p.line("     %s", string(rest[:n]))
			if c := l.Column - 1; l.Status != "right" && l.Column > 0 && c >= at && c < at+n {
				p.line("     %*s▴", c-at, "")
			}
			at, rest = at+n, rest[n:]
		}
		p.prose(5, l.Message)
		p.prose(5, l.Why)
	}
	p.line("")
	end := "."
	if d.Eq != "" {
		end = fmt.Sprintf("; they end in (%s).", d.Eq)
	}
	p.prose(0, fmt.Sprintf("%d of %d lines are true%s One of yours: pedestrian derive check FILE.", d.True, len(d.Lines), end))
	return nil
}
