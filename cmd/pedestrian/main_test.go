package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// A failing writer takes room bytes, then fails.
type failing struct {
	room int
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, f.err
	}
	return len(p), nil
}

// TestOutputLost: a command whose output is lost does not end with 0, unless nobody
// wanted to read on.
func TestOutputLost(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{{syscall.ENOSPC, 1}, {fmt.Errorf("write: %w", syscall.EPIPE), 0}} {
		for _, args := range []string{"params", "explain", "explain 25", "help train", "verify --only R30", "params --help"} {
			var stderr bytes.Buffer
			if code := run(strings.Fields(args), &failing{100, c.err}, &stderr); code != c.code {
				t.Errorf("%s, output fails with %q: exit code %d, want %d; %s", args, c.err, code, c.code, stderr.String())
			}
			if said := strings.Contains(stderr.String(), c.err.Error()); said != (c.code != 0) {
				t.Errorf("%s, output fails with %q: standard error is %q", args, c.err, stderr.String())
			}
		}
	}
}

// TestRefusedBySystem: what the disk refuses is a failure, not a wrong question.
func TestRefusedBySystem(t *testing.T) {
	for err, want := range map[error]bool{
		&fs.PathError{Op: "mkdir", Path: "a", Err: syscall.EROFS}:  true,
		&fs.PathError{Op: "write", Path: "a", Err: syscall.ENOSPC}: true,
		&fs.PathError{Op: "open", Path: "a", Err: syscall.ENOENT}:  false,
		errors.New("4 heads do not divide the width 30"):           false,
	} {
		if got := refusedBySystem(usageError{fmt.Errorf("trying: %w", err)}); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
}
