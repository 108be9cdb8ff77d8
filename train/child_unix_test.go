//go:build unix

package train

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// kills runs a training to its end through so many SIGKILLs, every second of them
// before an operation on the disk that was drawn, the others at a moment that was
// drawn: soon enough that a run of whole is not over before.
func (l lab) kills(t testing.TB, dir, mode string, n int, whole time.Duration) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), 4))
	step := -1
	for k := 0; k < n; {
		aim := -1
		if k%2 == 0 {
			aim = rng.IntN(70) // a session opens with about 10, a save and a prune have about 45
		}
		cmd := l.child(dir, mode, 1+k%2, 0, aim)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
		if aim < 0 {
			time.Sleep(time.Duration(rng.Int64N(int64(max(time.Millisecond, 2*whole/time.Duration(n))))))
			cmd.Process.Kill()
		}
		err := cmd.Wait()
		timer.Stop()
		if err == nil { // a fast machine
			if k < n/2 {
				t.Fatalf("the run was over after %d kills: too few", k)
			}
			t.Logf("the run was over after %d kills", k)
			return
		}
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("kill %d: %v\n%s", k, err, out.String())
		}
		k++
		c, passed, err := LoadNewest(dir, true)
		if entries, _ := Checkpoints(dir); len(entries) == 0 {
			if step >= 0 {
				t.Fatalf("kill %d: no checkpoint is left", k)
			}
			continue
		}
		if err != nil || len(passed) > 0 || c.State.Step < step {
			t.Fatalf("kill %d: after step %d: %v, %v", k, step, passed, err)
		}
		step = c.State.Step
		if k == n {
			t.Logf("%d kills, after step %d", k, step)
		}
	}
	l.run(t, dir, mode, 2, 0)
}

// A run that is killed again and again ends as if it had not been.
func TestKilled(t *testing.T) {
	l := newLab(t)
	mode, n := "all", 8
	if longTier {
		mode, n = "long", 100
	}
	whole, cut := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "cut")
	begin := time.Now()
	l.run(t, whole, mode, 2, 0)
	l.kills(t, cut, mode, n, time.Since(begin))
	same(t, fmt.Sprintf("killed %d times", n), outcome(t, cut), outcome(t, whole))
	if left, _ := filepath.Glob(filepath.Join(cut, tempPrefix+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// While one process writes, a second one is refused within a second, naming the
// first; once that was killed, nothing is in the way.
func TestOneWriter(t *testing.T) {
	l := newLab(t)
	dir := filepath.Join(t.TempDir(), "run")
	trials := 3
	if longTier {
		trials = 50
	}
	l.run(t, dir, "full", 1, 1)
	for range trials {
		first := l.child(dir, "long", 1, 0, -1)
		out, err := first.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := first.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 6)); err != nil { // "ready"
			t.Fatal(err)
		}
		if err := first.Process.Signal(syscall.SIGSTOP); err != nil { // so that it does not end meanwhile
			t.Fatal(err)
		}
		_, err = lockRun(durable.OS, dir) // which does not wait: the other one has stopped
		if want := fmt.Sprintf("%s is being written by process %d", dir, first.Process.Pid); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, err := Prune(dir, 2); err == nil || !strings.Contains(err.Error(), "is being written by") {
			t.Errorf("pruning meanwhile: %v", err)
		}
		first.Process.Kill()
		first.Wait()
		lock, err := lockRun(durable.OS, dir)
		if err != nil {
			t.Fatalf("after SIGKILL: %v", err)
		}
		lock.Close()
	}
}
