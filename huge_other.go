//go:build !linux

package pedestrian

func hugePages[T any](slab []T) {}
