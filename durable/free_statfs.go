//go:build darwin || linux

package durable

import (
	"math"
	"os"
	"syscall"
)

// Free is what the file system of dir has left for those who are not root.
func (d disk) Free(dir string) (bytes int64, known bool) {
	var s syscall.Statfs_t
	err := d.in("statfs", dir, func(root *os.Root, rel string) error {
		f, err := root.OpenFile(rel, os.O_RDONLY|nonblock, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		return syscall.Fstatfs(int(f.Fd()), &s)
	})
	if err != nil || s.Bsize <= 0 {
		return 0, false
	}
	return int64(min(s.Bavail, math.MaxInt64/uint64(s.Bsize)) * uint64(s.Bsize)), true
}
