package corpus

import (
	"fmt"
	"strings"
)

// A Grammar generates stories: short texts, drawn independently, each followed by a blank
// line. Each derivation gives a different text; [NewGrammar] proves that or returns an
// error. So the entropy of the text is the entropy of the choices, which is a finite sum
// ([Grammar.Entropy]). A Grammar does not change, and several goroutines may use it at once.
type Grammar struct {
	src   *source
	nodes []node // children before parents; nodes[0] is the end of a story
	start int
	slots []slot
	cells []cell

	live    []uint8   // by node: the roles that occur from here on, one bit each
	visits  []float64 // by node: the probability that a story reaches it
	entropy float64   // nats per story
	length  float64   // expected characters of a story, with its blank line
	longest int       // characters of the longest story
}

// A node is one place in the expanded grammar. The field that is set says its kind: text,
// slot or choices. Without any of them it is empty text.
type node struct {
	text    string
	slot    int // index into slots, plus 1
	choices []choice
	next    int // the node after text or slot

	rule string // the rule whose alternatives are choices
	cell int    // the first cell of text
}

// A choice is one alternative of a rule.
type choice struct {
	to     int
	weight uint64
	p      float64 // probability: weight divided by the sum of all
}

// A slot is a role in one of its forms. The values of the role with the same text form a
// group.
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
	values uint64 // one bit per value
	p      float64
}

// A cell is one character of a text node, or of one group of a slot node.
type cell struct {
	char byte
	last bool // the last character of its text
	node int
}

const separator = "\n\n" // the end of every story; no literal contains a line end

// Limits for a grammar. The built-in grammar uses about a hundredth of each.
const (
	maxNodes  = 1 << 16
	maxCells  = 1 << 20
	maxWays   = 1 << 12 // continuations of one place
	maxStates = 1 << 20
)

var maxPairs = 1 << 22 // pairs of places in checkUnique; a test has fewer

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
// {role} is the first form of the role, {role.form} another form, {role.Form} the same with
// a capital letter. [rule arguments] is a rule with its parameters replaced by the name of a
// role or of a rule. "_" is a space where a space would be trimmed, and "-" an alternative
// without text. A rule must not call itself. Which alternative is taken does not depend on
// who plays a role. A blank line is added to every story.
//
// The error names the line, or a text that has two derivations: the entropy of such a text
// would not be the entropy of the choices.
func NewGrammar(text string) (*Grammar, error) { return newGrammar(text, "") }

// newGrammar compiles a grammar whose story is the rule start, or the first rule if start is
// "".
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
	if err := g.numberCells(); err != nil {
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
