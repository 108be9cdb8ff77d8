package main

import (
	"bytes"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// A run that the disk has ended says how to go on, if there is something to go on from.
func TestDiskHint(t *testing.T) {
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
