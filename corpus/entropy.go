package corpus

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// Entropy is the entropy of one story in nats. It is computed, not estimated. By the chain
// rule it is a sum over the choices in a story: the probability that a story reaches the
// choice, times the entropy of the choice.
//
//	H = Σ_nodes P(node) · H(alternatives) + Σ_slots P(slot) · H(what the slot reveals).
//
// A slot reveals who plays the role, as far as that was not known before. It reveals
// everything where a role is named for the first time, and nothing if it is a pronoun after
// the name.
func (g *Grammar) Entropy() float64 { return g.entropy }

// Length is the expected number of characters of a story, with its blank line.
func (g *Grammar) Length() float64 { return g.length }

// Longest is an upper bound of the number of characters of a story, with its blank line. It
// can be a little more than the longest story: each form of a role counts with its longest
// value. A context of this length holds every story whole.
func (g *Grammar) Longest() int { return g.longest }

// Rate is the entropy per character of an endless stream of stories, in nats:
// Entropy/Length, because stories are drawn independently (a renewal process with reward −ln
// p). No model has a smaller expected loss per character, however long its context. See
// [Grammar.Floor] for the limit with a given context on a given text.
func (g *Grammar) Rate() float64 { return g.entropy / g.length }

// measure computes entropy, length and visits in one pass over all nodes. mass[node] maps a
// set of slots to a probability: that a story reaches the node, and its text so far had the
// slots of the set. A node comes after its children in g.nodes, so the pass goes from the
// last node to the first.
func (g *Grammar) measure() error {
	mass := make([]map[uint64]float64, len(g.nodes)) // sets of slots, as bits
	states := 0
	g.visits = make([]float64, len(g.nodes))
	reach := func(to int, seen uint64, p float64) {
		for i, s := range g.slots {
			if g.live[to]>>s.role&1 == 0 {
				seen &^= 1 << i // the role does not occur again: forget what is known of it
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
	reach(g.start, 0, 1)
	for id := len(g.nodes) - 1; id >= 0; id-- {
		n := &g.nodes[id]
		if states > maxStates {
			return fmt.Errorf("stories come to their places in more than %d states of knowledge about who plays: use fewer roles or forms", maxStates)
		}
		for _, seen := range slices.Sorted(maps.Keys(mass[id])) { // sorted, so that sums have a fixed order
			p := mass[id][seen]
			g.visits[id] += p
			for _, c := range n.choices {
				g.entropy -= p * c.p * math.Log(c.p)
				reach(c.to, seen, p*c.p)
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
				reach(n.next, after, p)
			default:
				g.length += p * float64(len(n.text))
				reach(n.next, seen, p)
			}
		}
		mass[id] = nil
	}
	return nil
}

// partitionEntropy is the entropy, in nats, of what a set of slots tells about a role.
// Values with the same text in all these slots are one class; it is the entropy of the
// classes.
func (g *Grammar) partitionEntropy(roleIndex int, seen uint64) (h float64) {
	r := g.src.roles[roleIndex]
	total, done := sumWeights(r, ^uint64(0)), uint64(0)
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
		p := sumWeights(r, class) / total
		h -= p * math.Log(p)
	}
	return h
}
