package corpus

import (
	"fmt"
	"math"
	"strings"
)

// A Predictor is the ideal predictor of a grammar's stories. It knows the grammar and the
// characters read so far, and gives the exact probability of the next character by Bayes'
// rule. A hypothesis is a place in the expanded grammar with, for each role, the set of
// values that may play it. Its weight is the probability of the hypothesis and the
// characters read. This is exact because the choice of alternatives does not depend on who
// plays a role: given the place and the sets, the roles are independent.
type Predictor struct {
	g     *Grammar
	hyps  []hypothesis
	old   []hypothesis
	total float64 // sum of the weights
}

// A hypothesis is a possible state of the story.
type hypothesis struct {
	cell   int // the next character
	may    players
	weight float64
}

// players holds, for each role, the set of values that may play it, one bit each.
type players [maxRoles]uint64

var anyone = func() (p players) {
	for i := range p {
		p[i] = ^uint64(0)
	}
	return p
}()

// Predictor returns a predictor at the beginning of a story.
func (g *Grammar) Predictor() *Predictor {
	p := &Predictor{g: g}
	p.Begin()
	return p
}

// Begin resets p to the beginning of a story.
func (p *Predictor) Begin() {
	p.hyps, p.total = p.hyps[:0], 1
	p.enter(p.g.start, anyone, 1)
}

// BeginAnywhere resets p to a random character of an endless stream of stories, the state of
// a model at the beginning of a random window. The probability of a place is its share of
// all characters.
func (p *Predictor) BeginAnywhere() {
	p.hyps, p.total = p.hyps[:0], 0
	for id := range p.g.nodes {
		n := &p.g.nodes[id]
		for i := range n.text {
			p.hyps = append(p.hyps, hypothesis{n.cell + i, anyone, p.g.visits[id]})
		}
		if n.slot == 0 {
			continue
		}
		s, at := &p.g.slots[n.slot-1], n.cell
		for _, gr := range s.groups {
			may := anyone
			may[s.role] = gr.values
			for range gr.text {
				p.hyps = append(p.hyps, hypothesis{at, may, p.g.visits[id] * gr.p})
				at++
			}
		}
	}
	for _, h := range p.hyps {
		p.total += h.weight
	}
}

// Next sets dist[c] to the probability that the next character is c.
func (p *Predictor) Next(dist *[128]float64) {
	*dist = [128]float64{}
	for _, h := range p.hyps {
		dist[p.g.cells[h.cell].char] += h.weight / p.total
	}
}

// Read reads the next character and returns the probability that it had. If it is 0, no
// stream of stories continues like this; call Begin or BeginAnywhere then.
func (p *Predictor) Read(c byte) float64 {
	p.hyps, p.old = p.old[:0], p.hyps
	before, after := p.total, 0.0
	for _, h := range p.old {
		if p.g.cells[h.cell].char == c {
			after += h.weight
		}
	}
	p.total = 1
	for _, h := range p.old {
		at := &p.g.cells[h.cell]
		switch {
		case at.char != c:
		case !at.last:
			p.hyps = append(p.hyps, hypothesis{h.cell + 1, h.may, h.weight / after})
		default:
			p.enter(p.g.nodes[at.node].next, h.may, h.weight/after)
		}
	}
	return after / before
}

// enter adds the hypotheses of a story that has reached the node id.
func (p *Predictor) enter(id int, may players, weight float64) {
	if id == 0 {
		id = p.g.start // the next story begins
	}
	n := &p.g.nodes[id]
	for i := range p.g.src.roles {
		if p.g.live[id]>>i&1 == 0 {
			may[i] = ^uint64(0) // the role does not occur again in this story
		}
	}
	for _, c := range n.choices {
		p.enter(c.to, may, weight*c.p)
	}
	switch {
	case n.choices != nil:
	case n.slot > 0:
		s, at := &p.g.slots[n.slot-1], n.cell
		known := may[s.role]
		all := sumWeights(p.g.src.roles[s.role], known)
		for _, gr := range s.groups {
			if still := known & gr.values; still != 0 {
				may[s.role] = still
				p.hyps = append(p.hyps, hypothesis{at, may, weight * sumWeights(p.g.src.roles[s.role], still) / all})
			}
			at += len(gr.text)
		}
	default:
		p.hyps = append(p.hyps, hypothesis{n.cell, may, weight})
	}
}

// Floor is the loss, in nats per character, of the ideal predictor on the windows of the
// sweep s over text, with one token per character. If windows are given, only those count.
// In each window the predictor reads the first character and predicts the others from the
// characters before them in the window.
//
// If the windows of s begin where stories begin ([NewSweepAt]), the predictor starts at the
// beginning of a story. Then it misses no context: the floor is −ln p(text) per character,
// and it tends to [Grammar.Rate] as the text grows. Otherwise ([NewSweep]) it starts at an
// unknown place, and the floor is higher by an amount that depends on the length of the
// windows.
//
// The floor is exact for this text. A model that is evaluated on the same windows has an
// expected loss of at least the floor; on a single text chance may put it a little below.
//
// The error gives the offset where text is not a story, or says that a story is longer than
// the windows. Floor panics if s has another number of tokens than text, or no such window.
func (g *Grammar) Floor(text string, s *Sweep, windows ...int) (float64, error) {
	if len(text) != len(s.tokens) || s.Targets() < 1 {
		panic(fmt.Sprintf("corpus.Grammar.Floor: a text of %d characters and a sweep over %d tokens; there must be one a character and at least 2", len(text), len(s.tokens)))
	}
	if len(windows) == 0 {
		windows = make([]int, s.Windows())
		for i := range windows {
			windows[i] = i
		}
	}
	anywhere := g.Predictor()
	anywhere.BeginAnywhere()
	p, sum, n := g.Predictor(), 0.0, 0
	for _, w := range windows {
		if w < 0 || w >= s.Windows() {
			panic(fmt.Sprintf("corpus.Grammar.Floor: window %d of %d", w, s.Windows()))
		}
		from, to := s.cuts[w], s.cuts[w+1]
		at := from // the first character that is read
		switch {
		case !s.aligned:
			p.hyps, p.total = append(p.hyps[:0], anywhere.hyps...), anywhere.total
		case from == 0:
			p.Begin()
		case strings.HasSuffix(text[:from+1], separator):
			p.Begin()
			at++
		default:
			return 0, fmt.Errorf("compute the floor: the story at offset %d is longer than a window of %d: give windows (train: the context) of at least %d, or windows that begin anywhere", from, s.T, g.Longest())
		}
		for ; at <= to; at++ {
			q := p.Read(text[at])
			if q == 0 {
				return 0, fmt.Errorf("compute the floor: no story has what stands at offset %d of the text: %.40q", at, text[max(0, at-20):])
			}
			if at > from {
				sum -= math.Log(q)
			}
		}
		n += to - from
	}
	return sum / float64(n), nil
}
