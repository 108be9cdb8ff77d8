package durable_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
)

// newDisk is a disk with dir, in which saves 1 and 2 are.
func newDisk(t testing.TB) *faultdisk.Disk {
	t.Helper()
	m := faultdisk.New()
	if err := durable.MakeDirs(m, dir); err != nil {
		t.Fatal(err)
	}
	if err := saves(m, m, 1, 2); err != nil {
		t.Fatal(err)
	}
	return m
}

// A call that fails, at whichever of its operations, and in whichever way, leaves what was
// there before as it was, and nothing half written. An error of the disk is what it says.
func TestAFailedCallLeavesNothing(t *testing.T) {
	small := durable.File{Name: "log", Write: func(w io.Writer) error { _, err := io.WriteString(w, "a new log"); return err }}
	for name, call := range map[string]func(fs durable.FS) error{
		"save":    func(fs durable.FS) error { return durable.Save(fs, dir, nameOf(3), 3, filesOf(3)) },
		"replace": func(fs durable.FS) error { _, err := durable.Replace(fs, dir, small); return err },
	} {
		for _, fault := range []error{syscall.EIO, syscall.ENOSPC, faultdisk.ShortWrite} {
			done := false
			for nth := 0; !done; nth++ {
				m := newDisk(t)
				before := faultdisk.On(m.Tree)
				asked, failed := 0, ""
				err := call(faultdisk.Hook{FS: m, Before: func(what, name string) error {
					if asked++; asked-1 == nth && (fault != faultdisk.ShortWrite || what == "write") {
						failed = what + " " + name
						return fault
					}
					return nil
				}})
				done = asked <= nth
				if failed == "" {
					if err != nil {
						t.Errorf("%s, nothing failed: %v", name, err)
					}
					continue
				}
				if fault != faultdisk.ShortWrite && !errors.Is(err, fault) || err == nil || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s, %s: %v, want %v", name, failed, err, fault)
				}
				for _, at := range []string{dir, path.Join(dir, nameOf(1)), path.Join(dir, nameOf(2))} {
					was, _ := before.List(at)
					if is, err := m.List(at); err != nil || !slices.Equal(is, was) {
						t.Errorf("%s, %s: in %s there are %v, were %v, %v", name, failed, at, is, was, err)
					}
				}
				if f, err := m.Open(path.Join(dir, "log")); err != nil || f.Size() != int64(len("log 2")) {
					t.Errorf("%s, %s: the file that was to be replaced: %v", name, failed, err)
				}
			}
		}
	}
}

// A removal that fails takes nothing away but what it names, and the next Sweep ends it.
func TestAFailedRemovalIsSwept(t *testing.T) {
	for nth := 0; ; nth++ {
		m := newDisk(t)
		m.Mkdir(path.Join(dir, ".tmp-notes-1"))
		asked := 0
		removed, err := durable.Remove(faultdisk.Hook{FS: m, Before: func(what, name string) error {
			if asked++; asked-1 == nth {
				return syscall.EIO
			}
			return nil
		}}, dir, []string{nameOf(1)})
		if asked <= nth {
			if err != nil || removed != 1 || nth < 5 {
				t.Errorf("%d operations, %d removed, %v", nth, removed, err)
			}
			return
		}
		if !errors.Is(err, syscall.EIO) || removed != 0 {
			t.Errorf("operation %d: %d removed, %v", nth, removed, err)
		}
		durable.Sweep(m, dir, isSave)
		names, _ := m.List(dir)
		if _, err := read(m, path.Join(dir, nameOf(2))); err != nil || !slices.Contains(names, ".tmp-notes-1") {
			t.Errorf("operation %d: then there are %v, %v", nth, names, err)
		}
		for _, name := range names {
			if isTemp(name) && name != ".tmp-notes-1" {
				t.Errorf("operation %d: %s is left", nth, name)
			}
		}
	}
}

// A temporary name that is taken is passed over.
func TestTakenNames(t *testing.T) {
	m := newDisk(t)
	for _, name := range []string{".tmp-save-3-1", ".tmp-save-3-2", ".tmp-log-1", ".tmp-save-1-1"} {
		m.Mkdir(path.Join(dir, name))
	}
	if err := saves(m, noSweep{m}, 3, 3); err != nil {
		t.Fatal(err)
	}
	names, _ := m.List(dir)
	if got := strings.Join(names, " "); got != ".tmp-log-1 .tmp-save-1-1 .tmp-save-3-1 .tmp-save-3-2 log save-2 save-3" {
		t.Errorf("there are %s", got)
	}
}

// noSweep is a disk on which nothing can be swept, since the directory above cannot be
// listed the first time.
type noSweep struct{ *faultdisk.Disk }

func (n noSweep) Within(string) (durable.FS, error) { return &listFails{Disk: n.Disk}, nil }

type listFails struct {
	*faultdisk.Disk
	listed bool
}

func (l *listFails) List(dir string) ([]string, error) {
	if !l.listed {
		l.listed = true
		return nil, syscall.EIO
	}
	return l.Disk.List(dir)
}

// Every bit of every file, of a directory that was saved, is guarded; so is its length.
func TestEveryBitIsGuarded(t *testing.T) {
	m := newDisk(t)
	at := path.Join(dir, nameOf(2))
	found := func(what, name string) {
		_, err := read(m, at)
		if err == nil || !strings.HasPrefix(err.Error(), at+" is damaged: "+name) && !strings.HasPrefix(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s, %s: %v", name, what, err)
		}
	}
	for _, name := range []string{"small", "blocks", durable.ManifestFile} {
		i, ok := m.Tree.Find(path.Join(at, name))
		if !ok {
			t.Fatalf("no %s", name)
		}
		n := m.Tree[i]
		data := n.Data
		for bit := range 8 * len(data) {
			n.Data = slices.Clone(data)
			n.Data[bit/8] ^= 1 << (bit % 8)
			found(fmt.Sprintf("bit %d", bit), name)
		}
		for length := range len(data) + 10 {
			if length != len(data) {
				n.Data = append(slices.Clone(data), make([]byte, 10)...)[:length]
				found(fmt.Sprintf("%d bytes", length), name)
			}
		}
		n.Data = data
	}
	if _, err := read(m, at); err != nil {
		t.Error(err)
	}
}

// What is read is what was compared, and a file is compared whether it is read or not.
func TestReadCompares(t *testing.T) {
	m := newDisk(t)
	f, err := durable.Open(m, path.Join(dir, nameOf(2)))
	if err != nil {
		t.Fatal(err)
	}
	files := ""
	for name, size := range f.Files() {
		files += fmt.Sprintf("%s %d, ", name, size)
	}
	if files != "small 9, blocks 1500, " || f.Size("blocks") != 1500 || f.Size("none") != -1 || f.Step != 2 {
		t.Errorf("%s, %d and %d bytes, step %d", files, f.Size("blocks"), f.Size("none"), f.Step)
	}
	failed := errors.New("failed")
	fail := func(io.ReaderAt, int64) error { return failed }
	for _, name := range []string{"small", "blocks"} {
		if err := f.Read(name, fail); err != failed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Content("small", 8); err == nil || err.Error() != "small has 9 bytes, more than 8" {
		t.Error(err)
	}
	i, _ := m.Tree.Find(path.Join(dir, nameOf(2), "blocks"))
	m.Tree[i].Data = bytes.Repeat([]byte{3}, 1500)
	for _, do := range []func(io.ReaderAt, int64) error{nil, fail} {
		if err := f.Read("blocks", do); err == nil || !strings.HasPrefix(err.Error(), "blocks: bytes 0 to 1499 changed after they were saved") {
			t.Errorf("read %v: %v", do != nil, err)
		}
	}
}

// A file that is summed up by another goroutine has the same sums, and an error of the
// disk is told once that one has ended.
func TestSummedBeside(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	var manifests []string
	for _, size := range []int64{0, 8 << 20} {
		for _, failing := range []bool{false, true} {
			m := faultdisk.New()
			err := durable.Save(faultdisk.Hook{FS: m, Before: func(what, name string) error {
				if failing && what == "write" {
					return faultdisk.Failure(what, name, syscall.ENOSPC)
				}
				return nil
			}}, ".", "x", 0, []durable.File{{Name: "x", Bytes: size, Blocks: true, Write: func(w io.Writer) error { _, err := w.Write(text); return err }}})
			if failing != errors.Is(err, syscall.ENOSPC) || err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("failing %v: %v", failing, err)
			}
			if i, ok := m.Tree.Find("x/" + durable.ManifestFile); ok {
				manifests = append(manifests, string(m.Tree[i].Data))
			}
		}
	}
	if len(manifests) != 2 || manifests[0] != manifests[1] || !strings.Contains(manifests[0], `"bytes": 3200000`) {
		t.Errorf("%q", manifests)
	}
}
