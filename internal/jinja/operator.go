package jinja

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"
)

// arithmetic is left op right.
func (e *evaluator) arithmetic(op string, left, right any) (any, error) {
	wrong := fmt.Errorf("%s %s %s", kindOf(left), op, kindOf(right))
	i, f, whole, ok := number(left)
	j, g, whole2, ok2 := number(right)
	if !ok || !ok2 {
		return e.joined(op, left, right, wrong)
	}
	whole = whole && whole2
	if whole && op != "/" {
		v, ok := integer(op, i, j)
		if !ok {
			return nil, fmt.Errorf("%d %s %d is not supported, or does not fit 64 bits", i, op, j)
		}
		return v, nil
	}
	switch op {
	case "+":
		return f + g, nil
	case "-":
		return f - g, nil
	case "*":
		return f * g, nil
	case "/":
		if g == 0 {
			return nil, errors.New("a division by 0")
		}
		return f / g, nil
	}
	return nil, fmt.Errorf("%s of fractions is not supported", op)
}

// integer is i op j, where that is known and fits.
func integer(op string, i, j int64) (v int64, ok bool) {
	switch op {
	case "+":
		v = i + j
		return v, (v > i) == (j > 0)
	case "-":
		v = i - j
		return v, (v < i) == (j > 0)
	case "*":
		if i == 0 || j == 0 {
			return 0, true
		}
		v = i * j
		return v, v/j == i && !(i == -1 && j == math.MinInt64) && !(j == -1 && i == math.MinInt64)
	case "//", "%":
		if j == 0 || i == math.MinInt64 && j == -1 {
			return 0, false
		}
		quotient, rest := i/j, i%j
		if rest != 0 && (rest < 0) != (j < 0) { // towards minus infinity
			quotient, rest = quotient-1, rest+j
		}
		if op == "%" {
			return rest, true
		}
		return quotient, true
	case "**":
		if j < 0 || j > 63 {
			return 0, false
		}
		v = 1
		for range j {
			if v, ok = integer("*", v, i); !ok {
				return 0, false
			}
		}
		return v, true
	}
	return 0, false
}

// joined is what + and * make of texts and lists.
func (e *evaluator) joined(op string, left, right any, wrong error) (any, error) {
	if op == "*" {
		if _, _, whole, ok := number(right); !ok || !whole {
			left, right = right, left
		}
		n, _, whole, ok := number(right)
		s, isText := left.(string)
		if _, isList := left.(*list); isList && ok && whole {
			return nil, fmt.Errorf("%w is not supported", wrong)
		}
		if !ok || !whole || !isText {
			return nil, wrong
		}
		if n = max(0, n); len(s) > 0 && n > int64(e.bytes/len(s)) {
			n, s = 1, strings.Repeat(" ", e.bytes+1) // is refused below
		}
		return e.taken(strings.Repeat(s, int(n)))
	}
	if _, ok := left.(string); ok && op == "%" {
		return nil, fmt.Errorf("%w is not supported", wrong)
	}
	if op != "+" {
		return nil, wrong
	}
	switch a := left.(type) {
	case string:
		if b, ok := right.(string); ok {
			if err := e.take(len(a) + len(b)); err != nil {
				return nil, err
			}
			return a + b, nil
		}
	case *list:
		if b, ok := right.(*list); ok && a.tuple == b.tuple && !a.lazy && !b.lazy {
			if err := e.take(16 * (len(a.items) + len(b.items))); err != nil {
				return nil, err
			}
			return &list{items: append(append([]any(nil), a.items...), b.items...), tuple: a.tuple}, nil
		}
	}
	return nil, wrong
}

func (e *evaluator) comparison(x *comparison, s *scope) (any, error) {
	left, err := e.eval(x.first, s)
	if err != nil {
		return nil, err
	}
	for i, op := range x.ops {
		right, err := e.eval(x.rest[i], s)
		if err != nil {
			return nil, err
		}
		var is bool
		switch op {
		case "==", "!=":
			is, err = e.equal(left, right)
			is = is == (op == "==")
		case "in", "not in":
			is, err = e.contains(right, left)
			is = is == (op == "in")
		default:
			var order int
			order, err = e.compare(left, right)
			is = order < 0 && op[0] == '<' || order > 0 && op[0] == '>' || order == 0 && len(op) == 2
		}
		if !is || err != nil {
			return false, err
		}
		left = right
	}
	return true, nil
}

// contains is v in of.
func (e *evaluator) contains(of, v any) (bool, error) {
	switch of := of.(type) {
	case string:
		s, ok := v.(string)
		if !ok {
			return false, fmt.Errorf("%s in a text", kindOf(v))
		}
		return strings.Contains(of, s), e.take(len(of) >> 4)
	case *dict:
		if k := kindOf(v); k == "a list" || k == "a mapping" {
			return false, fmt.Errorf("%s as a key", k)
		}
		s, ok := v.(string)
		_, there := of.values[s]
		return ok && there, nil
	case *list, undefined:
		items, err := e.items(of)
		for _, item := range items {
			if same, err := e.equal(item, v); same || err != nil {
				return same, err
			}
		}
		return false, err
	}
	return false, fmt.Errorf("in %s", kindOf(of))
}

// equal is == in Python.
func (e *evaluator) equal(a, b any) (bool, error) {
	if err := e.step(); err != nil {
		return false, err
	}
	if i, f, whole, ok := number(a); ok {
		j, g, whole2, ok := number(b)
		if whole && whole2 {
			return ok && i == j, nil
		}
		return ok && f == g, nil
	}
	switch a := a.(type) {
	case nil:
		return b == nil, nil
	case undefined:
		_, ok := b.(undefined)
		return ok, nil
	case string:
		b, ok := b.(string)
		return ok && a == b, nil
	case *list:
		b, ok := b.(*list)
		if !ok || a.tuple != b.tuple || a.lazy || b.lazy || len(a.items) != len(b.items) {
			return ok && a == b, nil
		}
		return e.equalItems(len(a.items), func(i int) (any, any, bool) { return a.items[i], b.items[i], true })
	case *dict:
		b, ok := b.(*dict)
		if !ok || len(a.keys) != len(b.keys) {
			return false, nil
		}
		return e.equalItems(len(a.keys), func(i int) (any, any, bool) {
			w, ok := b.values[a.keys[i]]
			return a.values[a.keys[i]], w, ok
		})
	}
	return a == b, nil
}

func (e *evaluator) equalItems(n int, pair func(i int) (a, b any, ok bool)) (bool, error) {
	if err := e.enter(); err != nil {
		return false, err
	}
	defer e.leave()
	for i := range n {
		a, b, ok := pair(i)
		if !ok {
			return false, nil
		}
		if same, err := e.equal(a, b); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// compare is the order of a and b: numbers, or texts.
func (e *evaluator) compare(a, b any) (int, error) {
	if i, f, whole, ok := number(a); ok {
		if j, g, whole2, ok := number(b); ok {
			if whole && whole2 {
				return cmp.Compare(i, j), nil
			}
			if math.IsNaN(f) || math.IsNaN(g) {
				return 0, errors.New("a number is not a number")
			}
			switch {
			case f < g:
				return -1, nil
			case f > g:
				return 1, nil
			}
			return 0, nil
		}
	}
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			return strings.Compare(s, t), nil
		}
	}
	return 0, fmt.Errorf("the order of %s and %s is not supported", kindOf(a), kindOf(b))
}
