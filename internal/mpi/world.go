//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// A World is all processes that one launcher has started: MPI_COMM_WORLD. Its functions are
// called by all ranks in the same order, those of one rank by any goroutine: one thread makes
// all calls of the library (MPI_THREAD_FUNNELED), and it makes them one after the other.
type World struct {
	Rank, Size int     // this process is the number Rank of Size, counted from 0
	Library    Library // that was loaded
	Cores      Cores   // of this rank and of its machine

	lib   *library
	calls chan func() // what the thread is to do
	wire  wire
	abort atomic.Int64 // 1 + the exit code, when the process is to abort
	taken []syscall.Signal
}

// A Library is the library of a World.
type Library struct {
	Path    string // a path, or a name that the system's loader knows
	ABI     ABI
	Version string // what it says of itself
}

// Start loads an MPI library and starts MPI, for a process of which the launcher has said l.
// If path is "", the library is that of the launcher's installation; otherwise path names it.
func Start(l Launch, path string) (*World, error) {
	w := &World{calls: make(chan func())}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread belongs to MPI
		err := w.start(l, path)
		started <- err
		if err != nil {
			return
		}
		for f := range w.calls {
			f()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return w, nil
}

func (w *World) start(l Launch, path string) error {
	before := signalActions()
	lib, err := load(l, path)
	if err != nil {
		before.restore()
		return err
	}
	w.lib = lib
	w.Library = Library{lib.path, lib.abi, lib.version}
	given := new(int32)
	err = lib.call("MPI_Init_thread", lib.initThread, 0, 0, lib.funneled, uintptr(unsafe.Pointer(given)))
	w.taken = before.restore()
	if err != nil {
		return fmt.Errorf("starting %s: %w", lib.path, err)
	}
	if err := lib.call("MPI_Comm_set_errhandler", lib.commSetErrhandler, lib.world, lib.errorsReturn); err != nil {
		return err
	}
	n := new([2]int32)
	if err := lib.call("MPI_Comm_rank", lib.commRank, lib.world, uintptr(unsafe.Pointer(&n[0]))); err != nil {
		return err
	}
	if err := lib.call("MPI_Comm_size", lib.commSize, lib.world, uintptr(unsafe.Pointer(&n[1]))); err != nil {
		return err
	}
	w.Rank, w.Size = int(n[0]), int(n[1])
	if l.Size > 0 && l.Size != w.Size || l.Rank != w.Rank {
		has := fmt.Sprintf("%d processes", l.Size)
		if l.Size == 0 {
			has = "several processes"
		}
		return fmt.Errorf("%s has started %s, and the library %s (%s) sees %d: both must be of one installation; use its own launcher, or set PEDESTRIAN_MPI to the launcher's library",
			l.By, has, lib.path, lib.version, w.Size)
	}
	w.wire = wire{send: w.send, receive: w.receive, chunk: 1 << 18}
	w.Cores, err = w.cores()
	return err
}

// do lets the thread of MPI call f.
func (w *World) do(f func() error) error {
	answer := make(chan error, 1)
	w.calls <- func() { answer <- f() }
	return <-answer
}

// Close ends MPI. All ranks call it; afterwards the process must end by Exit.
func (w *World) Close() error {
	return w.do(func() error { return w.lib.call("MPI_Finalize", w.lib.finalize) })
}

// Exit ends this process by the exit of the C library. MPICH tells its launcher only there
// that a rank has ended as it should, and the launcher kills the others when one has not.
func (w *World) Exit(code int) { exit(code) }

// patience is how long Abort waits for the thread of MPI and for the launcher.
const patience = 5 * time.Second

// Abort ends the processes of all ranks, with the exit code as far as the launcher has one.
// It does not return. Any goroutine may call it at any time.
func (w *World) Abort(code int) {
	w.abort.Store(1 + int64(code)) // the thread looks at it while it waits for messages
	select {
	case w.calls <- func() { w.abortNow() }:
		time.Sleep(patience)
	case <-time.After(patience):
	}
	os.Exit(code)
}

// abortNow aborts, in the thread of MPI.
func (w *World) abortNow() {
	code := int(w.abort.Load() - 1)
	_ = w.lib.call("MPI_Abort", w.lib.abort, w.lib.world, uintptr(code))
	time.Sleep(patience)
	os.Exit(code)
}

// A request is a call that is under way.
type request struct {
	call   string
	handle *uint64 // room for an MPI_Request, an int or a pointer
	buffer any     // what the library reads or writes meanwhile
}

func newRequest(call string, buffer any) *request { return &request{call, new(uint64), buffer} }

// How long the thread asks for the end of a message without a break, and then how long the
// breaks are: longer the longer it has waited. A rank that waits for one that computes leaves
// its core to others; one that waits for its turn in an exchange loses nothing.
const (
	awake    = 20 * time.Millisecond
	shortNap = 100 * time.Microsecond
	longNap  = 2 * time.Millisecond
)

// wait waits for the end of r.
func (w *World) wait(r *request) error {
	done := new(int32)
	var began time.Time
	for i := 0; ; i++ {
		err := w.lib.call(r.call, w.lib.test, uintptr(unsafe.Pointer(r.handle)), uintptr(unsafe.Pointer(done)), w.lib.ignore)
		if err != nil || *done != 0 {
			runtime.KeepAlive(r)
			return err
		}
		if w.abort.Load() != 0 {
			w.abortNow()
		}
		switch {
		case i == 0:
			began = time.Now()
		case time.Since(began) > awake:
			time.Sleep(min(longNap, max(shortNap, time.Since(began)/256)))
		case i%16 == 0:
			syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) // more ranks than cores
		}
	}
}

// most is how many bytes one message has at most: the library counts by C ints.
const most = 1 << 30

// send starts a message with x to a rank.
func (w *World) send(x []float32, to int) (func() error, error) {
	r := newRequest("MPI_Isend", x)
	err := w.lib.call(r.call, w.lib.isend, uintptr(unsafe.Pointer(unsafe.SliceData(x))), uintptr(4*len(x)), w.lib.byte, uintptr(to), 0, w.lib.world, uintptr(unsafe.Pointer(r.handle)))
	return func() error { return w.wait(r) }, err
}

// receive starts to receive x from a rank.
func (w *World) receive(x []float32, from int) (func() error, error) {
	r := newRequest("MPI_Irecv", x)
	err := w.lib.call(r.call, w.lib.irecv, uintptr(unsafe.Pointer(unsafe.SliceData(x))), uintptr(4*len(x)), w.lib.byte, uintptr(from), 0, w.lib.world, uintptr(unsafe.Pointer(r.handle)))
	return func() error { return w.wait(r) }, err
}
