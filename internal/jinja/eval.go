package jinja

import (
	"errors"
	"fmt"
	"math"
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

// attribute is of.name: a method, or an entry.
func (e *evaluator) attribute(of any, name string) (any, error) {
	if strings.HasPrefix(name, "__") {
		return nil, fmt.Errorf("the attribute %.40s is not supported", name)
	}
	if m, err := method(of, name); m != nil || err != nil {
		return m, err
	}
	return entry(of, name)
}

// entry is the entry of that name; texts, lists and numbers have none.
func entry(of any, name string) (any, error) {
	switch of := of.(type) {
	case undefined:
		return nil, fmt.Errorf("%s has no %.40s", kindOf(of), name)
	case *dict:
		if v, ok := of.values[name]; ok {
			return v, nil
		}
	case *namespace:
		if v, ok := of.values[name]; ok {
			return v, nil
		}
	case *loopState:
		return of.attribute(name)
	}
	return undefined{name}, nil
}

// item is of[key].
func (e *evaluator) item(of, key any) (any, error) {
	if name, ok := key.(string); ok {
		if d, ok := of.(*dict); ok {
			if v, ok := d.values[name]; ok {
				return v, nil
			}
		}
		return e.attribute(of, name)
	}
	i, _, whole, ok := number(key)
	if of, ok := of.(undefined); ok {
		return nil, fmt.Errorf("%s has no entries", kindOf(of))
	}
	if !ok || !whole {
		return undefined{"an entry"}, nil
	}
	at := func(n int) (int, bool) {
		if i < 0 {
			i += int64(n)
		}
		return int(i), i >= 0 && i < int64(n)
	}
	switch of := of.(type) {
	case *list:
		if i, ok := at(len(of.items)); ok && !of.lazy {
			return of.items[i], nil
		}
	case string:
		if err := e.take(len(of)); err != nil {
			return nil, err
		}
		runes := []rune(of)
		if i, ok := at(len(runes)); ok {
			return string(runes[i]), nil
		}
	}
	return undefined{"an entry"}, nil
}

func (e *evaluator) slice(x *slice, s *scope) (any, error) {
	of, err := e.eval(x.of, s)
	if err != nil {
		return nil, err
	}
	var bounds [3]*int64
	for i, part := range []expression{x.from, x.to, x.step} {
		if part == nil {
			continue
		}
		v, err := e.eval(part, s)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		n, _, whole, ok := number(v)
		if !ok || !whole {
			return nil, fmt.Errorf("a slice by %s", kindOf(v))
		}
		bounds[i] = &n
	}
	switch of := of.(type) {
	case string:
		if err := e.take(5 * len(of)); err != nil {
			return nil, err
		}
		runes := []rune(of)
		at, err := indices(len(runes), bounds)
		out := make([]rune, len(at))
		for i, j := range at {
			out[i] = runes[j]
		}
		return string(out), err
	case *list:
		if of.lazy {
			break
		}
		if err := e.take(24 * len(of.items)); err != nil {
			return nil, err
		}
		at, err := indices(len(of.items), bounds)
		out := &list{tuple: of.tuple}
		for _, j := range at {
			out.items = append(out.items, of.items[j])
		}
		return out, err
	}
	return nil, fmt.Errorf("a slice of %s is not supported", kindOf(of))
}

// indices are those of a slice of n items: from, to and step, as in Python.
func indices(n int, bounds [3]*int64) (at []int, err error) {
	step := int64(1)
	if bounds[2] != nil {
		step = *bounds[2]
	}
	if step == 0 {
		return nil, errors.New("a slice of step 0")
	}
	low, high := int64(0), int64(n)
	if step < 0 {
		low, high = -1, int64(n)-1
	}
	bound := func(v *int64, fallback int64) int64 {
		if v == nil {
			return fallback
		}
		i := *v
		if i < 0 {
			i += int64(n)
		}
		return max(low, min(high, i))
	}
	from, to := bound(bounds[0], low), bound(bounds[1], high)
	if step < 0 {
		from, to = bound(bounds[0], high), bound(bounds[1], low)
	}
	step = max(-int64(n)-1, min(int64(n)+1, step))
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		at = append(at, int(i))
	}
	return at, nil
}

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
