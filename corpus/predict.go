package corpus

import (
	"fmt"
	"math"
)

// A Predictor is the ideal reader of a grammar's stories: it knows the grammar,
// has read some characters, and gives the exact probability of the next one.
// It is Bayes' rule over everything that may be going on: each hypothesis is a
// place in the unfolded grammar together with, for every role, the set of those
// who may still be playing it, and its weight is the probability of the
// hypothesis and the characters read. That is exact because which way a story
// goes does not depend on who plays in it: given the place and the sets, the
// roles are independent.
type Predictor struct {
	g     *Grammar
	hyps  []hypothesis
	old   []hypothesis
	where map[state]int // the hypotheses of a state that begins a text, in hyps
	total float64       // of the weights
}

type hypothesis struct {
	state
	weight float64
}

// A state is what may be going on.
type state struct {
	cell int32 // whose character is about to come
	may  players
}

// players holds, for each role, the values that may still be playing it.
type players [maxRoles]uint64

var anyone = func() (p players) {
	for i := range p {
		p[i] = ^uint64(0)
	}
	return p
}()

// Predictor returns a reader at the beginning of a story.
func (g *Grammar) Predictor() *Predictor {
	p := &Predictor{g: g, where: map[state]int{}}
	p.Begin()
	return p
}

// Begin forgets everything but that a story begins here.
func (p *Predictor) Begin() {
	p.hyps, p.total = p.hyps[:0], 1
	clear(p.where)
	p.enter(p.g.start, anyone, 1)
}

// Wake forgets everything: the reader opens its eyes at a random character of an
// endless stream of stories, like a model at the beginning of a window. A place
// is as likely as the share of characters that are there.
func (p *Predictor) Wake() {
	p.hyps, p.total = p.hyps[:0], 0
	for id := range p.g.nodes {
		n := &p.g.nodes[id]
		for i := range n.text {
			p.hyps = append(p.hyps, hypothesis{state{int32(n.cell + i), anyone}, p.g.visits[id]})
		}
		if n.slot == 0 {
			continue
		}
		s, at := &p.g.slots[n.slot-1], n.cell
		for _, gr := range s.groups {
			may := anyone
			may[s.role] = gr.values
			for range gr.text {
				p.hyps = append(p.hyps, hypothesis{state{int32(at), may}, p.g.visits[id] * gr.p})
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

// Read takes the next character and returns the probability that it had. If it
// is 0, no stream of stories goes on like that; then Begin or Wake is due.
func (p *Predictor) Read(c byte) float64 {
	p.hyps, p.old = p.old[:0], p.hyps
	clear(p.where)
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
			p.hyps = append(p.hyps, hypothesis{state{h.cell + 1, h.may}, h.weight / after})
		default:
			p.enter(p.g.nodes[at.node].next, h.may, h.weight/after)
		}
	}
	return after / before
}

// enter adds the hypotheses that a story has come to a node.
func (p *Predictor) enter(id int, may players, weight float64) {
	if id == 0 {
		id = p.g.start // one story ends, another begins
	}
	n := &p.g.nodes[id]
	for i := range p.g.src.roles {
		if p.g.live[id]>>i&1 == 0 {
			may[i] = ^uint64(0) // nobody will ask: one hypothesis less to keep apart
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
		all := weigh(p.g.src.roles[s.role], known)
		for _, gr := range s.groups {
			if still := known & gr.values; still != 0 {
				may[s.role] = still
				p.add(state{int32(at), may}, weight*weigh(p.g.src.roles[s.role], still)/all)
			}
			at += len(gr.text)
		}
	default:
		p.add(state{int32(n.cell), may}, weight)
	}
}

// add adds a hypothesis about the first character of a text, where two ways may meet.
func (p *Predictor) add(h state, weight float64) {
	if i, ok := p.where[h]; ok {
		p.hyps[i].weight += weight
		return
	}
	p.where[h] = len(p.hyps)
	p.hyps = append(p.hyps, hypothesis{h, weight})
}

// Floor is the loss, in nats per character, of the ideal predictor on the
// windows that evaluation uses: text is cut as [Sweep] does it, and in each
// window the predictor wakes up, reads the first character, and predicts the T
// that follow, each from those before it in the window. Given the numbers of
// some windows it is the loss on those alone.
//
// It is exact for this text, so a model that is evaluated on the same windows
// has an expected loss of at least this much; on one text luck may put it a
// little below. As T grows it falls towards −ln p(text) per character, which in
// turn tends to [Grammar.Rate] as the text grows.
//
// The error says where text is not what the grammar tells. It panics if T < 1 or
// a window is not one of the text's.
func (g *Grammar) Floor(text string, T int, windows ...int) (float64, error) {
	targets := len(text) - 1
	if T < 1 || targets < 1 {
		panic(fmt.Sprintf("corpus.Grammar.Floor: windows of %d in a text of %d characters", T, len(text)))
	}
	if len(windows) == 0 {
		windows = make([]int, (targets+T-1)/T)
		for i := range windows {
			windows[i] = i
		}
	}
	awake := g.Predictor()
	awake.Wake()
	p, sum, n := g.Predictor(), 0.0, 0
	for _, w := range windows {
		from, to := w*T, min((w+1)*T, targets)
		if from < 0 || from >= to {
			panic(fmt.Sprintf("corpus.Grammar.Floor: window %d of %d characters in a text of %d", w, T, len(text)))
		}
		p.hyps, p.total = append(p.hyps[:0], awake.hyps...), awake.total
		for i := from; i <= to; i++ {
			q := p.Read(text[i])
			if q == 0 {
				return 0, fmt.Errorf("compute the floor: no story has what stands at offset %d of the text: %.40q", i, text[max(0, i-20):])
			}
			if i > from {
				sum -= math.Log(q)
			}
		}
		n += to - from
	}
	return sum / float64(n), nil
}
