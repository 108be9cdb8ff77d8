package mpi

import "github.com/pedestrian-ml/pedestrian/internal/kernel"

// A Tree says in which order the numbers of all ranks are added, and which part of a slab
// each rank owns.
//
// Rank r has the sum of a whole subtree of what is to be added, and neighbours are joined
// first. With Fan [2, 2] four ranks add (r0+r1)+(r2+r3); with [2, 3] six ranks add
// ((r0+r1)+(r2+r3))+(r4+r5); with [3, 2] they add ((r0+r1)+r2)+((r3+r4)+r5). A sum of two
// numbers does not depend on their order, so it does not matter who adds: each number of
// the result has the bits that one process gets which adds the same along the same tree.
//
// The sum is formed by recursive halving: of the part that a group still has in common, each
// member keeps a share and sends the others theirs. A rank sends n·(1-1/R) numbers of n, as
// few as can be, and at the end owns n/R of the sum.
type Tree struct {
	Fan []int // how many are joined at each level, from the leaves up; the product is the number of ranks
	// Block makes every border between parts a multiple of so many numbers. 0 means 1.
	Block int
}

// Ranks returns the number of ranks of t.
func (t Tree) Ranks() int {
	n := 1
	for _, m := range t.Fan {
		n *= m
	}
	return n
}

// Part returns the part of n numbers that rank owns after a sum: from ≤ i < to. It may be
// empty. The parts of all ranks are all n numbers.
func (t Tree) Part(n, rank int) (from, to int) {
	from, to = 0, n
	for _, l := range t.levels(n, rank) {
		from, to = l.pieces[l.me].from, l.pieces[l.me].to
	}
	return from, to
}

// A level joins the ranks of a group.
type level struct {
	ranks  []int // the group
	me     int   // this rank's place in it
	pieces []piece
	slabs  []int // of each of the group; nil = 1
}

// A piece is the numbers from ≤ i < to of a slab.
type piece struct{ from, to int }

func (p piece) of(x []float32) []float32 { return x[p.from:p.to] }

// levels returns what rank does with n numbers, from the leaves up.
func (t Tree) levels(n, rank int) []level {
	levels := make([]level, len(t.Fan))
	whole, stride := piece{0, n}, 1
	for i, m := range t.Fan {
		l := level{me: rank / stride % m, pieces: cut(whole, m, max(1, t.Block))}
		for d := range m {
			l.ranks = append(l.ranks, rank+(d-l.me)*stride)
		}
		levels[i] = l
		whole, stride = l.pieces[l.me], stride*m
	}
	return levels
}

// cut divides p into m pieces of nearly the same number of blocks.
func cut(p piece, m, block int) []piece {
	pieces := make([]piece, m)
	blocks := (p.to - p.from + block - 1) / block
	at := p.from
	for i := range pieces {
		end := min(p.to, p.from+blocks*(i+1)/m*block)
		pieces[i] = piece{at, end}
		at = end
	}
	return pieces
}

// A wire carries numbers between this rank and others. Each function starts a message
// and returns what waits for its end; x belongs to the message until then. Messages
// between two ranks arrive in the order in which they were started.
type wire struct {
	send    func(x []float32, to int) (wait func() error, err error)
	receive func(x []float32, from int) (wait func() error, err error)
	chunk   int // numbers of a message
	room    [][]float32
}

// buffer returns the i-th buffer for n numbers, at most chunk.
func (w *wire) buffer(i, n int) []float32 {
	for len(w.room) <= i {
		w.room = append(w.room, nil)
	}
	if len(w.room[i]) < n {
		w.room[i] = make([]float32, n)
	}
	return w.room[i][:n]
}

// ahead is how many messages to and from each rank are under way at the same time, so that
// a link does not idle between two of them.
const ahead = 4

// reduceScatter adds x over all ranks along t. Of the sum this rank gets its part, in its
// place in x; the rest of x has no meaning afterwards.
func (t Tree) reduceScatter(x []float32, rank int, w *wire) error {
	for _, l := range t.levels(len(x), rank) {
		own := l.pieces[l.me].of(x)
		summands := make([][]float32, len(l.ranks))
		arrived := func(from, at int) []float32 {
			return w.buffer(from*ahead+at/w.chunk%ahead, min(w.chunk, len(own)-at))
		}
		err := l.exchange(w,
			func(to, _ int) []float32 { return l.pieces[to].of(x) },
			func(int) int { return len(own) },
			func(from, _, at int) []float32 { return arrived(from, at) },
			func(at int) {
				if at >= len(own) {
					return
				}
				for from := range summands {
					if from != l.me {
						summands[from] = arrived(from, at)
					}
				}
				fold(own[at:min(at+w.chunk, len(own))], summands, l.me)
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// fold sets own to in[0] + in[1] + …, added from the left, where own itself is the summand me.
func fold(own []float32, in [][]float32, me int) {
	for i := 1; i < me; i++ {
		kernel.Add(in[0], in[i])
	}
	if me > 0 {
		kernel.Add(own, in[0])
	}
	for _, x := range in[me+1:] {
		kernel.Add(own, x)
	}
}

// allGather brings each rank's part of x to all ranks: the way of reduceScatter back.
func (t Tree) allGather(x []float32, rank int, w *wire) error {
	levels := t.levels(len(x), rank)
	for i := len(levels) - 1; i >= 0; i-- {
		l := levels[i]
		err := l.exchange(w,
			func(int, int) []float32 { return l.pieces[l.me].of(x) },
			func(from int) int { return len(l.pieces[from].of(x)) },
			func(from, _, at int) []float32 {
				p := l.pieces[from].of(x)
				return p[at:min(at+w.chunk, len(p))]
			},
			func(int) {})
		if err != nil {
			return err
		}
	}
	return nil
}

// exchange sends out(j, k) to each other member j of the group, for each slab k of this one, and
// receives expect(j) numbers of each slab of it, both in messages of w.chunk numbers. The
// message of j that begins with number at of its slab k is received into in(j, k, at); done(at)
// is called when those of all members have come. Members have l.slabs slabs, or one.
func (l level) exchange(w *wire, out func(to, k int) []float32, expect func(from int) int, in func(from, k, at int) []float32, done func(at int)) error {
	slabs := func(member int) int {
		if l.slabs == nil {
			return 1
		}
		return l.slabs[member]
	}
	most := 0
	for j := range l.ranks {
		most = max(most, len(out(j, 0)), expect(j))
	}
	var waits [ahead][]func() error
	start := func(at int) error {
		slot := at / w.chunk % ahead
		waits[slot] = waits[slot][:0]
		for j, rank := range l.ranks {
			if j == l.me || at >= expect(j) {
				continue
			}
			for k := range slabs(j) {
				wait, err := w.receive(in(j, k, at), rank)
				if err != nil {
					return err
				}
				waits[slot] = append(waits[slot], wait)
			}
		}
		for j, rank := range l.ranks {
			for k := range slabs(l.me) {
				x := out(j, k)
				if j == l.me || at >= len(x) {
					continue
				}
				wait, err := w.send(x[at:min(at+w.chunk, len(x))], rank)
				if err != nil {
					return err
				}
				waits[slot] = append(waits[slot], wait)
			}
		}
		return nil
	}
	for at := 0; at < min(most, ahead*w.chunk); at += w.chunk {
		if err := start(at); err != nil {
			return err
		}
	}
	for at := 0; at < most; at += w.chunk {
		for _, wait := range waits[at/w.chunk%ahead] {
			if err := wait(); err != nil {
				return err
			}
		}
		done(at)
		if next := at + ahead*w.chunk; next < most {
			if err := start(next); err != nil {
				return err
			}
		}
	}
	return nil
}
