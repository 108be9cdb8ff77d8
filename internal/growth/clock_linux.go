package growth

import (
	"time"

	"golang.org/x/sys/unix"
)

// now is the processor's time of this thread.
func now() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
