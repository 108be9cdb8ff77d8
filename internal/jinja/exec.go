package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// A frame is where statements write, and their variables.
type frame struct {
	*scope
	out strings.Builder
}

var (
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
)

// at names the line of an error.
func at(line int, err error) error {
	raised := (*RaisedError)(nil)
	if err == nil || err == errBreak || err == errContinue || errors.As(err, &raised) || errors.As(err, new(lineError)) {
		return err
	}
	return lineError{fmt.Errorf("line %d: %w", line, err)}
}

// A lineError names a line already.
type lineError struct{ error }

// run runs statements.
func (e *evaluator) run(body []node, f *frame) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	for _, n := range body {
		if err := e.statement(n, f); err != nil {
			return err
		}
	}
	return nil
}

func (e *evaluator) write(f *frame, s string) error {
	f.out.WriteString(s)
	return e.take(len(s))
}

func (e *evaluator) statement(n node, f *frame) error {
	switch n := n.(type) {
	case *text:
		return e.write(f, n.text)
	case *output:
		v, err := e.eval(n.of, f.scope)
		if err != nil {
			return at(n.line, err)
		}
		s, err := e.print(v)
		if err != nil {
			return at(n.line, err)
		}
		return at(n.line, e.write(f, s))
	case *branch:
		for i, test := range n.tests {
			v, err := e.eval(test, f.scope)
			if err != nil {
				return at(n.line, err)
			}
			if truth(v) {
				return e.run(n.bodies[i], f)
			}
		}
		if len(n.bodies) > len(n.tests) {
			return e.run(n.bodies[len(n.tests)], f)
		}
		return nil
	case *loop:
		return at(n.line, e.loop(n, f))
	case *assignment:
		return at(n.line, e.assignment(n, f))
	case *macro:
		f.vars[n.name] = e.macro(n, f.scope)
		return nil
	case *callBlock:
		return at(n.line, e.callBlock(n, f))
	case *filterBlock:
		v, err := e.captured(n.body, n.filters, f)
		if err == nil {
			err = e.write(f, v.(string))
		}
		return at(n.line, err)
	case *group:
		return e.run(n.body, f)
	case *escape:
		return n.err
	}
	panic(fmt.Sprintf("jinja: a statement of type %T", n))
}

// captured is what body writes, and filters make of it: a text.
func (e *evaluator) captured(body []node, chain []*filter, f *frame) (any, error) {
	inner := &frame{scope: &scope{vars: map[string]any{}, parent: f.scope}}
	if err := e.run(body, inner); err != nil {
		return nil, err
	}
	v := any(inner.out.String())
	for _, x := range chain {
		var err error
		if v, err = e.filter(x, v, f.scope); err != nil {
			return nil, err
		}
	}
	s, err := e.print(v)
	return s, err
}

// assign gives v to the targets.
func (e *evaluator) assign(vars map[string]any, targets []string, v any) error {
	if len(targets) == 1 {
		vars[targets[0]] = v
		return nil
	}
	items, err := e.items(v)
	if err != nil {
		return err
	}
	if len(items) != len(targets) {
		return fmt.Errorf("%d values for %d variables", len(items), len(targets))
	}
	for i, name := range targets {
		vars[name] = items[i]
	}
	return nil
}

func (e *evaluator) assignment(n *assignment, f *frame) (err error) {
	var v any
	if n.value != nil {
		v, err = e.eval(n.value, f.scope)
	} else {
		v, err = e.captured(n.body, n.filters, f)
	}
	if err != nil || n.field == "" {
		if err == nil {
			err = e.assign(f.vars, n.targets, v)
		}
		return err
	}
	of, _ := f.get(n.targets[0])
	ns, ok := of.(*namespace)
	if !ok {
		return fmt.Errorf("%s.%s is set, and %[1]s is no namespace", n.targets[0], n.field)
	}
	ns.set(n.field, v)
	return nil
}

// A loopState is the variable loop.
type loopState struct {
	items []any
	at    int
}

func (l *loopState) attribute(name string) (any, error) {
	n := len(l.items)
	near := func(i int) any {
		if i < 0 || i >= n {
			return undefined{name}
		}
		return l.items[i]
	}
	switch name {
	case "index":
		return int64(l.at + 1), nil
	case "index0":
		return int64(l.at), nil
	case "revindex":
		return int64(n - l.at), nil
	case "revindex0":
		return int64(n - l.at - 1), nil
	case "first":
		return l.at == 0, nil
	case "last":
		return l.at == n-1, nil
	case "length":
		return int64(n), nil
	case "previtem":
		return near(l.at - 1), nil
	case "nextitem":
		return near(l.at + 1), nil
	case "depth":
		return int64(1), nil
	case "depth0":
		return int64(0), nil
	case "cycle":
		return &function{"loop.cycle", func(_ *evaluator, a args) (any, error) {
			if len(a.positional) == 0 {
				return nil, errors.New("nothing to take in turns")
			}
			return a.positional[l.at%len(a.positional)], nil
		}}, nil
	}
	return nil, fmt.Errorf("loop.%.40s is not supported", name)
}

func (e *evaluator) loop(n *loop, f *frame) error {
	over, err := e.eval(n.over, f.scope)
	if err != nil {
		return err
	}
	items, err := e.items(over)
	if err != nil {
		return err
	}
	if n.only != nil {
		var kept []any
		for _, item := range items {
			s := &scope{vars: map[string]any{}, parent: f.scope}
			if err := e.assign(s.vars, n.targets, item); err != nil {
				return err
			}
			v, err := e.eval(n.only, s)
			if err != nil {
				return err
			}
			if truth(v) {
				kept = append(kept, item)
			}
		}
		items = kept
	}
	if len(items) == 0 {
		return e.run(n.none, f)
	}
	outer := f.scope
	defer func() { f.scope = outer }()
	state := &loopState{items: items}
	for i, item := range items {
		if err := e.step(); err != nil {
			return err
		}
		state.at = i
		f.scope = &scope{vars: map[string]any{"loop": state}, parent: outer}
		if err := e.assign(f.vars, n.targets, item); err != nil {
			return err
		}
		switch err := e.run(n.body, f); err {
		case nil, errContinue:
		case errBreak:
			return nil
		default:
			return err
		}
	}
	return nil
}

// macro makes a function of m, which sees the variables of s.
func (e *evaluator) macro(m *macro, s *scope) *function {
	return &function{m.name, func(e *evaluator, a args) (any, error) {
		inner := &frame{scope: &scope{vars: map[string]any{}, parent: s}}
		if len(a.positional) > len(m.parameters) {
			return nil, fmt.Errorf("%d arguments, and it takes %d", len(a.positional), len(m.parameters))
		}
		used := 0
		for i, name := range m.parameters {
			v, named := a.named[name]
			if named {
				used++
			}
			first := len(m.parameters) - len(m.defaults) // that has a default
			switch {
			case i < len(a.positional) && named:
				return nil, fmt.Errorf("the argument %s is given twice", name)
			case i < len(a.positional):
				v = a.positional[i]
			case !named && i >= first:
				var err error
				if v, err = e.eval(m.defaults[i-first], inner.scope); err != nil {
					return nil, err
				}
			case !named:
				v = undefined{name}
			}
			inner.vars[name] = v
		}
		if caller, ok := a.named["caller"]; ok {
			inner.vars["caller"] = caller
			used++
		}
		if used < len(a.named) {
			return nil, errors.New("an argument of a name that it does not have")
		}
		err := e.run(m.body, inner)
		if err == errBreak || err == errContinue {
			err = errors.New("break or continue outside of a loop")
		}
		return inner.out.String(), err
	}}
}

func (e *evaluator) callBlock(n *callBlock, f *frame) error {
	fn, err := e.eval(n.call.function, f.scope)
	if err != nil {
		return err
	}
	a, err := e.args(&n.call.arguments, f.scope)
	if err != nil {
		return err
	}
	if a.named == nil {
		a.named = map[string]any{}
	}
	a.named["caller"] = e.macro(n.body, f.scope)
	v, err := e.call(fn, a)
	if err != nil {
		return err
	}
	s, err := e.print(v)
	if err != nil {
		return err
	}
	return e.write(f, s)
}
