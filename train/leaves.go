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

// SumsOfLeaves is the number of gradients, beside the one of every run, that an update with
// so many leaves keeps at the same time.
func SumsOfLeaves(leaves int) int {
	n := bits.Len(uint(pairs(max(1, leaves)))) - 1
	if leaves%3 == 0 && leaves > 0 {
		n++
	}
	return n
}

// leafSums adds the gradients of leaves along a tree that their number alone decides.
// Neighbours are added in pairs, the sums of neighbouring pairs again, and so on, until one
// sum is left, or three, which are added from the left:
//
//	4 leaves:  (0 + 1) + (2 + 3)
//	6 leaves:  ((0 + 1) + (2 + 3)) + (4 + 5)
//
// So processes that have a subtree each get the bits of one that has them all: a sum of two
// numbers does not depend on their order. fan says how processes add their sums; a test of
// internal/mpi (TestTreeOfTrain) holds its Tree to the same.
type leafSums struct {
	levels [][]float32 // the sum of 2ⁱ leaves that waits for the sum of the next 2ⁱ
	thirds []float32   // the sum of one group of three, or of two
}

// join adds to grad, the gradient of leaf i of n, the sums that it completes. If another leaf
// is missing, it keeps the result. After the last leaf grad is the sum of all.
func (s *leafSums) join(net *engine.Network[float32], grad []float32, i, n int) {
	group := pairs(n)
	level := 0
	for ; i%group>>level&1 == 1; level++ {
		net.Add(grad, s.levels[level])
	}
	if i%group < group-1 {
		for len(s.levels) <= level {
			s.levels = append(s.levels, nil)
		}
		s.levels[level] = keepSum(net, s.levels[level], grad)
		return
	}
	if i >= group {
		net.Add(grad, s.thirds)
	}
	if i < n-1 {
		s.thirds = keepSum(net, s.thirds, grad)
	}
}

// keepSum copies grad to sum, which is made if it is nil.
func keepSum(net *engine.Network[float32], sum, grad []float32) []float32 {
	if sum == nil {
		sum = make([]float32, len(grad))
	}
	net.Copy(sum, grad)
	return sum
}
