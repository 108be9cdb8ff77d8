package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// A directory and a file that may not be read, and a pipe, which must not be waited for.
func TestUnreadableData(t *testing.T) {
	dir, err := os.MkdirTemp("", "pedestrian")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	closed, file, pipe := filepath.Join(dir, "closed"), filepath.Join(dir, "file.txt"), filepath.Join(dir, "pipe.txt")
	for _, err := range []error{os.Chmod(dir, 0o755), os.Mkdir(closed, 0), os.WriteFile(file, []byte("text"), 0), syscall.Mkfifo(pipe, 0o666)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if os.Geteuid() == 0 { // root may read everything: this thread opens files as nobody
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setfsuid(0)
	}
	for path, says := range map[string]string{closed: "permission denied", file: "permission denied", pipe: "is not a regular file"} {
		var stdout, stderr bytes.Buffer
		code := run([]string{"train", "--preset", "tiny", "--data", path, "--out", filepath.Join(dir, "run")}, &stdout, &stderr)
		if code != 2 || !strings.Contains(stderr.String(), path) || !strings.Contains(stderr.String(), says) || strings.Count(stderr.String(), "\n") != 1 || stdout.Len() > 0 {
			t.Errorf("%s: exit code %d, %q", path, code, stderr.String())
		}
	}
}
