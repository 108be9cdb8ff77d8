//go:build mpi && linux && (amd64 || arm64)

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// rankLaunchers are the launchers of Debian, before -n. .ci/mpi installs them.
func rankLaunchers(t *testing.T) (found [][]string) {
	t.Helper()
	for _, launcher := range [][]string{
		{"mpirun.openmpi", "--oversubscribe", "--allow-run-as-root", "--bind-to", "none"},
		{"mpiexec.mpich"},
	} {
		if _, err := exec.LookPath(launcher[0]); err == nil {
			found = append(found, launcher)
		} else if os.Getenv("PEDESTRIAN_TEST_MPI_ALL") != "" {
			t.Error(err)
		} else {
			t.Logf("%s was not tried: it is not installed; .ci/mpi installs it", launcher[0])
		}
	}
	return found
}

// patient is a launcher that leaves its ranks the time to save when it is stopped. It needs as long
// for its own end when one of them fails.
func patient(launcher []string) []string {
	if launcher[0] != "mpirun.openmpi" {
		return launcher
	}
	return append(launcher[:len(launcher):len(launcher)], "--mca", "odls_base_sigkill_timeout", "20")
}

// A job is what a launcher has started.
type job struct {
	cmd   *exec.Cmd
	out   bytes.Buffer
	timer *time.Timer
	late  atomic.Bool // it did not end in time, and was killed
}

func startJob(t *testing.T, dir string, args ...string) *job {
	t.Helper()
	j := &job{cmd: exec.Command(args[0], args[1:]...)}
	j.cmd.Dir, j.cmd.Stdout, j.cmd.Stderr = dir, &j.out, &j.out
	j.cmd.Env = append(os.Environ(), "NO_COLOR=1")
	j.cmd.WaitDelay = 10 * time.Second // ranks may keep the pipe
	if err := j.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	j.timer = time.AfterFunc(10*time.Minute, func() {
		j.late.Store(true)
		_ = j.cmd.Process.Kill()
	})
	return j
}

// end waits for the end of the job and returns what it said and its exit code.
func (j *job) end() (string, int) {
	_ = j.cmd.Wait()
	j.timer.Stop()
	return j.out.String(), j.cmd.ProcessState.ExitCode()
}

// digestOfRun is the SHA-256 of weights and moments of the checkpoint after a step.
func digestOfRun(t *testing.T, run string, step int) string {
	t.Helper()
	h := sha256.New()
	for _, name := range []string{"model.safetensors", "optimizer.safetensors"} {
		b, err := os.ReadFile(filepath.Join(run, fmt.Sprintf("step-%06d", step), name))
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// One digest whatever the ranks and the library; a run that is stopped by a signal goes on with
// more ranks to the same digest; rank 0 alone writes; ranks that differ are named.
func TestRanksTrain(t *testing.T) {
	path, dir := buildRanks(t, "pedestrian-mpi", "mpi"), t.TempDir()
	settings := strings.Fields("--preset tiny --accumulate 8 --leaves 4 --dropout 0.1 --eval-every 20 --sample-every 0")
	train := func(out string, steps int, more ...string) []string {
		return append(append([]string{path, "train", "--out", out, "--steps", fmt.Sprint(steps)}, settings...), more...)
	}
	if out, code := startJob(t, dir, train("alone", 40)...).end(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	want := digestOfRun(t, filepath.Join(dir, "alone"), 40)
	const long = 160 // steps of what is stopped: enough for a signal to come before the end
	if out, code := startJob(t, dir, train("long", long)...).end(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	wantLong := digestOfRun(t, filepath.Join(dir, "long"), long)
	for i, launcher := range rankLaunchers(t) {
		on := func(launcher []string, ranks int, command ...string) *job {
			return startJob(t, dir, append(append(launcher[:len(launcher):len(launcher)], "-n", fmt.Sprint(ranks)), command...)...)
		}
		for _, ranks := range []int{1, 2, 3, 4} {
			run := fmt.Sprintf("run-%d-%d", i, ranks)
			out, code := on(launcher, ranks, train(run, 40)...).end()
			if code != 0 || strings.Count(out, "step 40/40  validation") != 1 {
				t.Fatalf("%s, %d ranks: exit code %d\n%s", launcher[0], ranks, code, out)
			}
			if got := digestOfRun(t, filepath.Join(dir, run), 40); got != want {
				t.Errorf("%s, %d ranks: weights and moments %.12s, alone %.12s", launcher[0], ranks, got, want)
			}
		}

		// Stopped, with two ranks; on with four, and stopped again; and on alone.
		run := fmt.Sprintf("run-%d", i)
		for _, ranks := range []int{2, 4} {
			before, _ := filepath.Glob(filepath.Join(dir, run, "step-*"))
			command := train(run, long)
			if ranks > 2 {
				command = []string{path, "train", "--resume", run}
			}
			j := on(patient(launcher), ranks, command...)
			for range 1200 {
				if found, _ := filepath.Glob(filepath.Join(dir, run, "step-*")); slices.ContainsFunc(found, func(f string) bool { return !slices.Contains(before, f) }) { // old ones are removed
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			_ = j.cmd.Process.Signal(syscall.SIGTERM)
			out, code := j.end()
			if strings.Count(out, "and saved; go on with: pedestrian train --resume "+run) != 1 && !strings.Contains(out, "step 160/160  validation") && !strings.Contains(out, "after step 160 of 160") {
				t.Fatalf("%s, stopped with %d ranks: exit code %d\n%s", launcher[0], ranks, code, out)
			}
			t.Logf("%s: stopped with %d ranks, exit code %d", launcher[0], ranks, code)
		}
		if out, code := startJob(t, dir, path, "train", "--resume", run).end(); code != 0 {
			t.Fatalf("%s, resumed alone: exit code %d\n%s", launcher[0], code, out)
		}
		if got := digestOfRun(t, filepath.Join(dir, run), long); got != wantLong {
			t.Errorf("%s, resumed: weights and moments %.12s, alone %.12s", launcher[0], got, wantLong)
		}

		// Of two ranks one has another setting.
		both := append(append(launcher[:len(launcher):len(launcher)], "-n", "1"), train("other", 5)...)
		both = append(append(both, ":", "-n", "1"), train("other", 5, "--lr", "0.5")...)
		out, code := startJob(t, dir, both...).end()
		if code == 0 || !strings.Contains(out, "--lr of rank 1 on ") || !strings.Contains(out, " is 0.5, and that of rank 0 on ") {
			t.Errorf("%s, another setting: exit code %d\n%s", launcher[0], code, out)
		}
		if found, _ := filepath.Glob(filepath.Join(dir, "other", "step-*")); len(found) > 0 {
			t.Errorf("%s, another setting: %v was written", launcher[0], found)
		}
	}
}
