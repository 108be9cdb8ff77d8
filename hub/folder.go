package hub

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// A folder is a directory from which files are read by name. A link in it may lead to
// another place in it; in a snapshot of a cache, to another place in the cache; and
// nowhere else.
type folder struct {
	root *os.Root
	dir  string // inside root
	path string // as it was given
}

func openFolder(path string) (*folder, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return nil, err
	}
	top, dir := real, "."
	if snapshots := filepath.Dir(real); filepath.Base(snapshots) == "snapshots" && strings.HasPrefix(filepath.Base(filepath.Dir(snapshots)), "models--") {
		// To the repository's blobs, and from there, where huggingface_hub shares one file
		// among repositories, to the blobs of the cache.
		top = filepath.Dir(filepath.Dir(snapshots))
		dir = filepath.Join(filepath.Base(filepath.Dir(snapshots)), "snapshots", filepath.Base(real))
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return nil, err
	}
	return &folder{root, dir, path}, nil
}

// OpenIn opens the regular file name in the directory dir, to read it. A link that leads
// out of dir is refused with that reason.
func OpenIn(dir, name string) (*os.File, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	file, _, err := f.open(name)
	return file, err
}

func (f *folder) Close() error { return f.root.Close() }

// has says whether a regular file of that name is there, or a link that leads out, which
// is not a file that is missing: opening it tells.
func (f *folder) has(name string) bool {
	info, err := f.root.Stat(filepath.Join(f.dir, name))
	return err == nil && info.Mode().IsRegular() || durable.Escapes(err)
}

// dangling says whether a file of that name is a link to what is not there.
func (f *folder) dangling(name string) bool {
	info, err := f.root.Lstat(filepath.Join(f.dir, name))
	return err == nil && info.Mode().Type() == os.ModeSymlink && !f.has(name)
}

// text reads a small file.
func (f *folder) text(name string) ([]byte, error) {
	text, err := readSmall(f.root, filepath.Join(f.dir, name), maxSmallFile)
	return text, f.explain(name, err)
}

// open opens a file of any size.
func (f *folder) open(name string) (*os.File, int64, error) {
	file, err := durable.OpenRegular(f.root, filepath.Join(f.dir, name))
	if err != nil {
		return nil, 0, f.explain(name, err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, 0, f.explain(name, err)
	}
	return file, info.Size(), nil
}

// explain names the file by the path that the user knows.
func (f *folder) explain(name string, err error) error {
	if err == nil {
		return nil
	}
	path := filepath.Join(f.path, name)
	switch {
	case durable.Escapes(err):
		return fmt.Errorf("%s is a link that leads out of the directory, and is not followed: put the file itself there", path)
	case errors.Is(err, fs.ErrNotExist) && f.dangling(name):
		return fmt.Errorf("%s is a link that leads nowhere: put the file itself there", path)
	}
	if e, ok := err.(*os.PathError); ok {
		err = e.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// begins is the first four bytes of the file at path; "" where it is no regular file, or
// a shorter one.
func begins(path string) string {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	var b [4]byte
	if _, err := io.ReadFull(f, b[:]); err != nil {
		return ""
	}
	return string(b[:])
}
