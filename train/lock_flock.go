//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package train

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lockPatience is how long a lock that another process holds is waited for: it may be
// one that is just ending.
const lockPatience = 200 * time.Millisecond

// maxLock is how many bytes a lock has at most: the number of a process.
const maxLock = 20

// Lock takes the lock by flock, which ends with the process, however it ends. The
// file stays: removing it would let two processes lock two files of one name. What is
// no lock, but another file of that name, is left as it is.
func (d disk) Lock(name string) (lock io.Closer, err error) {
	err = d.in("lock", name, func(root *os.Root, rel string) error {
		f, err := openOwn(root, rel, name, os.O_CREATE|os.O_RDWR)
		if err != nil {
			return err
		}
		if err := takeLock(f, name); err != nil {
			f.Close()
			return err
		}
		lock = f
		return nil
	})
	if busy := (*busyError)(nil); errors.As(err, &busy) {
		err = busy
	}
	return lock, err
}

// A busyError says who has the lock, or what is in its place.
type busyError struct{ text string }

func (e *busyError) Error() string { return e.text }

// takeLock locks f and writes the number of this process into it.
func takeLock(f *os.File, name string) error {
	for end := time.Now().Add(lockPatience); ; time.Sleep(lockPatience / 20) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if err == syscall.EWOULDBLOCK && time.Now().After(end) {
			return &busyError{fmt.Sprintf("%s is being written by %s: wait for it, or end it", filepath.Dir(name), holder(f))}
		}
		if err != syscall.EINTR && err != syscall.EWOULDBLOCK {
			return err
		}
	}
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
