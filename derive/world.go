package derive

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A World is a small forward pass with the error signals that belong to it: names, what
// they are, how large they are, and which equations of the registry define them. The loss
// is frob(D, Output), unless Loss says otherwise.
type World struct {
	ID     string // such as "head"
	Output string // the name whose error signal is D; "" where there is a Loss
	Loss   string // an expression of one number

	letters []letter
	names   []definition
	apart   []string // names whose numbers must stay away from 0: deviations, what meets the kink of a ReLU
	release []release

	once  sync.Once
	whole *program
}

// A letter is a size, drawn from a range, or the sum of others. In an instance all
// letters that are drawn differ.
type letter struct {
	name     string
	from, to int
	parts    []string
}

// A definition is a name with its type and what it is in words. How says where its numbers
// come from: "~" and a distribution; "#" and the letter whose size it is; "(9.a)", the
// equation of the registry with the name on its left; or "= " and an expression.
type definition struct {
	name, typ, how, title string
}

// A release is a world without one of its constraints: other definitions for some
// names, which are held fixed, and another loss. What is right in the world and wrong here
// is right because of the constraint.
type release struct {
	id, eq, because string
	names           map[string]string // name to how
	loss            string
}

// A program is a world whose expressions are parsed and typed.
type program struct {
	world *World
	scope *Scope
	steps []programStep
	loss  *typed
	after map[string][]int // of a name: the steps that depend on it, in order
}

type programStep struct {
	definition
	t *typed // nil where it is drawn
}

// program compiles the world, once.
func (w *World) program() *program {
	w.once.Do(func() {
		p, err := w.compile(nil, w.lossText())
		if err != nil {
			panic(fmt.Sprintf("derive: world %s: %v", w.ID, err))
		}
		w.whole = p
	})
	return w.whole
}

func (w *World) lossText() string {
	if w.Loss != "" {
		return w.Loss
	}
	return "frob(D, " + w.Output + ")"
}

// compile is the program of the world with some definitions replaced.
func (w *World) compile(replaced map[string]string, loss string) (*program, error) {
	p := &program{world: w, after: map[string][]int{}, scope: &Scope{types: map[string]Type{}, parts: map[string][]string{}, sizes: map[string]int{"1": 1}, least: map[string]int{"1": 1}, differentials: true}}
	for _, l := range w.letters {
		p.scope.least[l.name] = l.from
		if l.parts != nil {
			p.scope.parts[l.name] = l.parts
			for _, part := range l.parts {
				p.scope.least[l.name] += p.scope.least[part]
			}
		}
	}
	needs := map[string]map[string]bool{} // of a name: all names that it depends on
	for i, d := range w.names {
		if how, ok := replaced[d.name]; ok {
			d.how = how
		}
		s := programStep{definition: d}
		typ := Type{Number, "1", "1"}
		needs[d.name] = map[string]bool{d.name: true}
		switch {
		case strings.HasPrefix(d.how, "#"):
		case strings.HasPrefix(d.how, "~"):
			typ = parseType(d.typ)
		default:
			e, err := formula(d)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", d.name, err)
			}
			var want *Type
			if d.typ != "" {
				t := parseType(d.typ)
				want = &t
			}
			r, err := p.scope.readings(e, want)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", d.name, e, err)
			}
			s.t, typ = r[0].t, r[0].t.shape.typ()
			e.walk(func(e *Expr) {
				if e.op == opName {
					maps.Copy(needs[d.name], needs[e.name])
				}
			})
		}
		for n := range needs[d.name] {
			if s.t != nil {
				p.after[n] = append(p.after[n], i)
			}
		}
		p.steps = append(p.steps, s)
		p.scope.types[d.name] = typ
		p.scope.order = append(p.scope.order, d.name)
	}
	var err error
	if p.loss, err = p.scope.number(loss); err != nil {
		return nil, fmt.Errorf("loss %s: %w", loss, err)
	}
	maps.Copy(p.scope.sizes, p.sizes(0))
	return p, nil
}

// number parses and types an expression of one number.
func (s *Scope) number(src string) (*typed, error) {
	e, err := Parse(src)
	if err != nil {
		return nil, err
	}
	r, err := s.readings(e, &Type{Number, "1", "1"})
	if err != nil {
		return nil, err
	}
	return r[0].t, nil
}

// formula is the right-hand side of a definition.
func formula(d definition) (*Expr, error) {
	if src, ok := strings.CutPrefix(d.how, "= "); ok {
		return Parse(src)
	}
	number := strings.Trim(d.how, "()")
	eq, ok := paper.FindEquation(number)
	if !ok {
		return nil, fmt.Errorf("there is no equation (%s)", number)
	}
	for _, src := range eq.Expr {
		l, err := ParseLine(src)
		if err != nil {
			return nil, fmt.Errorf("(%s): %s: %w", number, src, err)
		}
		if len(l.Sides) == 2 && l.Sides[0].op == opName && l.Sides[0].name == d.name {
			return l.Sides[1], nil
		}
	}
	return nil, fmt.Errorf("(%s) does not define %s", number, d.name)
}
