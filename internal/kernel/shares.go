package kernel

import "sync/atomic"

// Shares deals the numbers 0, 1, … n-1 out to threads. Each thread begins with a share
// of its own, the same range whenever n is the same, so that the rows of a matrix that
// it computed in one task are those that it reads in the next: they lie in its own
// cache, and what lies in another's is slow to come. Then it takes of the others' shares
// what they have not begun.
type Shares struct{ of []share }

type share struct {
	next atomic.Int64
	end  int64
	_    [112]byte // the other threads' are in other cache lines
}

// Start begins again with n numbers and shares for some threads. Nobody may be in Take.
func (s *Shares) Start(n, threads int) {
	if len(s.of) != threads {
		s.of = make([]share, threads)
	}
	for i := range s.of {
		s.of[i].next.Store(int64(i * n / threads))
		s.of[i].end = int64((i + 1) * n / threads)
	}
}

// Take returns a number that nobody has taken; ok is false when there is none.
func (s *Shares) Take(thread int) (number int, ok bool) {
	for range s.of {
		if o := &s.of[thread]; o.next.Load() < o.end {
			if i := o.next.Add(1) - 1; i < o.end {
				return int(i), true
			}
		}
		if thread++; thread == len(s.of) {
			thread = 0
		}
	}
	return 0, false
}

// Drop takes all numbers that are left.
func (s *Shares) Drop() {
	for i := range s.of {
		s.of[i].next.Store(s.of[i].end)
	}
}

// left reports whether there are numbers that nobody has taken.
func (s *Shares) left() bool {
	for i := range s.of {
		if s.of[i].next.Load() < s.of[i].end {
			return true
		}
	}
	return false
}
