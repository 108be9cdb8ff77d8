package train

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// A fileSystem is what a run asks of a disk. It is small enough that each operation
// can be made to fail in every way, and that all states in which a power failure may
// leave the disk can be counted through; the tests do both. Nothing is durable before
// it was synced: what is in a file by File.Sync, which names a directory holds by Sync.
type fileSystem interface {
	Mkdir(dir string) error                    // a new directory
	Create(name string) (outFile, error)       // a new file
	Extend(name string) (outFile, error)       // a file that is there, to write after its end
	Open(name string) (inFile, error)          // a regular file, to read
	List(dir string) ([]string, error)         // the names in a directory, sorted
	Rename(from, to string) error              // to is not there yet, or is a file and replaced
	Remove(name string) error                  // a file or an empty directory
	Sync(dir string) error                     // the names in a directory reach the disk
	Lock(name string) (io.Closer, error)       // makes the file name the sign that this process writes here
	Free(dir string) (bytes int64, known bool) // room that is left
}

// An outFile is a file that is being written.
type outFile interface {
	io.Writer
	Sync() error
	Close() error
}

// An inFile is a file that is being read.
type inFile interface {
	io.ReaderAt
	Size() int64
	Close() error
}

// disk is the file system of the operating system.
type disk struct{}

func (disk) Mkdir(dir string) error { return os.Mkdir(dir, 0o755) }

func (disk) Create(name string) (outFile, error) {
	return orNil(os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644))
}

func (disk) Extend(name string) (outFile, error) {
	return orNil(os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0))
}

// orNil keeps a nil *os.File from becoming an outFile that is not nil.
func orNil(f *os.File, err error) (outFile, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (disk) Open(name string) (inFile, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not wait for its writer
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return diskFile{f, info.Size()}, nil
}

// A diskFile is an open file with the size that it had.
type diskFile struct {
	*os.File
	size int64
}

func (f diskFile) Size() int64 { return f.size }

func (disk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (disk) Rename(from, to string) error { return os.Rename(from, to) }
func (disk) Remove(name string) error     { return os.Remove(name) }

func (disk) Sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		d.Close()
		return err
	}
	return d.Close()
}

// makeDir makes dir and the directories above it, durably.
func makeDir(fs fileSystem, dir string) error {
	dir = filepath.Clean(dir)
	if _, err := fs.List(dir); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.Mkdir(dir); err != nil {
		return err
	}
	return fs.Sync(parent)
}

// removeTree removes a directory and the files in it, as far as it goes.
func removeTree(fs fileSystem, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return fs.Remove(dir) // a file
	}
	for _, name := range names {
		if err := removeTree(fs, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return fs.Remove(dir)
}
