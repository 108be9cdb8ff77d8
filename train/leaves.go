package train

import (
	"fmt"
	"math/bits"

	"github.com/pedestrian-ml/pedestrian/engine"
)

// leaves is Leaves with its default.
func (o Options) leaves() int { return max(1, o.Leaves) }

// checkLeaves returns an error if the micro-batches of an update cannot be divided so.
func (o Options) checkLeaves() error {
	if n := o.leaves(); o.Leaves < 0 || pairs(n)&(pairs(n)-1) != 0 {
		return fmt.Errorf("leaves is %d: it must be a power of two, or three times one, such as 1, 2, 3, 4, 6, 8 or 12", o.Leaves)
	} else if o.Accumulate%n != 0 {
		return fmt.Errorf("leaves is %d, but accumulate is %d: each leaf has as many micro-batches, so leaves must divide accumulate", n, o.Accumulate)
	}
	return nil
}

// pairs is the number of leaves of a group that is joined pair by pair: a third of n if 3
// divides it, and all n otherwise.
func pairs(n int) int {
	if n%3 == 0 {
		return n / 3
	}
	return n
}

// joins is how many sums are completed when leaf i of n has come: so often the latest two sums are
// added. Neighbours are added in pairs, the sums of neighbouring pairs again, and so on, until
// one sum is left, or three, which are added from the left:
//
//	4 leaves:  (0 + 1) + (2 + 3)
//	6 leaves:  ((0 + 1) + (2 + 3)) + (4 + 5)
//
// This is the tree that decides the bits of a run.
func joins(i, n int) int {
	group := pairs(n)
	count := bits.TrailingZeros(^uint(i % group))
	if i >= group && i%group == group-1 {
		count++
	}
	return count
}

// leavesOf returns the leaves of a process, from ≤ i < to: so many for each as can be.
func leavesOf(leaves, processes, rank int) (from, to int) {
	return leaves * rank / processes, leaves * (rank + 1) / processes
}

// partialSums says what processes have after each has added its leaves as far as the tree allows:
// counts is how many sums each keeps. Of all of these, in the order of the processes, adds is how
// often the latest two are to be added after each has come. room is how many sums, beside the one
// of every run, a process keeps at the same time.
func partialSums(leaves, processes int) (counts, adds []int, room int) {
	for rank := range processes {
		from, to := leavesOf(leaves, processes, rank)
		var stack []int // of each sum of this process the additions that it waits for
		final := 0      // so many wait for sums of other processes
		for i := from; i < to; i++ {
			left := joins(i, leaves)
			for ; left > 0 && len(stack) > final; left-- {
				stack = stack[:len(stack)-1]
			}
			if stack = append(stack, left); left > 0 {
				final = len(stack)
			}
			if i < to-1 {
				room = max(room, len(stack))
			}
		}
		counts, adds = append(counts, len(stack)), append(adds, stack...)
		room = max(room, len(stack)-1)
	}
	return counts, adds, room
}

// SumsOfLeaves is the number of gradients, beside the one of every run, that one of so many
// processes keeps at the same time during an update with so many leaves.
func SumsOfLeaves(leaves, processes int) int {
	_, _, room := partialSums(max(1, leaves), max(1, processes))
	return room
}

// leafSums adds the gradients of the leaves of one process along the tree of joins, as far as it
// has both summands. What is left are sums of whole subtrees. So processes that add these along
// the rest of the tree get the bits of one that has all leaves: a sum of two numbers does not
// depend on their order.
type leafSums struct {
	room  [][]float32
	stack int // so many of room are sums
	final int // so many of these wait for sums of other processes
}

// join adds to grad, the gradient of leaf i of n, the sums that it completes. With keep it moves
// the result to the stack; without, after the last leaf of the process, the sums are those
// of the stack and grad.
func (s *leafSums) join(net *engine.Network[float32], grad []float32, i, n int, keep bool) {
	left := joins(i, n)
	for ; left > 0 && s.stack > s.final; left-- {
		s.stack--
		net.Add(grad, s.room[s.stack])
	}
	if !keep {
		return
	}
	if len(s.room) == s.stack {
		s.room = append(s.room, make([]float32, len(grad)))
	}
	net.Copy(s.room[s.stack], grad)
	if s.stack++; left > 0 {
		s.final = s.stack
	}
}

// take returns the sums of this process, of which grad is the last, and begins anew.
func (s *leafSums) take(grad []float32) [][]float32 {
	sums := append(append([][]float32(nil), s.room[:s.stack]...), grad)
	s.begin()
	return sums
}

// begin forgets all sums.
func (s *leafSums) begin() { s.stack, s.final = 0, 0 }
