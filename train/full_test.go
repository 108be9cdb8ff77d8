//go:build linux && long

package train

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// On file systems in memory of 64 sizes, from too small for anything to large enough
// for all, a run of 12 steps goes on to its end, or ends with "no space left", and
// what it reported as saved is whole. It needs user namespaces: unshare -Urm.
func TestFileSystemFull(t *testing.T) {
	const inside = "PEDESTRIAN_TEST_TMPFS"
	if os.Getenv(inside) == "" {
		cmd := exec.Command("unshare", "-Urm", os.Args[0], "-test.run=^TestFileSystemFull$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "sizes") {
				t.Log(strings.TrimSpace(line))
			}
		}
		return
	}
	d := microData(t)
	mount := t.TempDir()
	finished, told, failed, empty := 0, 0, 0, 0
	for i := range 64 {
		size := (i + 1) * 8 << 10
		if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size="+strconv.Itoa(size)); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(mount, "run")
		saved := -1
		r, err := Start(microOptions(), d, dir)
		if err == nil {
			var end End
			end, err = r.Train(t.Context(), Observer{
				Save:    func(s Saved) { saved = s.Step },
				Trouble: func(v Trouble) { told++ },
			})
			if end == Finished {
				finished++
			}
			r.Close()
		}
		if err != nil {
			failed++
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
		c, passed, err := LoadNewest(dir, true)
		if saved < 0 {
			empty++
		} else if err != nil || len(passed) > 0 || c.State.Step != saved {
			t.Errorf("%d bytes: step %d was saved: %v, %v", size, saved, passed, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, tempPrefix+"*")); len(left) > 0 {
			t.Errorf("%d bytes: left behind: %v", size, left)
		}
		if err := syscall.Unmount(mount, 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("64 sizes: %d runs finished and saved, %d ended with no space left, %d of them before the first checkpoint, %d errors told", finished, failed, empty, told)
}
