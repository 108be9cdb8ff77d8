package engine

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// Add adds x to y, number by number. It panics when they are not of one length.
func (n *Network[T]) Add(y, x []T) { n.pairwise("Add", y, x, false) }

// Copy sets y to x. It panics when they are not of one length.
func (n *Network[T]) Copy(y, x []T) { n.pairwise("Copy", y, x, true) }

func (n *Network[T]) pairwise(name string, y, x []T, overwrite bool) {
	if len(x) != len(y) {
		panic(fmt.Sprintf("engine.Network.%s: %d numbers and %d", name, len(x), len(y)))
	}
	n.slabs = slabsTask[T]{y, x, overwrite}
	n.pool.Run((len(y)+slabPart-1)/slabPart, &n.slabs)
	n.slabs = slabsTask[T]{}
}

// slabPart is how many numbers of a slab one part adds or copies.
const slabPart = 1 << 16

// slabsTask is the task of Add and Copy.
type slabsTask[T Float] struct {
	y, x      []T
	overwrite bool
}

func (s *slabsTask[T]) Do(_ *kernel.Pool, part int) {
	from, to := part*slabPart, min((part+1)*slabPart, len(s.y))
	if s.overwrite {
		copy(s.y[from:to], s.x[from:to])
		return
	}
	kernel.Add(s.y[from:to], s.x[from:to])
}
