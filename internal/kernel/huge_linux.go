package kernel

import (
	"syscall"
	"unsafe"
)

// HugePages asks Linux to back v with pages of 2 MiB, as far as whole ones fit:
// fewer misses of address translation, and memory that is touched for the first
// time costs a third. It is a wish, best made before v is first written to; other
// systems do not know it.
func HugePages[T Float | BF16 | byte](v []T) {
	const page = 2 << 20
	p := unsafe.Pointer(unsafe.SliceData(v))
	size := len(v) * int(unsafe.Sizeof(*new(T)))
	skip := int(-uintptr(p) % page)
	if size -= skip; size < page {
		return
	}
	// The error would say that the system has no such pages.
	_ = syscall.Madvise(unsafe.Slice((*byte)(unsafe.Add(p, skip)), size/page*page), syscall.MADV_HUGEPAGE)
}
