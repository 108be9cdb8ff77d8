package kernel

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A team is the part of a pool with several threads.
type team struct {
	pools   []*Pool // pools[i] is the pool of one thread that thread i gives to Do; 0 is the caller
	workers []worker
	task    Task
	failure atomic.Pointer[workerPanic]
	done    chan struct{} // signals a parked caller that the last worker has left the task
	exit    sync.WaitGroup
	spins   bool // each thread has a processor: waiting threads may spin

	_     [64]byte
	state atomic.Uint64 // see the masks below
	_     [64]byte
	parts Shares // parts that are not taken
	_     [64]byte
	idle  atomic.Int32 // number of parked workers
	_     [64]byte
}

// The state of a team: the number of the task in the upper 32 bits, then three
// flags, then the number of workers inside the task.
const (
	inside  = 1<<16 - 1
	open    = 1 << 16 // workers may enter the task
	waiting = 1 << 17 // the caller waits for done
	closed  = 1 << 18 // workers must exit
	serial  = 32      // shift of the task's number
)

type worker struct {
	parked atomic.Bool
	wake   chan struct{}
	_      [64]byte
}

const (
	idleSpin = 1500 * time.Microsecond // a worker spins for this time before it parks
	joinSpin = 200 * time.Microsecond  // the caller spins for this time for the last worker
)

func (t *team) run(parts int, task Task) {
	s := t.state.Load()
	if s&(open|inside) != 0 {
		panic("kernel.Pool.Run: called inside a part with the pool that runs it: use the part's own")
	}
	t.task = task
	t.parts.Start(parts, len(t.pools))
	t.state.Store((s>>serial+1)<<serial | open)
	if t.idle.Load() > 0 {
		t.wake(min(parts-1, len(t.workers)))
	}
	defer t.join()
	t.work(t.pools[0])
}

// work computes parts until none is left.
func (t *team) work(w *Pool) {
	for {
		i, ok := t.parts.Take(w.index)
		if !ok {
			return
		}
		t.task.Do(w, i)
	}
}

// join closes the task, waits until every worker has left it, and repeats the panic of a
// worker. It does not wait for workers that have not entered the task.
func (t *team) join() {
	if t.parts.left() { // after a panic of the caller
		t.parts.Drop()
	}
	t.state.And(^uint64(open))
	var start time.Time
	for i := 1; t.state.Load()&inside != 0; i++ {
		pause(8)
		if i%32 != 0 {
			continue
		}
		yield()
		switch now := time.Now(); {
		case start.IsZero():
			start = now
		case now.Sub(start) > joinSpin || !t.spins:
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

// workerLoop runs in the goroutine of each worker.
func (t *team) workerLoop(me *worker, w *Pool) {
	defer t.exit.Done()
	var last uint64
	for {
		s := t.waitForTask(me, last)
		if s&closed != 0 {
			return
		}
		if !t.state.CompareAndSwap(s, s+1) {
			continue
		}
		last = s >> serial
		t.workRecovered(w)
		if s := t.state.Add(^uint64(0)); s&inside == 0 && s&waiting != 0 {
			t.done <- struct{}{}
		}
	}
}

// workRecovered is work; it stores a panic for the caller.
func (t *team) workRecovered(w *Pool) {
	defer func() {
		if v := recover(); v != nil {
			t.parts.Drop()
			t.failure.CompareAndSwap(nil, &workerPanic{v, debug.Stack()})
		}
	}()
	t.work(w)
}

// waitForTask returns a state that is open with a task other than last, or closed.
func (t *team) waitForTask(me *worker, last uint64) uint64 {
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
		yield()
		now := time.Now()
		if start.IsZero() {
			start = now
		}
		if now.Sub(start) < idleSpin && t.spins {
			continue
		}
		me.parked.Store(true)
		t.idle.Add(1)
		// A task that was opened before parked was set did not see it: check again.
		if _, ok := ready(); !ok || !me.parked.CompareAndSwap(true, false) {
			<-me.wake
		}
		t.idle.Add(-1)
		start = time.Time{}
	}
}

// wake wakes up to n parked workers.
func (t *team) wake(n int) {
	for i := range t.workers {
		if w := &t.workers[i]; n > 0 && w.parked.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
			n--
		}
	}
}
