package memory

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// A system is where limits are told: files under /proc and /sys, and the limits of the
// process.
type system struct {
	root   string                     // before /proc and /sys
	limits func() (space, data int64) // of this process, in bytes; math.MaxInt64 = none
	probe  func(bytes int64) bool     // whether the system would map so many bytes; nil = nobody asks it
}

// Of what ulimit leaves, the heap takes whole arenas, and the threads their stacks.
const arena, threads = 64 << 20, 32 << 20

func (s system) free() (Room, bool) {
	least := Room{Bytes: math.MaxInt64}
	bound := func(bytes int64, by string) {
		if bytes < least.Bytes {
			least = Room{max(0, bytes), by}
		}
	}
	info := s.table("/proc/meminfo")
	if free, ok := info["MemAvailable"]; ok {
		bound(free<<10, "free")
	}
	if limit, ok := info["CommitLimit"]; ok && s.text("/proc/sys/vm/overcommit_memory") == "2" {
		bound((limit-info["Committed_AS"])<<10, "left of what the system promises (vm.overcommit_memory is 2)")
	}
	for _, g := range s.groups() {
		if limit, left := g.left(); limit {
			bound(left, "left of the control group's limit ("+g.dir+")")
		}
	}
	if s.limits != nil {
		space, data := s.left()
		bound(space-arena-threads, "left of the limit on address space (ulimit -v)")
		bound(data-threads, "left of the limit on data (ulimit -d)")
	}
	return least, least.Bound != "" && least.Bytes < unlimited
}

// left is what the limits of the process leave; about math.MaxInt64 where there are none.
func (s system) left() (space, data int64) {
	space, data = s.limits()
	if space < math.MaxInt64 || data < math.MaxInt64 {
		status := s.table("/proc/self/status")
		space -= status["VmSize"] << 10
		data -= status["VmData"] << 10
	}
	return space, data
}

func (s system) ask(need int64, what, remedy string) error {
	room, ok := s.free()
	if ok && need > room.Bytes { // what is garbage here is not free there
		debug.FreeOSMemory()
		room, ok = s.free()
	}
	if ok && need > room.Bytes {
		return &Short{what, need, room, remedy}
	}
	if s.probe != nil && !s.probe(need) {
		return &Short{what, need, Room{room.Bytes, "free, of which the system gives no such piece"}, remedy}
	}
	return nil
}

// text is what a small file holds, "" where it cannot be read.
func (s system) text(path string) string {
	text, err := os.ReadFile(filepath.Join(s.root, path))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// table reads lines of a name and a number.
func (s system) table(path string) map[string]int64 {
	t := map[string]int64{}
	for line := range strings.Lines(s.text(path)) {
		if f := strings.Fields(line); len(f) > 1 {
			if n, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				t[strings.TrimSuffix(f[0], ":")] = n
			}
		}
	}
	return t
}

// number is the number that a file holds, false where it holds none.
func (s system) number(path string) (int64, bool) {
	n, err := strconv.ParseInt(s.text(path), 10, 64)
	return n, err == nil
}
