package kernel

import (
	"syscall"
	"unsafe"
)

// HugePages asks Linux to use pages of 2 MiB for v, as far as whole pages fit: address
// translation has fewer misses, and the first access to the memory costs a third. Call it
// before v is first written to. Linux may ignore the request; other systems have no such
// call.
func HugePages[T Float | BF16 | byte](v []T) {
	const page = 2 << 20
	p := unsafe.Pointer(unsafe.SliceData(v))
	size := len(v) * int(unsafe.Sizeof(*new(T)))
	skip := int(-uintptr(p) % page)
	if size -= skip; size < page {
		return
	}
	// An error means that the system has no such pages: ignore it.
	_ = syscall.Madvise(unsafe.Slice((*byte)(unsafe.Add(p, skip)), size/page*page), syscall.MADV_HUGEPAGE)
}
