package kernel

import "sync/atomic"

// Shares distributes the numbers 0, 1, … n-1 to threads. Each thread first gets the numbers
// of its own range, which is the same for the same n: so a thread reads the rows of a matrix
// that it computed in the task before, which are in its cache. Then it gets numbers of other
// ranges that are not taken yet.
type Shares struct{ ranges []indexRange }

type indexRange struct {
	next atomic.Int64
	end  int64
	_    [112]byte // so that the ranges of other threads are in other cache lines
}

// Start resets s to n numbers and the given number of threads. No thread may be in Take.
func (s *Shares) Start(n, threads int) {
	if len(s.ranges) != threads {
		s.ranges = make([]indexRange, threads)
	}
	for i := range s.ranges {
		s.ranges[i].next.Store(int64(i * n / threads))
		s.ranges[i].end = int64((i + 1) * n / threads)
	}
}

// Take returns a number that is not taken yet; ok is false if there is none.
func (s *Shares) Take(thread int) (number int, ok bool) {
	for range s.ranges {
		if o := &s.ranges[thread]; o.next.Load() < o.end {
			if i := o.next.Add(1) - 1; i < o.end {
				return int(i), true
			}
		}
		if thread++; thread == len(s.ranges) {
			thread = 0
		}
	}
	return 0, false
}

// Drop discards all numbers that are not taken.
func (s *Shares) Drop() {
	for i := range s.ranges {
		s.ranges[i].next.Store(s.ranges[i].end)
	}
}

// left reports whether there are numbers that are not taken.
func (s *Shares) left() bool {
	for i := range s.ranges {
		if s.ranges[i].next.Load() < s.ranges[i].end {
			return true
		}
	}
	return false
}
