package hub

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// An outFile is a file of a directory that is to be written.
type outFile struct {
	name  string
	write func(w io.Writer) error
}

// writeFolder makes the directory path with these files. It appears complete or not
// at all: they are written beside it, brought to the disk, and then take its name. An
// empty directory that is there already gives way; any other is an error.
func writeFolder(path string, files []outFile) (err error) {
	if entries, err := os.ReadDir(path); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is there already and holds %s: choose another directory", path, entries[0].Name())
	}
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file: choose another directory", path)
	}
	parent := filepath.Dir(filepath.Clean(path))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, ".tmp-"+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(temp)
		}
	}()
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := writeFile(filepath.Join(temp, f.name), f.write); err != nil {
			return fmt.Errorf("writing %s: %w", filepath.Join(path, f.name), err)
		}
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := syncDir(root, filepath.Base(temp)); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		if rm := os.Remove(path); rm != nil { // an empty directory, where rename does not replace one
			return err
		}
		if err := os.Rename(temp, path); err != nil {
			return err
		}
	}
	return syncDir(root, ".")
}

// writeFile writes one new file and brings it to the disk.
func writeFile(path string, write func(w io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

// writeOne writes a new file: complete, and brought to the disk, or not at all.
func writeOne(path string, write func(io.Writer) error) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is there already: choose another name", path)
	}
	parent := filepath.Dir(filepath.Clean(path))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	defer root.Close()
	temp := filepath.Join(parent, fmt.Sprintf(".tmp-%d-%s", os.Getpid(), filepath.Base(path)))
	if err := writeFile(temp, write); err != nil {
		os.Remove(temp)
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return err
	}
	return syncDir(root, ".")
}
