package token

import (
	"math/bits"
	"math/rand/v2"
)

// A pairTable maps a pair of neighbouring tokens to its merge. It is a hash table with open
// addressing, at most half full, filled once. The hash function is drawn at random for each
// table, so that a file cannot cause many collisions on purpose.
type pairTable struct {
	slots      []pairSlot
	multiplier uint64 // odd
	shift      uint
}

type pairSlot struct {
	left, right int32 // left is none in an empty slot
	rank, id    int32
}

func newPairs(n int) pairTable {
	width := bits.Len(uint(2*n + 2))
	p := pairTable{make([]pairSlot, 1<<width), rand.Uint64() | 1, uint(64 - width)}
	for i := range p.slots {
		p.slots[i].left = none
	}
	return p
}

func (p pairTable) hash(left, right int32) uint64 {
	return (uint64(uint32(left))<<32 | uint64(uint32(right))) * p.multiplier >> p.shift
}

// put inserts a merge. again reports that the pair was in the table before.
func (p pairTable) put(left, right, rank, id int32) (again bool) {
	for i := p.hash(left, right); ; i++ {
		s := &p.slots[i&uint64(len(p.slots)-1)]
		if s.left == none {
			*s = pairSlot{left, right, rank, id}
			return false
		}
		if s.left == left && s.right == right {
			return true
		}
	}
}

// get returns the rank of the merge and its token, or none.
func (p pairTable) get(left, right int32) (rank, id int32) {
	for i := p.hash(left, right); ; i++ {
		s := &p.slots[i&uint64(len(p.slots)-1)]
		if s.left == left && s.right == right {
			return s.rank, s.id
		}
		if s.left == none {
			return none, none
		}
	}
}
