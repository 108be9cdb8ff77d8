package token

import (
	"math/bits"
	"math/rand/v2"
)

// pairs finds the merge of two neighbours: a hash table with open addressing, at
// most half full, filled once. Where a pair goes is drawn anew for each table, so that
// no file can bring merges that all go to one place.
type pairs struct {
	slots []pairSlot
	times uint64 // odd
	shift uint
}

type pairSlot struct {
	left, right int32 // left is none in an empty slot
	rank, id    int32
}

func newPairs(n int) pairs {
	width := bits.Len(uint(2*n + 2))
	p := pairs{make([]pairSlot, 1<<width), rand.Uint64() | 1, uint(64 - width)}
	for i := range p.slots {
		p.slots[i].left = none
	}
	return p
}

func (p pairs) first(left, right int32) uint64 {
	return (uint64(uint32(left))<<32 | uint64(uint32(right))) * p.times >> p.shift
}

// put reports whether the pair was there before.
func (p pairs) put(left, right, rank, id int32) (again bool) {
	for i := p.first(left, right); ; i++ {
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

// get returns the rank of the merge and the token that it makes, or none.
func (p pairs) get(left, right int32) (rank, id int32) {
	for i := p.first(left, right); ; i++ {
		s := &p.slots[i&uint64(len(p.slots)-1)]
		if s.left == left && s.right == right {
			return s.rank, s.id
		}
		if s.left == none {
			return none, none
		}
	}
}
