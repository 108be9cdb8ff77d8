//go:build mpi && (amd64 || arm64)

package mpi

import (
	"syscall"
	"unsafe"
)

// MPI libraries take signals. UCX, which may be below one, takes those of faults as soon as
// it is loaded; MPICH takes SIGUSR1 when it starts, without SA_ONSTACK. Go needs them: a nil
// dereference is such a signal, and a handler that is not on the signal stack ends the
// process. So what a library has changed is put back.

// An action is struct sigaction as the kernel has it on amd64 and arm64.
type action struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// actions are those of all signals, by number.
type actions [65]action

// eachSignal calls f for the signals that a program may handle. The C library keeps 32 and
// 33 for itself.
func eachSignal(f func(s syscall.Signal)) {
	for s := syscall.Signal(1); s < 65; s++ {
		if s != syscall.SIGKILL && s != syscall.SIGSTOP && s != 32 && s != 33 {
			f(s)
		}
	}
}

func sigaction(s syscall.Signal, set, old *action) {
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
}

// signalActions returns what the signals do now.
func signalActions() *actions {
	a := new(actions)
	eachSignal(func(s syscall.Signal) { sigaction(s, nil, &a[s]) })
	return a
}

// restore makes the signals do what they did, and returns those that did something else.
func (a *actions) restore() (changed []syscall.Signal) {
	eachSignal(func(s syscall.Signal) {
		now := new(action)
		sigaction(s, nil, now)
		if now.handler != a[s].handler || now.flags != a[s].flags {
			changed = append(changed, s)
			sigaction(s, &a[s], nil)
		}
	})
	return changed
}
