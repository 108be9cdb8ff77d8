package jinja

import (
	"fmt"
	"slices"
	"strconv"
)

// An expression is a node of the tree of an expression.
type expression interface{}

type (
	constant struct{ value any }
	variable struct{ name string }
	// A collection is a list, a tuple or, with keys, a dict.
	collection struct {
		tuple bool
		keys  []expression // of a dict, which has as many items
		dict  bool
		items []expression
	}
	attribute struct {
		of   expression
		name string
	}
	subscript struct{ of, key expression }
	slice     struct{ of, from, to, step expression }
	unary     struct {
		op string
		of expression
	}
	binary struct {
		op          string
		left, right expression
	}
	comparison struct {
		first expression
		ops   []string
		rest  []expression
	}
	concatenation struct{ parts []expression }
	conditional   struct{ test, then, otherwise expression } // otherwise may be nil
	call          struct {
		function expression
		arguments
	}
	// A filter is one that is applied.
	filter struct {
		of   expression // nil in a block
		name string
		arguments
	}
	test struct {
		of      expression
		name    string
		negated bool
		arguments
	}
)

// arguments are those of a call.
type arguments struct {
	positional []expression
	names      []string
	named      []expression
}

// maxDepth is how deep expressions and statements may be nested in a template.
const maxDepth = 200

type parser struct {
	tokens []lexeme
	at     int
	depth  int
}

func (p *parser) peek() lexeme { return p.tokens[p.at] }

func (p *parser) next() lexeme {
	t := p.tokens[p.at]
	if t.kind != endToken {
		p.at++
	}
	return t
}

// is reports whether the next token is the operator, or the name, text.
func (p *parser) is(kind tokenKind, text ...string) bool {
	t := p.peek()
	return t.kind == kind && slices.Contains(text, t.text)
}

// skip goes over the next token if it is that one.
func (p *parser) skip(kind tokenKind, text string) bool {
	ok := p.is(kind, text)
	if ok {
		p.at++
	}
	return ok
}

func (p *parser) expect(kind tokenKind, text string) error {
	if !p.skip(kind, text) {
		return p.errorf("%s where %q is expected", p.peek(), text)
	}
	return nil
}

func (p *parser) name() (string, error) {
	if p.peek().kind != nameToken {
		return "", p.errorf("%s where a name is expected", p.peek())
	}
	return p.next().text, nil
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %w", p.peek().line, fmt.Errorf(format, args...))
}

// deeper counts how deep the parser is; the caller ends with p.depth--.
func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return p.errorf("it is nested more than %d deep", maxDepth)
	}
	return nil
}

// expression reads an expression; choice says that it may have an if.
func (p *parser) expression(choice bool) (e expression, err error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	e, err = p.chain(0)
	for choice && err == nil && p.skip(nameToken, "if") {
		c := &conditional{then: e}
		if c.test, err = p.chain(0); err == nil && p.skip(nameToken, "else") {
			c.otherwise, err = p.expression(true)
		}
		e = c
	}
	return e, err
}

// Operators that join two operands, the loosest first. Comparisons, not and ~ stand
// between them in the order of Jinja.
var levels = [][]string{{"or"}, {"and"}, nil, nil, {"+", "-"}, nil, {"*", "/", "//", "%"}, {"**"}}

const notLevel, compareLevel, concatLevel = 2, 3, 5

// chain reads operands of the level and what joins them.
func (p *parser) chain(level int) (expression, error) {
	switch level {
	case len(levels):
		return p.unary(true)
	case notLevel:
		if p.skip(nameToken, "not") {
			if err := p.deeper(); err != nil {
				return nil, err
			}
			defer func() { p.depth-- }()
			of, err := p.chain(level)
			return &unary{"not", of}, err
		}
		return p.chain(level + 1)
	case compareLevel:
		return p.comparison()
	case concatLevel:
		first, err := p.chain(level + 1)
		parts := []expression{first}
		for err == nil && p.skip(operatorToken, "~") {
			var next expression
			next, err = p.chain(level + 1)
			parts = append(parts, next)
		}
		if len(parts) == 1 {
			return first, err
		}
		return &concatenation{parts}, err
	}
	kind := operatorToken
	if level < notLevel {
		kind = nameToken
	}
	left, err := p.chain(level + 1)
	for n := 0; err == nil && p.is(kind, levels[level]...); n++ {
		if n > maxDepth {
			return nil, p.errorf("more than %d operands in a row", maxDepth)
		}
		b := &binary{op: p.next().text, left: left}
		b.right, err = p.chain(level + 1)
		left = b
	}
	return left, err
}

func (p *parser) comparison() (expression, error) {
	first, err := p.chain(compareLevel + 1)
	c := &comparison{first: first}
	for err == nil {
		op := ""
		switch t := p.peek(); {
		case p.is(operatorToken, "==", "!=", "<", ">", "<=", ">="), p.is(nameToken, "in"):
			op = t.text
			p.at++
		case p.is(nameToken, "not") && p.tokens[p.at+1].kind == nameToken && p.tokens[p.at+1].text == "in":
			op = "not in"
			p.at += 2
		}
		if op == "" {
			break
		}
		var next expression
		next, err = p.chain(compareLevel + 1)
		c.ops, c.rest = append(c.ops, op), append(c.rest, next)
	}
	if len(c.ops) == 0 {
		return first, err
	}
	return c, err
}

// unary reads a sign, an operand, and what follows that; filters says that filters may.
func (p *parser) unary(filters bool) (e expression, err error) {
	if p.is(operatorToken, "+", "-") {
		if err := p.deeper(); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		u := &unary{op: p.next().text}
		u.of, err = p.unary(false)
		e = u
	} else {
		e, err = p.primary()
	}
	for n := 0; err == nil; n++ {
		if n > maxDepth {
			return nil, p.errorf("more than %d accesses, calls or filters in a row", maxDepth)
		}
		switch {
		case p.skip(operatorToken, "."):
			e, err = p.dotted(e)
		case p.skip(operatorToken, "["):
			e, err = p.bracketed(e)
		case p.is(operatorToken, "("):
			c := &call{function: e}
			c.arguments, err = p.arguments()
			e = c
		case filters && p.skip(operatorToken, "|"):
			e, err = p.filter(e)
		case filters && p.skip(nameToken, "is"):
			e, err = p.test(e)
		default:
			return e, nil
		}
	}
	return nil, err
}

func (p *parser) dotted(of expression) (expression, error) {
	if t := p.peek(); t.kind == intToken {
		p.at++
		n, err := strconv.ParseInt(t.text, 10, 64)
		return &subscript{of, &constant{n}}, err
	}
	name, err := p.name()
	return &attribute{of, name}, err
}

func (p *parser) bracketed(of expression) (expression, error) {
	s := &slice{of: of}
	isSlice := false
	for i, part := range []*expression{&s.from, &s.to, &s.step} {
		if i > 0 {
			if !p.skip(operatorToken, ":") {
				break
			}
			isSlice = true
		}
		if !p.is(operatorToken, ":", "]") {
			e, err := p.expression(true)
			if err != nil {
				return nil, err
			}
			*part = e
		}
	}
	if err := p.expect(operatorToken, "]"); err != nil {
		return nil, err
	}
	if isSlice {
		return s, nil
	}
	if s.from == nil {
		return nil, p.errorf("an empty index")
	}
	return &subscript{of, s.from}, nil
}

// dottedName reads the name of a filter or test.
func (p *parser) dottedName() (string, error) {
	name, err := p.name()
	if err == nil && p.is(operatorToken, ".") {
		err = p.errorf("%s.… is not supported", name)
	}
	return name, err
}

func (p *parser) filter(of expression) (expression, error) {
	name, err := p.dottedName()
	if err != nil {
		return nil, err
	}
	f := &filter{of: of, name: name}
	if filters[name] == nil {
		return nil, p.errorf("the filter %.40q is not supported", name)
	}
	if p.is(operatorToken, "(") {
		f.arguments, err = p.arguments()
	}
	return f, err
}

func (p *parser) test(of expression) (expression, error) {
	t := &test{of: of, negated: p.skip(nameToken, "not")}
	var err error
	if t.name, err = p.dottedName(); err != nil {
		return nil, err
	}
	if tests[t.name] == nil {
		return nil, p.errorf("the test %.40q is not supported", t.name)
	}
	switch next := p.peek(); {
	case p.is(operatorToken, "("):
		t.arguments, err = p.arguments()
	case p.is(nameToken, "is"):
		err = p.errorf("tests cannot follow each other with is")
	case next.kind == nameToken && !p.is(nameToken, "else", "or", "and"), next.kind == stringToken, next.kind == intToken, next.kind == floatToken, p.is(operatorToken, "[", "{"):
		var e expression
		if e, err = p.primary(); err != nil {
			return nil, err
		}
		for err == nil && p.is(operatorToken, ".", "[") { // an argument without parentheses
			if p.next().text == "." {
				e, err = p.dotted(e)
			} else {
				e, err = p.bracketed(e)
			}
		}
		t.positional = []expression{e}
	}
	return t, err
}

func (p *parser) arguments() (a arguments, err error) {
	if err := p.expect(operatorToken, "("); err != nil {
		return a, err
	}
	for !p.skip(operatorToken, ")") {
		if len(a.positional)+len(a.named) > 0 {
			if err := p.expect(operatorToken, ","); err != nil {
				return a, err
			}
			if p.skip(operatorToken, ")") {
				break
			}
		}
		if p.is(operatorToken, "*", "**") {
			return a, p.errorf("%s before an argument is not supported", p.peek())
		}
		named := p.peek().kind == nameToken && p.tokens[p.at+1].kind == operatorToken && p.tokens[p.at+1].text == "="
		if named {
			a.names = append(a.names, p.next().text)
			p.at++
		} else if len(a.named) > 0 {
			return a, p.errorf("an argument without a name after one that has one")
		}
		e, err := p.expression(true)
		if err != nil {
			return a, err
		}
		if named {
			a.named = append(a.named, e)
		} else {
			a.positional = append(a.positional, e)
		}
	}
	return a, nil
}

func (p *parser) primary() (expression, error) {
	t := p.next()
	switch t.kind {
	case nameToken:
		switch t.text {
		case "true", "True":
			return &constant{true}, nil
		case "false", "False":
			return &constant{false}, nil
		case "none", "None":
			return &constant{nil}, nil
		}
		return &variable{t.text}, nil
	case stringToken:
		s := t.text
		for p.peek().kind == stringToken {
			s += p.next().text
		}
		return &constant{s}, nil
	case intToken:
		n, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			return nil, p.errorf("the number %.30s does not fit 64 bits", t.text)
		}
		return &constant{n}, nil
	case floatToken:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, p.errorf("the number %.30s is out of range", t.text)
		}
		return &constant{f}, nil
	case operatorToken:
		switch t.text {
		case "(":
			return p.tuple(")", true)
		case "[":
			items, err := p.items("]")
			return &collection{items: items}, err
		case "{":
			return p.dict()
		}
	}
	return nil, p.errorf("%s where an expression is expected", t)
}

// tuple reads an expression, or several with commas between them up to end.
func (p *parser) tuple(end string, choice bool) (expression, error) {
	var items []expression
	comma := false
	for !p.is(operatorToken, end) {
		e, err := p.expression(choice)
		if err != nil {
			return nil, err
		}
		items = append(items, e)
		if !p.skip(operatorToken, ",") {
			break
		}
		comma = true
	}
	if err := p.expect(operatorToken, end); err != nil {
		return nil, err
	}
	if len(items) == 1 && !comma {
		return items[0], nil
	}
	return &collection{tuple: true, items: items}, nil
}

// items reads expressions with commas between them up to end.
func (p *parser) items(end string) (items []expression, err error) {
	for !p.skip(operatorToken, end) {
		if len(items) > 0 {
			if err := p.expect(operatorToken, ","); err != nil {
				return nil, err
			}
			if p.skip(operatorToken, end) {
				break
			}
		}
		e, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return items, nil
}

func (p *parser) dict() (expression, error) {
	d := &collection{dict: true}
	for !p.skip(operatorToken, "}") {
		if len(d.items) > 0 {
			if err := p.expect(operatorToken, ","); err != nil {
				return nil, err
			}
			if p.skip(operatorToken, "}") {
				break
			}
		}
		key, err := p.expression(true)
		if err == nil {
			err = p.expect(operatorToken, ":")
		}
		if err != nil {
			return nil, err
		}
		value, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		d.keys, d.items = append(d.keys, key), append(d.items, value)
	}
	return d, nil
}
