// Package memory says how much memory there is, and refuses what does not fit before any
// of it is taken: once an allocation fails there is nothing left but a Go trace, or the
// system ends the process.
//
// What there is, is the least of: what Linux calls available, which counts the page
// cache as free; what the control groups of the process leave, version 1 and 2, its own
// and all above it, their page cache counted as free; where Linux promises no more than
// it has, what it may still promise; and the limits on address space and on data
// (ulimit -v and -d). Where a system tells none of them, everything fits.
package memory

import (
	"fmt"
	"runtime/debug"
)

// Room is memory that may be taken.
type Room struct {
	Bytes int64
	Bound string // what it is bounded by, as in "2.0 GiB are " + Bound
}

// Free is what may be taken now; false where the system does not tell.
func Free() (Room, bool) { return here.free() }

// Short says that something needs more memory than there is.
type Short struct {
	What   string // that needs it, and how many: "reading x takes"
	Need   int64
	Room   Room
	Remedy string // what to do
}

func (s *Short) Error() string {
	text := fmt.Sprintf("%s %s of memory, and %s are %s", s.What, Size(s.Need), Size(s.Room.Bytes), s.Room.Bound)
	if s.Remedy != "" {
		text += ": " + s.Remedy
	}
	return text
}

// Ask reports, as *Short, that so many bytes may not be taken. What is asked for is not
// set aside: ask before each large allocation, or once for all of them. what is the
// beginning of the message, such as "the tokens need"; remedy is its end.
func Ask(need int64, what, remedy string) error {
	if need < Small {
		return nil
	}
	return here.ask(need, what, remedy)
}

// Small is what nobody needs to ask for: a thing of fewer bytes is read in a moment, and
// its garbage is what a limit leaves room for anyway.
const Small = 16 << 20

// Size is a number of bytes in words.
func Size(bytes int64) string {
	switch b := float64(bytes); {
	case bytes < 1<<10:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < 1<<20:
		return fmt.Sprintf("%.1f KiB", b/(1<<10))
	case bytes < 1<<30:
		return fmt.Sprintf("%.1f MiB", b/(1<<20))
	case bytes < 1<<40:
		return fmt.Sprintf("%.1f GiB", b/(1<<30))
	default:
		return fmt.Sprintf("%.1f TiB", b/(1<<40))
	}
}

// Collect makes the garbage collector work harder as memory runs short, where it would
// otherwise let a heap double: with half of the memory taken, that would be the end. A
// limit that the environment sets (GOMEMLIMIT) stays.
func Collect() {
	if set := debug.SetMemoryLimit(-1); set != noLimit {
		return
	}
	if room, ok := Free(); ok {
		debug.SetMemoryLimit(held() + room.Bytes/10*9)
	}
}

const noLimit = 1<<63 - 1 // what SetMemoryLimit begins with
