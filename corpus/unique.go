package corpus

import (
	"fmt"
	"slices"
)

// checkUnique returns an error with a text that has two derivations, or proves that there is
// none.
//
// It is the squaring test for automata. Two readers start on one way, separate at some
// place, and then read the same characters on different ways. If they can meet again, the
// text in between has two derivations. If all reachable pairs of places have been tried and
// no pair meets, there is no such text. The readers have more freedom than the grammar: at
// each slot a reader may take any value, whatever came before. So the proof covers more
// texts than the grammar generates, and does not have to track who plays a role. On the
// other hand a grammar is refused if only its pronouns distinguish two derivations.
//
// A stream of stories needs no further proof: line ends occur only after a story, so the
// text shows where each story ends.
func (g *Grammar) checkUnique() error {
	type pair struct{ a, b int } // cells, a < b
	type visit struct {
		pair
		from int // index of the visit before, or -1
	}
	var queue []visit
	seen := map[pair]bool{}
	meet := func(a, b, from int) error {
		if a == b {
			text := ""
			for i := from; i >= 0; i = queue[i].from {
				text = string(g.cells[queue[i].a].char) + text
			}
			return fmt.Errorf("two derivations tell the same text: %.60q, then %.60q", text, g.ahead(a))
		}
		p := pair{min(a, b), max(a, b)}
		if !seen[p] && g.cells[a].char == g.cells[b].char {
			if len(queue) == maxPairs {
				return fmt.Errorf("that no text has two derivations cannot be shown with %d pairs of places: use fewer alternatives that begin alike", maxPairs)
			}
			seen[p] = true
			queue = append(queue, visit{p, from})
		}
		return nil
	}

	// The ways separate at the first node, and at each node after a text or slot.
	parts := []int{g.start}
	for _, n := range g.nodes {
		if n.text != "" || n.slot > 0 {
			parts = append(parts, n.next)
		}
	}
	slices.Sort(parts)
	for _, id := range slices.Compact(parts) {
		ways := g.waysFrom(id, nil)
		if len(ways) > maxWays {
			return fmt.Errorf("there are more than %d ways to go on from one place", maxWays)
		}
		for i := range ways {
			for j := range i {
				if err := meet(ways[i], ways[j], -1); err != nil {
					return err
				}
			}
		}
	}
	for i := 0; i < len(queue); i++ {
		for _, x := range g.waysAfter(queue[i].a) {
			for _, y := range g.waysAfter(queue[i].b) {
				if err := meet(x, y, i); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// waysAfter lists the cells that can follow a cell.
func (g *Grammar) waysAfter(at int) []int {
	if c := g.cells[at]; c.last {
		return g.waysFrom(g.nodes[c.node].next, nil)
	}
	return []int{at + 1}
}

// waysFrom appends the first cells of the texts from the node id on, one for each way to
// reach them. At the end of a story there are none.
func (g *Grammar) waysFrom(id int, ways []int) []int {
	n := &g.nodes[id]
	switch {
	case id == 0 || len(ways) > maxWays:
	case n.choices != nil:
		for _, c := range n.choices {
			ways = g.waysFrom(c.to, ways)
		}
	case n.slot > 0:
		at := n.cell
		for _, gr := range g.slots[n.slot-1].groups {
			ways = append(ways, at)
			at += len(gr.text)
		}
	default:
		ways = append(ways, n.cell)
	}
	return ways
}

// ahead returns a text that can begin at a cell, for messages.
func (g *Grammar) ahead(at int) string {
	text := ""
	for len(text) < 60 {
		text += string(g.cells[at].char)
		ways := g.waysAfter(at)
		if len(ways) == 0 {
			break
		}
		at = ways[0]
	}
	return text
}
