package memory

import (
	"math"

	"golang.org/x/sys/unix"
)

var here = system{root: "/", limits: limits, probe: probe}

// limits are those of ulimit -v and -d.
func limits() (space, data int64) {
	of := func(resource int) int64 {
		var l unix.Rlimit
		if unix.Getrlimit(resource, &l) != nil || l.Cur > math.MaxInt64 {
			return math.MaxInt64
		}
		return int64(l.Cur)
	}
	return of(unix.RLIMIT_AS), of(unix.RLIMIT_DATA)
}

// probe maps so many bytes, touches none and gives them back.
func probe(bytes int64) bool {
	if bytes > math.MaxInt {
		return false
	}
	b, err := unix.Mmap(-1, 0, int(bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return false
	}
	return unix.Munmap(b) == nil
}
