package derive

import (
	"fmt"
	"math"
	"strconv"
)

// Limits of an expression that is parsed.
const (
	maxNodes = 2000 // names, numbers and operations
	maxDepth = 200  // parentheses and operands within each other
)

// A Line is one line of a derivation or an answer: an expression, several that are said to
// be equal, or a name that is given to one.
type Line struct {
	Name  string  // of name := expr; "" else
	Sides []*Expr // one, or those between == signs
}

// Parse reads one expression. Its error is an *Error.
func Parse(src string) (*Expr, error) {
	l, err := ParseLine(src)
	if err != nil {
		return nil, err
	}
	if l.Name != "" || len(l.Sides) != 1 {
		return nil, &Error{Column: 1, End: len([]rune(src)) + 1, ID: "syntax", Message: "one expression is expected, without := and =="}
	}
	return l.Sides[0], nil
}

// ParseLine reads one line. Its error is an *Error. In
//
//	expr where g = expr, h = expr
//
// what is bound is put into its places, and a = b is read as a == b.
func ParseLine(src string) (Line, error) {
	ts, err := scan(src)
	if err != nil {
		return Line{}, err
	}
	p := &parser{ts: ts}
	l, err := p.line()
	if err != nil {
		return Line{}, err
	}
	return l, nil
}

type parser struct {
	ts    []token
	i     int
	depth int
	nodes int
}

func (p *parser) peek() token { return p.ts[p.i] }

func (p *parser) is(sign string) bool {
	if t := p.peek(); t.kind == tokenSign && t.text == sign {
		p.i++
		return true
	}
	return false
}

// follows looks one token further than peek.
func (p *parser) follows(sign string) bool {
	return p.i+1 < len(p.ts) && p.ts[p.i+1].kind == tokenSign && p.ts[p.i+1].text == sign
}

func wrong(t token, format string, args ...any) error {
	return &Error{Column: t.pos, End: max(t.end, t.pos+1), ID: "syntax", Message: fmt.Sprintf(format, args...)}
}

// made counts a node.
func (p *parser) made(e *Expr) (*Expr, error) {
	if p.nodes++; p.nodes > maxNodes {
		return nil, &Error{Column: e.pos, End: e.end, ID: "limit", Message: fmt.Sprintf("an expression has at most %d names, numbers and operations", maxNodes)}
	}
	return e, nil
}

func (p *parser) line() (l Line, err error) {
	if p.peek().kind == tokenName && p.follows(":=") {
		l.Name = p.peek().text
		p.i += 2
	}
	for {
		e, err := p.sum()
		if err != nil {
			return Line{}, err
		}
		l.Sides = append(l.Sides, e)
		if l.Name == "" && (p.is("==") || p.is("=")) {
			continue
		}
		break
	}
	if t := p.peek(); t.kind == tokenName && t.text == "where" {
		p.i++
		if err := p.where(&l); err != nil {
			return Line{}, err
		}
	}
	if t := p.peek(); t.kind != tokenEnd {
		return Line{}, p.unexpected(t)
	}
	return l, nil
}

// where puts what is bound behind "where" into the sides of the line.
func (p *parser) where(l *Line) error {
	for {
		name := p.peek()
		if name.kind != tokenName || !p.follows("=") && !p.follows(":=") {
			return wrong(name, "after where: a name, =, and what it stands for")
		}
		p.i += 2
		e, err := p.sum()
		if err != nil {
			return err
		}
		for i, s := range l.Sides {
			l.Sides[i] = s.replaced(func(n string) *Expr {
				if n == name.text {
					return e
				}
				return nil
			})
			if n := l.Sides[i].size(); n > maxNodes {
				return &Error{Column: name.pos, End: name.end, ID: "limit", Message: fmt.Sprintf("an expression has at most %d names, numbers and operations; with %s in its places this one has %d", maxNodes, name.text, n)}
			}
		}
		if !p.is(",") {
			return nil
		}
	}
}

// unexpected says what to write in the place of what cannot stand at t.
func (p *parser) unexpected(t token) error {
	switch {
	case t.kind == tokenName || t.kind == tokenNumber || t.text == "(" || t.text == "~":
		return wrong(t, "%s follows a value without an operator: write @ for a matrix product or * for entry by entry", t.text)
	case t.text == "**" || t.text == "^":
		return wrong(t, "there is no power: write x * x, or sqrt(x)")
	case t.text == ")" || t.text == "]":
		return wrong(t, "%s closes nothing", t.text)
	case t.text == ":=":
		return wrong(t, "a name stands on the left of :=")
	case t.text == ",":
		return wrong(t, "a comma stands between the arguments of a function only")
	}
	return wrong(t, "%s is not expected here", t.text)
}

// sum := dotted { ("+" | "-") dotted }
func (p *parser) sum() (*Expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, &Error{Column: p.peek().pos, End: p.peek().end, ID: "limit", Message: fmt.Sprintf("more than %d levels within each other", maxDepth)}
	}
	defer func() { p.depth-- }()
	a, err := p.dotted()
	for err == nil {
		t := p.peek()
		op := opAdd
		switch {
		case p.is("+"):
		case p.is("-"):
			op = opSub
		default:
			return a, nil
		}
		var b *Expr
		if b, err = p.dotted(); err == nil {
			a, err = p.made(&Expr{op: op, kids: []*Expr{a, b}, pos: a.pos, end: b.end, sign: t.pos})
		}
	}
	return nil, err
}

// dotted := product { ("⊖" | "·") product }
func (p *parser) dotted() (*Expr, error) {
	a, err := p.product()
	for err == nil {
		t := p.peek()
		name := "rowdot"
		switch {
		case p.is("⊖"):
		case p.is("·"):
			name = "frob"
		default:
			return a, nil
		}
		var b *Expr
		if b, err = p.product(); err == nil {
			a, err = p.made(&Expr{op: opCall, name: name, kids: []*Expr{a, b}, pos: a.pos, end: b.end, sign: t.pos})
		}
	}
	return nil, err
}

// product := unary { ("*" | "/" | "@") unary }. Where @ stands beside * or /, it is a chain
// whose reading is chosen by the shapes.
func (p *parser) product() (*Expr, error) {
	first, err := p.unary()
	if err != nil {
		return nil, err
	}
	kids, signs := []*Expr{first}, []int(nil)
	var ops []operation
	matrix, entry := false, false
	for {
		t := p.peek()
		var op operation
		switch {
		case p.is("*"):
			op = opTimes
		case p.is("/"):
			op = opOver
		case p.is("@"):
			op = opProduct
		default:
			if matrix && entry {
				return p.made(&Expr{op: opChain, kids: kids, ops: ops, cols: signs, pos: first.pos, end: kids[len(kids)-1].end, sign: signs[0]})
			}
			a := first
			for i, op := range ops {
				if a, err = p.made(&Expr{op: op, kids: []*Expr{a, kids[i+1]}, pos: first.pos, end: kids[i+1].end, sign: signs[i]}); err != nil {
					return nil, err
				}
			}
			return a, nil
		}
		matrix, entry = matrix || op == opProduct, entry || op != opProduct
		k, err := p.unary()
		if err != nil {
			return nil, err
		}
		kids, ops, signs = append(kids, k), append(ops, op), append(signs, t.pos)
	}
}

// unary := ("-" | "~") unary | postfix
func (p *parser) unary() (*Expr, error) {
	t := p.peek()
	op := opNegative
	switch {
	case p.is("-"):
	case p.is("~"):
		op = opRepeat
	default:
		return p.postfix()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, &Error{Column: t.pos, End: t.end, ID: "limit", Message: fmt.Sprintf("more than %d levels within each other", maxDepth)}
	}
	defer func() { p.depth-- }()
	a, err := p.unary()
	if err != nil {
		return nil, err
	}
	return p.made(&Expr{op: op, kids: []*Expr{a}, pos: t.pos, end: a.end, sign: t.pos})
}

// postfix := atom { "'" | "[" index "]" | ".sum(" axis ")" }
func (p *parser) postfix() (*Expr, error) {
	a, err := p.atom()
	for err == nil {
		t := p.peek()
		switch {
		case p.is("'"):
			a, err = p.made(&Expr{op: opTranspose, kids: []*Expr{a}, pos: a.pos, end: t.end, sign: t.pos})
		case p.is("["):
			a, err = p.index(a, t)
		case t.kind == tokenSign && t.text == "." && p.ts[p.i+1].kind == tokenName:
			p.i++
			m := p.peek()
			if p.i++; !p.is("(") {
				return nil, wrong(m, ".%s is not understood: a transpose is ', a sum is sum_tokens(x) or sum_features(x)", m.text)
			}
			var args arguments
			if args, err = p.arguments(); err == nil {
				args.list = append([]*Expr{a}, args.list...)
				a, err = p.function(m, args)
			}
		default:
			return a, nil
		}
	}
	return nil, err
}

// index is a[t], a[t=1], a[t, f], a[:, f]; tokens and features count from 1.
func (p *parser) index(a *Expr, open token) (*Expr, error) {
	e := &Expr{op: opIndex, kids: []*Expr{a}, pos: a.pos, sign: open.pos}
	for {
		if p.peek().kind == tokenName && p.follows("=") {
			p.i += 2
		}
		switch t := p.peek(); {
		case t.kind == tokenSign && t.text == ":":
			p.i++
			e.kids = append(e.kids, &Expr{op: opName, name: ":", pos: t.pos, end: t.end})
		case t.kind == tokenNumber:
			p.i++
			n, err := strconv.Atoi(t.text)
			if err != nil || n < 1 {
				return nil, wrong(t, "%s is not an index: tokens and features count from 1", t.text)
			}
			e.kids = append(e.kids, &Expr{op: opNumber, num: float64(n), pos: t.pos, end: t.end})
		default:
			return nil, wrong(t, "an index is a number from 1 on, or : for all; the rows of x that ids name are ohe(ids) @ x")
		}
		t := p.peek()
		switch {
		case p.is(",") && len(e.kids) < 3:
			continue
		case p.is("]"):
			e.end = t.end
			return p.made(e)
		}
		return nil, wrong(t, "a bracket [ is not closed")
	}
}

// arguments of a function: in order, and those with a name.
type arguments struct {
	list  []*Expr
	axis  string // of axis=0, dim=-1
	close token
}

func (p *parser) arguments() (as arguments, err error) {
	as.close = p.peek()
	if p.is(")") {
		return as, nil
	}
	for {
		if t := p.peek(); t.kind == tokenName && p.follows("=") {
			p.i += 2
			value := ""
			if p.is("-") {
				value = "-"
			}
			value += p.peek().text
			p.i++
			switch t.text {
			case "axis", "dim":
				as.axis = value
			case "keepdims", "keepdim":
			default:
				return as, wrong(t, "%s= is not understood: axis=0 sums over rows, axis=1 over columns", t.text)
			}
		} else {
			a, err := p.sum()
			if err != nil {
				return as, err
			}
			as.list = append(as.list, a)
		}
		as.close = p.peek()
		switch {
		case p.is(","):
		case p.is(")"):
			return as, nil
		default:
			return as, p.unclosed()
		}
	}
}

func (p *parser) unclosed() error {
	if t := p.peek(); t.kind != tokenEnd {
		return p.unexpected(t)
	}
	return wrong(p.peek(), "a parenthesis ( is not closed")
}

// function is a call, in the words of the language.
func (p *parser) function(name token, as arguments) (*Expr, error) {
	e := &Expr{op: opCall, name: name.text, kids: as.list, pos: name.pos, end: as.close.end, sign: name.pos}
	if len(as.list) > 0 {
		e.pos = min(e.pos, as.list[0].pos)
	}
	takes := func(n int) error {
		if len(e.kids) == n {
			return nil
		}
		return wrong(name, "%s takes %d, not %d", name.text, n, len(e.kids))
	}
	switch name.text {
	case "sum":
		if k := len(e.kids); k == 2 && as.axis == "" {
			as.axis, e.kids = e.kids[1].String(), e.kids[:1]
		}
		switch as.axis {
		case "0", "-2":
			e.name = "sum_tokens"
		case "1", "-1":
			e.name = "sum_features"
		case "":
			return nil, wrong(name, "sum over what? Write sum_tokens(x) for the sum over rows, sum_features(x) for the sum over columns, frob(x, y) for one number")
		default:
			return nil, wrong(name, "a matrix has no axis %s: 0 sums over rows, 1 over columns", as.axis)
		}
	case "mean":
		return nil, wrong(name, "there is no mean: write sum_features(x) / d or sum_tokens(x) / n_T, or mu(x) for the mean of each token")
	case "matmul", "mm", "dot", "multiply", "subtract", "add", "divide":
		if err := takes(2); err != nil {
			return nil, err
		}
		e.op = map[string]operation{"matmul": opProduct, "mm": opProduct, "dot": opProduct, "multiply": opTimes, "add": opAdd, "subtract": opSub, "divide": opOver}[name.text]
		e.name = ""
	case "transpose", "t":
		if err := takes(1); err != nil {
			return nil, err
		}
		e.op, e.name = opTranspose, ""
	case "trace":
		e.name = "tr"
	case "one_hot", "onehot":
		e.name, e.kids = "ohe", e.kids[:min(1, len(e.kids))]
	}
	if e.op == opCall {
		f, ok := functions[e.name]
		if !ok {
			return nil, wrong(name, "there is no function %s%s", name.text, nearest(name.text, functionNames))
		}
		if n := len(e.kids); n < f.min || n > f.max {
			return nil, wrong(name, "%s takes %s, not %d", e.name, f.takes(), n)
		}
	}
	return p.made(e)
}

// atom := number | name | call | "(" expr ")"
func (p *parser) atom() (*Expr, error) {
	t := p.peek()
	switch t.kind {
	case tokenNumber:
		p.i++
		x, err := strconv.ParseFloat(t.text, 64)
		if err != nil || math.IsInf(x, 0) {
			return nil, wrong(t, "%s is not a number", t.text)
		}
		return p.made(&Expr{op: opNumber, num: x, pos: t.pos, end: t.end, sign: t.pos})
	case tokenName:
		if t.text == "where" {
			return nil, wrong(t, "a value is expected before where")
		}
		p.i++
		if p.is("(") {
			as, err := p.arguments()
			if err != nil {
				return nil, err
			}
			return p.function(t, as)
		}
		return p.made(&Expr{op: opName, name: t.text, pos: t.pos, end: t.end, sign: t.pos})
	case tokenEnd:
		if p.i == 0 {
			return nil, wrong(t, "nothing is typed")
		}
		return nil, wrong(t, "the formula ends where a value is expected")
	}
	if p.is("(") {
		a, err := p.sum()
		if err != nil {
			return nil, err
		}
		close := p.peek()
		if !p.is(")") {
			return nil, p.unclosed()
		}
		c := *a // its columns are those of the parentheses
		c.pos, c.end = t.pos, close.end
		return &c, nil
	}
	if t.text == "∂" {
		return nil, wrong(t, "write dL/dw for a gradient, d(x) for a differential")
	}
	return nil, wrong(t, "a value is expected, not %s", t.text)
}
