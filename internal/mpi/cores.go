package mpi

import (
	"fmt"
	"math/bits"
)

// Cores are the processor cores that a rank may use, and those of its machine.
type Cores struct {
	Host   string // the name of the machine
	Ranks  int    // how many ranks it has
	First  bool   // this rank is the first of them
	Mine   int    // so many cores this rank should use, so that all ranks of the machine have as many
	Bound  int    // so many all ranks of the machine together may use
	Usable int    // so many their launcher may use there
}

// A set is a set of cores: bit i of word i/64.
type set []uint64

func (s set) count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// shareCores divides the cores of a machine. of are those that each of its ranks may use,
// of[me] those of this rank, and launcher those that the launcher may use.
func shareCores(of []set, me int, launcher set) Cores {
	union, meeting := make(set, len(of[me])), 0
	for _, s := range of {
		meets := false
		for i := range s {
			union[i] |= s[i]
			meets = meets || s[i]&of[me][i] != 0
		}
		if meets {
			meeting++ // ranks that may use a core of this one's
		}
	}
	return Cores{
		Ranks:  len(of),
		First:  me == 0,
		Mine:   max(1, of[me].count()/max(1, meeting)),
		Bound:  union.count(),
		Usable: max(union.count(), launcher.count()),
	}
}

// Warning says in a line what is wrong with the cores and how to mend it, "" if nothing is.
func (c Cores) Warning(f Family) string {
	if c.Bound >= c.Usable {
		return ""
	}
	how := map[Family]string{
		OpenMPI: fmt.Sprintf("start with --map-by ppr:%d:node --bind-to none", c.Ranks),
		MPICH:   "start with -bind-to none",
		Unknown: "start with srun --cpu-bind=none, or with more --cpus-per-task",
	}[f]
	return fmt.Sprintf("the %s of %s may use %d of its %d cores: %s", plural(c.Ranks, "rank"), c.Host, c.Bound, c.Usable, how)
}

func plural(n int, word string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, word)
	}
	return fmt.Sprintf("%d %ss", n, word)
}
