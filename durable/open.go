package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// errNoFile is told of what is there under the name of a file and is none.
var errNoFile = errors.New("not a file")

// OpenRegular opens the file name in root to read it, if it is one: not a directory, a
// device, or a pipe, which it does not wait for. A link is followed within root.
func OpenRegular(root *os.Root, name string) (*os.File, error) {
	f, err := openRegular(root, name)
	return f, named(root, name, err)
}

func openRegular(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|nonblock, 0) // a pipe must not wait for its writer
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// OpenOwn opens the file name in root to write into it, by the flags of package os. It is
// the file of that name itself, not what a link leads to, which is told as [Linked].
func OpenOwn(root *os.Root, name string, flag int) (*os.File, error) {
	f, err := openOwn(root, name, filepath.Join(root.Name(), name), flag, 0o644)
	return f, named(root, name, err)
}

// openOwn is OpenOwn of rel in root, which errors call name. A file that it makes has perm.
func openOwn(root *os.Root, rel, name string, flag int, perm os.FileMode) (*os.File, error) {
	if info, err := root.Lstat(rel); err == nil && info.Mode().Type() == os.ModeSymlink {
		return nil, &Linked{Path: name} // before it could be made where the link leads
	}
	f, err := root.OpenFile(rel, flag|nonblock, perm) // a pipe must not wait for its reader
	if err != nil {
		return nil, err
	}
	opened, err := f.Stat()
	if err == nil && !opened.Mode().IsRegular() {
		err = errNoFile
	}
	if err == nil && !hasName(f, root, rel) {
		err = &Linked{Path: name} // in whose place it was opened
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// hasName says whether the file of the name rel in root is still f, and not another one or
// a link that came into its place since f was opened.
func hasName(f *os.File, root *os.Root, rel string) bool {
	opened, e1 := f.Stat()
	there, e2 := root.Lstat(rel)
	return e1 == nil && e2 == nil && os.SameFile(opened, there)
}

// named is err, which says of what it is.
func named(root *os.Root, name string, err error) error {
	if err == errNoFile {
		return fmt.Errorf("%s is not a regular file", filepath.Join(root.Name(), name))
	}
	return err
}

// Escapes says whether err, of an os.Root, is that a name leads out of it by a link.
func Escapes(err error) bool {
	return err != nil && strings.Contains(err.Error(), "path escapes") // os has no name for it
}
