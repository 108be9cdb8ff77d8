package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// lockPatience is how long a lock that another process holds is waited for: it may be
// one that is just ending.
const lockPatience = 200 * time.Millisecond

// maxLock is how many bytes a lock has at most: the number of a process.
const maxLock = 20

// Lock locks the file name and writes the number of this process into it. The file stays:
// removing it would let two processes lock two files of one name. What is no lock, but
// another file of that name, is left as it is.
func (d disk) Lock(name string) (lock io.Closer, err error) {
	err = d.in("lock", name, func(root *os.Root, rel string) error {
		for end := time.Now().Add(lockPatience); ; time.Sleep(lockPatience / 20) {
			f, busy, err := openLock(root, rel, name, 0o644)
			switch {
			case err != nil:
				return err
			case !busy:
				if err := sign(f, name); err != nil {
					f.Close()
					return err
				}
				lock = f
				return nil
			case time.Now().After(end):
				defer f.Close()
				return &busyError{fmt.Sprintf("%s is being written by %s: wait for it, or end it", filepath.Dir(name), holder(f))}
			}
			f.Close()
		}
	})
	if busy := (*busyError)(nil); errors.As(err, &busy) {
		err = busy
	}
	return lock, err
}

// TryLock locks the file name in root, which is made and stays, as huggingface_hub does:
// nothing is written into it, and the group may take it as well, as far as the umask lets
// it. Closing lock gives it up; busy says that another has it.
// Where there is no flock, two processes may have one lock.
func TryLock(root *os.Root, name string) (lock io.Closer, busy bool, err error) {
	f, busy, err := openLock(root, name, filepath.Join(root.Name(), name), 0o664)
	if err != nil {
		return nil, false, named(root, name, err)
	}
	if busy {
		f.Close()
		return nil, true, nil
	}
	return f, false, nil
}

// openLock opens the file rel in root, which errors call name and which is made with perm,
// and locks it, unless another process has.
func openLock(root *os.Root, rel, name string, perm os.FileMode) (f *os.File, busy bool, err error) {
	if f, err = openOwn(root, rel, name, os.O_CREATE|os.O_RDWR, perm); err != nil {
		return nil, false, err
	}
	if busy, err = flock(f); err != nil {
		f.Close()
		return nil, false, err
	}
	// One that was removed before it was locked is nobody's sign.
	return f, busy || !hasName(f, root, rel), nil
}

// A busyError says who has the lock, or what is in its place.
type busyError struct{ text string }

func (e *busyError) Error() string { return e.text }

// sign writes the number of this process into a lock.
func sign(f *os.File, name string) error {
	text := make([]byte, maxLock+1)
	n, _ := f.ReadAt(text, 0)
	if n > maxLock || strings.Trim(string(text[:n]), "0123456789\n\x00") != "" { // zeros are what a failure of power leaves
		return &busyError{fmt.Sprintf("%s holds something else than a lock: remove it, or choose another directory", name)}
	}
	if err := f.Truncate(0); err == nil {
		fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return nil
}

// holder names the process that wrote its number into a lock.
func holder(f *os.File) string {
	text := make([]byte, maxLock)
	n, _ := f.ReadAt(text, 0)
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n]))); err == nil {
		return fmt.Sprintf("process %d", pid)
	}
	return "another process"
}
