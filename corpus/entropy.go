package corpus

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// Entropy is the entropy of one story in nats, computed and not estimated: by
// the chain rule it is the sum, over the choices of a story, of the probability
// that a story comes to the choice times the entropy of the choice,
//
//	H = Σ_nodes P(node) · H(alternatives) + Σ_slots P(slot) · H(what the slot reveals).
//
// A slot reveals as much about who plays the role as was not yet known: all
// of it where a role is named for the first time, nothing where a pronoun
// follows the name.
func (g *Grammar) Entropy() float64 { return g.entropy }

// Length is the expected number of characters of a story, its blank line included.
func (g *Grammar) Length() float64 { return g.length }

// Longest is the number of characters of the longest story, or a little more: the
// values of a role may have their longest forms in different values. A context
// as long sees every story whole.
func (g *Grammar) Longest() int { return g.longest }

// Rate is the entropy per character of an endless stream of stories, in nats:
// Entropy/Length, because the stories are drawn independently (a renewal
// process with reward −ln p). No model can have a smaller expected loss
// per character, however long its context. What can be reached with a given
// context on a given text is [Grammar.Floor].
func (g *Grammar) Rate() float64 { return g.entropy / g.length }

// measure walks through all stories at once: mass[node] tells, for each set of
// forms that were seen on the way, with which probability a story comes there
// having seen them. Parents have larger numbers than their children.
func (g *Grammar) measure() error {
	mass := make([]map[uint64]float64, len(g.nodes)) // sets of slots, as bits
	states := 0
	g.visits = make([]float64, len(g.nodes))
	give := func(to int, seen uint64, p float64) {
		for i, s := range g.slots {
			if g.live[to]>>s.role&1 == 0 {
				seen &^= 1 << i // what is known of a role that does not occur again is of no use
			}
		}
		if mass[to] == nil {
			mass[to] = map[uint64]float64{}
		}
		if _, ok := mass[to][seen]; !ok {
			states++
		}
		mass[to][seen] += p
	}
	reveals := map[[2]uint64]float64{}
	give(g.start, 0, 1)
	for id := len(g.nodes) - 1; id >= 0; id-- {
		n := &g.nodes[id]
		if states > maxStates {
			return fmt.Errorf("stories come to their places in more than %d states of knowledge about who plays: use fewer roles or forms", maxStates)
		}
		for _, seen := range slices.Sorted(maps.Keys(mass[id])) { // sums have one order
			p := mass[id][seen]
			g.visits[id] += p
			for _, c := range n.choices {
				g.entropy -= p * c.p * math.Log(c.p)
				give(c.to, seen, p*c.p)
			}
			switch {
			case id == 0 || n.choices != nil:
			case n.slot > 0:
				after := seen | 1<<(n.slot-1)
				h, ok := reveals[[2]uint64{seen, after}]
				if !ok {
					role := g.slots[n.slot-1].role
					h = g.partitionEntropy(role, after) - g.partitionEntropy(role, seen)
					reveals[[2]uint64{seen, after}] = h
				}
				g.entropy += p * h
				g.length += p * g.slots[n.slot-1].length
				give(n.next, after, p)
			default:
				g.length += p * float64(len(n.text))
				give(n.next, seen, p)
			}
		}
		mass[id] = nil
	}
	return nil
}

// partitionEntropy is the entropy of what a set of slots tells about a role: of
// the classes of values that have the same text in all of them.
func (g *Grammar) partitionEntropy(roleIndex int, seen uint64) (h float64) {
	r := g.src.roles[roleIndex]
	total, done := weigh(r, ^uint64(0)), uint64(0)
	for v := range r.values {
		if done>>v&1 != 0 {
			continue
		}
		class := ^uint64(0) >> (64 - len(r.values))
		for i, s := range g.slots {
			if s.role != roleIndex || seen>>i&1 == 0 {
				continue
			}
			for _, gr := range s.groups {
				if gr.values>>v&1 != 0 {
					class &= gr.values
				}
			}
		}
		done |= class
		p := weigh(r, class) / total
		h -= p * math.Log(p)
	}
	return h
}
