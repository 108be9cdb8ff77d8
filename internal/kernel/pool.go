package kernel

import (
	"fmt"
	"runtime"
)

// A Task is work in parts. The result of a part does not depend on the order of the parts or
// on the thread.
type Task interface {
	// Do computes one part. w is a pool of one thread with its own scratch memory,
	// for kernels that the part calls.
	Do(w *Pool, part int)
}

// A Pool runs tasks on a fixed number of threads: the caller of Run and the pool's workers.
// After a task, workers spin for a short time and then park: to wake a parked goroutine
// costs more time than most tasks take. With more threads than processors they park at once,
// because a spinning thread would take a processor from a working one. Only one goroutine at
// a time may use a Pool. A nil *Pool computes on the calling goroutine.
type Pool struct {
	scratch
	threads int
	index   int // in the pool that Do gets: the number of the thread, 0 for the caller
	*team       // nil: one thread

	Terms uint64 // number of multiply-adds in float32 and float64 products so far
}

// A workerPanic is the value with which Run panics if a part panicked on a worker.
type workerPanic struct {
	value any    // value of the panic in the part
	stack []byte // stack of the worker
}

func (f *workerPanic) Error() string { return fmt.Sprintf("%v\n\nin a worker:\n%s", f.value, f.stack) }

// Unwrap returns the value of the panic if it is an error.
func (f *workerPanic) Unwrap() error {
	err, _ := f.value.(error)
	return err
}

// NewPool starts a pool. threads ≤ 0 means GOMAXPROCS. More threads than GOMAXPROCS are not
// started: spinning threads on the same core would slow each other down.
func NewPool(threads int) *Pool {
	limit := runtime.GOMAXPROCS(0)
	if threads <= 0 || threads > limit {
		threads = limit
	}
	return newPool(threads)
}

func newPool(threads int) *Pool {
	p := &Pool{threads: threads}
	if threads <= 1 {
		p.threads = 1
		return p
	}
	t := &team{
		pools:   make([]*Pool, threads),
		workers: make([]worker, threads-1),
		done:    make(chan struct{}, 1),
		spins:   threads <= runtime.NumCPU(),
	}
	for i := range t.pools {
		t.pools[i] = &Pool{threads: 1, index: i}
	}
	p.team = t
	t.exit.Add(threads - 1)
	for i := range t.workers {
		t.workers[i].wake = make(chan struct{}, 1)
		go t.workerLoop(&t.workers[i], t.pools[i+1])
	}
	return p
}

// Threads is the number of threads of p.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return p.threads
}

// Close stops the workers and waits for them. After that p runs tasks on the caller.
func (p *Pool) Close() {
	if p == nil || p.team == nil {
		return
	}
	p.state.Or(closed)
	p.wake(len(p.workers))
	p.exit.Wait()
	p.team, p.threads = nil, 1
}

// Run calls t.Do for every part in [0, parts) and returns when all are done. It does not
// allocate. If a part panics, parts that have not begun are not run, and Run panics: with
// the same value if the panic was on the calling goroutine, with an error that wraps it if
// it was on a worker.
func (p *Pool) Run(parts int, t Task) {
	if p == nil || p.team == nil || parts == 1 {
		w := p
		if p != nil && p.team != nil {
			w = p.pools[0]
		}
		for i := range parts {
			t.Do(w, i)
		}
		return
	}
	if parts <= 0 {
		return
	}
	p.run(parts, t)
}
