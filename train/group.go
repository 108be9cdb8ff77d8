package train

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"

	"github.com/pedestrian-ml/pedestrian/engine"
)

// A Group is the processes that make a run together: each has a Run of its own, with the same
// options, data and state, and its Rank is its place among them. All of them call the same
// methods in the same order.
type Group interface {
	// Rank returns the number of this process, 0 ≤ Rank < Size.
	Rank() int

	// Size returns the number of processes.
	Size() int

	// Part returns the part of n numbers that this process has after ReduceScatter with the
	// same Sum: from ≤ i < to. The parts of all processes are all numbers; each begins at a
	// multiple of engine.UpdateBlock, or is empty. They need not be in the order of the ranks.
	Part(n int, s Sum) (from, to int)

	// ReduceScatter adds the slabs x of all processes, which have the same lengths. Every
	// process gets its part of the sum, in its place in the last slab of x; the rest of x has
	// no meaning afterwards.
	ReduceScatter(x [][]float32, s Sum) error

	// AllGather brings the parts of x that the processes have to all of them.
	AllGather(x []float32, s Sum) error

	// Gather returns what each process has given, by rank.
	Gather(mine []byte) (all [][]byte, err error)

	// Agree returns the lowest and the highest x of all processes.
	Agree(x int64) (lowest, highest int64, err error)
}

// A Sum says in which order the slabs of processes are added. Counts[r] is the number of those that
// process r has. Taken in the order of the processes, after slab k has come the latest two sums
// are added, Adds[k] times; at the end one is left.
//
// Where each process has one slab, and these are a whole tree, Fan says the same in another way:
// Fan[0] neighbours are added, then Fan[1] of these sums, and so on, each time from the left.
// The product of Fan is the number of processes. Elsewhere Fan is nil.
type Sum struct {
	Counts, Adds []int
	Fan          []int
}

// sumOf returns how so many processes add the leaves of an update.
func sumOf(leaves, processes int) Sum {
	s := Sum{}
	s.Counts, s.Adds, _ = partialSums(leaves, processes)
	if own := leaves / processes; leaves%processes == 0 && (processes == 1 || own&(own-1) == 0) {
		s.Fan = fan(processes)
	}
	return s
}

// Share makes r one of the runs of g, which make every update together, with the bits of one
// process that has the same Leaves. It must be called before the first step, by all processes.
// Only the run of process 0 may have a directory.
//
// Each process has all weights and gradients, and of the moments a part, which it updates
// (ZeRO, stage 1). State.M and State.V are empty from now on, and Save gathers the moments.
//
// Each process has at least one leaf, so there may be as many processes as leaves. They take
// equally long where their number divides Leaves, and send least where each has a whole subtree
// of the sum of the leaves.
func (r *Run) Share(g Group) error {
	if err := r.Options.checkProcesses(g.Size()); err != nil {
		return err
	}
	if g.Rank() > 0 && r.Dir != "" {
		panic(fmt.Sprintf("train.Run.Share: process %d would write to %s, as process 0 does", g.Rank(), r.Dir))
	}
	p := manyProcesses{oneProcess{r}, g, sumOf(r.Options.leaves(), g.Size())}
	r.group, r.stepper = g, p
	return p.divide()
}

// checkProcesses returns an error if so many processes cannot share an update.
func (o Options) checkProcesses(size int) error {
	if n := o.leaves(); size > n {
		return fmt.Errorf("%d processes cannot share an update whose leaves are %d: there may be as many processes as leaves; set leaves, and accumulate to a multiple of it, to have more", size, n)
	}
	return nil
}

// fan returns how the sums of processes are added of which each has a whole subtree.
func fan(size int) []int {
	fan := []int{}
	for range bits.Len(uint(pairs(size))) - 1 {
		fan = append(fan, 2)
	}
	if size%3 == 0 {
		fan = append(fan, 3)
	}
	return fan
}

// manyProcesses is the stepper of a run that several processes make: each computes the gradients of
// its leaves, gets a part of their sum, and updates this part of the weights and moments.
type manyProcesses struct {
	oneProcess
	group Group
	sum   Sum
}

// newMomentsPart returns the part of the moments of w that this process of g has, all zero.
func newMomentsPart(g Group, w Weights, o Options) *momentsPart {
	from, to := g.Part(len(w.Slab()), sumOf(o.leaves(), g.Size()))
	if from%engine.UpdateBlock != 0 && from < to {
		panic(fmt.Sprintf("train.Run.Share: the part of process %d begins with number %d, which is no multiple of %d", g.Rank(), from, engine.UpdateBlock))
	}
	return &momentsPart{from, make([]float32, to-from), make([]float32, to-from)}
}

// divide leaves to this process its part of the moments, if it has not loaded the part alone.
func (p manyProcesses) divide() error {
	r := p.r
	divided := func(s *State) {
		part := newMomentsPart(p.group, s.Trained(), r.Options)
		if s.part == nil {
			copy(part.m, part.of(s.M.Slab()))
			copy(part.v, part.of(s.V.Slab()))
			s.part, s.M, s.V = part, Weights{}, Weights{}
		} else if s.part.at != part.at || len(s.part.m) != len(part.m) {
			panic(fmt.Sprintf("train.Run.Share: process %d has loaded the moments from number %d on for other processes: of these it has those from %d on", p.group.Rank(), s.part.at, part.at))
		}
	}
	divided(r.State)
	if r.back == nil {
		return nil
	}
	m, v := r.back.M, r.back.V // of process 0, if it has loaded an older checkpoint
	divided(r.back)
	return p.shareSnapshot(m, v)
}

// gradients does not look at ctx: the end of a run is agreed on between updates (Run.agreeToStop).
func (p manyProcesses) gradients(_ context.Context, position uint64) (sum float64, counted int, err error) {
	o, g := &p.r.Options, p.group
	leaf := o.Accumulate / o.leaves() // micro-batches
	from, to := leavesOf(o.leaves(), g.Size(), g.Rank())
	mine := make([]byte, 0, 16*(to-from)*leaf)
	p.r.sums.begin()
	for k := from * leaf; k < to*leaf; k++ {
		loss, n := p.r.microBatch(position, k, k%leaf > 0)
		mine = appendLoss(mine, loss, n)
		if (k+1)%leaf == 0 {
			p.r.sums.join(p.r.net, p.r.grad.Slab(), k/leaf, o.leaves(), k < to*leaf-1)
		}
	}
	all, err := g.Gather(mine)
	if err != nil {
		return 0, 0, err
	}
	sum, counted = addLosses(all)
	return sum, counted, g.ReduceScatter(p.r.sums.take(p.r.grad.Slab()), p.sum)
}

// appendLoss and addLosses write and add losses and the numbers of their targets, in their order.
func appendLoss(b []byte, loss float64, counted int) []byte {
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(loss))
	return binary.LittleEndian.AppendUint64(b, uint64(counted))
}

func addLosses(all [][]byte) (sum float64, counted int) {
	for _, b := range all {
		for ; len(b) > 0; b = b[16:] {
			sum += math.Float64frombits(binary.LittleEndian.Uint64(b))
			counted += int(binary.LittleEndian.Uint64(b[8:]))
		}
	}
	return sum, counted
}

// norms joins those of the parts. Squares of the gradient are added in the order of the slab.
func (p manyProcesses) norms() (engine.Norms, error) {
	s := p.r.State
	slab, grad := s.Trained().Slab(), p.r.grad.Slab()
	own, squares := p.r.net.PartNorms(s.part.of(slab), s.part.of(grad), s.part.m, s.part.v)
	negative := uint64(0)
	if own.Negative {
		negative = 1
	}
	mine := binary.LittleEndian.AppendUint64(nil, uint64(s.part.at))
	mine = binary.LittleEndian.AppendUint64(mine, negative)
	for _, x := range append([]float64{own.W, own.M, own.V}, squares...) {
		mine = binary.LittleEndian.AppendUint64(mine, math.Float64bits(x))
	}
	all, err := p.group.Gather(mine)
	if err != nil {
		return engine.Norms{}, err
	}
	var norms engine.Norms
	squares = make([]float64, (len(slab)+engine.UpdateBlock-1)/engine.UpdateBlock)
	for _, b := range all {
		at, negative := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		var x []float64
		for b = b[16:]; len(b) > 0; b = b[8:] {
			x = append(x, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
		norms.Join(engine.Norms{W: x[0], M: x[1], V: x[2], Negative: negative != 0})
		copy(squares[at/engine.UpdateBlock:], x[3:])
	}
	norms.G = engine.Length(squares)
	return norms, nil
}

// update changes the part of this process, and all weights come from those that have changed them.
func (p manyProcesses) update(h engine.AdamW, step int, scale float64) error {
	s := p.r.State
	slab := s.Trained().Slab()
	p.r.net.AdamWPart(h, step, scale, s.part.at, s.part.of(slab), s.part.of(p.r.grad.Slab()), s.part.m, s.part.v)
	return p.group.AllGather(slab, p.sum)
}

func (p manyProcesses) wholeGradient() error { return p.group.AllGather(p.r.grad.Slab(), p.sum) }

func (p manyProcesses) moments(second bool) (Weights, error) {
	part, grad := p.r.State.part, p.r.grad
	if second {
		copy(part.of(grad.Slab()), part.v)
	} else {
		copy(part.of(grad.Slab()), part.m)
	}
	return grad, p.group.AllGather(grad.Slab(), p.sum)
}

// diagnosis returns what the first process has found whose weights or moments are damaged, or
// else what process 0 has found, so that all do the same about it.
func (p manyProcesses) diagnosis(mine Diverged) (*Diverged, error) {
	type finding struct {
		State          bool
		Cause, Samples string
	}
	text, err := json.Marshal(finding{mine.State, mine.Cause, mine.Samples})
	if err != nil {
		return nil, err
	}
	all, err := p.group.Gather(text)
	if err != nil {
		return nil, err
	}
	for rank, text := range all {
		var f finding
		if err := json.Unmarshal(text, &f); err != nil {
			return nil, fmt.Errorf("what process %d has found: %w", rank, err)
		}
		if rank == 0 || f.State && !mine.State {
			mine.State, mine.Cause, mine.Samples = f.State, f.Cause, f.Samples
		}
	}
	return &mine, nil
}

// evaluate divides the batches of an evaluation. Losses are added in the order of the batches.
func (p manyProcesses) evaluate(ctx context.Context) (float64, error) {
	r, g := p.r, p.group
	batches := r.Options.evalBatches(r.feed)
	var mine []byte
	for _, rows := range batches[len(batches)*g.Rank()/g.Size() : len(batches)*(g.Rank()+1)/g.Size()] {
		loss, n := r.net.Loss(evalBatch(r.feed, rows, r.batch))
		mine = appendLoss(mine, loss, n)
	}
	all, err := g.Gather(mine)
	if err != nil {
		return 0, err
	}
	sum, counted := addLosses(all)
	return sum / float64(counted), ctx.Err()
}
