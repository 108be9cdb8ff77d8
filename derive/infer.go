package derive

import (
	"fmt"
	"slices"
)

// A typed is an expression with its shape and those of its parts.
type typed struct {
	e     *Expr
	shape shape
	kids  []*typed
}

// A checker finds the shapes of one expression.
type checker struct {
	scope *Scope
	under int // how many d( are around
}

// infer types e, which has no chains left; want is the type that is asked for, or nil.
func (s *Scope) infer(e *Expr, want *Type) (*typed, error) {
	c := &checker{scope: s}
	t, err := c.infer(e)
	if err != nil {
		return nil, err
	}
	if want != nil {
		if err := c.wanted(t, *want); err != nil {
			return nil, err
		}
	}
	if err := c.known(t); err != nil {
		return nil, err
	}
	return t, nil
}

// wanted holds the type of an answer against the one that is asked for. A number is every
// matrix whose entries are that number, when it is 0.
func (c *checker) wanted(t *typed, want Type) error {
	w := want.shape()
	if t.e.op == opNumber && t.e.num == 0 {
		t.shape = w
		return nil
	}
	if t.shape.kind == w.kind && fits(t.shape.rows, w.rows) && fits(t.shape.cols, w.cols) {
		return nil
	}
	return &Error{Column: t.e.pos, End: t.e.end, ID: "answer-shape", Message: fmt.Sprintf("the answer is %s, but what is asked for is %s", c.scope.Sizes(t.shape.typ()), c.scope.Sizes(want))}
}

// known refuses what is repeated an unknown number of times.
func (c *checker) known(t *typed) error {
	if t.shape.kind != Number && (t.shape.rows.root().letter == "" || t.shape.cols.root().letter == "") {
		for _, k := range t.kids {
			if err := c.known(k); err != nil {
				return err
			}
		}
		return c.fail(t.e, "nothing says how large %s is here", short(t.e))
	}
	for _, k := range t.kids {
		if err := c.known(k); err != nil {
			return err
		}
	}
	return nil
}

// fail is an error of shapes at an expression's operator.
func (c *checker) fail(e *Expr, format string, args ...any) error {
	from, to := e.pos, e.end
	if e.sign > 0 {
		from, to = e.sign, e.sign+1
		if e.op == opCall || e.op == opName {
			to = e.sign + len([]rune(e.name))
		}
	}
	return &Error{Column: max(from, 1), End: max(to, from+1, 2), ID: "shape", Message: fmt.Sprintf(format, args...)}
}

// short is an expression as it is named in a message.
func short(e *Expr) string {
	if s := e.String(); len(s) <= 48 {
		return s
	}
	switch e.op {
	case opAdd, opSub:
		return "the sum"
	case opCall:
		return e.name + "(...)"
	case opTranspose:
		return "the transpose"
	}
	return "the product"
}

func (c *checker) say(s shape) string { return c.scope.Sizes(s.typ()) }

func (c *checker) infer(e *Expr) (*typed, error) {
	t := &typed{e: e}
	differential := e.op == opCall && e.name == "d"
	if differential {
		switch {
		case !c.scope.differentials:
			return nil, c.fail(e, "d(...) is a differential; the answer is a gradient and has none in it")
		case c.under > 0:
			return nil, c.fail(e, "d(...) within d(...): a second differential is not understood")
		}
		c.under++
		defer func() { c.under-- }()
	}
	operands := e.kids
	if e.op == opIndex {
		operands = e.kids[:1]
	}
	if len(operands) > 0 {
		t.kids = make([]*typed, len(operands))
	}
	for i, k := range operands {
		var err error
		if t.kids[i], err = c.infer(k); err != nil {
			return nil, err
		}
	}
	var err error
	switch e.op {
	case opNumber:
		t.shape = number0()
	case opName:
		t.shape, err = c.name(e)
	case opNegative:
		t.shape = t.kids[0].shape
	case opTranspose:
		t.shape = t.kids[0].shape.transposed()
	case opRepeat:
		t.shape, err = c.repeat(t)
	case opProduct:
		t.shape, err = c.product(t)
	case opAdd, opSub, opTimes, opOver:
		t.shape, err = c.entry(t)
	case opIndex:
		t.shape, err = c.index(t)
	case opCall:
		t.shape, err = functions[e.name].shape(c, t)
	default:
		panic("derive: infer: a chain is not resolved")
	}
	return t, err
}

func (c *checker) name(e *Expr) (shape, error) {
	if t, ok := c.scope.types[e.name]; ok {
		return t.shape(), nil
	}
	switch e.name {
	case "J", "ones", "zeros":
		return matrix(&dim{}, &dim{}), nil
	case "I":
		n := &dim{}
		return matrix(n, n), nil
	}
	err := c.fail(e, "%s is not given here%s", e.name, nearest(e.name, c.scope.order)).(*Error)
	if why, ok := c.scope.elsewhere[e.name]; ok {
		err.Message = fmt.Sprintf("%s is not given here: %s", e.name, why)
	} else if _, ok := functions[e.name]; ok {
		err.Message = fmt.Sprintf("%s is a function: write %s(x)", e.name, e.name)
	}
	err.ID = "name"
	return shape{}, err
}

func (s shape) transposed() shape {
	switch s.kind {
	case Matrix:
		return matrix(s.cols, s.rows)
	case Tokens:
		return features(s.rows)
	case Features:
		return tokens(s.cols)
	}
	return s
}

func (c *checker) repeat(t *typed) (shape, error) {
	switch a := t.kids[0].shape; a.kind {
	case Tokens:
		return matrix(a.rows, &dim{}), nil
	case Features:
		return matrix(&dim{}, a.cols), nil
	case Number:
		return a, nil
	default:
		return shape{}, c.fail(t.e, "~ repeats a vector, and %s is a matrix already, %s", short(t.e.kids[0]), c.say(a))
	}
}

func (c *checker) product(t *typed) (shape, error) {
	a, b := t.kids[0].shape, t.kids[1].shape
	l, r := t.e.kids[0], t.e.kids[1]
	if a.kind == Number || b.kind == Number {
		n := l
		if b.kind == Number {
			n = r
		}
		return shape{}, c.fail(t.e, "%s is a number: multiply by it with *, @ is for matrices", short(n))
	}
	if !fits(a.cols, b.rows) {
		return shape{}, c.fail(t.e, "%s is %s, and %s is %s: @ needs as many columns on its left as rows on its right, and %s is not %s",
			short(l), c.say(a), short(r), c.say(b), count(a.cols), count(b.rows))
	}
	switch {
	case a.kind == Features && b.kind == Tokens:
		return number0(), nil
	case a.kind == Features:
		return features(b.cols), nil
	case b.kind == Tokens:
		return tokens(a.rows), nil
	}
	return matrix(a.rows, b.cols), nil
}

// count names a dim as a number of rows or columns.
func count(d *dim) string { return d.String() }

func (c *checker) entry(t *typed) (shape, error) {
	a, b := t.kids[0].shape, t.kids[1].shape
	l, r := t.e.kids[0], t.e.kids[1]
	switch {
	case a.kind == Number:
		return b, nil
	case b.kind == Number:
		return a, nil
	case a.kind == b.kind && fits(a.rows, b.rows) && fits(a.cols, b.cols):
		return a, nil
	}
	vector, of, m, other := a, l, b, r
	if a.kind == Matrix {
		vector, of, m, other = b, r, a, l
	}
	if vector.kind != Matrix && m.kind == Matrix {
		if vector.kind == Tokens && couldFit(vector.rows, m.rows) || vector.kind == Features && couldFit(vector.cols, m.cols) {
			return shape{}, c.fail(t.e, "%s is %s, and %s is %s: a vector is repeated by ~ only", short(of), c.say(vector), short(other), c.say(m))
		}
	}
	return shape{}, c.fail(t.e, "%s is %s, and %s is %s: %s needs two of one shape", short(l), c.say(a), short(r), c.say(b), signOf[t.e.op])
}

func (c *checker) index(t *typed) (shape, error) {
	a, idx := t.kids[0].shape, t.e.kids[1:]
	within := func(at *Expr, d *dim) error {
		letter := d.root().letter
		if n := c.scope.least[letter]; at.op == opNumber && int(at.num) > n {
			return c.fail(at, "%d is too large: %s may be as small as %d", int(at.num), d, n)
		}
		return nil
	}
	one := len(idx) == 1
	switch {
	case a.kind == Number || a.kind != Matrix && !one:
		return shape{}, c.fail(t.e, "%s is %s: it has not so many indices", short(t.e.kids[0]), c.say(a))
	case a.kind == Tokens:
		return number0(), within(idx[0], a.rows)
	case a.kind == Features:
		return number0(), within(idx[0], a.cols)
	case one:
		return features(a.cols), within(idx[0], a.rows)
	}
	if err := within(idx[0], a.rows); err != nil {
		return shape{}, err
	}
	if err := within(idx[1], a.cols); err != nil {
		return shape{}, err
	}
	all := func(e *Expr) bool { return e.op == opName }
	switch {
	case all(idx[0]) && all(idx[1]):
		return a, nil
	case all(idx[0]):
		return tokens(a.rows), nil
	case all(idx[1]):
		return features(a.cols), nil
	}
	return number0(), nil
}

// width is the letter that is the sum of others, such as d of d_1 and d_2.
func (s *Scope) width(parts []string) (letter string, ok bool) {
	if len(parts) == 1 {
		return parts[0], true
	}
	for l, p := range s.parts {
		if slices.Equal(p, parts) {
			return l, true
		}
	}
	return "", false
}
