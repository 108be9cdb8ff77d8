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

// A file whose name another file or a link has taken, or that has none any more, is not the
// one of that name: a lock of it would be nobody's sign.
func TestHasName(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f, err := root.Create("lock")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	check := func(state string, want bool) {
		t.Helper()
		if got := hasName(f, root, "lock"); got != want {
			t.Errorf("%s: the file has the name: %v, want %v", state, got, want)
		}
	}
	check("made", true)
	if err := root.Rename("lock", "moved"); err != nil {
		t.Fatal(err)
	}
	check("renamed", false)
	if err := root.Symlink("moved", "lock"); err != nil {
		t.Fatal(err)
	}
	check("behind a link", false)
	root.Remove("lock")
	if err := root.WriteFile("lock", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	check("another file", false)
}

// A lock holds the number of a process, and nothing else: a file of that name with another
// content is refused and left as it is.
func TestOtherFilesAreNoLocks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	for _, text := range []string{"notes", "12 13", strings.Repeat("1", maxLock+1)} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := OS.Lock(name)
		if err == nil || !strings.Contains(err.Error(), "holds something else than a lock") {
			t.Errorf("%q was taken for a lock: %v", text, err)
		}
		if is, _ := os.ReadFile(name); string(is) != text {
			t.Errorf("%q became %q", text, is)
		}
	}
	for _, text := range []string{"", "123\n", "\x00\x00\x00"} { // zeros are what a failure of power leaves
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		lock, err := OS.Lock(name)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		lock.Close()
	}
}
