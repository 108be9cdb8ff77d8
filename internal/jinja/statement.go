package jinja

import "fmt"

// A node is a part of a template that writes something or changes a variable.
type node interface{}

type (
	text   struct{ text string }
	output struct {
		line int
		of   expression
	}
	branch struct {
		line   int
		tests  []expression // as many as bodies, or one fewer: then the last is else
		bodies [][]node
	}
	loop struct {
		line       int
		targets    []string
		over, only expression // only may be nil
		body, none []node     // none is else
	}
	assignment struct {
		line    int
		targets []string   // several of a tuple
		field   string     // of the namespace targets[0]; "" = the variable itself
		value   expression // nil where body is the value
		body    []node
		filters []*filter // that a body goes through
	}
	macro struct {
		line       int
		name       string
		parameters []string
		defaults   []expression // of the last of them
		body       []node
	}
	callBlock struct {
		line int
		call *call
		body *macro
	}
	filterBlock struct {
		line    int
		filters []*filter
		body    []node
	}
	group  struct{ body []node } // of generation
	escape struct{ err error }   // break, continue
)

// refusedTags are statements of Jinja that chat templates do not need, or must not have.
var refusedTags = map[string]string{
	"include": "it would read other files", "import": "it would read other files", "from": "it would read other files", "extends": "it would read other files",
	"block": "", "with": "", "autoescape": "", "trans": "", "do": "", "debug": "",
}

// statements reads what stands up to a tag of ends, which it leaves, or to the end of the
// template.
func (p *parser) statements(ends ...string) (body []node, err error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	for {
		t := p.peek()
		switch t.kind {
		case endToken:
			return body, nil
		case dataToken:
			p.at++
			body = append(body, &text{t.text})
		case beginExpression:
			p.at++
			e, err := p.sequence(true)
			if err != nil {
				return nil, err
			}
			if p.next().kind != endExpression {
				p.at--
				return nil, p.errorf("%s where the end of the expression is expected", p.peek())
			}
			body = append(body, &output{t.line, e})
		default:
			p.at++
			if p.is(nameToken, ends...) {
				p.at--
				return body, nil
			}
			n, err := p.statement()
			if err != nil {
				return nil, err
			}
			body = append(body, n)
		}
	}
}

// sequence reads an expression, or a tuple without parentheses.
func (p *parser) sequence(choice bool) (expression, error) {
	e, err := p.expression(choice)
	if err != nil || !p.is(operatorToken, ",") {
		return e, err
	}
	c := &collection{tuple: true, items: []expression{e}}
	for p.skip(operatorToken, ",") {
		if k := p.peek().kind; k == endStatement || k == endExpression {
			break
		}
		if e, err = p.expression(choice); err != nil {
			return nil, err
		}
		c.items = append(c.items, e)
	}
	return c, nil
}

// closed ends a tag.
func (p *parser) closed() error {
	if p.peek().kind != endStatement {
		return p.errorf("%s where the end of the tag is expected", p.peek())
	}
	p.at++
	return nil
}

// ending reads the body up to the tag called end, and that.
func (p *parser) ending(end string) ([]node, error) {
	body, err := p.bodyUntil(end)
	if err != nil {
		return nil, err
	}
	p.at += 2 // {% and the name
	return body, p.closed()
}

// bodyUntil ends a tag and reads what follows, up to a tag of ends, which must come.
func (p *parser) bodyUntil(ends ...string) ([]node, error) {
	line := p.peek().line
	if err := p.closed(); err != nil {
		return nil, err
	}
	body, err := p.statements(ends...)
	if err == nil && p.peek().kind == endToken {
		err = fmt.Errorf("line %d: a statement without its %s", line, ends[len(ends)-1])
	}
	return body, err
}

// statement reads one after its "{%".
func (p *parser) statement() (node, error) {
	line := p.peek().line
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	switch name {
	case "if":
		return p.branch(line)
	case "for":
		return p.loop(line)
	case "set":
		return p.assignment(line)
	case "macro":
		m := &macro{line: line}
		if m.name, err = p.name(); err != nil {
			return nil, err
		}
		if err := p.parameters(m); err != nil {
			return nil, err
		}
		m.body, err = p.ending("endmacro")
		return m, err
	case "call":
		c := &callBlock{line: line, body: &macro{line: line, name: "caller"}}
		if p.is(operatorToken, "(") {
			if err := p.parameters(c.body); err != nil {
				return nil, err
			}
		}
		e, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		var ok bool
		if c.call, ok = e.(*call); !ok {
			return nil, p.errorf("call without a call")
		}
		c.body.body, err = p.ending("endcall")
		return c, err
	case "filter":
		f := &filterBlock{line: line}
		if f.filters, err = p.filterChain(true); err != nil {
			return nil, err
		}
		f.body, err = p.ending("endfilter")
		return f, err
	case "generation":
		body, err := p.ending("endgeneration")
		return &group{body}, err
	case "break":
		return &escape{errBreak}, p.closed()
	case "continue":
		return &escape{errContinue}, p.closed()
	}
	if why, known := refusedTags[name]; known && why != "" {
		return nil, p.errorf("the tag %s is not supported: %s", name, why)
	} else if known {
		return nil, p.errorf("the tag %s is not supported", name)
	}
	return nil, p.errorf("the tag %.40q is not known here", name)
}

func (p *parser) branch(line int) (node, error) {
	b := &branch{line: line}
	for more := true; more; {
		test, err := p.sequence(false)
		if err != nil {
			return nil, err
		}
		body, err := p.bodyUntil("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		b.tests, b.bodies = append(b.tests, test), append(b.bodies, body)
		p.at++ // {%
		switch p.next().text {
		case "else":
			if body, err = p.ending("endif"); err != nil {
				return nil, err
			}
			b.bodies = append(b.bodies, body)
			more = false
		case "endif":
			if err := p.closed(); err != nil {
				return nil, err
			}
			more = false
		}
	}
	return b, nil
}

// targets reads the names that a loop or an assignment gives values to.
func (p *parser) targets() (names []string, err error) {
	open := p.skip(operatorToken, "(")
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if !p.skip(operatorToken, ",") {
			break
		}
	}
	if open {
		err = p.expect(operatorToken, ")")
	}
	return names, err
}

func (p *parser) loop(line int) (node, error) {
	l := &loop{line: line}
	var err error
	if l.targets, err = p.targets(); err != nil {
		return nil, err
	}
	if err := p.expect(nameToken, "in"); err != nil {
		return nil, err
	}
	if l.over, err = p.sequence(false); err != nil {
		return nil, err
	}
	if p.skip(nameToken, "if") {
		if l.only, err = p.expression(true); err != nil {
			return nil, err
		}
	}
	if p.is(nameToken, "recursive") {
		return nil, p.errorf("a recursive loop is not supported")
	}
	if l.body, err = p.bodyUntil("else", "endfor"); err != nil {
		return nil, err
	}
	p.at++ // {%
	if p.next().text == "else" {
		l.none, err = p.ending("endfor")
		return l, err
	}
	return l, p.closed()
}

func (p *parser) assignment(line int) (node, error) {
	a := &assignment{line: line}
	var err error
	if a.targets, err = p.targets(); err != nil {
		return nil, err
	}
	if len(a.targets) == 1 && p.skip(operatorToken, ".") {
		if a.field, err = p.name(); err != nil {
			return nil, err
		}
	}
	if p.skip(operatorToken, "=") {
		if a.value, err = p.sequence(true); err != nil {
			return nil, err
		}
		return a, p.closed()
	}
	if len(a.targets) > 1 {
		return nil, p.errorf("a block of text for several variables")
	}
	if p.is(operatorToken, "|") {
		if a.filters, err = p.filterChain(false); err != nil {
			return nil, err
		}
	}
	a.body, err = p.ending("endset")
	return a, err
}

// filterChain reads filters with bars between them; first says that the first has none.
func (p *parser) filterChain(first bool) (chain []*filter, err error) {
	for first || p.skip(operatorToken, "|") {
		first = false
		f, err := p.filter(nil)
		if err != nil {
			return nil, err
		}
		chain = append(chain, f.(*filter))
	}
	return chain, nil
}

// parameters reads those of a macro.
func (p *parser) parameters(m *macro) error {
	if err := p.expect(operatorToken, "("); err != nil {
		return err
	}
	for !p.skip(operatorToken, ")") {
		if len(m.parameters) > 0 {
			if err := p.expect(operatorToken, ","); err != nil {
				return err
			}
			if p.skip(operatorToken, ")") {
				break
			}
		}
		name, err := p.name()
		if err != nil {
			return err
		}
		m.parameters = append(m.parameters, name)
		if p.skip(operatorToken, "=") {
			e, err := p.expression(true)
			if err != nil {
				return err
			}
			m.defaults = append(m.defaults, e)
		} else if len(m.defaults) > 0 {
			return p.errorf("the parameter %s without a value after one that has one", name)
		}
	}
	return nil
}
