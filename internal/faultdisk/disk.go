// Package faultdisk is for tests: a [durable.FS] in memory that writes down each operation
// and builds the states in which a failure of power may leave it, and one that lets each
// operation fail.
package faultdisk

import (
	"bytes"
	"io"
	iofs "io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// A Disk is a file system in memory that writes down every operation, so that the
// states in which a failure of power may leave it can be built.
type Disk struct {
	*Content
	bound string // the directory that nothing leads out of; "" = none
}

// A Content is what a disk holds, and what was done to it.
type Content struct {
	Tree Image
	Ops  []Op
	Next int   // the number of the next node
	Room int64 // what Free says; 0 = it is not known
}

// An Image is the content of a disk: nodes by number, 0 the root.
type Image map[int]*Node

// A Node is a file, a directory of names and numbers, or a link.
type Node struct {
	Data    []byte         // never changed in place by a Disk: Images share it
	Entries map[string]int // nil in a file
	Link    string         // where it leads, from its directory or, with a slash, from the root

	synced int // bytes of a file that are durable
}

// A Kind is what an operation does.
type Kind int

// The kinds of operations.
const (
	Link     Kind = iota // Name in Parent is Node; with To, a link to it
	Write                // Data at the end of Node
	SyncFile             // Node's data is durable
	Rename               // Name in Parent becomes To
	Unlink               // Name in Parent is no more
	SyncDir              // Parent's names are durable
	Told                 // no operation: the test notes that Node was reported as saved
)

// An Op is an operation.
type Op struct {
	Kind         Kind
	Parent, Node int
	Name, To     string
	Data         []byte
	Dir          bool // Node is a directory
}

// New is an empty disk.
func New() *Disk {
	return &Disk{Content: &Content{Tree: Image{0: {Entries: map[string]int{}}}, Next: 1}}
}

// On is a file system whose disk holds img, which is not changed.
func On(img Image) *Disk {
	return &Disk{Content: &Content{Tree: img.Clone(), Next: 1 + slices.Max(slices.Collect(maps.Keys(img)))}}
}

// Clone is a copy; what is in files is shared.
func (img Image) Clone() Image {
	c := make(Image, len(img))
	for i, n := range img {
		c[i] = &Node{n.Data, maps.Clone(n.Entries), n.Link, n.synced}
	}
	return c
}

// Failure is an error as package os gives it.
func Failure(what, name string, err error) error {
	return &iofs.PathError{Op: what, Path: name, Err: err}
}

// Find is the number of a path without links.
func (img Image) Find(name string) (int, bool) {
	at := 0
	for part := range strings.SplitSeq(path.Clean(name), "/") {
		if part == "." {
			continue
		}
		next, ok := img[at].Entries[part]
		if !ok {
			return 0, false
		}
		at = next
	}
	return at, true
}

func (m *Disk) do(o Op) {
	m.Ops = append(m.Ops, o)
	m.Tree.Apply(o)
}

// Apply does what an operation does when nothing goes wrong.
func (img Image) Apply(o Op) {
	switch o.Kind {
	case Link:
		img.make(o)
		img[o.Parent].Entries[o.Name] = o.Node
	case Write:
		n := img[o.Node]
		n.Data = append(n.Data[:len(n.Data):len(n.Data)], o.Data...)
	case SyncFile:
		img[o.Node].synced = len(img[o.Node].Data)
	case Rename:
		if img[o.Parent].Entries[o.Name] == o.Node {
			delete(img[o.Parent].Entries, o.Name)
		}
		img[o.Parent].Entries[o.To] = o.Node
	case Unlink:
		delete(img[o.Parent].Entries, o.Name)
	}
}

// make makes the node of a link that may be lost itself.
func (img Image) make(o Op) {
	img[o.Node] = &Node{Link: o.To}
	if o.Dir {
		img[o.Node].Entries = map[string]int{}
	}
}

// resolve is the number of a name, of which the last part is followed or not, as an
// operating system finds it: within the bound, where there is one, or anywhere.
func (m *Disk) resolve(what, name string, follow bool) (int, error) {
	at, rest := []int{0}, path.Clean(name) // the directories on the way, and what is left of it
	if m.bound != "" {
		root, err := (&Disk{Content: m.Content}).resolve(what, m.bound, true)
		if err != nil {
			return 0, err
		}
		below, inside := strings.CutPrefix(rest+"/", path.Clean(m.bound)+"/")
		if !inside {
			return 0, &durable.Linked{Path: name, Dir: m.bound}
		}
		at, rest = []int{root}, below
	}
	parts := strings.Split(rest, "/")
	for links := 0; len(parts) > 0; {
		part := parts[0]
		parts = parts[1:]
		dir := m.Tree[at[len(at)-1]]
		switch {
		case part == "." || part == "":
			continue
		case part == "..":
			if len(at) == 1 {
				return 0, &durable.Linked{Path: name, Dir: m.bound}
			}
			at = at[:len(at)-1]
			continue
		case dir.Entries == nil:
			return 0, Failure(what, name, syscall.ENOTDIR)
		}
		next, ok := dir.Entries[part]
		if !ok {
			return 0, Failure(what, name, syscall.ENOENT)
		}
		to := m.Tree[next].Link
		if to == "" || !follow && strings.Trim(strings.Join(parts, ""), "./") == "" {
			at = append(at[:len(at):len(at)], next)
			continue
		}
		if links++; links > 40 {
			return 0, Failure(what, name, syscall.ELOOP)
		}
		if strings.HasPrefix(to, "/") {
			if m.bound != "" {
				return 0, &durable.Linked{Path: name, Dir: m.bound}
			}
			at = []int{0}
		}
		parts = append(strings.Split(to, "/"), parts...)
	}
	return at[len(at)-1], nil
}

func (m *Disk) Within(dir string) (durable.FS, error) {
	if m.bound != "" {
		return m, nil
	}
	n, err := m.resolve("open", dir, true)
	if err == nil && m.Tree[n].Entries == nil {
		err = Failure("open", dir, syscall.ENOTDIR)
	}
	if err != nil {
		return nil, err
	}
	return &Disk{m.Content, dir}, nil
}

func (m *Disk) Close() error { return nil }

// Symlink plants a link, as a stranger does: it is durable, and no operation.
func (m *Disk) Symlink(to, name string) {
	parent, ok := m.Tree.Find(path.Dir(name))
	if !ok {
		panic("no " + path.Dir(name))
	}
	m.Tree[m.Next] = &Node{Link: to}
	m.Tree[parent].Entries[path.Base(name)] = m.Next
	m.Next++
}

func (m *Disk) link(what, name string, dir bool) (int, error) {
	parent, err := m.resolve(what, path.Dir(name), true)
	if err != nil {
		return 0, err
	}
	if _, ok := m.Tree[parent].Entries[path.Base(name)]; ok {
		return 0, Failure(what, name, syscall.EEXIST)
	}
	m.do(Op{Kind: Link, Parent: parent, Name: path.Base(name), Node: m.Next, Dir: dir})
	m.Next++
	return m.Next - 1, nil
}

func (m *Disk) Mkdir(name string) error {
	_, err := m.link("mkdir", name, true)
	return err
}

func (m *Disk) Create(name string) (durable.OutFile, error) {
	n, err := m.link("create", name, false)
	return memFile{m, n}, err
}

func (m *Disk) Extend(name string) (durable.OutFile, error) {
	n, err := m.resolve("open", name, false)
	if err == nil && m.Tree[n].Link != "" {
		err = &durable.Linked{Path: name}
	}
	if err != nil {
		return nil, err
	}
	return memFile{m, n}, nil
}

func (m *Disk) Open(name string) (durable.InFile, error) {
	n, err := m.resolve("open", name, true)
	if err == nil && m.Tree[n].Entries != nil {
		err = Failure("open", name, syscall.EISDIR)
	}
	if err != nil {
		return nil, err
	}
	return memReader{bytes.NewReader(m.Tree[n].Data)}, nil
}

func (m *Disk) List(dir string) ([]string, error) {
	n, err := m.resolve("open", dir, false)
	if err == nil && m.Tree[n].Entries == nil {
		err = Failure("readdir", dir, syscall.ENOTDIR)
	}
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(m.Tree[n].Entries)), nil
}

func (m *Disk) IsLink(name string) bool {
	n, err := m.resolve("lstat", name, false)
	return err == nil && m.Tree[n].Link != ""
}

func (m *Disk) Rename(from, to string) error {
	n, err := m.resolve("rename", from, false)
	if err != nil {
		return err
	}
	if path.Dir(from) != path.Dir(to) {
		return Failure("rename", from, syscall.EXDEV)
	}
	if old, err := m.resolve("rename", to, false); err == nil && m.Tree[old].Entries != nil {
		return Failure("rename", to, syscall.EEXIST)
	}
	parent, err := m.resolve("rename", path.Dir(from), true)
	if err != nil {
		return err
	}
	m.do(Op{Kind: Rename, Parent: parent, Node: n, Name: path.Base(from), To: path.Base(to)})
	return nil
}

func (m *Disk) Remove(name string) error {
	n, err := m.resolve("remove", name, false)
	if err != nil {
		return err
	}
	if len(m.Tree[n].Entries) > 0 {
		return Failure("remove", name, syscall.ENOTEMPTY)
	}
	parent, err := m.resolve("remove", path.Dir(name), true)
	if err != nil {
		return err
	}
	m.do(Op{Kind: Unlink, Parent: parent, Node: n, Name: path.Base(name)})
	return nil
}

func (m *Disk) Sync(dir string) error {
	n, err := m.resolve("open", dir, true)
	if err != nil {
		return err
	}
	m.do(Op{Kind: SyncDir, Parent: n})
	return nil
}

func (m *Disk) Lock(name string) (io.Closer, error) {
	if m.IsLink(name) {
		return nil, &durable.Linked{Path: name}
	}
	return io.NopCloser(nil), nil
}
func (m *Disk) Free(string) (int64, bool) { return m.Room, m.Room > 0 }

// A memFile is a file being written.
type memFile struct {
	m *Disk
	n int
}

func (f memFile) Write(p []byte) (int, error) {
	f.m.do(Op{Kind: Write, Node: f.n, Data: slices.Clone(p)})
	return len(p), nil
}

func (f memFile) Sync() error {
	f.m.do(Op{Kind: SyncFile, Node: f.n})
	return nil
}

func (f memFile) Close() error { return nil }

// A memReader is a file being read.
type memReader struct{ *bytes.Reader }

func (memReader) Close() error { return nil }
