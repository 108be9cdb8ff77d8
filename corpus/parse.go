package corpus

import (
	"fmt"
	"math"
	"strings"
)

// A Step is one choice in the derivation of a story.
type Step struct {
	Rule string  // a rule, or a role with its form, such as "hero.name"
	Took string  // the alternative, such as "2 of 5", or the text of the form
	P    float64 // probability of the choice, given the steps before
}

// Parse returns the derivation of one story: its choices in order, without those that have
// probability 1. The blank line may be missing. A story has at most one derivation. The
// error gives the offset up to which the text agrees with the grammar.
func (g *Grammar) Parse(story string) ([]Step, error) {
	p := parser{g: g, text: strings.TrimSuffix(story, separator) + separator}
	if !p.walk(g.start, 0, anyone) {
		return nil, fmt.Errorf("parse a story: the grammar does not tell what stands from offset %d on: %.40q", p.furthest, p.text[p.furthest:])
	}
	return p.steps, nil
}

// LogProb is ln p of a text of whole stories, each with its blank line: the sum over their
// derivations. No model, even with unlimited memory, has a higher expected value.
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

// A parser tries all derivations of its text, depth first. All but one soon fail at a
// character.
type parser struct {
	g        *Grammar
	text     string
	steps    []Step
	furthest int
}

// walk reports whether a derivation of text[at:] exists from the node id on. may holds the
// values that are still possible for each role.
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
			if all, some := sumWeights(r, known), sumWeights(r, still); some < all {
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
