package kernel

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
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
// parked goroutine costs more than most tasks take, then park. One goroutine at
// a time may use a Pool. A nil *Pool computes on the calling goroutine.
type Pool struct {
	scratch
	threads int
	*team   // nil: one thread
}

// team is what a pool of several threads adds.
type team struct {
	self    []*Pool // self[i]: the pool of one thread that worker i hands to Do; 0 is the caller
	workers []worker
	task    Task
	parts   int64
	failure atomic.Pointer[Failure]
	done    chan struct{} // tells a caller that gave up spinning that the last worker has left
	exit    sync.WaitGroup

	_     [64]byte
	state atomic.Uint64 // see the masks below
	_     [64]byte
	next  atomic.Int64 // the next part that nobody has taken
	_     [64]byte
	idle  atomic.Int32 // how many workers are parked
	_     [64]byte
}

// The state of a team: the number of the task in the upper half, then three
// flags, then how many workers are inside the task.
const (
	inside  = 1<<16 - 1
	open    = 1 << 16 // workers may enter the task
	waiting = 1 << 17 // the caller sleeps on done
	closed  = 1 << 18 // workers must exit
	serial  = 32      // shift of the task's number
)

type worker struct {
	parked atomic.Bool
	wake   chan struct{}
	_      [64]byte
}

const (
	idleSpin = 1500 * time.Microsecond // how long a worker spins before it parks
	joinSpin = 200 * time.Microsecond  // how long the caller spins for the last worker
)

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
	}
	for i := range t.self {
		t.self[i] = &Pool{threads: 1}
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

func (t *team) run(parts int, task Task) {
	s := t.state.Load()
	if s&(open|inside) != 0 {
		panic("kernel.Pool.Run: called inside a part with the pool that runs it: use the part's own")
	}
	t.task, t.parts = task, int64(parts)
	t.next.Store(0)
	t.state.Store((s>>serial+1)<<serial | open)
	if t.idle.Load() > 0 {
		t.rouse(min(parts-1, len(t.workers)))
	}
	defer t.join()
	t.work(t.self[0])
}

// work takes parts until none is left.
func (t *team) work(w *Pool) {
	for {
		i := t.next.Add(1) - 1
		if i >= t.parts {
			return
		}
		t.task.Do(w, int(i))
	}
}

// join closes the task, waits until every worker has left it and passes on the
// panic of a worker. Workers that never entered are not waited for.
func (t *team) join() {
	t.next.Store(t.parts) // matters only after a panic of the caller
	t.state.And(^uint64(open))
	var start time.Time
	for i := 1; t.state.Load()&inside != 0; i++ {
		pause(8)
		if i%32 != 0 {
			continue
		}
		switch now := time.Now(); {
		case start.IsZero():
			start = now
		case now.Sub(start) > joinSpin:
			if t.state.Or(waiting)&inside != 0 {
				<-t.done
			}
			t.state.And(^uint64(waiting))
		}
	}
	t.task = nil
	if f := t.failure.Swap(nil); f != nil {
		panic(f)
	}
}

// serve is the life of a worker.
func (t *team) serve(me *worker, w *Pool) {
	defer t.exit.Done()
	var last uint64
	for {
		s := t.await(me, last)
		if s&closed != 0 {
			return
		}
		if !t.state.CompareAndSwap(s, s+1) {
			continue
		}
		last = s >> serial
		t.guard(w)
		if s := t.state.Add(^uint64(0)); s&inside == 0 && s&waiting != 0 {
			t.done <- struct{}{}
		}
	}
}

// guard works on the task and keeps a panic for the caller.
func (t *team) guard(w *Pool) {
	defer func() {
		if v := recover(); v != nil {
			t.next.Store(t.parts)
			t.failure.CompareAndSwap(nil, &Failure{v, debug.Stack()})
		}
	}()
	t.work(w)
}

// await returns a state that is open with a task other than last, or closed.
func (t *team) await(me *worker, last uint64) uint64 {
	ready := func() (uint64, bool) {
		s := t.state.Load()
		return s, s&closed != 0 || s&open != 0 && s>>serial != last
	}
	var start time.Time
	for i := 1; ; i++ {
		if s, ok := ready(); ok {
			return s
		}
		pause(8)
		if i%64 != 0 {
			continue
		}
		now := time.Now()
		if start.IsZero() {
			start = now
		}
		if now.Sub(start) < idleSpin {
			continue
		}
		me.parked.Store(true)
		t.idle.Add(1)
		// A task opened before the flag was up did not see it: look again.
		if _, ok := ready(); !ok || !me.parked.CompareAndSwap(true, false) {
			<-me.wake
		}
		t.idle.Add(-1)
		start = time.Time{}
	}
}

// rouse wakes up to n parked workers.
func (t *team) rouse(n int) {
	for i := range t.workers {
		if w := &t.workers[i]; n > 0 && w.parked.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
			n--
		}
	}
}
