package durable

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
)

// WriteFolder makes the directory path with these files, and those above it, durably. It
// appears complete or not at all: the files are written beside it and then take its name.
// An empty directory that is there already gives way; any other is an error. A link is
// followed to where something may be written.
func WriteFolder(path string, files []File) error {
	if entries, err := os.ReadDir(path); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is there already and holds %s: choose another directory", path, entries[0].Name())
	}
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file: choose another directory", path)
	}
	fs, at, err := spot(path)
	if err != nil {
		return err
	}
	defer fs.Close()
	return appear(fs, at, func(temp string) error {
		for _, f := range files {
			out, err := fs.Create(filepath.Join(temp, f.Name))
			if err == nil {
				_, err = write(out, f, io.Discard)
			}
			if err != nil {
				return fmt.Errorf("writing %s: %w", filepath.Join(path, f.Name), err)
			}
		}
		return nil
	})
}

// WriteFile writes a new file, and makes the directories above it, durably: it is there
// complete, or not at all. It replaces nothing, whatever comes in its place meanwhile.
func WriteFile(path string, content func(io.Writer) error) error {
	taken := fmt.Errorf("%s is there already: choose another name", path)
	if _, err := os.Lstat(path); err == nil {
		return taken
	}
	fs, at, err := spot(path)
	if err != nil {
		return err
	}
	defer fs.Close()
	err = writeFile(fs, at, content)
	switch {
	case errors.Is(err, iofs.ErrExist):
		return taken
	case err != nil:
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// A linker is a file system with hard links: a file can get a second name in its directory,
// which must be a new one.
type linker interface {
	link(from, to string) error
}

// writeFile is WriteFile in a directory that is open. The error is iofs.ErrExist where a
// file of that name has come meanwhile.
func writeFile(fs FS, at string, content func(io.Writer) error) error {
	temp, out, err := create(fs, at)
	if err == nil {
		if _, err = write(out, File{Write: content}, io.Discard); err != nil {
			fs.Remove(temp)
		}
	}
	if err != nil {
		return err
	}
	err = errors.ErrUnsupported
	if l, ok := fs.(linker); ok {
		err = l.link(temp, at) // replaces nothing
	}
	renamed := false
	if err != nil && !errors.Is(err, iofs.ErrExist) { // no hard links here
		err = fs.Rename(temp, at)
		renamed = err == nil
	}
	if !renamed { // or the name may be another writer's by now
		fs.Remove(temp)
	}
	if err != nil {
		return err
	}
	return fs.Sync(filepath.Dir(at))
}

// spot opens the directory in which path is to be, which is made where it is not there,
// and says which name in it path has: another where it is a link.
func spot(path string) (in disk, at string, err error) {
	at = filepath.Clean(path)
	if info, err := os.Lstat(at); err == nil && info.Mode().Type() == os.ModeSymlink {
		if at, err = filepath.EvalSymlinks(at); err != nil {
			return in, "", fmt.Errorf("%s is a link that leads nowhere: choose another name", path)
		}
	}
	fs, err := Enter(OS, filepath.Dir(at))
	if err != nil {
		return in, "", err
	}
	return fs.(disk), at, nil
}

// Enter is fs within dir, a directory that is made, durably, with those above it, where
// it is not there.
func Enter(fs FS, dir string) (FS, error) {
	in, err := fs.Within(dir)
	if !errors.Is(err, iofs.ErrNotExist) {
		return in, err
	}
	if err := MakeDirs(fs, filepath.Clean(dir)); err != nil {
		return nil, err
	}
	return fs.Within(dir)
}

// MakeDirs makes dir, and the directories above it that are not there, durably.
func MakeDirs(fs FS, dir string) error {
	err := fs.Mkdir(dir)
	parent := filepath.Dir(dir)
	if errors.Is(err, iofs.ErrNotExist) && parent != dir {
		if err := MakeDirs(fs, parent); err != nil {
			return err
		}
		err = fs.Mkdir(dir)
	}
	if errors.Is(err, iofs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fs.Sync(parent)
}
