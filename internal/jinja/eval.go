package jinja

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// An evaluator runs a template once.
type evaluator struct {
	now              time.Time
	steps, stepLimit int // that are left, and that there were
	bytes, byteLimit int
	depth            int
}

// maxCalls is how deep the evaluator may be in expressions, statements and macros.
const maxCalls = 2000

// step counts an operation.
func (e *evaluator) step() error {
	if e.steps--; e.steps < 0 {
		return fmt.Errorf("it takes more than %d steps", e.stepLimit)
	}
	return nil
}

// take counts n bytes, and a step for some of them.
func (e *evaluator) take(n int) error {
	if e.bytes -= n; n < 0 || e.bytes < 0 {
		return fmt.Errorf("it makes texts and lists of more than %d bytes", e.byteLimit)
	}
	e.steps -= n >> 8
	return nil
}

// taken is s as a value, once its bytes are counted.
func (e *evaluator) taken(s string) (any, error) { return s, e.take(len(s)) }

// listOf is a list as a value, once its bytes are counted.
func (e *evaluator) listOf(items []any) (any, error) {
	return &list{items: items}, e.take(16 * len(items))
}

// enter counts a level of depth, which leave ends.
func (e *evaluator) enter() error {
	if e.depth++; e.depth > maxCalls {
		e.depth--
		return errors.New("it calls itself without an end")
	}
	if err := e.step(); err != nil {
		e.depth--
		return err
	}
	return nil
}

func (e *evaluator) leave() { e.depth-- }

// A scope has variables; those of its parents are seen through it.
type scope struct {
	vars   map[string]any
	parent *scope
}

func (s *scope) get(name string) (any, bool) {
	for ; s != nil; s = s.parent {
		if v, ok := s.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// eval is the value of x.
func (e *evaluator) eval(x expression, s *scope) (any, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	switch x := x.(type) {
	case *constant:
		return x.value, nil
	case *variable:
		if v, ok := s.get(x.name); ok {
			return v, nil
		}
		if f := globals[x.name]; f != nil {
			return f, nil
		}
		return undefined{x.name}, nil
	case *collection:
		return e.collection(x, s)
	case *attribute:
		of, err := e.eval(x.of, s)
		if err != nil {
			return nil, err
		}
		return e.attribute(of, x.name)
	case *subscript:
		of, err := e.eval(x.of, s)
		if err != nil {
			return nil, err
		}
		key, err := e.eval(x.key, s)
		if err != nil {
			return nil, err
		}
		return e.item(of, key)
	case *slice:
		return e.slice(x, s)
	case *unary:
		of, err := e.eval(x.of, s)
		if err != nil {
			return nil, err
		}
		if x.op == "not" {
			return !truth(of), nil
		}
		i, f, whole, ok := number(of)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s has no sign", kindOf(of))
		case whole && x.op == "-":
			return -i, nil
		case whole:
			return i, nil
		case x.op == "-":
			return -f, nil
		}
		return f, nil
	case *binary:
		left, err := e.eval(x.left, s)
		if err != nil || x.op == "and" && !truth(left) || x.op == "or" && truth(left) {
			return left, err
		}
		right, err := e.eval(x.right, s)
		if err != nil || x.op == "and" || x.op == "or" {
			return right, err
		}
		return e.arithmetic(x.op, left, right)
	case *comparison:
		return e.comparison(x, s)
	case *concatenation:
		var b strings.Builder
		for _, part := range x.parts {
			v, err := e.eval(part, s)
			if err != nil {
				return nil, err
			}
			text, err := e.print(v)
			if err == nil {
				err = e.take(len(text))
			}
			if err != nil {
				return nil, err
			}
			b.WriteString(text)
		}
		return b.String(), nil
	case *conditional:
		test, err := e.eval(x.test, s)
		switch {
		case err != nil:
			return nil, err
		case truth(test):
			return e.eval(x.then, s)
		case x.otherwise == nil:
			return undefined{"an if without else"}, nil
		}
		return e.eval(x.otherwise, s)
	case *call:
		f, err := e.eval(x.function, s)
		if err != nil {
			return nil, err
		}
		a, err := e.args(&x.arguments, s)
		if err != nil {
			return nil, err
		}
		return e.call(f, a)
	case *filter:
		of, err := e.eval(x.of, s)
		if err != nil {
			return nil, err
		}
		return e.filter(x, of, s)
	case *test:
		of, err := e.eval(x.of, s)
		if err != nil {
			return nil, err
		}
		a, err := e.args(&x.arguments, s)
		if err != nil {
			return nil, err
		}
		is, err := e.test(x.name, of, a)
		return is != x.negated, err
	}
	panic(fmt.Sprintf("jinja: an expression of type %T", x))
}

func (e *evaluator) args(x *arguments, s *scope) (a args, err error) {
	for _, p := range x.positional {
		v, err := e.eval(p, s)
		if err != nil {
			return a, err
		}
		a.positional = append(a.positional, v)
	}
	for i, name := range x.names {
		v, err := e.eval(x.named[i], s)
		if err != nil {
			return a, err
		}
		if a.named == nil {
			a.named = map[string]any{}
		}
		if _, twice := a.named[name]; twice {
			return a, fmt.Errorf("the argument %s is given twice", name)
		}
		a.named[name] = v
		a.order = append(a.order, name)
	}
	return a, nil
}

func (e *evaluator) call(f any, a args) (any, error) {
	fn, ok := f.(*function)
	if !ok {
		return nil, fmt.Errorf("%s is called, and is no function", kindOf(f))
	}
	v, err := fn.call(e, a)
	if raised := (*RaisedError)(nil); err != nil && !errors.As(err, &raised) {
		err = fmt.Errorf("%s: %w", fn.name, err)
	}
	return v, err
}

func (e *evaluator) filter(x *filter, of any, s *scope) (any, error) {
	a, err := e.args(&x.arguments, s)
	if err != nil {
		return nil, err
	}
	v, err := filters[x.name](e, of, a)
	if err != nil {
		return nil, fmt.Errorf("the filter %s: %w", x.name, err)
	}
	return v, nil
}

func (e *evaluator) test(name string, of any, a args) (bool, error) {
	is, err := tests[name](e, of, a)
	if err != nil {
		return false, fmt.Errorf("the test %s: %w", name, err)
	}
	return is, nil
}

func (e *evaluator) collection(x *collection, s *scope) (any, error) {
	if err := e.take(16 * len(x.items)); err != nil {
		return nil, err
	}
	if !x.dict {
		l := &list{tuple: x.tuple}
		for _, item := range x.items {
			v, err := e.eval(item, s)
			if err != nil {
				return nil, err
			}
			l.items = append(l.items, v)
		}
		return l, nil
	}
	d := newDict()
	for i, item := range x.items {
		k, err := e.eval(x.keys[i], s)
		if err != nil {
			return nil, err
		}
		v, err := e.eval(item, s)
		if err != nil {
			return nil, err
		}
		key, ok := k.(string)
		if !ok {
			return nil, fmt.Errorf("%s as a key is not supported: a text is", kindOf(k))
		}
		d.set(key, v)
	}
	return d, nil
}

// items is what a loop over v goes through.
func (e *evaluator) items(v any) ([]any, error) {
	switch v := v.(type) {
	case undefined:
		return nil, nil
	case *list:
		items := v.items
		if v.lazy {
			v.items = nil
		}
		return items, nil
	case *dict:
		items := make([]any, len(v.keys))
		for i, k := range v.keys {
			items[i] = k
		}
		return items, e.take(16 * len(items))
	case string:
		if err := e.take(20 * len(v)); err != nil {
			return nil, err
		}
		var items []any
		for _, r := range v {
			items = append(items, string(r))
		}
		return items, nil
	}
	return nil, fmt.Errorf("a loop over %s", kindOf(v))
}
