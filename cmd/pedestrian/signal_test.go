package main

import (
	"bufio"
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian/train"
)

// A trainee is a training in a process of its own.
type trainee struct {
	cmd    *exec.Cmd
	dir    string
	stderr bytes.Buffer
}

// trainIn begins a training and waits until it has said what it is going to do.
func trainIn(t *testing.T, args ...string) *trainee {
	t.Helper()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("the grey cat saw nine dogs near the barn\n", 3000)), 0o644); err != nil {
		t.Fatal(err)
	}
	p := &trainee{dir: filepath.Join(dir, "run")}
	p.cmd = exec.Command("pedestrian", append([]string{"train", "--json", "--preset", "tiny", "--data", text, "--out", p.dir}, args...)...)
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan bool, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			select {
			case said <- true:
			default:
			}
		}
	}()
	select {
	case <-said:
	case <-time.After(2 * time.Minute):
		p.cmd.Process.Kill()
		t.Fatal("nothing was said within two minutes")
	}
	return p
}

// wait returns the exit code, -1 for a signal, and how long it took.
func (p *trainee) wait(t *testing.T) (code int, took time.Duration) {
	t.Helper()
	began := time.Now()
	timer := time.AfterFunc(3*time.Minute, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	err := p.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode(), time.Since(began)
}

var stoppedAfter = regexp.MustCompile(`^pedestrian: stopped after step ([0-9,]+) of 100,000 and saved; go on with: pedestrian train --resume \S+\n$`)

// Ctrl-C, SIGTERM and SIGHUP at any moment: the step is finished, the state is saved and
// verifies, the last line says how to go on, the exit code is 128 and the signal's number,
// and it does not take long.
func TestSignalSaves(t *testing.T) {
	// A step is 2 ms and a save 10 ms on an idle machine; the rest is for one that is not.
	const limit = time.Minute
	n := 6
	if longTier {
		n = 100
	}
	rng := rand.New(rand.NewPCG(8, 8))
	var longest time.Duration
	for i := range n {
		p := trainIn(t, "--steps", "100000", "--eval-every", "20", "--eval-batches", "1", "--sample-every", "0", "--save-every", strconv.Itoa(1+rng.IntN(10)))
		time.Sleep(time.Duration(rng.Int64N(int64(300 * time.Millisecond))))
		s := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}[i%3]
		if err := p.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		code, took := p.wait(t)
		longest = max(longest, took)
		m := stoppedAfter.FindStringSubmatch(p.stderr.String())
		if want := map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129}[s]; code != want || m == nil {
			t.Fatalf("%v: exit code %d, %q", s, code, p.stderr.String())
		}
		c, passed, err := train.LoadNewest(p.dir, true)
		if err != nil || len(passed) > 0 || commas(c.State.Step) != m[1] {
			t.Errorf("said %q, and the newest is %v, %v, %v", p.stderr.String(), c, passed, err)
		}
		if took > limit {
			t.Errorf("took %s", took)
		}
	}
	t.Logf("%d signals, the longest wait %s", n, longest.Round(time.Millisecond))
}

// A signal that comes while the first line is said is one to stop: nobody has to wait
// before Ctrl-C does what the run says that it does.
func TestSignalAtTheFirstLine(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		dir := t.TempDir()
		var out signalling
		err := runTraining(t.Context(), aRun(t, dir), asJSON, &out, &out)
		if err == nil || !strings.HasPrefix(err.Error(), "stopped after step 0 of ") {
			t.Errorf("JSON %v: %v after %q", asJSON, err, out.said.String())
		}
		if c, passed, err := train.LoadNewest(dir, true); err != nil || len(passed) > 0 || c.State.Step != 0 {
			t.Errorf("JSON %v: the newest is %v, %v, %v", asJSON, c, passed, err)
		}
	}
}

// signalling takes what is said, and asks its own process to stop at the first of it.
type signalling struct{ said bytes.Buffer }

func (s *signalling) Write(p []byte) (int, error) {
	if s.said.Len() == 0 {
		self, _ := os.FindProcess(os.Getpid())
		self.Signal(syscall.SIGTERM)
		time.Sleep(50 * time.Millisecond) // until it is here
	}
	return s.said.Write(p)
}

// The second signal does not wait: here, for a step of some seconds. A run that was
// not yet at the step when the first one came has left by itself; then the next try
// gives it longer.
func TestSecondSignalLeaves(t *testing.T) {
	for before := 300 * time.Millisecond; before < 20*time.Second; before *= 2 {
		p := trainIn(t, "--steps", "100000", "--eval-every", "100000", "--batch", "3000", "--width", "64", "--eval-batches", "1")
		time.Sleep(before)
		p.cmd.Process.Signal(os.Interrupt)
		time.Sleep(200 * time.Millisecond)
		p.cmd.Process.Signal(syscall.SIGTERM) // an error: it has left
		code, _ := p.wait(t)
		if stoppedAfter.MatchString(p.stderr.String()) {
			continue
		}
		if code != 130 {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
		return
	}
	t.Error("the run always left at the first signal: its steps are too short for this test")
}
