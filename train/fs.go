package train

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A fileSystem is what a run asks of a disk. It is small enough that each operation
// can be made to fail in every way, and that all states in which a power failure may
// leave the disk can be counted through; the tests do both. Nothing is durable before
// it was synced: what is in a file by File.Sync, which names a directory holds by Sync.
//
// A directory may be anybody's, with links in it to anywhere. All that is done in one is
// done [fileSystem.Within] it: a link in it is read through where it leads to another
// place in it, and told as [Linked] where it leads out; and nothing is written through a
// link, nor removed.
type fileSystem interface {
	Within(dir string) (fileSystem, error)     // the same with the same names, of which none leads out of dir; Close it
	Close() error                              //
	Mkdir(dir string) error                    // a new directory
	Create(name string) (outFile, error)       // a new file
	Extend(name string) (outFile, error)       // a file that is there under this name alone, to write after its end
	Open(name string) (inFile, error)          // a regular file, to read
	List(dir string) ([]string, error)         // the names in a directory, which a link is not, sorted
	IsLink(name string) bool                   //
	Rename(from, to string) error              // to is not there yet, or is a file or a link and replaced
	Remove(name string) error                  // a file, a link or an empty directory
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

// Linked says that a name leads out of a directory by a symbolic link, or is one where
// something is to be written.
type Linked struct {
	Path string
	Dir  string // out of which it leads; "" = nothing is written through links
}

func (l *Linked) Error() string {
	if l.Dir == "" {
		return l.Path + " is a link, through which nothing is written: remove it"
	}
	return fmt.Sprintf("%s is a link that leads out of %s, and is not followed: put what it leads to there", l.Path, l.Dir)
}

// isLinked says whether err is that something is a link.
func isLinked(err error) bool { return errors.As(err, new(*Linked)) }

// disk is the file system of the operating system: within root, which is dir, or
// anywhere in the zero value. A directory that a user names is followed to where it is;
// what is in it is reached by os.Root alone.
type disk struct {
	root *os.Root
	dir  string
	lent bool // root is another's to close
}

func (d disk) Within(dir string) (fileSystem, error) {
	if d.root != nil {
		d.lent = true
		return d, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return disk{root: root, dir: dir}, nil
}

func (d disk) Close() error {
	if d.root == nil || d.lent {
		return nil
	}
	return d.root.Close()
}

// in does what do does to a name in a root, and names it in an error as it was given.
func (d disk) in(op, name string, do func(root *os.Root, rel string) error) error {
	dir := d.dir
	if d.root == nil {
		dir = filepath.Dir(name)
		root, err := os.OpenRoot(dir)
		if err != nil {
			return err
		}
		defer root.Close()
		d.root = root
	}
	rel, err := filepath.Rel(dir, name)
	if err != nil || !filepath.IsLocal(rel) {
		return &Linked{name, dir}
	}
	err = do(d.root, rel)
	if p := (*iofs.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	} else if l := (*os.LinkError)(nil); errors.As(err, &l) {
		err = l.Err
	}
	switch {
	case err == nil:
		return nil
	case isLinked(err):
		return err
	case strings.Contains(err.Error(), "path escapes"): // os has no name for it
		return &Linked{name, dir}
	}
	return &iofs.PathError{Op: op, Path: name, Err: err}
}

func (d disk) Mkdir(dir string) error {
	return d.in("mkdir", dir, func(root *os.Root, rel string) error { return root.Mkdir(rel, 0o755) })
}

func (d disk) Create(name string) (outFile, error) {
	return d.out("create", name, func(root *os.Root, rel string) (*os.File, error) {
		return root.OpenFile(rel, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	})
}

func (d disk) Extend(name string) (outFile, error) {
	return d.out("open", name, func(root *os.Root, rel string) (*os.File, error) {
		f, err := openOwn(root, rel, name, os.O_APPEND|os.O_WRONLY)
		if err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err != nil || hardLinks(info) > 1 {
			f.Close()
			return nil, errors.Join(err, &Linked{Path: name})
		}
		return f, nil
	})
}

// out keeps a nil *os.File from becoming an outFile that is not nil.
func (d disk) out(op, name string, open func(*os.Root, string) (*os.File, error)) (out outFile, err error) {
	err = d.in(op, name, func(root *os.Root, rel string) error {
		f, err := open(root, rel)
		if err == nil {
			out = f
		}
		return err
	})
	return out, err
}

// openOwn opens a file to write into it: rel itself, not where a link of that name leads.
func openOwn(root *os.Root, rel, name string, flag int) (*os.File, error) {
	if info, err := root.Lstat(rel); err == nil && info.Mode().Type() == os.ModeSymlink {
		return nil, &Linked{Path: name} // before it could be made where the link leads
	}
	f, err := root.OpenFile(rel, flag|nonblock, 0o644) // a pipe must not wait for its reader
	if err != nil {
		return nil, err
	}
	opened, err := f.Stat()
	if err == nil && !opened.Mode().IsRegular() {
		err = errNoFile
	}
	if there, e := root.Lstat(rel); err == nil && (e != nil || !os.SameFile(opened, there)) {
		err = &Linked{Path: name} // in whose place it was opened
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

var errNoFile = errors.New("not a file")

func (d disk) Open(name string) (in inFile, err error) {
	err = d.in("open", name, func(root *os.Root, rel string) error {
		f, err := root.OpenFile(rel, os.O_RDONLY|nonblock, 0) // a pipe must not wait for its writer
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = errNoFile
		}
		if err != nil {
			f.Close()
			return err
		}
		in = diskFile{f, info.Size()}
		return nil
	})
	return in, err
}

// A diskFile is an open file with the size that it had.
type diskFile struct {
	*os.File
	size int64
}

func (f diskFile) Size() int64 { return f.size }

func (d disk) List(dir string) (names []string, err error) {
	err = d.in("open", dir, func(root *os.Root, rel string) error {
		there, err := root.Lstat(rel)
		if err != nil {
			return err
		}
		if !there.IsDir() {
			return syscall.ENOTDIR
		}
		f, err := root.OpenFile(rel, os.O_RDONLY|nonblock, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		if opened, err := f.Stat(); err != nil || !os.SameFile(opened, there) { // a link came between
			return errors.Join(err, syscall.ENOTDIR)
		}
		names, err = f.Readdirnames(-1)
		slices.Sort(names)
		return err
	})
	return names, err
}

func (d disk) IsLink(name string) (link bool) {
	d.in("lstat", name, func(root *os.Root, rel string) error {
		info, err := root.Lstat(rel)
		link = err == nil && info.Mode().Type() == os.ModeSymlink
		return err
	})
	return link
}

func (d disk) Rename(from, to string) error {
	return d.in("rename", from, func(root *os.Root, rel string) error {
		return root.Rename(rel, filepath.Join(filepath.Dir(rel), filepath.Base(to)))
	})
}

func (d disk) Remove(name string) error {
	return d.in("remove", name, func(root *os.Root, rel string) error { return root.Remove(rel) })
}

func (d disk) Sync(dir string) error {
	return d.in("sync", dir, func(root *os.Root, rel string) error {
		f, err := root.OpenFile(rel, os.O_RDONLY|nonblock, 0)
		if err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	})
}

// enter is fs within dir, a directory that is made, durably, with those above it, where
// it is not there.
func enter(fs fileSystem, dir string) (fileSystem, error) {
	in, err := fs.Within(dir)
	if !errors.Is(err, os.ErrNotExist) {
		return in, err
	}
	dir = filepath.Clean(dir)
	parent := filepath.Dir(dir)
	if parent == dir {
		return nil, err
	}
	above, err := enter(fs, parent)
	if err != nil {
		return nil, err
	}
	defer above.Close()
	if err := above.Mkdir(dir); err != nil {
		return nil, err
	}
	if err := above.Sync(parent); err != nil {
		return nil, err
	}
	return fs.Within(dir)
}

// removeTree removes a directory and what is in it, as far as it goes: of a link, in
// its place or in it, the link, and never what it leads to.
func removeTree(fs fileSystem, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return fs.Remove(dir) // a file or a link
	}
	for _, name := range names {
		if err := removeTree(fs, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return fs.Remove(dir)
}
