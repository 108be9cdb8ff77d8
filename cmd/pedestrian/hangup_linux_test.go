package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/pedestrian-ml/pedestrian/train"
)

// A terminal is the two ends of one: that of the program, and that of the window.
func openTerminal(t *testing.T) (window, program *os.File) {
	t.Helper()
	window, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatalf("a terminal is needed: %v", err)
	}
	var unlock, number int32
	for _, c := range []struct {
		request uintptr
		of      *int32
	}{{syscall.TIOCSPTLCK, &unlock}, {syscall.TIOCGPTN, &number}} {
		raw, err := window.SyscallConn() // not Fd: it would end the deadlines of reading
		if err != nil {
			t.Fatal(err)
		}
		var errno syscall.Errno
		err = raw.Control(func(fd uintptr) {
			_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, c.request, uintptr(unsafe.Pointer(c.of)))
		})
		if err != nil || errno != 0 {
			t.Fatal(err, errno)
		}
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return window, program
}

// A window that is closed while a run learns in it is one more way to stop it: it saves,
// though nobody reads what it says any more, and exits with 129. Under nohup the run goes
// on.
func TestTerminalCloses(t *testing.T) {
	for _, c := range []struct {
		name  string
		nohup bool
	}{{"closed", false}, {"nohup", true}} {
		dir := t.TempDir()
		text, run := filepath.Join(dir, "text.txt"), filepath.Join(dir, "run")
		if err := os.WriteFile(text, []byte(strings.Repeat("the grey cat saw nine dogs near the barn\n", 3000)), 0o644); err != nil {
			t.Fatal(err)
		}
		window, program := openTerminal(t)
		args := []string{"pedestrian", "train", "--preset", "tiny", "--data", text, "--out", run, "--steps", "100000", "--eval-every", "20", "--eval-batches", "1", "--sample-every", "0"}
		if c.nohup {
			args = append([]string{"nohup"}, args...)
		}
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
		cmd.Dir = dir // where nohup puts its file
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		program.Close()
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		deadline := time.Now().Add(3 * time.Minute)
		for newest, err := train.Newest(run); err != nil || strings.HasSuffix(newest, "step-000000"); newest, err = train.Newest(run) {
			if time.Now().After(deadline) {
				cmd.Process.Kill()
				t.Fatalf("%s: nothing was saved within three minutes: %v", c.name, err)
			}
			if !c.nohup {
				window.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
				window.Read(make([]byte, 4096))
			}
			time.Sleep(10 * time.Millisecond)
		}
		before, err := train.Newest(run)
		if err != nil {
			t.Fatal(err)
		}
		window.Close()
		want := 129
		if c.nohup {
			for newest := before; newest == before; newest, err = train.Newest(run) {
				time.Sleep(10 * time.Millisecond)
				if time.Now().After(deadline) {
					t.Fatalf("nohup: the run does not go on: %v", err)
				}
			}
			cmd.Process.Signal(syscall.SIGTERM)
			want = 143
		}
		select {
		case err = <-ended:
		case <-time.After(2 * time.Minute):
			cmd.Process.Kill()
			t.Fatalf("%s: the run did not end", c.name)
		}
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != want {
			t.Errorf("%s: %v, want exit code %d", c.name, err, want)
		}
		newest, passed, err := train.LoadNewest(run, true)
		if err != nil || len(passed) > 0 {
			t.Fatalf("%s: %v, %v", c.name, passed, err)
		}
		log, err := os.ReadFile(filepath.Join(run, train.MetricsFile))
		lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
		if last := fmt.Sprintf(`{"step":%d,`, newest.State.Step); err != nil || !bytes.HasPrefix(lines[len(lines)-1], []byte(last)) {
			t.Errorf("%s: saved is step %d, and the log ends with %s, %v", c.name, newest.State.Step, lines[len(lines)-1], err)
		}
	}
}

// That the terminal has closed may be told twice, by the system and by the shell: the
// second time is no reason to leave without saving, here in a step of some seconds.
func TestTerminalClosesTwice(t *testing.T) {
	p := trainIn(t, "--steps", "100000", "--eval-every", "100000", "--batch", "3000", "--width", "64", "--eval-batches", "1")
	time.Sleep(600 * time.Millisecond)
	for range 3 {
		p.cmd.Process.Signal(syscall.SIGHUP) // an error: it has left
		time.Sleep(100 * time.Millisecond)
	}
	if code, _ := p.wait(t); code != 129 || !stoppedAfter.MatchString(p.stderr.String()) {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
}

// What is stopped without anything to save exits with the signal's number as well.
func TestSignalStopsVerify(t *testing.T) {
	for s, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		var stderr bytes.Buffer
		cmd := exec.Command("pedestrian", "verify", "--case", "all")
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		cmd.Process.Signal(s)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != want || !strings.HasSuffix(stderr.String(), ": interrupted before the end: nothing was established\n") {
			t.Errorf("%v: exit code %d, %q", s, code, stderr.String())
		}
	}
}
