package studio

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian/derive"
)

// A lesson of the path, in short.
type exerciseTitle struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Section string `json:"section"`
	Level   string `json:"level"`
}

// An exercise as a page shows it: the question, and the names that an answer may use.
type exercise struct {
	Revision int `json:"rev"`
	exerciseTitle
	Ask      string   `json:"ask"`
	Wanted   string   `json:"wanted"`
	Target   string   `json:"target,omitempty"` // typeset
	Names    []given  `json:"names"`
	Template string   `json:"template,omitempty"`
	Choices  []string `json:"choices,omitempty"`
	Hints    int      `json:"hints"`
	Eq       string   `json:"eq,omitempty"`
	Next     string   `json:"next,omitempty"`
}

// A given name may stand in an answer.
type given struct {
	Name    string `json:"name"`
	MathML  string `json:"math"`
	Meaning string `json:"meaning"`
	Shape   string `json:"shape"`
	Kind    Kind   `json:"kind"`
}

// A graded answer: the verdict, its echo, and what the right one is called.
type graded struct {
	Revision int `json:"rev"`
	derive.Verdict
	MathML string   `json:"math,omitempty"` // the answer, typeset
	Eq     string   `json:"eq,omitempty"`   // of a right answer: its equation
	Shows  []string `json:"shows,omitempty"`
}

// derived answers what is about exercises. It needs no network.
func derived(r Request) (header any, numbers []float64, err error) {
	if r.Op == "exercises" {
		var all []exerciseTitle
		for _, x := range derive.Exercises {
			all = append(all, exerciseTitle{x.ID, x.Title, x.Section, string(x.Level)})
		}
		return struct {
			Revision  int             `json:"rev"`
			Exercises []exerciseTitle `json:"exercises"`
		}{r.Revision, all}, nil, nil
	}
	x := derive.FindExercise(r.ID)
	if x == nil {
		return nil, nil, fmt.Errorf("there is no exercise %q", clip(r.ID))
	}
	switch r.Op {
	case "exercise":
		return shown(r, x), nil, nil
	case "hint":
		if r.Hint < 0 || r.Hint >= len(x.Hints) {
			return nil, nil, fmt.Errorf("%s has %d hints", x.ID, len(x.Hints))
		}
		return struct {
			Revision int    `json:"rev"`
			Hint     string `json:"hint"`
		}{r.Revision, x.Hints[r.Hint]}, nil, nil
	case "shape":
		return shape(r, x), nil, nil
	}
	v := x.Grade(r.Answer)
	g := graded{Revision: r.Revision, Verdict: v}
	if !r.Repair {
		g.Repair = ""
	}
	if x.Level != derive.Predict {
		g.MathML = echo(x, r.Answer)
	}
	if v.Status == derive.Right {
		g.Eq, g.Shows = x.Eq, x.Shows
	}
	return g, nil, nil
}

func shown(r Request, x *derive.Exercise) exercise {
	e := exercise{Revision: r.Revision, exerciseTitle: exerciseTitle{x.ID, x.Title, x.Section, string(x.Level)}, Ask: x.Ask, Template: x.Template, Hints: len(x.Hints), Eq: x.Eq}
	for i, y := range derive.Exercises[:len(derive.Exercises)-1] {
		if y == x {
			e.Next = derive.Exercises[i+1].ID
		}
	}
	if x.Level == derive.Predict {
		for _, c := range x.Choices {
			e.Choices = append(e.Choices, c.Text)
		}
		return e
	}
	s := x.Scope()
	e.Wanted = s.Sizes(x.Wanted())
	if p, err := derive.Parse("dL/d" + x.Target); err == nil && x.Target != "" {
		e.Target, _ = mathML(p.TeX())
	}
	for _, n := range s.Names() {
		t, _ := s.Type(n)
		g := given{Name: n, Meaning: x.Meaning(n), Kind: Value}
		if t.Kind != derive.Number {
			g.Shape = t.String()
		}
		if strings.HasPrefix(n, "D") {
			g.Kind = Error
		}
		if p, err := derive.Parse(n); err == nil {
			g.MathML, _ = mathML(p.TeX())
		}
		e.Names = append(e.Names, g)
	}
	return e
}

// echo is an answer, typeset; "" where it cannot be read.
func echo(x *derive.Exercise, answer string) string {
	tex, err := x.As(answer, derive.TeX)
	if err != nil {
		return ""
	}
	m, _ := mathML(tex) // TestEchoes has every accepted answer
	return m
}

// looked is what stands below an answer while it is typed.
type looked struct {
	Revision int    `json:"rev"`
	Shape    string `json:"shape,omitempty"`
	MathML   string `json:"math,omitempty"`
	Message  string `json:"message,omitempty"` // what is wrong with it, as far as it goes
	Column   int    `json:"column,omitempty"`  // from 1
}

func shape(r Request, x *derive.Exercise) looked {
	l := looked{Revision: r.Revision}
	if x.Level == derive.Predict {
		return l
	}
	l.MathML = echo(x, r.Answer)
	var err error
	if l.Shape, err = x.Look(r.Answer); err != nil {
		l.Shape, l.Message = "", err.Error()
		if e, ok := err.(*derive.Error); ok {
			l.Message, l.Column = e.Message, e.Column
		}
	}
	return l
}
