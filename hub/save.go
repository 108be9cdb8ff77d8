package hub

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// An outFile is a file of a directory that is to be written.
type outFile struct {
	name  string
	write func(w io.Writer) error
}

// A spot is where something new is to be: a name in an open directory. Nothing is written
// or removed by any other way, whatever is renamed or linked meanwhile.
type spot struct {
	root *os.Root
	name string
}

// newSpot opens the directory in which path is to be, which is made, durably, if it is not
// there. A link is followed to where something may be written.
func newSpot(path string) (*spot, error) {
	path = filepath.Clean(path)
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSymlink {
		to, err := filepath.EvalSymlinks(path)
		if err != nil {
			return nil, fmt.Errorf("%s is a link that leads nowhere: choose another name", path)
		}
		path = to
	}
	parent := filepath.Dir(path)
	if err := makeAll(parent); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return nil, err
	}
	return &spot{root, filepath.Base(path)}, nil
}

// makeAll makes dir and the directories above it, durably.
func makeAll(dir string) error {
	above := filepath.Dir(dir)
	if info, err := os.Stat(dir); err == nil && info.IsDir() || above == dir {
		return err
	}
	if err := makeAll(above); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	root, err := os.OpenRoot(above)
	if err != nil {
		return err
	}
	defer root.Close()
	return syncDir(root, ".")
}

// temporary is a name beside s that nobody has.
func (s *spot) temporary() string { return ".tmp-" + s.name + "-" + rand.Text()[:8] }

// take gives what is called temp the name of s. An empty directory gives way to one.
func (s *spot) take(temp string) error {
	err := s.root.Rename(temp, s.name)
	if err != nil {
		if info, e := s.root.Lstat(s.name); e != nil || !info.IsDir() {
			return err
		}
		if e := s.root.Remove(s.name); e != nil { // where rename does not replace a directory
			return err
		}
		if err := s.root.Rename(temp, s.name); err != nil {
			return err
		}
	}
	return syncDir(s.root, ".")
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
	s, err := newSpot(path)
	if err != nil {
		return err
	}
	defer s.root.Close()
	temp := s.temporary()
	if err := s.root.Mkdir(temp, 0o755); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.root.RemoveAll(temp) // of a link, the link
		}
	}()
	in, err := s.root.OpenRoot(temp)
	if err != nil {
		return err
	}
	defer in.Close()
	for _, f := range files {
		if err := writeFile(in, f.name, f.write); err != nil {
			return fmt.Errorf("writing %s: %w", filepath.Join(path, f.name), err)
		}
	}
	if err := syncDir(in, "."); err != nil {
		return err
	}
	return s.take(temp)
}

// writeFile writes one new file and brings it to the disk.
func writeFile(root *os.Root, name string, write func(w io.Writer) error) (err error) {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
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
	s, err := newSpot(path)
	if err != nil {
		return err
	}
	defer s.root.Close()
	temp := s.temporary()
	if err := writeFile(s.root, temp, write); err != nil {
		if !errors.Is(err, fs.ErrExist) { // not ours
			s.root.Remove(temp)
		}
		return fmt.Errorf("writing %s: %w", path, err)
	}
	err = s.root.Link(temp, s.name) // which replaces nothing, whatever has come meanwhile
	switch {
	case errors.Is(err, fs.ErrExist):
		err = fmt.Errorf("%s is there already: choose another name", path)
	case err != nil: // a file system without hard links
		if err = s.root.Rename(temp, s.name); err == nil {
			return syncDir(s.root, ".")
		}
	}
	s.root.Remove(temp)
	if err != nil {
		return err
	}
	return syncDir(s.root, ".")
}
