package corpus

import (
	"fmt"
	"math"
	"strings"
)

// A Step is one choice in the derivation of a story.
type Step struct {
	Rule string  // the rule, or the role in the form that was used, such as "hero.name"
	Took string  // "2 of 5", or the text of the form
	P    float64 // its probability, given the steps before
}

// Parse returns the derivation of one story, which may lack its blank line: the
// choices from the first to the last, leaving out those that were certain. There
// is at most one; the error says how far the text was a story.
func (g *Grammar) Parse(story string) ([]Step, error) {
	p := parser{g: g, text: strings.TrimSuffix(story, separator) + separator}
	if !p.walk(g.start, 0, anyone) {
		return nil, fmt.Errorf("parse a story: the grammar does not tell what stands from offset %d on: %.40q", p.furthest, p.text[p.furthest:])
	}
	return p.steps, nil
}

// LogProb is ln p of a text that consists of whole stories, each with its blank
// line: the sum over their derivations. It is what a model with an unbounded
// memory could reach.
func (g *Grammar) LogProb(text string) (float64, error) {
	var sum float64
	for at := 0; at < len(text); {
		n := strings.Index(text[at:], separator) + len(separator)
		if n < len(separator) {
			return 0, fmt.Errorf("the story that begins at offset %d has no blank line at its end", at)
		}
		steps, err := g.Parse(text[at : at+n])
		if err != nil {
			return 0, fmt.Errorf("the story that begins at offset %d: %w", at, err)
		}
		for _, s := range steps {
			sum += math.Log(s.P)
		}
		at += n
	}
	return sum, nil
}

// A parser follows every way to tell its text, one after the other. All but one
// soon come to a character that is not there.
type parser struct {
	g        *Grammar
	text     string
	steps    []Step
	furthest int
}

// walk reports whether text[at:] can be told from the node id on, when may says
// who can still be playing.
func (p *parser) walk(id, at int, may players) bool {
	p.furthest = max(p.furthest, at)
	if id == 0 {
		return at == len(p.text)
	}
	n := &p.g.nodes[id]
	for i, c := range n.choices {
		p.steps = append(p.steps, Step{n.rule, fmt.Sprintf("%d of %d", i+1, len(n.choices)), c.p})
		if p.walk(c.to, at, may) {
			return true
		}
		p.steps = p.steps[:len(p.steps)-1]
	}
	switch {
	case n.choices != nil:
		return false
	case n.slot > 0:
		s := &p.g.slots[n.slot-1]
		r, known := p.g.src.roles[s.role], may[s.role]
		for _, gr := range s.groups {
			still := known & gr.values
			if still == 0 || !strings.HasPrefix(p.text[at:], gr.text) {
				continue
			}
			may[s.role] = still
			before := len(p.steps)
			if all, some := weigh(r, known), weigh(r, still); some < all {
				p.steps = append(p.steps, Step{s.name, gr.text, some / all})
			}
			if p.walk(n.next, at+len(gr.text), may) {
				return true
			}
			p.steps = p.steps[:before]
		}
		return false
	default:
		return strings.HasPrefix(p.text[at:], n.text) && p.walk(n.next, at+len(n.text), may)
	}
}
