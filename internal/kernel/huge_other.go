//go:build !linux

package kernel

// HugePages does nothing here: see the version for Linux.
func HugePages[T Float | BF16 | byte](v []T) {}
