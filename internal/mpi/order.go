package mpi

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// An Order says in which order the slabs of all ranks are added where these are no whole tree: rank
// r has Counts[r] slabs. Taken in the order of the ranks, after slab k has come the latest two
// sums are added, Adds[k] times; at the end one is left. So Adds [0, 0, 2, 1] of four slabs is
// (x0+(x1+x2))+x3.
//
// Each rank sends the parts of all of its slabs to those who own them, at once: Counts[r]·n·(1-1/R)
// numbers of n.
type Order struct{ Counts, Adds []int }

// tree is the Tree that says which part of a slab a rank owns: all ranks are one group.
func (o Order) tree(block int) Tree { return Tree{Fan: []int{len(o.Counts)}, Block: block} }

// must panics if the order does not leave one sum, or rank has another number of slabs.
func (o Order) must(slabs, rank int) {
	have, k := 0, 0
	for r, n := range o.Counts {
		for range n {
			if k >= len(o.Adds) || o.Adds[k] > have {
				panic(fmt.Sprintf("mpi: %v cannot be added", o))
			}
			have += 1 - o.Adds[k]
			k++
		}
		if n < 1 || r == rank && n != slabs {
			panic(fmt.Sprintf("mpi: rank %d has %d slabs, in an order %v", rank, slabs, o))
		}
	}
	if have != 1 || k != len(o.Adds) {
		panic(fmt.Sprintf("mpi: %v leaves %d sums", o, have))
	}
}

// reduceScatter adds the slabs x of all ranks. Of the sum this rank gets its part, in its place in
// the last slab of x; the rest of x has no meaning afterwards. The lengths are the same.
func (o Order) reduceScatter(x [][]float32, block, rank int, w *wire) error {
	o.must(len(x), rank)
	l := o.tree(block).levels(len(x[0]), rank)[0]
	l.slabs = o.Counts
	first := make([]int, len(o.Counts)) // the number of the first slab of each rank
	for r := 1; r < len(first); r++ {
		first[r] = first[r-1] + o.Counts[r-1]
	}
	own := l.pieces[l.me]
	count := own.to - own.from
	// Where the part of slab k of a rank is that begins with number at of the own piece.
	summand := func(of, k, at int) []float32 {
		n := min(w.chunk, count-at)
		if of == l.me {
			return own.of(x[k])[at : at+n]
		}
		return w.buffer((first[of]+k)*ahead+at/w.chunk%ahead, n)
	}
	var stack [][]float32
	return l.exchange(w,
		func(to, k int) []float32 { return l.pieces[to].of(x[k]) },
		func(int) int { return count },
		summand,
		func(at int) {
			if at >= count {
				return
			}
			stack = stack[:0]
			for of, n := range o.Counts {
				for k := range n {
					stack = append(stack, summand(of, k, at))
					for range o.Adds[first[of]+k] {
						top := len(stack) - 1
						kernel.Add(stack[top-1], stack[top])
						stack = stack[:top]
					}
				}
			}
			copy(summand(l.me, len(x)-1, at), stack[0])
		})
}
