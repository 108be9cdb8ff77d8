package memory

import (
	"math"
	"runtime"
	"time"
)

// Watch calls full, once, when a limit on the process itself (ulimit -v, -d) leaves the
// heap no room to grow by an arena, and it has nothing idle: the next allocation would
// end the process with a Go trace, which nobody can catch. Without such a limit nothing
// is watched.
func Watch(full func(Room)) {
	if here.limits == nil {
		return
	}
	if space, data := here.limits(); space == math.MaxInt64 && data == math.MaxInt64 {
		return
	}
	go func() {
		for range time.Tick(tick) {
			if _, ok := here.narrow(); ok {
				runtime.GC()
				if room, ok := here.narrow(); ok {
					full(room)
					return
				}
			}
		}
	}()
}

const (
	tick   = 5 * time.Millisecond
	enough = 4 << 20 // idle bytes of a heap that can go on
)

// narrow says whether the heap can neither grow nor live on what it has.
func (s system) narrow() (Room, bool) {
	space, data := s.left()
	switch {
	case idle() >= enough:
	case space < arena:
		return Room{max(0, space), "left of the limit on address space (ulimit -v)"}, true
	case data < enough:
		return Room{max(0, data), "left of the limit on data (ulimit -d)"}, true
	}
	return Room{}, false
}
