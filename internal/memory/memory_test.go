package memory

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes files under a directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const (
	meminfo = "MemTotal:       16000000 kB\nMemFree:          100000 kB\nMemAvailable:    8388608 kB\nCommitLimit:     6291456 kB\nCommitted_AS:    2097152 kB\n"
	status  = "Name:\tpedestrian\nVmSize:\t 1048576 kB\nVmData:\t  524288 kB\n"
	v2mount = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	v1mount = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n35 31 0:32 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
)

// TestFree: each of the limits, where it is the least; sizes are worked out by hand.
func TestFree(t *testing.T) {
	const GiB = 1 << 30
	for _, c := range []struct {
		name        string
		files       map[string]string
		space, data int64 // in GiB, 0 = none
		want        int64
		bound       string
	}{
		{"machine", nil, 0, 0, 8 * GiB, "free"},
		{"free is not available", map[string]string{"proc/meminfo": "MemFree: 1 kB\n"}, 0, 0, -1, ""},
		{"promises", map[string]string{"proc/sys/vm/overcommit_memory": "2\n"}, 0, 0, 4 * GiB, "left of what the system promises (vm.overcommit_memory is 2)"},
		{"promises as usual", map[string]string{"proc/sys/vm/overcommit_memory": "0\n"}, 0, 0, 8 * GiB, "free"},
		{"v2", map[string]string{
			"proc/self/cgroup": "0::/user/job\n", "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/user/job/memory.max": "4294967296\n", "sys/fs/cgroup/user/job/memory.current": "1073741824\n",
		}, 0, 0, 3 * GiB, "left of the control group's limit (/sys/fs/cgroup/user/job)"},
		{"v2 above", map[string]string{
			"proc/self/cgroup": "0::/user/job\n", "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/user/job/memory.max": "max\n", "sys/fs/cgroup/user/job/memory.current": "1\n",
			"sys/fs/cgroup/user/memory.max": "2147483648\n", "sys/fs/cgroup/user/memory.current": "1073741824\n",
		}, 0, 0, 1 * GiB, "left of the control group's limit (/sys/fs/cgroup/user)"},
		{"v2 page cache", map[string]string{
			"proc/self/cgroup": "0::/job\n", "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/job/memory.max": "4294967296\n", "sys/fs/cgroup/job/memory.current": "4294967296\n",
			"sys/fs/cgroup/job/memory.stat": "anon 1073741824\nfile 3221225472\nshmem 0\ninactive_file 2147483648\nactive_file 1073741824\n",
		}, 0, 0, 3 * GiB, "left of the control group's limit (/sys/fs/cgroup/job)"},
		{"v2 of a container", map[string]string{ // its own name space: the path is /, and so is the root of the mount
			"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/memory.max": "2147483648\n", "sys/fs/cgroup/memory.current": "0\n",
		}, 0, 0, 2 * GiB, "left of the control group's limit (/sys/fs/cgroup)"},
		{"v2 of a container without a name space", map[string]string{ // the host's path, and the mount shows the group itself
			"proc/self/cgroup": "0::/docker/abc\n", "proc/self/mountinfo": "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			"sys/fs/cgroup/memory.max": "2147483648\n", "sys/fs/cgroup/memory.current": "1073741824\n",
		}, 0, 0, 1 * GiB, "left of the control group's limit (/sys/fs/cgroup)"},
		{"v1", map[string]string{
			"proc/self/cgroup": "5:devices:/\n4:cpu,memory:/job\n0::/\n", "proc/self/mountinfo": v1mount,
			"sys/fs/cgroup/memory/job/memory.limit_in_bytes": "4294967296\n", "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "3221225472\n",
			"sys/fs/cgroup/memory/job/memory.stat": "inactive_file 5\ntotal_inactive_file 1073741824\ntotal_active_file 0\n",
		}, 0, 0, 2 * GiB, "left of the control group's limit (/sys/fs/cgroup/memory/job)"},
		{"v1 above", map[string]string{
			"proc/self/cgroup": "4:memory:/job/part\n", "proc/self/mountinfo": v1mount,
			"sys/fs/cgroup/memory/job/part/memory.limit_in_bytes": "9223372036854771712\n",
			"sys/fs/cgroup/memory/job/memory.limit_in_bytes":      "1073741824\n", "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "536870912\n",
		}, 0, 0, GiB / 2, "left of the control group's limit (/sys/fs/cgroup/memory/job)"},
		{"v1 without a limit", map[string]string{
			"proc/self/cgroup": "4:memory:/job\n", "proc/self/mountinfo": v1mount,
			"sys/fs/cgroup/memory/job/memory.limit_in_bytes": "9223372036854771712\n", "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "5\n",
		}, 0, 0, 8 * GiB, "free"},
		{"a group that is full", map[string]string{
			"proc/self/cgroup": "0::/job\n", "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/job/memory.max": "1073741824\n", "sys/fs/cgroup/job/memory.current": "1073745920\n",
		}, 0, 0, 0, "left of the control group's limit (/sys/fs/cgroup/job)"},
		{"address space", nil, 3, 0, 2*GiB - arena - threads, "left of the limit on address space (ulimit -v)"},
		{"data", nil, 0, 2, 3*GiB/2 - threads, "left of the limit on data (ulimit -d)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"proc/meminfo": meminfo, "proc/self/status": status}
			for name, text := range c.files {
				files[name] = text
			}
			of := func(n int64) int64 {
				if n == 0 {
					return math.MaxInt64
				}
				return n * GiB
			}
			s := system{root: tree(t, files), limits: func() (int64, int64) { return of(c.space), of(c.data) }}
			got, ok := s.free()
			if ok != (c.want >= 0) {
				t.Fatalf("%+v, %v", got, ok)
			}
			if ok && (got.Bytes != c.want || got.Bound != c.bound) {
				t.Errorf("%+v, want %d %s", got, c.want, c.bound)
			}
		})
	}
}

// TestAsk: one line, with what is needed, what there is, and what to do.
func TestAsk(t *testing.T) {
	s := system{root: tree(t, map[string]string{"proc/meminfo": meminfo})}
	if err := s.ask(8<<30, "x needs", "y"); err != nil {
		t.Errorf("all that is free: %v", err)
	}
	err := s.ask(8<<30+1, "the weights need", "take a smaller model")
	var short *Short
	if !errors.As(err, &short) || short.Need != 8<<30+1 {
		t.Fatalf("%v", err)
	}
	if got, want := err.Error(), "the weights need 8.0 GiB of memory, and 8.0 GiB are free: take a smaller model"; got != want {
		t.Errorf("%s", got)
	}
	s.probe = func(bytes int64) bool { return bytes < 1<<30 }
	if err := s.ask(1<<30, "x needs", ""); err == nil || !strings.Contains(err.Error(), "the system gives no such piece") {
		t.Errorf("%v", err)
	}
	if err := (system{root: t.TempDir()}).ask(1<<60, "x needs", ""); err != nil {
		t.Errorf("a system that tells nothing: %v", err)
	}
}

// TestHere: what no machine has is refused on this one, and what is nothing is not.
func TestHere(t *testing.T) {
	room, ok := Free()
	if !ok {
		t.Log("this system tells nothing")
		return
	}
	if room.Bytes <= 0 || room.Bytes > 1<<47 {
		t.Errorf("%+v", room)
	}
	if err := Ask(1<<50, "a test needs", ""); err == nil {
		t.Error("a pebibyte is given")
	}
	if err := Ask(1<<62, "a test needs", ""); err == nil {
		t.Error("4 exbibytes are given")
	}
	if err := Ask(Small, "a test needs", ""); err != nil {
		t.Error(err)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1536: "1.5 KiB", 16 << 20: "16.0 MiB", 3 << 29: "1.5 GiB", 1 << 41: "2.0 TiB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
