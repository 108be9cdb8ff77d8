package durable

import (
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// OS is the file system of the operating system. A directory that Within is given is
// followed to where it is; what is in it is reached by os.Root alone. Its locks are those
// of flock, where there is flock: they end with the process, however it ends, and another
// process is refused by the number of the one that holds the lock.
var OS FS = disk{}

// In is the file system within root, by names that are relative to it. root stays open.
func In(root *os.Root) FS { return disk{root: root, dir: ".", lent: true} }

// disk is the file system of the operating system: within root, which is dir, or
// anywhere in the zero value.
type disk struct {
	root *os.Root
	dir  string
	lent bool // root is another's to close
}

func (d disk) Within(dir string) (FS, error) {
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
	case Escapes(err):
		return &Linked{name, dir}
	}
	return &iofs.PathError{Op: op, Path: name, Err: err}
}

func (d disk) Mkdir(dir string) error {
	return d.in("mkdir", dir, func(root *os.Root, rel string) error { return root.Mkdir(rel, 0o755) })
}

func (d disk) Create(name string) (OutFile, error) {
	return d.out("create", name, func(root *os.Root, rel string) (*os.File, error) {
		return root.OpenFile(rel, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	})
}

func (d disk) Extend(name string) (OutFile, error) {
	return d.out("open", name, func(root *os.Root, rel string) (*os.File, error) {
		f, err := openOwn(root, rel, name, os.O_APPEND|os.O_WRONLY, 0)
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

// out keeps a nil *os.File from becoming an OutFile that is not nil.
func (d disk) out(op, name string, open func(*os.Root, string) (*os.File, error)) (out OutFile, err error) {
	err = d.in(op, name, func(root *os.Root, rel string) error {
		f, err := open(root, rel)
		if err == nil {
			out = f
		}
		return err
	})
	return out, err
}

func (d disk) Open(name string) (in InFile, err error) {
	err = d.in("open", name, func(root *os.Root, rel string) error {
		f, err := openRegular(root, rel)
		if err != nil {
			return err
		}
		info, err := f.Stat()
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

// link gives the file from the name to in the same directory as well, if nothing has it.
func (d disk) link(from, to string) error {
	return d.in("link", from, func(root *os.Root, rel string) error {
		return root.Link(rel, filepath.Join(filepath.Dir(rel), filepath.Base(to)))
	})
}

func (d disk) Remove(name string) error {
	return d.in("remove", name, func(root *os.Root, rel string) error { return root.Remove(rel) })
}

// Sync syncs a directory. A system that says that directories cannot be synced, as
// Windows does, has done what it can.
func (d disk) Sync(dir string) error {
	return d.in("sync", dir, func(root *os.Root, rel string) error {
		f, err := root.OpenFile(rel, os.O_RDONLY|nonblock, 0)
		if err != nil {
			return err
		}
		if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, iofs.ErrPermission) {
			f.Close()
			return err
		}
		return f.Close()
	})
}
