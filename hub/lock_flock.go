//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package hub

import (
	"os"
	"syscall"
)

// tryLock takes the lock that huggingface_hub takes too: flock on a file that stays.
func tryLock(root *os.Root, name string) (f *os.File, busy bool, err error) {
	f, err = root.OpenFile(name, os.O_CREATE|os.O_RDWR|nonblock, 0o664)
	if err != nil {
		return nil, false, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err == nil {
		// Python may have removed the file between the two.
		mine, e1 := f.Stat()
		there, e2 := root.Stat(name)
		if e1 == nil && e2 == nil && os.SameFile(mine, there) {
			return f, false, nil
		}
		f.Close()
		return nil, true, nil
	}
	f.Close()
	if err == syscall.EWOULDBLOCK {
		return nil, true, nil
	}
	return nil, false, err
}
