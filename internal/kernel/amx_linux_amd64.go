package kernel

import "syscall"

// permitAMX asks Linux for the permission to use tile registers. It is given to the whole
// process: arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA).
func permitAMX() bool {
	_, _, errno := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, 0x1023, 18, 0)
	return errno == 0
}
