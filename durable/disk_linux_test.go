package durable

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// What the file system in memory stands for is what the real one does: a sync reaches
// the system and its error comes back, nothing is written over, a pipe is not waited
// for, and a file is the system's own, so that its Sync is fsync.
func TestDisk(t *testing.T) {
	dir := t.TempDir()
	if err := OS.Sync("/proc"); !errors.Is(err, syscall.EINVAL) { // cannot be synced, and says so
		t.Errorf("syncing /proc: %v", err)
	}
	if err := OS.Sync(dir); err != nil {
		t.Error(err)
	}
	if err := OS.Sync(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("syncing what is not there: %v", err)
	}
	name := filepath.Join(dir, "file")
	f, err := OS.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := f.(*os.File); !ok {
		t.Errorf("a file is a %T", f)
	}
	f.Close()
	if f, err := OS.Create(name); !errors.Is(err, os.ErrExist) || f != nil {
		t.Errorf("creating what is there: %v, %v", f, err)
	}
	if f, err := OS.Extend(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) || f != nil {
		t.Errorf("extending what is not there: %v, %v", f, err)
	}
	if err := OS.Mkdir(dir); !errors.Is(err, os.ErrExist) {
		t.Errorf("making what is there: %v", err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pipe, dir, "/dev/zero"} {
		done := make(chan error, 1)
		go func() {
			_, err := OS.Open(name)
			done <- err
		}()
		select {
		case err = <-done:
		case <-time.After(time.Minute):
			t.Fatalf("%s is waited for", name)
		}
		if err == nil {
			t.Errorf("%s was opened to read", name)
		}
	}
	if _, known := OS.Free(filepath.Join(dir, "none")); known {
		t.Error("the room of a directory that is not there is known")
	}
	if _, err := Enter(OS, filepath.Join(name, "below")); err == nil {
		t.Error("a directory below a file was made")
	}
}

// A lock of the cache can be taken by all who write there, as far as the umask lets them.
// It is not taken through a link.
func TestLockOfAGroup(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o002))
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	lock, busy, err := TryLock(root, "lock")
	if busy || err != nil {
		t.Fatalf("busy %v, %v", busy, err)
	}
	defer lock.Close()
	if info, err := root.Stat("lock"); err != nil || info.Mode().Perm() != 0o664 {
		t.Errorf("the lock is %v, %v", info.Mode(), err)
	}
	if err := root.Symlink("file", "link"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := TryLock(root, "link"); !isLinked(err) {
		t.Errorf("a lock through a link: %v", err)
	}
	if _, err := root.Stat("file"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("where the link leads: %v", err)
	}
}
