package memory

import (
	"path"
	"slices"
	"strings"
)

// A group is a control group of this process, or one above it.
type group struct {
	system
	dir string
	v1  bool
}

// unlimited is less than what version 1 writes where there is no limit, which depends on
// the size of a page.
const unlimited = 1 << 62

// left is whether the group has a limit, and what is left of it. The page cache of its
// files is given up for what is asked for, so that it counts as free.
func (g group) left() (limited bool, bytes int64) {
	files, used, inactive, active := "memory.max", "memory.current", "inactive_file", "active_file"
	if g.v1 {
		files, used, inactive, active = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "total_active_file"
	}
	limit, ok := g.number(path.Join(g.dir, files)) // "max" is no number
	if !ok || limit >= unlimited {
		return false, 0
	}
	taken, _ := g.number(path.Join(g.dir, used))
	stat := g.table(path.Join(g.dir, "memory.stat"))
	return true, limit - max(0, taken-stat[inactive]-stat[active])
}

// groups are the control groups of memory that this process is in, the innermost first,
// as far up as they are mounted here.
func (s system) groups() (gs []group) {
	v1, v2 := s.paths()
	for line := range strings.Lines(s.text("/proc/self/mountinfo")) {
		before, after, ok := strings.Cut(line, " - ")
		f, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(kind) < 3 {
			continue
		}
		inside, old := v2, false
		switch {
		case kind[0] == "cgroup" && slices.Contains(strings.Split(kind[2], ","), "memory"):
			inside, old = v1, true
		case kind[0] != "cgroup2":
			continue
		}
		if inside == "" {
			continue
		}
		// The mount shows the groups from f[3] on. In a container without a name space of
		// its own the path is that of the host, and the mount shows the group itself.
		root, point := unescape(f[3]), unescape(f[4])
		below, ok := strings.CutPrefix(inside, strings.TrimSuffix(root, "/"))
		if !ok || below != "" && below[0] != '/' {
			below = ""
		}
		for dir := path.Join(point, below); strings.HasPrefix(dir, point); dir = path.Dir(dir) {
			gs = append(gs, group{s, dir, old})
			if dir == point {
				break
			}
		}
	}
	return gs
}

// paths are those of the groups in /proc/self/cgroup, "" where there is none.
func (s system) paths() (v1, v2 string) {
	for line := range strings.Lines(s.text("/proc/self/cgroup")) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(f) != 3:
		case f[0] == "0" && f[1] == "":
			v2 = path.Clean("/" + f[2])
		case slices.Contains(strings.Split(f[1], ","), "memory"):
			v1 = path.Clean("/" + f[2])
		}
	}
	return v1, v2
}

// unescape reads what mountinfo writes for blanks.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
