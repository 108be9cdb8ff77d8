//go:build !linux

package pedestrian

func hugePages[T Float](slab []T) {}
