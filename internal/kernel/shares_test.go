package kernel

import (
	"sync"
	"sync/atomic"
	"testing"
)

// Every number is dealt out once, whoever takes how many.
func TestSharesDealEveryNumberOnce(t *testing.T) {
	var s Shares
	for _, threads := range []int{1, 2, 3, 8} {
		for n := range 40 {
			s.Start(n, threads)
			counts := make([]atomic.Int32, n)
			var all sync.WaitGroup
			for thread := range threads {
				if thread == 1 && n%3 == 0 {
					continue // does not come: the others take its share
				}
				all.Go(func() {
					for i, ok := s.Take(thread); ok; i, ok = s.Take(thread) {
						counts[i].Add(1)
					}
				})
			}
			all.Wait()
			for i := range counts {
				if c := counts[i].Load(); c != 1 {
					t.Fatalf("%d threads: number %d of %d was taken %d times", threads, i, n, c)
				}
			}
			if s.left() {
				t.Fatalf("%d threads: numbers of %d are left", threads, n)
			}
		}
	}
}

// A thread begins with its own share, which is the same in the next task; then it helps.
func TestSharesBeginWithTheirOwn(t *testing.T) {
	var s Shares
	for range 2 {
		s.Start(10, 3)
		for _, c := range []struct{ thread, want int }{{2, 6}, {0, 0}, {1, 3}, {1, 4}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {1, 1}, {0, 2}} {
			if i, ok := s.Take(c.thread); !ok || i != c.want {
				t.Errorf("thread %d takes %d, %v, want %d", c.thread, i, ok, c.want)
			}
		}
		if i, ok := s.Take(0); ok {
			t.Errorf("an eleventh number of ten, %d", i)
		}
	}
	s.Start(5, 2)
	s.Drop()
	if i, ok := s.Take(1); ok {
		t.Errorf("%d was left after Drop", i)
	}
}
