//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package train

import (
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

// Lock takes the lock by flock, which ends with the process, however it ends. The
// file stays: removing it would let two processes lock two files of one name.
func (disk) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(lockPatience); ; time.Sleep(lockPatience / 20) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if err != syscall.EINTR && (err != syscall.EWOULDBLOCK || time.Now().After(end)) {
			if err == syscall.EWOULDBLOCK {
				err = fmt.Errorf("%s is being written by %s: wait for it, or end it", filepath.Dir(name), holder(f))
			}
			f.Close()
			return nil, err
		}
	}
	if err := f.Truncate(0); err == nil {
		fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return f, nil
}

// holder names the process that wrote its number into a lock.
func holder(f *os.File) string {
	text := make([]byte, 20)
	n, _ := f.ReadAt(text, 0)
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n]))); err == nil {
		return fmt.Sprintf("process %d", pid)
	}
	return "another process"
}
