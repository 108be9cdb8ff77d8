package kernel

import (
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

type taskFunc func(w *Pool, part int)

func (f taskFunc) Do(w *Pool, part int) { f(w, part) }

func TestPoolRunsEveryPartOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		p := newPool(threads)
		counts := make([]atomic.Int32, 300)
		for parts := range counts {
			for i := range counts {
				counts[i].Store(0)
			}
			if parts%50 == 49 {
				time.Sleep(2 * idleSpin) // the workers park
			}
			p.Run(parts, taskFunc(func(w *Pool, i int) {
				if w.Threads() != 1 {
					t.Error("the pool of a part has several threads")
				}
				w.Run(2, taskFunc(func(_ *Pool, _ int) { counts[i].Add(1) }))
			}))
			for i := range counts {
				if want := int32(2 * min(1, max(0, parts-i))); counts[i].Load() != want {
					t.Fatalf("%d threads, %d parts: part %d ran %d/2 times", threads, parts, i, counts[i].Load())
				}
			}
		}
		p.Close()
		p.Close()
		ran := 0
		p.Run(3, taskFunc(func(w *Pool, i int) { ran++ }))
		if ran != 3 || p.Threads() != 1 {
			t.Errorf("after Close: %d of 3 parts, %d threads", ran, p.Threads())
		}
	}
}

func TestPoolUsesItsWorkers(t *testing.T) {
	p := newPool(3)
	defer p.Close()
	var arrived atomic.Int32
	p.Run(3, taskFunc(func(*Pool, int) {
		arrived.Add(1)
		for deadline := time.Now().Add(10 * time.Second); arrived.Load() < 3; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Error("three parts are not in work at the same time")
				return
			}
		}
	}))
}

// A worker that takes long makes the caller sleep, not spin.
func TestPoolWaitsForSlowWorker(t *testing.T) {
	p := newPool(2)
	defer p.Close()
	for range 5 {
		var slow, other atomic.Int32
		p.Run(2, taskFunc(func(w *Pool, _ int) {
			if w == p.pools[0] {
				for other.Load() == 0 {
					runtime.Gosched()
				}
				return
			}
			other.Store(1)
			time.Sleep(5 * joinSpin)
			slow.Store(1)
		}))
		if other.Load() == 1 && slow.Load() != 1 {
			t.Fatal("Run returned before the worker had finished")
		}
	}
}

func TestPoolPanics(t *testing.T) {
	boom := errors.New("boom")
	for range 20 {
		p := newPool(3)
		for _, onWorker := range []bool{false, true} {
			func() {
				defer func() {
					switch v := recover().(type) {
					case error:
						var f *workerPanic
						if onWorker != errors.As(v, &f) || !errors.Is(v, boom) {
							t.Errorf("on a worker %v: panic with %v", onWorker, v)
						}
						if onWorker && !strings.Contains(f.Error(), "pool_test.go") {
							t.Errorf("the failure has no stack: %v", f)
						}
					default:
						t.Errorf("on a worker %v: panic with %v", onWorker, v)
					}
				}()
				var fell atomic.Bool
				p.Run(1000, taskFunc(func(w *Pool, i int) {
					if (w == p.pools[0]) != onWorker {
						fell.Store(true)
						panic(boom)
					}
					for !fell.Load() {
						runtime.Gosched()
					}
				}))
			}()
			n := atomic.Int32{}
			p.Run(100, taskFunc(func(*Pool, int) { n.Add(1) }))
			if n.Load() != 100 {
				t.Fatalf("after a panic %d of 100 parts ran", n.Load())
			}
		}
		p.Close()
	}
}

func TestPoolNested(t *testing.T) {
	p := newPool(2)
	defer p.Close()
	defer func() {
		if v := recover(); v == nil || !strings.Contains(v.(error).Error(), "the part's own") {
			t.Errorf("panic %v", v)
		}
	}()
	inner := taskFunc(func(*Pool, int) {})
	p.Run(2, taskFunc(func(w *Pool, _ int) {
		if w == p.pools[1] {
			p.Run(2, inner)
		}
		for p.parts.left() {
			runtime.Gosched()
		}
	}))
}

type nothing struct{}

func (nothing) Do(*Pool, int) {}

func TestPoolDoesNotAllocate(t *testing.T) {
	p := newPool(2)
	defer p.Close()
	var task Task = &nothing{}
	if n := testing.AllocsPerRun(100, func() { p.Run(10, task) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkForkJoin(b *testing.B) {
	p := newPool(2)
	defer p.Close()
	var task Task = &nothing{}
	for b.Loop() {
		p.Run(2, task)
	}
}

func BenchmarkForkJoinParked(b *testing.B) {
	p := newPool(2)
	defer p.Close()
	var task Task = &nothing{}
	for b.Loop() {
		b.StopTimer()
		time.Sleep(2 * idleSpin)
		b.StartTimer()
		p.Run(2, task)
	}
}
