package kernel

import (
	"fmt"
	"runtime"
)

// A Task is work that splits into parts whose results do not depend on who
// computes them or in which order.
type Task interface {
	// Do computes one part. w is a pool of one thread with scratch of its own,
	// for kernels called inside the part.
	Do(w *Pool, part int)
}

// A Pool runs tasks on a fixed number of threads: the caller of Run and the
// pool's workers. Workers spin for a short while after a task, because waking a
// parked goroutine costs more than most tasks take, then park. With more threads than
// processors they park at once: a thread that spins would keep another one from its
// work. One goroutine at a time may use a Pool. A nil *Pool computes on the calling
// goroutine.
type Pool struct {
	scratch
	threads int
	index   int // of a pool of one thread that a team hands to Do: which of its threads it is
	*team       // nil: one thread

	Terms uint64 // multiply-adds in the products of float32 and float64 so far
}

// A Failure is the value of the panic that Run raises when a part panicked on a
// worker.
type Failure struct {
	Value any    // what the part panicked with
	Stack []byte // where
}

func (f *Failure) Error() string { return fmt.Sprintf("%v\n\nin a worker:\n%s", f.Value, f.Stack) }

// Unwrap returns the value of the panic where that is an error.
func (f *Failure) Unwrap() error {
	err, _ := f.Value.(error)
	return err
}

// NewPool starts a pool. threads ≤ 0 means GOMAXPROCS, and more than GOMAXPROCS
// is cut to it: spinning threads that share a core only hold each other up.
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
		self:    make([]*Pool, threads),
		workers: make([]worker, threads-1),
		done:    make(chan struct{}, 1),
		spins:   threads <= runtime.NumCPU(),
	}
	for i := range t.self {
		t.self[i] = &Pool{threads: 1, index: i}
	}
	p.team = t
	t.exit.Add(threads - 1)
	for i := range t.workers {
		t.workers[i].wake = make(chan struct{}, 1)
		go t.serve(&t.workers[i], t.self[i+1])
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

// Close stops the workers and waits for them; p runs on the caller from then on.
func (p *Pool) Close() {
	if p == nil || p.team == nil {
		return
	}
	p.state.Or(closed)
	p.rouse(len(p.workers))
	p.exit.Wait()
	p.team, p.threads = nil, 1
}

// Run calls t.Do for every part in [0, parts) and returns when all are done. It
// does not allocate. Where a part panics, the parts that nobody has begun are
// dropped and Run panics: with the same value if it happened on the calling
// goroutine, with a *Failure if on a worker.
func (p *Pool) Run(parts int, t Task) {
	if p == nil || p.team == nil || parts == 1 {
		w := p
		if p != nil && p.team != nil {
			w = p.self[0]
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
