package derive

import (
	"strconv"
	"strings"
)

type operation uint8

const (
	opNumber operation = iota
	opName
	opAdd       // a + b
	opSub       // a - b
	opTimes     // a * b, entry by entry
	opOver      // a / b
	opProduct   // a @ b
	opChain     // a * b @ c, which may be read in several ways
	opNegative  // -a
	opRepeat    // ~a
	opTranspose // a'
	opIndex     // a[t], a[t, f]
	opCall      // f(a, b); d(a) is one
)

// signOf is how an operation of two is written.
var signOf = map[operation]string{opAdd: "+", opSub: "-", opTimes: "*", opOver: "/", opProduct: "@"}

// An Expr is an expression of the language: a tree that knows the columns it was typed in.
// It is not changed after it was made. The zero Expr is the number 0.
type Expr struct {
	op   operation
	name string  // of a name or of a function
	num  float64 // of a number, not negative
	kids []*Expr
	ops  []operation // of a chain: between its members
	cols []int       // of a chain: the columns of these

	pos, end int // columns, from 1; end is one behind; 0 where it was not typed
	sign     int // column of the operator or of the function's name
}

// String writes the expression in the paper's form, with no more parentheses than needed.
// Parse reads it back as the same tree.
func (e *Expr) String() string {
	var b strings.Builder
	e.print(&b)
	return b.String()
}

func (e *Expr) print(b *strings.Builder) {
	switch e.op {
	case opNumber:
		b.WriteString(numeral(e.num))
	case opName:
		b.WriteString(e.name)
	case opCall:
		b.WriteString(e.name)
		printList(b, "(", ")", e.kids)
	case opIndex:
		e.kids[0].printIn(b, levelPostfix)
		printList(b, "[", "]", e.kids[1:])
	case opTranspose:
		e.kids[0].printIn(b, levelPostfix)
		b.WriteByte('\'')
	case opNegative, opRepeat:
		b.WriteByte(map[operation]byte{opNegative: '-', opRepeat: '~'}[e.op])
		e.kids[0].printIn(b, levelUnary)
	case opChain:
		for i, k := range e.kids {
			if i > 0 {
				b.WriteString(" " + signOf[e.ops[i-1]] + " ")
			}
			k.printIn(b, levelUnary)
		}
	default:
		left := e.level()
		if k := e.kids[0]; k.op == opChain || left == levelProduct && k.level() == left && k.matrixProduct() != e.matrixProduct() {
			left = levelUnary // a * b @ c would be a chain
		}
		e.kids[0].printIn(b, left)
		b.WriteString(" " + signOf[e.op] + " ")
		e.kids[1].printIn(b, e.level()+1)
	}
}

func printList(b *strings.Builder, left, right string, es []*Expr) {
	b.WriteString(left)
	for i, e := range es {
		if i > 0 {
			b.WriteString(", ")
		}
		e.print(b)
	}
	b.WriteString(right)
}

// numeral writes a number so that it is read back.
func numeral(x float64) string {
	if x >= 1e-4 && x < 1e15 || x == 0 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'e', -1, 64)
}

// Levels of the grammar: an expression may stand without parentheses where its own level
// is asked for, or a lower one.
const (
	levelSum = iota
	levelProduct
	levelUnary
	levelPostfix
)

func (e *Expr) level() int {
	switch e.op {
	case opAdd, opSub:
		return levelSum
	case opTimes, opOver, opProduct, opChain:
		return levelProduct
	case opNegative, opRepeat:
		return levelUnary
	}
	return levelPostfix
}

// printIn prints e where the grammar asks for a level.
func (e *Expr) printIn(b *strings.Builder, level int) {
	if e.level() < level {
		b.WriteByte('(')
		e.print(b)
		b.WriteByte(')')
		return
	}
	e.print(b)
}

// matrixProduct says whether e is made by @.
func (e *Expr) matrixProduct() bool { return e.op == opProduct }

// same says whether two trees are equal, columns apart.
func (e *Expr) same(f *Expr) bool {
	if e.op != f.op || e.name != f.name || e.num != f.num || len(e.kids) != len(f.kids) || len(e.ops) != len(f.ops) {
		return false
	}
	for i := range e.ops {
		if e.ops[i] != f.ops[i] {
			return false
		}
	}
	for i := range e.kids {
		if !e.kids[i].same(f.kids[i]) {
			return false
		}
	}
	return true
}

// size is the number of nodes.
func (e *Expr) size() int {
	n := 1
	for _, k := range e.kids {
		n += k.size()
	}
	return n
}

// walk calls f with e and everything below it.
func (e *Expr) walk(f func(e *Expr)) {
	f(e)
	for _, k := range e.kids {
		k.walk(f)
	}
}

// uses says whether a name occurs in e.
func (e *Expr) uses(name string) bool {
	found := false
	e.walk(func(e *Expr) { found = found || e.op == opName && e.name == name })
	return found
}

// at is e with one of its operands replaced.
func (e *Expr) at(i int, kid *Expr) *Expr {
	c := *e
	c.kids = append([]*Expr(nil), e.kids...)
	c.kids[i] = kid
	return &c
}

// replaced is e with every name that f gives an expression for.
func (e *Expr) replaced(f func(name string) *Expr) *Expr {
	if e.op == opName {
		if r := f(e.name); r != nil {
			c := *r
			c.pos, c.end = e.pos, e.end
			return &c
		}
		return e
	}
	var c *Expr
	for i, k := range e.kids {
		if r := k.replaced(f); r != k {
			if c == nil {
				c = e.at(i, r)
			} else {
				c.kids[i] = r
			}
		}
	}
	if c == nil {
		return e
	}
	return c
}

// unplaced is e without columns.
func (e *Expr) unplaced() *Expr {
	c := *e
	c.pos, c.end, c.sign = 0, 0, 0
	c.kids = make([]*Expr, len(e.kids))
	for i, k := range e.kids {
		c.kids[i] = k.unplaced()
	}
	if c.cols != nil {
		c.cols = make([]int, len(c.cols))
	}
	return &c
}

func named(name string) *Expr { return &Expr{op: opName, name: name} }

func two(op operation, a, b *Expr) *Expr {
	return &Expr{op: op, kids: []*Expr{a, b}, pos: a.pos, end: b.end}
}

func one(op operation, a *Expr) *Expr {
	return &Expr{op: op, kids: []*Expr{a}, pos: a.pos, end: a.end}
}

func call(name string, args ...*Expr) *Expr {
	e := &Expr{op: opCall, name: name, kids: args}
	if len(args) > 0 {
		e.pos, e.end = args[0].pos, args[len(args)-1].end
	}
	return e
}
