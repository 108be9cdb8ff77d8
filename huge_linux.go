package pedestrian

import (
	"syscall"
	"unsafe"
)

// hugePages asks Linux to back a new slab with pages of 2 MiB, as far as whole ones
// fit: the first touch of a large network takes a third of the time, and every pass
// over it misses fewer address translations. It is a wish; other systems do not know it.
func hugePages[T any](slab []T) {
	const page = 2 << 20
	p := unsafe.Pointer(unsafe.SliceData(slab))
	size := len(slab) * int(unsafe.Sizeof(*new(T)))
	skip := int(-uintptr(p) % page)
	if size -= skip; size < page {
		return
	}
	// The error would say that the system has no such pages.
	_ = syscall.Madvise(unsafe.Slice((*byte)(unsafe.Add(p, skip)), size/page*page), syscall.MADV_HUGEPAGE)
}
