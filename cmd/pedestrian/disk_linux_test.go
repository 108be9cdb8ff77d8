package main

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// A run that the disk has ended says how to go on, if there is something to go on from.
// It is another process that has the limit: the log of this one's test may be longer.
func TestDiskHint(t *testing.T) {
	const child = "PEDESTRIAN_DISK_HINT"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestDiskHint$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: TestDiskHint")) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var room syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		t.Fatal(err)
	}
	for after, hint := range map[string]bool{"step  5/12  validation": true, "network": false} {
		dir := t.TempDir()
		var out bytes.Buffer
		err := runTraining(t.Context(), aRun(t, dir), false, writer(func(p []byte) (int, error) {
			if strings.HasPrefix(string(p), after) { // from here on every file is too large
				if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 16, Max: room.Max}); err != nil {
					t.Error(err)
				}
			}
			return out.Write(p)
		}), &out)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
			t.Fatal(err)
		}
		if err == nil || strings.HasSuffix(err.Error(), "; when that is mended, go on with: pedestrian train --resume "+dir) != hint {
			t.Errorf("no room after %q: %v", after, err)
		}
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
