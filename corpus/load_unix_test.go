//go:build unix

package corpus

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLoadRefusesUnix(t *testing.T) {
	if _, err := Load(strings.Repeat("x", 5000)); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("a path too long: %.80v", err)
	}
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, pipe} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("a pipe: %v", err)
		}
	}
}
