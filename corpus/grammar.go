package corpus

import (
	"fmt"
	"slices"
	"strings"
)

// A Grammar tells stories: short texts, drawn independently, each followed by a
// blank line. Every derivation gives a different text ([NewGrammar] proves it
// or refuses), so the entropy of the text is the entropy of the choices, and
// that is a finite sum ([Grammar.Entropy]). A Grammar does not change and may
// be used by several goroutines at once.
type Grammar struct {
	src   *source
	nodes []node // children before parents; nodes[0] is the end of a story
	start int
	slots []slot
	cells []cell

	live    []uint8   // by node: the roles, one bit each, that are still to be spoken of
	visits  []float64 // by node: the probability that a story comes through it
	entropy float64   // nats a story
	length  float64   // characters a story, its blank line included
}

// A node is one place in the unfolded grammar. Its kind is told by the field
// that is set; a node with none of them is empty text.
type node struct {
	text    string
	slot    int // index into slots, plus 1
	choices []choice
	next    int // where to go after text or slot

	rule string // of choices: the rule that they are the alternatives of
	cell int    // the first cell of text
}

// A choice is one alternative of a rule.
type choice struct {
	to     int
	weight uint64
	p      float64 // weight over the sum of all
}

// A slot is a role in one of its forms: the values of the role that share a text
// form a group.
type slot struct {
	role    int
	name    string // as written, such as hero.They
	form    int
	capital bool
	groups  []group
	length  float64 // expected characters
}

type group struct {
	text   string
	values uint64 // one bit a value
	p      float64
}

// A cell is one character of a text node, or of one group of a slot node.
type cell struct {
	char  byte
	last  bool
	node  int
	group int // of a slot node
}

const separator = "\n\n" // ends every story; no literal contains a line end

// What a grammar may cost before it is refused. The built-in one uses about a
// hundredth of each.
const (
	maxNodes  = 1 << 16
	maxCells  = 1 << 20
	maxWays   = 1 << 12 // to go on from one place
	maxPairs  = 1 << 22 // of places at which two readers may be
	maxStates = 1 << 20
)

// NewGrammar compiles a grammar that is written like this:
//
//	# A role is played by one value throughout a story; a value has several forms.
//	role hero name they
//		Mia | she
//		2 * Tom | he
//	# The first rule is a story. An alternative may have a weight.
//	rule story
//		{hero} has [thing]. {hero.They} [verb hero].
//	rule verb who
//		3 * calls it {who}'s treasure
//		smiles
//	words thing: a drum, a kite, a bell
//
// {role} is the first form of the role, {role.form} another, {role.Form} with a
// capital; [rule arguments] is a rule with its parameters replaced: by the name
// of a role, or of a rule. "_" is a space where one would be trimmed, and "-"
// an alternative without text. Rules do not call themselves, and which
// alternative is taken does not depend on who plays a role. A blank line is
// added to every story.
//
// The error names the line, or the text that can be derived in two ways: then
// the entropy of the text would not be that of the choices.
func NewGrammar(text string) (*Grammar, error) { return newGrammar(text, "") }

// newGrammar compiles the grammar whose stories are the rule start, or the first.
func newGrammar(text, start string) (*Grammar, error) {
	src, err := readSource(text)
	if err != nil {
		return nil, fmt.Errorf("read the grammar: %w", err)
	}
	if start != "" {
		src.first = src.rules[start]
	}
	g := &Grammar{src: src, nodes: make([]node, 1, 256)}
	c := compiler{Grammar: g, memo: map[string]int{}}
	end := c.add(node{text: separator})
	if g.start, err = c.rule(src.first, nil, end); err != nil {
		return nil, fmt.Errorf("read the grammar: %w", err)
	}
	if err := g.layOut(); err != nil {
		return nil, fmt.Errorf("read the grammar: %w", err)
	}
	if err := g.checkUnique(); err != nil {
		return nil, fmt.Errorf("read the grammar: %w", err)
	}
	if err := g.measure(); err != nil {
		return nil, fmt.Errorf("read the grammar: %w", err)
	}
	return g, nil
}

// A compiler unfolds the rules into nodes, from the end to the beginning.
type compiler struct {
	*Grammar
	memo  map[string]int // a rule with its arguments and what follows, unfolded already
	stack []string       // rules being unfolded
}

func (c *compiler) add(n node) int {
	c.nodes = append(c.nodes, n)
	return len(c.nodes) - 1
}

// rule unfolds a rule that is followed by the node next, and returns its node.
func (c *compiler) rule(r *rule, args []string, next int) (int, error) {
	if len(args) != len(r.params) {
		return 0, fmt.Errorf("line %d: rule %s has %d parameters and is called with %d arguments", r.line, r.name, len(r.params), len(args))
	}
	if slices.Contains(c.stack, r.name) {
		return 0, fmt.Errorf("line %d: rule %s calls itself by way of %s", r.line, r.name, strings.Join(c.stack, ", "))
	}
	key := fmt.Sprint(r.name, args, next)
	if id, ok := c.memo[key]; ok {
		return id, nil
	}
	c.stack = append(c.stack, r.name)
	defer func() { c.stack = c.stack[:len(c.stack)-1] }()
	var total uint64
	for _, b := range r.bodies {
		total += b.weight
	}
	n := node{rule: r.name}
	for _, b := range r.bodies {
		to, err := c.body(b, r.params, args, next)
		if err != nil {
			return 0, err
		}
		n.choices = append(n.choices, choice{to, b.weight, float64(b.weight) / float64(total)})
	}
	id := n.choices[0].to
	if len(n.choices) > 1 {
		id = c.add(n)
	}
	c.memo[key] = id
	return id, nil
}

// body unfolds one alternative.
func (c *compiler) body(b body, params, args []string, next int) (int, error) {
	subst := func(name string) string {
		if i := slices.Index(params, name); i >= 0 {
			return args[i]
		}
		return name
	}
	for _, it := range slices.Backward(b.items) {
		if len(c.nodes) >= maxNodes {
			return 0, fmt.Errorf("line %d: the grammar unfolds into more than %d nodes", b.line, maxNodes)
		}
		switch {
		case it.call != nil:
			name := subst(it.call[0])
			r := c.src.rules[name]
			if r == nil {
				return 0, fmt.Errorf("line %d: there is no rule %.40q", b.line, name)
			}
			var with []string
			for _, a := range it.call[1:] {
				with = append(with, subst(a))
			}
			var err error
			if next, err = c.rule(r, with, next); err != nil {
				return 0, err
			}
		case it.slot != nil:
			i, err := c.slot(it.slot, subst)
			if err != nil {
				return 0, fmt.Errorf("line %d: %w", b.line, err)
			}
			next = c.add(node{slot: i + 1, next: next})
		default:
			next = c.add(node{text: it.text, next: next})
		}
	}
	return next, nil
}

// slot finds or makes the slot that is written as {role} or {role.form}.
func (c *compiler) slot(written []string, subst func(string) string) (int, error) {
	name, form := written[0], ""
	if len(written) > 1 {
		form = written[1]
	}
	capital := name != uncapital(name) || form != uncapital(form)
	name, form = subst(uncapital(name)), uncapital(form)
	i := c.src.role(name)
	if i < 0 || len(written) > 2 {
		return 0, fmt.Errorf("there is no role {%.40s}", strings.Join(written, "."))
	}
	r, f := c.src.roles[i], 0
	if form != "" {
		if f = slices.Index(r.forms, form); f < 0 {
			return 0, fmt.Errorf("role %s has no form %.40q; it has %s", name, form, strings.Join(r.forms, ", "))
		}
	}
	s := slot{role: i, form: f, capital: capital, name: name + "." + r.forms[f]}
	if k := slices.IndexFunc(c.slots, func(o slot) bool { return o.name == s.name && o.capital == capital }); k >= 0 {
		return k, nil
	}
	if len(c.slots) == maxValues {
		return 0, fmt.Errorf("more than %d forms of roles are in use", maxValues)
	}
	total := weigh(r, ^uint64(0))
	for v, val := range r.values {
		text := val.texts[f]
		if capital {
			text = strings.ToUpper(text[:1]) + text[1:]
		}
		k := slices.IndexFunc(s.groups, func(g group) bool { return g.text == text })
		if k < 0 {
			k = len(s.groups)
			s.groups = append(s.groups, group{text: text})
		}
		s.groups[k].values |= 1 << v
		s.groups[k].p += float64(val.weight) / total
		s.length += float64(val.weight) / total * float64(len(text))
	}
	c.slots = append(c.slots, s)
	return len(c.slots) - 1, nil
}

func uncapital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// weigh adds the weights of a set of values of r.
func weigh(r *role, values uint64) (sum float64) {
	for i, v := range r.values {
		if values>>i&1 != 0 {
			sum += float64(v.weight)
		}
	}
	return sum
}

// layOut numbers the characters of all nodes and finds which roles are still to come.
func (g *Grammar) layOut() error {
	g.live = make([]uint8, len(g.nodes))
	for id := range g.nodes {
		n := &g.nodes[id]
		n.cell = len(g.cells)
		if id > 0 && n.choices == nil {
			g.live[id] = g.live[n.next]
		}
		for _, ch := range n.choices {
			g.live[id] |= g.live[ch.to]
		}
		if n.slot > 0 {
			g.live[id] |= 1 << g.slots[n.slot-1].role
			for i, gr := range g.slots[n.slot-1].groups {
				g.addCells(gr.text, id, i)
			}
		}
		g.addCells(n.text, id, 0)
		if len(g.cells) > maxCells {
			return fmt.Errorf("the grammar unfolds into more than %d characters", maxCells)
		}
	}
	return nil
}

func (g *Grammar) addCells(text string, node, group int) {
	for i := range len(text) {
		g.cells = append(g.cells, cell{text[i], i == len(text)-1, node, group})
	}
}

// groupCell is the first cell of a group of the slot node n.
func (g *Grammar) groupCell(n *node, i int) int {
	at := n.cell
	for _, gr := range g.slots[n.slot-1].groups[:i] {
		at += len(gr.text)
	}
	return at
}

// Characters returns the distinct characters of all stories, in ascending order.
func (g *Grammar) Characters() string {
	var seen [128]bool
	for _, c := range g.cells {
		seen[c.char] = true
	}
	var b strings.Builder
	for c, ok := range seen {
		if ok {
			b.WriteByte(byte(c))
		}
	}
	return b.String()
}
