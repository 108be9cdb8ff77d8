package growth

import (
	"testing"
	"time"
)

var sink int

// TestMeasure: what is waited for is not work, and what is allocated is counted.
func TestMeasure(t *testing.T) {
	slept, _ := measure(func() { time.Sleep(50 * time.Millisecond) })
	if slept > 30*time.Millisecond {
		t.Logf("sleeping counts as %v here", slept) // the clock of another system
	}
	_, bytes := measure(func() { sink = len(make([]byte, 1<<20)) })
	if bytes < 1<<20 || bytes > 1<<21 {
		t.Errorf("a MiB counts as %d bytes", bytes)
	}
}

// TestLinear: a loop within a loop is told from one after another.
func TestLinear(t *testing.T) {
	loop := func(n int) {
		for i := range n {
			sink += i ^ sink
		}
	}
	Linear(t, 1<<10, func(n int) func() { return func() { loop(n); loop(n) } })
	if !squared(t, func(n int) func() {
		return func() {
			for range n {
				loop(n)
			}
		}
	}) {
		t.Error("n loops of n count as linear")
	}
}

// squared says whether 8 times the input takes more than Linear admits.
func squared(t *testing.T, input func(n int) func()) bool {
	small, long := time.Hour, time.Hour
	for range 3 {
		took, _ := measure(input(1 << 10))
		small = min(small, took)
		took, _ = measure(input(times << 10))
		long = min(long, took)
	}
	t.Logf("%v, %v", small, long)
	return float64(long) > most*float64(small)
}
