package train

import (
	"bytes"
	"io"
	iofs "io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
)

// A memFS is a file system in memory that writes down every operation, so that the
// states in which a power failure may leave it can be built.
type memFS struct {
	*disc
	bound string // the directory that nothing leads out of; "" = none
}

type disc struct {
	tree image
	ops  []op
	next int
	free int64
}

// An image is the content of a disk: nodes by number, 0 the root.
type image map[int]*node

// A node is a file, a directory of names and numbers, or a link.
type node struct {
	data    []byte         // never changed in place: images share it
	entries map[string]int // nil in a file
	synced  int            // bytes of a file that are durable
	link    string         // where it leads, from its directory or, with a slash, from the root
}

type opKind int

const (
	opLink     opKind = iota // name in parent is node; with to, a link to it
	opWrite                  // data at the end of node
	opSyncFile               // node's data is durable
	opRename                 // name in parent becomes to
	opUnlink                 // name in parent is no more
	opSyncDir                // parent's names are durable
	opSaved                  // the run reported step node as saved
)

type op struct {
	kind         opKind
	parent, node int
	name, to     string
	data         []byte
	dir          bool
}

func newMemFS() *memFS {
	return &memFS{disc: &disc{tree: image{0: {entries: map[string]int{}}}, next: 1}}
}

// on is a file system whose disk holds img, which is not changed.
func on(img image) *memFS {
	return &memFS{disc: &disc{tree: img.clone(), next: 1 + slices.Max(slices.Collect(maps.Keys(img)))}}
}

func (img image) clone() image {
	c := make(image, len(img))
	for i, n := range img {
		c[i] = &node{n.data, maps.Clone(n.entries), n.synced, n.link}
	}
	return c
}

func failure(what, name string, err error) error {
	return &iofs.PathError{Op: what, Path: name, Err: err}
}

// find is the number of a path without links.
func (img image) find(name string) (int, bool) {
	at := 0
	for part := range strings.SplitSeq(path.Clean(name), "/") {
		if part == "." {
			continue
		}
		next, ok := img[at].entries[part]
		if !ok {
			return 0, false
		}
		at = next
	}
	return at, true
}

func (m *memFS) do(o op) {
	m.ops = append(m.ops, o)
	m.tree.apply(o)
}

// apply does what an operation does when nothing goes wrong.
func (img image) apply(o op) {
	switch o.kind {
	case opLink:
		img.make(o)
		img[o.parent].entries[o.name] = o.node
	case opWrite:
		n := img[o.node]
		n.data = append(n.data[:len(n.data):len(n.data)], o.data...)
	case opSyncFile:
		img[o.node].synced = len(img[o.node].data)
	case opRename:
		if img[o.parent].entries[o.name] == o.node {
			delete(img[o.parent].entries, o.name)
		}
		img[o.parent].entries[o.to] = o.node
	case opUnlink:
		delete(img[o.parent].entries, o.name)
	}
}

// make makes the node of a link that may be lost itself.
func (img image) make(o op) {
	img[o.node] = &node{link: o.to}
	if o.dir {
		img[o.node].entries = map[string]int{}
	}
}

// resolve is the number of a name, of which the last part is followed or not, as an
// operating system finds it: within the bound, where there is one, or anywhere.
func (m *memFS) resolve(what, name string, follow bool) (int, error) {
	at, rest := []int{0}, path.Clean(name) // the directories on the way, and what is left of it
	if m.bound != "" {
		root, err := (&memFS{disc: m.disc}).resolve(what, m.bound, true)
		if err != nil {
			return 0, err
		}
		below, inside := strings.CutPrefix(rest+"/", path.Clean(m.bound)+"/")
		if !inside {
			return 0, &Linked{name, m.bound}
		}
		at, rest = []int{root}, below
	}
	parts := strings.Split(rest, "/")
	for links := 0; len(parts) > 0; {
		part := parts[0]
		parts = parts[1:]
		dir := m.tree[at[len(at)-1]]
		switch {
		case part == "." || part == "":
			continue
		case part == "..":
			if len(at) == 1 {
				return 0, &Linked{name, m.bound}
			}
			at = at[:len(at)-1]
			continue
		case dir.entries == nil:
			return 0, failure(what, name, syscall.ENOTDIR)
		}
		next, ok := dir.entries[part]
		if !ok {
			return 0, failure(what, name, syscall.ENOENT)
		}
		to := m.tree[next].link
		if to == "" || !follow && strings.Trim(strings.Join(parts, ""), "./") == "" {
			at = append(at[:len(at):len(at)], next)
			continue
		}
		if links++; links > 40 {
			return 0, failure(what, name, syscall.ELOOP)
		}
		if strings.HasPrefix(to, "/") {
			if m.bound != "" {
				return 0, &Linked{name, m.bound}
			}
			at = []int{0}
		}
		parts = append(strings.Split(to, "/"), parts...)
	}
	return at[len(at)-1], nil
}

func (m *memFS) Within(dir string) (fileSystem, error) {
	if m.bound != "" {
		return m, nil
	}
	n, err := m.resolve("open", dir, true)
	if err == nil && m.tree[n].entries == nil {
		err = failure("open", dir, syscall.ENOTDIR)
	}
	if err != nil {
		return nil, err
	}
	return &memFS{m.disc, dir}, nil
}

func (m *memFS) Close() error { return nil }

// symlink plants a link, as a stranger does: it is durable, and no operation.
func (m *memFS) symlink(to, name string) {
	parent, ok := m.tree.find(path.Dir(name))
	if !ok {
		panic("no " + path.Dir(name))
	}
	m.tree[m.next] = &node{link: to}
	m.tree[parent].entries[path.Base(name)] = m.next
	m.next++
}

func (m *memFS) link(what, name string, dir bool) (int, error) {
	parent, err := m.resolve(what, path.Dir(name), true)
	if err != nil {
		return 0, err
	}
	if _, ok := m.tree[parent].entries[path.Base(name)]; ok {
		return 0, failure(what, name, syscall.EEXIST)
	}
	m.do(op{kind: opLink, parent: parent, name: path.Base(name), node: m.next, dir: dir})
	m.next++
	return m.next - 1, nil
}

func (m *memFS) Mkdir(name string) error {
	_, err := m.link("mkdir", name, true)
	return err
}

func (m *memFS) Create(name string) (outFile, error) {
	n, err := m.link("create", name, false)
	return memFile{m, n}, err
}

func (m *memFS) Extend(name string) (outFile, error) {
	n, err := m.resolve("open", name, false)
	if err == nil && m.tree[n].link != "" {
		err = &Linked{Path: name}
	}
	if err != nil {
		return nil, err
	}
	return memFile{m, n}, nil
}

func (m *memFS) Open(name string) (inFile, error) {
	n, err := m.resolve("open", name, true)
	if err == nil && m.tree[n].entries != nil {
		err = failure("open", name, syscall.EISDIR)
	}
	if err != nil {
		return nil, err
	}
	return memReader{bytes.NewReader(m.tree[n].data)}, nil
}

func (m *memFS) List(dir string) ([]string, error) {
	n, err := m.resolve("open", dir, false)
	if err == nil && m.tree[n].entries == nil {
		err = failure("readdir", dir, syscall.ENOTDIR)
	}
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(m.tree[n].entries)), nil
}

func (m *memFS) IsLink(name string) bool {
	n, err := m.resolve("lstat", name, false)
	return err == nil && m.tree[n].link != ""
}

func (m *memFS) Rename(from, to string) error {
	n, err := m.resolve("rename", from, false)
	if err != nil {
		return err
	}
	if path.Dir(from) != path.Dir(to) {
		return failure("rename", from, syscall.EXDEV)
	}
	if old, err := m.resolve("rename", to, false); err == nil && m.tree[old].entries != nil {
		return failure("rename", to, syscall.EEXIST)
	}
	parent, err := m.resolve("rename", path.Dir(from), true)
	if err != nil {
		return err
	}
	m.do(op{kind: opRename, parent: parent, node: n, name: path.Base(from), to: path.Base(to)})
	return nil
}

func (m *memFS) Remove(name string) error {
	n, err := m.resolve("remove", name, false)
	if err != nil {
		return err
	}
	if len(m.tree[n].entries) > 0 {
		return failure("remove", name, syscall.ENOTEMPTY)
	}
	parent, err := m.resolve("remove", path.Dir(name), true)
	if err != nil {
		return err
	}
	m.do(op{kind: opUnlink, parent: parent, node: n, name: path.Base(name)})
	return nil
}

func (m *memFS) Sync(dir string) error {
	n, err := m.resolve("open", dir, true)
	if err != nil {
		return err
	}
	m.do(op{kind: opSyncDir, parent: n})
	return nil
}

func (m *memFS) Lock(name string) (io.Closer, error) {
	if m.IsLink(name) {
		return nil, &Linked{Path: name}
	}
	return io.NopCloser(nil), nil
}
func (m *memFS) Free(string) (int64, bool) { return m.free, m.free > 0 }

// A memFile is a file being written.
type memFile struct {
	m *memFS
	n int
}

func (f memFile) Write(p []byte) (int, error) {
	f.m.do(op{kind: opWrite, node: f.n, data: slices.Clone(p)})
	return len(p), nil
}

func (f memFile) Sync() error {
	f.m.do(op{kind: opSyncFile, node: f.n})
	return nil
}

func (f memFile) Close() error { return nil }

// A memReader is a file being read.
type memReader struct{ *bytes.Reader }

func (memReader) Close() error { return nil }

// A hookFS asks before every operation whether it may happen; reading is always
// allowed.
type hookFS struct {
	fileSystem
	before func(what, name string) error
}

// shortWrite is what before returns for a write that ends in the middle.
var shortWrite = failure("write", "", io.ErrShortWrite)

func (h hookFS) ask(what, name string, do func() error) error {
	if err := h.before(what, name); err != nil {
		return err
	}
	return do()
}

func (h hookFS) Within(dir string) (fileSystem, error) {
	in, err := h.fileSystem.Within(dir)
	return hookFS{in, h.before}, err
}
func (h hookFS) Mkdir(dir string) error {
	return h.ask("mkdir", dir, func() error { return h.fileSystem.Mkdir(dir) })
}
func (h hookFS) Rename(from, to string) error {
	return h.ask("rename", from, func() error { return h.fileSystem.Rename(from, to) })
}
func (h hookFS) Remove(name string) error {
	return h.ask("remove", name, func() error { return h.fileSystem.Remove(name) })
}
func (h hookFS) Sync(dir string) error {
	return h.ask("syncdir", dir, func() error { return h.fileSystem.Sync(dir) })
}

func (h hookFS) Create(name string) (outFile, error) {
	return h.file("create", name, h.fileSystem.Create)
}
func (h hookFS) Extend(name string) (outFile, error) {
	return h.file("extend", name, h.fileSystem.Extend)
}

func (h hookFS) file(what, name string, open func(string) (outFile, error)) (outFile, error) {
	if err := h.before(what, name); err != nil {
		return nil, err
	}
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	return hookFile{f, h, name}, nil
}

type hookFile struct {
	outFile
	h    hookFS
	name string
}

func (f hookFile) Write(p []byte) (int, error) {
	if err := f.h.before("write", f.name); err == shortWrite {
		n, _ := f.outFile.Write(p[:len(p)/2])
		return n, nil
	} else if err != nil {
		return 0, err
	}
	return f.outFile.Write(p)
}

// Sync that fails loses what was not synced, and a second one would succeed: so it is
// on Linux.
func (f hookFile) Sync() error {
	if err := f.h.before("sync", f.name); err != nil {
		if m, ok := f.outFile.(memFile); ok {
			n := m.m.tree[m.n]
			n.data = n.data[:n.synced]
		}
		return err
	}
	return f.outFile.Sync()
}

func (f hookFile) Close() error {
	if err := f.h.before("close", f.name); err != nil {
		f.outFile.Close()
		return err
	}
	return f.outFile.Close()
}
