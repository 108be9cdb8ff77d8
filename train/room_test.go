package train

import (
	"errors"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
)

// A smallFS is a disk of so many bytes; when it is full, or fails, err says so.
type smallFS struct {
	*faultdisk.Disk
	*limit
}

type limit struct {
	bytes int
	err   error
}

type smallFile struct {
	durable.OutFile
	fs *smallFS
}

func (s *smallFS) Within(dir string) (durable.FS, error) {
	in, err := s.Disk.Within(dir)
	if err != nil {
		return nil, err
	}
	return &smallFS{in.(*faultdisk.Disk), s.limit}, nil
}

func (s *smallFS) Create(name string) (durable.OutFile, error) {
	f, err := s.Disk.Create(name)
	return smallFile{f, s}, err
}

func (s *smallFS) Extend(name string) (durable.OutFile, error) {
	f, err := s.Disk.Extend(name)
	return smallFile{f, s}, err
}

func (f smallFile) Write(p []byte) (int, error) {
	if f.fs.bytes > 0 && used(f.fs.Tree, 0)+len(p) > f.fs.bytes {
		return 0, faultdisk.Failure("write", "", f.fs.err)
	}
	return f.OutFile.Write(p)
}

// used is the room that is taken below a node.
func used(img faultdisk.Image, i int) (bytes int) {
	for _, below := range img[i].Entries {
		bytes += used(img, below)
	}
	return bytes + len(img[i].Data)
}

// wholeOnes counts the checkpoints that are whole.
func wholeOnes(fs durable.FS) (n int) {
	entries, _ := checkpoints(fs, "disk/run")
	for _, e := range entries {
		if verify(fs, e.Dir) == nil {
			n++
		}
	}
	return n
}

// fullDisk is a run that has saved the steps 1, which is the best, 2 and 3 on a disk
// with room for these and half of another.
func fullDisk(t *testing.T, o Options, m *faultdisk.Disk, err error) (*smallFS, *Run) {
	t.Helper()
	o.Keep = 2
	fs := &smallFS{m, &limit{err: err}}
	r := inMemory(t, fs, o, microData(t))
	for step := 1; step <= 3; step++ {
		steps(t, r, 1)
		r.State.addEvaluation(float64(step))
		r.snapshot()
		if err := r.Save(Observer{}); err != nil {
			t.Fatal(err)
		}
	}
	i, _ := m.Tree.Find(victimDir)
	fs.bytes = used(m.Tree, 0) + used(m.Tree, i)/2
	steps(t, r, 1)
	return fs, r
}

// A disk that holds exactly what is kept, with the best one among it, takes a new best
// one: the old one, which is outdated, goes first. Nothing else goes, for no other
// reason: two that are whole stay, the best while there is none better, that which a
// spike goes back to, and everything when the disk fails in another way.
func TestRoomForTheBest(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		loss   float64
		change func(m *faultdisk.Disk, r *Run)
		want   string
		saved  bool
	}{
		{"a new best", syscall.ENOSPC, 0.5, nil, "step-000003 step-000004", true},
		{"a quota", syscall.EDQUOT, 0.5, nil, "step-000003 step-000004", true},
		{"not the best", syscall.ENOSPC, 2, nil, "step-000001 step-000002 step-000003", false},
		{"another error", syscall.EIO, 0.5, nil, "step-000001 step-000002 step-000003", false},
		{"one is damaged", syscall.ENOSPC, 0.5, func(m *faultdisk.Disk, r *Run) {
			i, _ := m.Tree.Find(path.Join(victimDir, momentsFile))
			m.Tree[i].Data = slices.Clone(m.Tree[i].Data)
			m.Tree[i].Data[1000] ^= 1
		}, "step-000001 step-000002 step-000003", false},
		{"to go back to", syscall.ENOSPC, 0.5, func(m *faultdisk.Disk, r *Run) {
			r.Options.OnSpike, r.saved.Snapshot = SpikeRewind, 1
		}, "step-000001 step-000002 step-000003", false},
	} {
		m := faultdisk.New()
		m.Mkdir("disk")
		fs, r := fullDisk(t, microOptions(), m, c.err)
		if c.change != nil {
			c.change(m, r)
		}
		r.State.addEvaluation(c.loss)
		var told []string
		err := r.Save(Observer{Trouble: func(v Trouble) { told = append(told, v.Err.Error()) }})
		if got := strings.Join(names(t, m), " "); got != c.want || c.saved != (err == nil) || !c.saved && !errors.Is(err, c.err) {
			t.Errorf("%s: left are %s, %v", c.name, got, err)
		}
		if c.saved != (len(told) == 1 && strings.HasPrefix(told[0], "saving the checkpoint of step 4: ") && strings.HasSuffix(told[0], "step-000001 is outdated and was removed for it")) {
			t.Errorf("%s: told was %q", c.name, told)
		}
		fs.bytes = 0
		if err := r.Save(Observer{}); err != nil {
			t.Errorf("%s: with room: %v", c.name, err)
		}
		if got, passed, err := loadNewest(m, "disk/run", true); err != nil || len(passed) > 0 || digestOf(got.State) != digestOf(r.State) {
			t.Errorf("%s: with room: %v, %v", c.name, passed, err)
		}
	}
}

// When removing what is outdated fails, too, it is told, and nothing is lost.
func TestRoomCannotBeMade(t *testing.T) {
	m := faultdisk.New()
	m.Mkdir("disk")
	_, r := fullDisk(t, microOptions(), m, syscall.ENOSPC)
	r.State.addEvaluation(0.5)
	r.fs = faultdisk.Hook{FS: r.fs, Before: func(what, name string) error {
		if what == "rename" {
			return faultdisk.Failure(what, name, syscall.EROFS)
		}
		return nil
	}}
	var told []error
	err := r.Save(Observer{Trouble: func(v Trouble) { told = append(told, v.Err) }})
	if !errors.Is(err, syscall.ENOSPC) || len(told) != 1 || !errors.Is(told[0], syscall.EROFS) || wholeOnes(m) != 3 {
		t.Errorf("%v, told was %v, %d are whole", err, told, wholeOnes(m))
	}
}

// fullStart is the story of a run whose disk is full: of a save that fails, of the
// outdated checkpoint that makes room for it, and of the one after that.
func fullStart(t *testing.T) *story {
	m := faultdisk.New()
	m.Mkdir("disk")
	m.Ops = nil
	fs, r := fullDisk(t, microOptions(), m, syscall.ENOSPC)
	s := newStory()
	s.base, s.begun = m.Tree.Clone(), 3
	m.Ops = nil
	for step := 4; step <= 5; step++ {
		if step > 4 {
			steps(t, r, 1)
		}
		r.State.addEvaluation(1 / float64(step))
		s.digest[step] = digestOf(r.State)
		tells := 0
		if err := r.Save(Observer{Save: func(v Saved) {
			m.Ops = append(m.Ops, faultdisk.Op{Kind: faultdisk.Told, Node: v.Step})
			s.log[v.Step], _ = readAll(m, path.Join("disk/run", MetricsFile))
		}, Trouble: func(Trouble) { tells++ }}); err != nil || tells != 5-step {
			t.Fatal(tells, err)
		}
	}
	s.ops = m.Ops
	c, err := checked(faultdisk.On(s.base), "disk/run")
	if err != nil || fs.bytes == 0 {
		t.Fatal(err)
	}
	s.digest[3] = digestOf(c.State)
	return s
}
