package corpus

import (
	"fmt"
	"slices"
)

// checkUnique proves that no text has two derivations, or returns one that has.
//
// It is the squaring test for automata: two readers start on one way, part, and
// then read the same characters on different ways. If they can meet again, the
// text between has two derivations; if all pairs of places that can be reached
// have been tried and none meets, there is no such text. The readers are given more
// freedom than the grammar has: at every slot each may take any value, whatever
// was said before. So the proof holds for more texts than are ever told, and
// does not have to keep track of who plays. The other side of it is that a
// grammar can be refused whose pronouns alone tell its derivations apart.
//
// For a stream of stories nothing more is needed: line ends occur only between
// stories, so the text says where each ends.
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

	// Where the ways part: at the first node, and at whatever follows a text.
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

// waysAfter lists the cells that may follow a cell.
func (g *Grammar) waysAfter(at int) []int {
	if c := g.cells[at]; c.last {
		return g.waysFrom(g.nodes[c.node].next, nil)
	}
	return []int{at + 1}
}

// waysFrom appends the cells at which the text from the node id on may begin,
// once for every way that leads there. From the end of a story there is none.
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

// ahead returns some text that begins at a cell, for messages.
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
