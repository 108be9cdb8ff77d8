package durable

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A lock is refused by the number of the process that has it; another way to take one sees
// it, and takes it once it was given up.
func TestLockNames(t *testing.T) {
	dir := t.TempDir()
	if _, err := OS.Lock(filepath.Join(dir, "no", "lock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a lock without its directory: %v", err)
	}
	name := filepath.Join(dir, "lock")
	first, err := OS.Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	for content, want := range map[string]string{"12345\n": "by process 12345: wait for it, or end it", "": "by another process", "x": "by another process"} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := OS.Lock(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a lock that says %q: %v", content, err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if lock, busy, err := TryLock(root, "lock"); !busy || err != nil || lock != nil {
		t.Errorf("a lock that is taken: %v, busy %v, %v", lock, busy, err)
	}
	first.Close()
	lock, busy, err := TryLock(root, "lock")
	if busy || err != nil {
		t.Fatalf("a lock that was given up: busy %v, %v", busy, err)
	}
	defer lock.Close()
	if err := os.WriteFile(name, nil, 0o644); err != nil { // what stands there is from the loop
		t.Fatal(err)
	}
	if _, err := OS.Lock(name); err == nil || !strings.Contains(err.Error(), "is being written by another process") {
		t.Errorf("a lock that is taken the other way: %v", err)
	}
	if _, _, err := TryLock(root, "no/lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a lock without its directory: %v", err)
	}
}
