package corpus

import (
	"math/bits"
	"strings"
)

// Story returns story i of the stream of seed, with its blank line. It is a pure function of
// (seed, i), the same on every platform.
func (g *Grammar) Story(seed, i uint64) string {
	var b strings.Builder
	g.writeStory(&b, seed, i)
	return b.String()
}

// Text returns stories 0, 1, 2, … of the stream of seed until they have at least n
// characters. The last story is complete. A longer text of the same seed begins with the
// shorter one.
func (g *Grammar) Text(seed uint64, n int) string {
	var b strings.Builder
	b.Grow(n + 2*int(g.length))
	for i := uint64(0); b.Len() < n; i++ {
		g.writeStory(&b, seed, i)
	}
	return b.String()
}

func (g *Grammar) writeStory(b *strings.Builder, seed, i uint64) {
	d := splitMix{state: hash(seed, i)}
	var player [maxRoles]int // value plus 1
	for id := g.start; id != 0; {
		n := &g.nodes[id]
		switch {
		case n.choices != nil:
			var total uint64
			for _, c := range n.choices {
				total += c.weight
			}
			k, at := 0, d.uintN(total)
			for at >= n.choices[k].weight {
				at -= n.choices[k].weight
				k++
			}
			id = n.choices[k].to
			continue
		case n.slot > 0:
			s := &g.slots[n.slot-1]
			if player[s.role] == 0 {
				player[s.role] = 1 + d.value(g.src.roles[s.role])
			}
			for _, gr := range s.groups {
				if gr.values>>(player[s.role]-1)&1 != 0 {
					b.WriteString(gr.text)
				}
			}
		default:
			b.WriteString(n.text)
		}
		id = n.next
	}
}

// A dice is the generator SplitMix64: a counter, hashed.
type splitMix struct{ state uint64 }

// throw returns a number in [0, n): uniform but for 1 part in 2^64/n.
func (d *splitMix) uintN(n uint64) uint64 {
	d.state += golden
	k, _ := bits.Mul64(mix(d.state), n)
	return k
}

// cast chooses who plays a role.
func (d *splitMix) value(r *role) int {
	var total uint64
	for _, v := range r.values {
		total += v.weight
	}
	k, at := 0, d.uintN(total)
	for at >= r.values[k].weight {
		at -= r.values[k].weight
		k++
	}
	return k
}
