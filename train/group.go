package train

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// A Group is the processes that make a run together: each has a Run of its own, with the same
// options, data and state, and its Rank is its place among them. All of them call the same
// methods in the same order.
type Group interface {
	// Rank returns the number of this process, 0 ≤ Rank < Size.
	Rank() int

	// Size returns the number of processes.
	Size() int

	// ReduceScatter adds x over the processes: fan[0] neighbours, then fan[1] of these
	// sums, and so on, each time from the left. The product of fan is Size. Every process gets
	// a part of the sum, in its place in x; the rest of x has no meaning afterwards.
	ReduceScatter(x []float32, fan []int) error

	// AllGather brings the parts that ReduceScatter has left in x to all processes.
	AllGather(x []float32, fan []int) error

	// Gather returns what each process has given, by rank.
	Gather(mine []byte) (all [][]byte, err error)

	// Agree returns the lowest and the highest x of all processes.
	Agree(x int64) (lowest, highest int64, err error)
}

// Share makes r one of the runs of g, which make every update together, with the bits of one
// process that has the same Leaves. It must be called before the first step. Only the run of
// process 0 may have a directory.
//
// The number of processes must divide Leaves so that each has a whole subtree of the sum of the
// leaves; otherwise Share returns an error, which names the numbers that do.
func (r *Run) Share(g Group) error {
	n := r.Options.leaves()
	if !shares(n, g.Size()) {
		var may []string
		for size := 1; size <= n; size++ {
			if shares(n, size) {
				may = append(may, strconv.Itoa(size))
			}
		}
		return fmt.Errorf("%d processes cannot share an update whose leaves are %d: the number of processes may be %s; set leaves, and accumulate to a multiple of it, to have more", g.Size(), n, strings.Join(may, ", "))
	}
	if g.Rank() > 0 && r.Dir != "" {
		panic(fmt.Sprintf("train.Run.Share: process %d would write to %s, as process 0 does", g.Rank(), r.Dir))
	}
	r.group = g
	r.stepper = manyProcesses{oneProcess{r}, g, fan(g.Size())}
	return nil
}

// shares says whether so many processes have a whole subtree of n leaves each.
func shares(n, size int) bool {
	own := n / size
	return n%size == 0 && (size == 1 || own&(own-1) == 0)
}

// fan returns how the sums of processes are added, for a number of which shares is true.
func fan(size int) (fan []int) {
	for range bits.Len(uint(pairs(size))) - 1 {
		fan = append(fan, 2)
	}
	if size%3 == 0 {
		fan = append(fan, 3)
	}
	return fan
}

// manyProcesses is the stepper of a run that several processes make: each computes the gradients of
// its leaves, and all have their sum. Norms and updates are those of one process, in each.
type manyProcesses struct {
	oneProcess
	group Group
	fan   []int
}

// gradients does not look at ctx: the end of a run is agreed on between updates (Run.agreeToStop).
func (p manyProcesses) gradients(_ context.Context, position uint64) (sum float64, counted int, err error) {
	o, g := &p.r.Options, p.group
	leaf, own := o.Accumulate/o.leaves(), o.leaves()/g.Size()
	mine := make([]byte, 0, 16*own*leaf)
	for i := range own * leaf {
		loss, n := p.r.microBatch(position, g.Rank()*own*leaf+i, i%leaf > 0)
		mine = binary.LittleEndian.AppendUint64(mine, math.Float64bits(loss))
		mine = binary.LittleEndian.AppendUint64(mine, uint64(n))
		if (i+1)%leaf == 0 {
			p.r.sums.join(p.r.net, p.r.grad.Slab(), i/leaf, own)
		}
	}
	all, err := g.Gather(mine)
	if err != nil {
		return 0, 0, err
	}
	for b := slices.Concat(all...); len(b) > 0; b = b[16:] { // in the order of k
		sum += math.Float64frombits(binary.LittleEndian.Uint64(b))
		counted += int(binary.LittleEndian.Uint64(b[8:]))
	}
	if err := g.ReduceScatter(p.r.grad.Slab(), p.fan); err != nil {
		return 0, 0, err
	}
	return sum, counted, g.AllGather(p.r.grad.Slab(), p.fan)
}

// agreeToStop ends the context of the run in all processes if that of one has ended: asked is the
// context that the caller of Train gave, and stop ends the one that Train works with. In a
// run of one process both are the same.
func (r *Run) agreeToStop(asked context.Context, stop context.CancelCauseFunc) error {
	if r.group == nil {
		return nil
	}
	mine := int64(0)
	if asked.Err() != nil {
		mine = 1
	}
	_, any, err := r.group.Agree(mine)
	if any != 0 {
		stop(context.Canceled)
	}
	return err
}
