package faultdisk

import (
	"io"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// A Hook asks before every operation whether it may happen; reading is always
// allowed.
type Hook struct {
	durable.FS
	Before func(what, name string) error // is called with each operation and its name; an error of its own is the operation's
}

// ShortWrite is what Before returns for a write that ends in the middle.
var ShortWrite = Failure("write", "", io.ErrShortWrite)

func (h Hook) ask(what, name string, do func() error) error {
	if err := h.Before(what, name); err != nil {
		return err
	}
	return do()
}

func (h Hook) Within(dir string) (durable.FS, error) {
	in, err := h.FS.Within(dir)
	return Hook{in, h.Before}, err
}
func (h Hook) Mkdir(dir string) error {
	return h.ask("mkdir", dir, func() error { return h.FS.Mkdir(dir) })
}
func (h Hook) Rename(from, to string) error {
	return h.ask("rename", from, func() error { return h.FS.Rename(from, to) })
}
func (h Hook) Remove(name string) error {
	return h.ask("remove", name, func() error { return h.FS.Remove(name) })
}
func (h Hook) Sync(dir string) error {
	return h.ask("syncdir", dir, func() error { return h.FS.Sync(dir) })
}

func (h Hook) Create(name string) (durable.OutFile, error) {
	return h.file("create", name, h.FS.Create)
}
func (h Hook) Extend(name string) (durable.OutFile, error) {
	return h.file("extend", name, h.FS.Extend)
}

func (h Hook) file(what, name string, open func(string) (durable.OutFile, error)) (durable.OutFile, error) {
	if err := h.Before(what, name); err != nil {
		return nil, err
	}
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	return hookFile{f, h, name}, nil
}

type hookFile struct {
	durable.OutFile
	h    Hook
	name string
}

func (f hookFile) Write(p []byte) (int, error) {
	if err := f.h.Before("write", f.name); err == ShortWrite {
		n, _ := f.OutFile.Write(p[:len(p)/2])
		return n, nil
	} else if err != nil {
		return 0, err
	}
	return f.OutFile.Write(p)
}

// A Sync that fails loses what was not synced, and a second one would succeed: so it is
// on Linux.
func (f hookFile) Sync() error {
	if err := f.h.Before("sync", f.name); err != nil {
		if m, ok := f.OutFile.(memFile); ok {
			n := m.m.Tree[m.n]
			n.Data = n.Data[:n.synced]
		}
		return err
	}
	return f.OutFile.Sync()
}

func (f hookFile) Close() error {
	if err := f.h.Before("close", f.name); err != nil {
		f.OutFile.Close()
		return err
	}
	return f.OutFile.Close()
}
