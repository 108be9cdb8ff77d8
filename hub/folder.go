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

// A folder is a directory from which files are read by name. A link may point only into
// the directory itself; in a snapshot of a cache, it may point into the cache.
type folder struct {
	root *os.Root
	dir  string // inside root
	path string // as the user gave it
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
		// Links point to the blobs of the repository. If huggingface_hub shares a file among
		// repositories, these are links to the blobs of the cache.
		top = filepath.Dir(filepath.Dir(snapshots))
		dir = filepath.Join(filepath.Base(filepath.Dir(snapshots)), "snapshots", filepath.Base(real))
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return nil, err
	}
	return &folder{root, dir, path}, nil
}

// OpenIn opens the regular file name in the directory dir for reading. A link that points
// out of dir is an error; in a snapshot of a cache it may point into the cache.
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

// has says whether there is a regular file of that name. It is also true for a link that
// points out of the folder: such a file is not missing, and opening it gives the error.
func (f *folder) has(name string) bool {
	info, err := f.root.Stat(filepath.Join(f.dir, name))
	return err == nil && info.Mode().IsRegular() || durable.Escapes(err)
}

// dangling says whether name is a link whose target does not exist.
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

// explain returns err with the path of the file as the user knows it.
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

// readMagic returns the first four bytes of the file at path, or "" if it is not a regular
// file or has fewer bytes.
func readMagic(path string) string {
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
