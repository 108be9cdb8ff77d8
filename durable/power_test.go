package durable_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
)

// dir is where the tests save: directories save-1, save-2 …, and the file log.
const dir = "disk/dir"

func nameOf(n int) string { return fmt.Sprintf("save-%d", n) }

func isSave(name string) bool { return strings.HasPrefix(name, "save-") || name == "log" }

func isTemp(name string) bool { return strings.HasPrefix(name, ".tmp-") }

// filesOf are the files of save n.
func filesOf(n int) []durable.File {
	return []durable.File{
		{Name: "small", Write: func(w io.Writer) error { _, err := fmt.Fprintf(w, "this is %d", n); return err }},
		{Name: "blocks", Blocks: true, Write: func(w io.Writer) error {
			_, err := w.Write(bytes.Repeat([]byte{byte(n)}, 1500))
			return err
		}},
	}
}

// read compares the directory at path and says which save it is.
func read(fs durable.FS, path string) (n int, err error) {
	f, err := durable.Open(fs, path)
	if err != nil {
		return 0, err
	}
	text, err := f.Content("small", 100)
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(string(text), "this is %d", &n); err != nil || n != f.Step {
		return 0, fmt.Errorf("%q, saved with %d, %v", text, f.Step, err)
	}
	return n, f.Read("blocks", func(r io.ReaderAt, size int64) error {
		b := make([]byte, size)
		if _, err := r.ReadAt(b, 0); err != nil {
			return err
		}
		if !bytes.Equal(b, bytes.Repeat([]byte{byte(n)}, 1500)) {
			return errors.New("other bytes")
		}
		return nil
	})
}

// A story is what happened to a disk.
type story struct {
	name  string
	base  faultdisk.Image
	ops   []faultdisk.Op
	begun int // the last save before it
}

// saves does in fs, of which m is the disk, the saves from to to: each time it replaces the
// log, saves, and removes what was saved two before.
func saves(m *faultdisk.Disk, fs durable.FS, from, to int) error {
	in, err := durable.Enter(fs, dir)
	if err != nil {
		return err
	}
	defer in.Close()
	durable.Sweep(in, dir, isSave)
	for n := from; n <= to; n++ {
		if _, err := durable.Replace(in, dir, durable.File{Name: "log", Write: func(w io.Writer) error { _, err := fmt.Fprintf(w, "log %d", n); return err }}); err != nil {
			return err
		}
		if err := in.Sync(dir); err != nil {
			return err
		}
		if err := durable.Save(in, dir, nameOf(n), n, filesOf(n)); err != nil {
			return err
		}
		m.Ops = append(m.Ops, faultdisk.Op{Kind: faultdisk.Told, Node: n})
		names, err := in.List(dir)
		if err != nil {
			return err
		}
		if old := nameOf(n - 2); slices.Contains(names, old) {
			if _, err := durable.Remove(in, dir, []string{old}); err != nil {
				return err
			}
		}
	}
	return nil
}

// stories are a first start, and a start after a crash before each rename of it.
func stories(t *testing.T, on func(*faultdisk.Disk) durable.FS) (all []story) {
	t.Helper()
	m := faultdisk.New()
	m.Mkdir("disk")
	m.Ops = nil
	first := story{name: "first start", base: m.Tree.Clone()}
	if err := saves(m, on(m), 1, 4); err != nil {
		t.Fatal(err)
	}
	first.ops = m.Ops
	all = append(all, first)
	for i, o := range first.ops {
		if o.Kind != faultdisk.Rename || i < len(first.ops)/2 {
			continue
		}
		for _, after := range []int{0, 1} {
			next := story{name: fmt.Sprintf("start after a crash in operation %d", i+after), base: faultdisk.After(first.base, first.ops[:i+after])}
			for _, o := range first.ops[:i+after] {
				if o.Kind == faultdisk.Told {
					next.begun = o.Node
				}
			}
			// What the crash left is in memory, and not all of it on the disk.
			m := faultdisk.On(next.base)
			m.Ops = slices.Clone(first.ops[:i+after])
			next.base = first.base
			if err := saves(m, on(m), next.begun+2, next.begun+3); err != nil {
				t.Fatal(next.name, err)
			}
			next.ops, next.begun = m.Ops, 0
			all = append(all, next)
		}
	}
	return all
}

// broken are the promises that a state of the disk does not keep, when n was told last.
func broken(img faultdisk.Image, told int) (promises []string) {
	fs := faultdisk.On(img)
	names, err := fs.List(dir)
	if err != nil {
		if told > 0 {
			promises = append(promises, "the directory is there")
		}
		return promises
	}
	newest := 0
	for _, name := range names {
		if isTemp(name) || name == "log" {
			continue
		}
		n, err := read(fs, path.Join(dir, name))
		if err != nil || name != nameOf(n) {
			promises = append(promises, "what has its name is whole")
		}
		newest = max(newest, n)
	}
	if newest < told {
		promises = append(promises, "what was told is there")
	}
	var log int
	if f, err := fs.Open(path.Join(dir, "log")); err == nil {
		text := make([]byte, f.Size())
		f.ReadAt(text, 0)
		fmt.Sscanf(string(text), "log %d", &log)
		if log == 0 {
			promises = append(promises, "a file that is replaced is the old one or the new one")
		}
	}
	if log < newest {
		promises = append(promises, "what was replaced and synced is the new one")
	}
	return promises
}

// judge builds the states of a story and counts the promises that they do not keep.
func (s story) judge(most int) (states int, promises map[string]int) {
	promises = map[string]int{}
	seed := maphash.MakeSeed()
	type state struct {
		content uint64
		told    int
	}
	seen := map[state]bool{}
	for n := range len(s.ops) + 1 {
		told := s.begun
		for _, o := range s.ops[:n] {
			if o.Kind == faultdisk.Told {
				told = o.Node
			}
		}
		states += faultdisk.States(s.base, s.ops[:n], most, func(img faultdisk.Image) {
			key := state{img.Hash(seed, isTemp), told}
			if !seen[key] {
				seen[key] = true
				for _, p := range broken(img, told) {
					promises[p]++
				}
			}
		})
	}
	return states, promises
}

// A failure of power after any operation of saves, of files that are replaced, of removals
// and of a start after a crash: what was told is there, and nothing that is half of itself.
func TestPowerLoss(t *testing.T) {
	states := 0
	for _, s := range stories(t, func(m *faultdisk.Disk) durable.FS { return m }) {
		n, promises := s.judge(40)
		states += n
		for p, n := range promises {
			t.Errorf("%s: not kept in %d states: %s", s.name, n, p)
		}
	}
	if states < 10_000 {
		t.Errorf("%d states, want at least 10000", states)
	}
	t.Logf("%d states", states)
}

// A slip is a file system that leaves out, or does in another order, what the protocol
// asks for.
type slip struct {
	*faultdisk.Disk
	noFileSync, noDirSync, noParentSync, noRename, manifestLate bool
	late                                                        *lateFile
}

func (m *slip) Within(dir string) (durable.FS, error) {
	in, err := m.Disk.Within(dir)
	if err != nil {
		return nil, err
	}
	within := *m
	within.Disk = in.(*faultdisk.Disk)
	return &within, nil
}

type slipFile struct {
	durable.OutFile
	m *slip
}

func (f slipFile) Sync() error {
	if f.m.noFileSync {
		return nil
	}
	return f.OutFile.Sync()
}

// A lateFile is a manifest that waits for the rename.
type lateFile struct{ bytes.Buffer }

func (*lateFile) Sync() error  { return nil }
func (*lateFile) Close() error { return nil }

// place is where a file is written: without a rename, under the final name at once.
func (m *slip) place(name string) string {
	if !m.noRename {
		return name
	}
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if rest, ok := strings.CutPrefix(p, ".tmp-save-"); ok {
			parts[i] = "save-" + strings.TrimSuffix(rest, "-1")
		}
	}
	return strings.Join(parts, "/")
}

func (m *slip) Mkdir(dir string) error { return m.Disk.Mkdir(m.place(dir)) }

func (m *slip) Create(name string) (durable.OutFile, error) {
	if m.manifestLate && path.Base(name) == durable.ManifestFile {
		m.late = &lateFile{}
		return m.late, nil
	}
	f, err := m.Disk.Create(m.place(name))
	return slipFile{f, m}, err
}

func (m *slip) Rename(from, to string) error {
	if m.noRename && strings.HasPrefix(path.Base(from), ".tmp-save-") {
		return nil
	}
	if err := m.Disk.Rename(from, to); err != nil || m.late == nil {
		return err
	}
	f, err := m.Disk.Create(path.Join(to, durable.ManifestFile))
	if err == nil {
		_, err = f.Write(m.late.Bytes())
	}
	m.late = nil
	return errors.Join(err, f.Sync(), m.Disk.Sync(to))
}

func (m *slip) Sync(dir string) error {
	temp := isTemp(path.Base(dir))
	if temp && m.noDirSync || !temp && m.noParentSync {
		return nil
	}
	return m.Disk.Sync(m.place(dir))
}

// Five ways to get the protocol wrong, each of which the states of TestPowerLoss show.
func TestPowerLossSlips(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*slip)
		breaks string
	}{
		{"files are not synced", func(m *slip) { m.noFileSync = true }, "what was told is there"},
		{"the new directory is not synced", func(m *slip) { m.noDirSync = true }, "what was told is there"},
		{"the directory above is not synced", func(m *slip) { m.noParentSync = true }, "the directory is there"},
		{"no rename", func(m *slip) { m.noRename = true }, "what has its name is whole"},
		{"the manifest comes after the rename", func(m *slip) { m.manifestLate = true }, "what has its name is whole"},
	} {
		m := faultdisk.New()
		m.Mkdir("disk")
		m.Ops = nil
		s := story{base: m.Tree.Clone()}
		fs := &slip{Disk: m}
		c.change(fs)
		if err := saves(m, fs, 1, 3); err != nil {
			t.Fatal(err)
		}
		s.ops = m.Ops
		if states, promises := s.judge(8); promises[c.breaks] == 0 {
			t.Errorf("%s: no state of %d shows that %q is not kept: %v", c.name, states, c.breaks, promises)
		}
	}
}

// A failure of power during a file that is written by itself leaves it complete or not at
// all, and it is there once that was told.
func TestPowerLossOfAFile(t *testing.T) {
	m := faultdisk.New()
	m.Mkdir("disk")
	if err := m.Sync("."); err != nil {
		t.Fatal(err)
	}
	base := m.Tree.Clone()
	m.Ops = nil
	const name, text = "disk/model.gguf", "every byte of it"
	err := durable.WriteFileIn(m, name, func(w io.Writer) error {
		for i := range text {
			if _, err := io.WriteString(w, text[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(m.Ops) + 1 {
		faultdisk.States(base, m.Ops[:n], 100, func(img faultdisk.Image) {
			f, err := faultdisk.On(img).Open(name)
			if err != nil {
				if n == len(m.Ops) {
					t.Errorf("the file was written and is not there: %v", err)
				}
				return
			}
			is := make([]byte, f.Size())
			if f.ReadAt(is, 0); string(is) != text {
				t.Errorf("after %d of %d operations the file may hold %q", n, len(m.Ops), is)
			}
		})
	}
}
