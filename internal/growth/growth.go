// Package growth is for tests of parsers: it shows that what a parser takes, in time and
// in memory, grows with its input and not with the square of it.
package growth

import (
	"runtime"
	"testing"
	"time"
)

// Limits of Linear. Work that is linear takes 8 times as long for 8 times the input, and
// a little more where a cache overflows or a heap is log n deep; quadratic work takes 64.
const (
	times   = 8
	most    = 20.0                   // times as much: between 8 and 64
	begin   = 4 * time.Millisecond   // what a measurement lasts at least
	repeats = 3                      // of a measurement that failed, the least counts
	biggest = 1 << 22                // of n
	atOnce  = 400 * time.Millisecond // nobody waits longer for the first measurement
)

// Linear fails the test when work takes more than linear time or memory in n. input
// makes an input of size n, and returns the work on it, which must not change it. The
// size is doubled from n on until the work can be measured.
//
// Time is that of the processor on this thread, so that what else the machine does
// counts little; where a system does not tell it, it is the clock's.
func Linear(t *testing.T, n int, input func(n int) (work func())) {
	t.Helper()
	work := input(n)
	small, smallBytes := measure(work)
	for small < begin && n < biggest {
		n *= 2
		work = input(n)
		small, smallBytes = measure(work)
	}
	if small > atOnce {
		t.Fatalf("a size of %d takes %v", n, small)
	}
	large := input(times * n)
	long, longBytes := measure(large)
	for r := 1; r < repeats && long > time.Duration(most*float64(small)); r++ {
		again, _ := measure(work)
		small = max(small, again) // that of a machine at its slowest, and of one at its fastest
		again, _ = measure(large)
		long = min(long, again)
	}
	t.Logf("%d takes %v and %d bytes, %d takes %v and %d", n, small, smallBytes, times*n, long, longBytes)
	if long > time.Duration(most*float64(small)) {
		t.Errorf("%d times the input (%d) takes %.1f times as long, %v and %v: not linear", times, n, float64(long)/float64(small), small, long)
	}
	if least := uint64(1 << 16); longBytes > uint64(most*float64(max(smallBytes, least))) {
		t.Errorf("%d times the input (%d) takes %.1f times the memory, %d and %d bytes: not linear", times, n, float64(longBytes)/float64(smallBytes), smallBytes, longBytes)
	}
}

// measure is what work takes: time of this thread, and bytes allocated.
func measure(work func()) (time.Duration, uint64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := now()
	work()
	took := now() - start
	runtime.ReadMemStats(&after)
	return took, after.TotalAlloc - before.TotalAlloc
}
