package kernel

import "syscall"

// yield lets another thread that waits for this processor run, if there is one. A thread that
// spins while others wait takes their time, that of its own team's workers among it.
func yield() { syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }
