package hub

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
)

// makeDirs makes dir below root, and the directories above it, durably.
func makeDirs(root *os.Root, dir string) error {
	if info, err := root.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := path.Dir(dir)
	if parent != "." {
		if err := makeDirs(root, parent); err != nil {
			return err
		}
	}
	if err := root.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(root, parent)
}

// syncDir makes the names in dir durable.
func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
		d.Close()
		return err
	}
	return d.Close()
}

// replace writes a small file so that a reader sees the old text or the new one.
func replace(root *os.Root, name, text string) error {
	if old, err := readSmall(root, name, 1<<16); err == nil && string(old) == text {
		return nil
	}
	temporary := name + "." + rand.Text()[:8] + ".tmp"
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		root.Remove(temporary)
		return err
	}
	return syncDir(root, path.Dir(name))
}
