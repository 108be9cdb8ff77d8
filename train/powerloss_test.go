package train

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A story is what happened to a disk: what it held, what was done, and what the run
// knew when it reported a checkpoint as saved.
type story struct {
	base   image
	ops    []op
	digest map[int]string // of the state saved at a step
	log    map[int][]byte // the log that belongs to it
	begun  int            // steps saved before the story
}

// A loader loads the newest checkpoint.
type loader func(fs fileSystem, run string) (*Checkpoint, error)

func checked(fs fileSystem, run string) (*Checkpoint, error) {
	c, _, err := loadNewest(fs, run, true)
	return c, err
}

const (
	whole   = iota // all that was written
	lost           // nothing that was not synced
	zeroed         // the length, and no content
	garbage        // the length, and anything
	torn           // the first sectors
	variants
)

const sector = 512

// tell lets a run on m save at every step and returns the story; more saves prune.
func (s *story) tell(t *testing.T, m *memFS, fs fileSystem, r *Run, saves int) {
	t.Helper()
	for range saves {
		steps(t, r, 1)
		s.digest[r.State.Step] = digestOf(r.State)
		obs := Observer{Save: func(v Saved) {
			m.ops = append(m.ops, op{kind: opSaved, node: v.Step})
			s.log[v.Step], _ = readAll(m, path.Join("disk/run", MetricsFile))
		}, Trouble: func(v Trouble) { t.Fatal(v.Err) }}
		if err := r.Save(obs); err != nil {
			t.Fatal(err)
		}
	}
	s.ops = m.ops
}

func newStory() *story { return &story{digest: map[int]string{}, log: map[int][]byte{}} }

// firstStart is the story of a new run: its directory, its log, saves and prunes.
func firstStart(t *testing.T, mutant func(*memFS) fileSystem) *story {
	return firstStartOf(t, microOptions(), mutant)
}

// adapterStart is firstStart while an adapter is trained.
func adapterStart(t *testing.T, mutant func(*memFS) fileSystem) *story {
	o := microOptions()
	o.Tuning = adapted().Tuning
	return firstStartOf(t, o, mutant)
}

func firstStartOf(t *testing.T, o Options, mutant func(*memFS) fileSystem) *story {
	m := newMemFS()
	m.Mkdir("disk")
	m.ops = nil
	s := newStory()
	s.base = m.tree.clone()
	o.Keep = 2
	fs := mutant(m)
	s.tell(t, m, fs, inMemory(t, fs, o, microData(t)), 4)
	return s
}

// secondStart is the story of a run that goes on after a crash in a save: what the
// crash left is removed, the log is cut, and a checkpoint is saved again.
func secondStart(t *testing.T, mutant func(*memFS) fileSystem) *story {
	m := newMemFS()
	m.Mkdir("disk")
	o, d := microOptions(), microData(t)
	s := newStory()
	r := inMemory(t, m, o, d)
	s.tell(t, m, m, r, 2)
	steps(t, r, 2)
	if err := r.log.sync(); err != nil {
		t.Fatal(err)
	}
	at := len(m.ops)
	steps(t, r, 1)
	if err := r.Save(Observer{}); err != nil {
		t.Fatal(err)
	}
	for i := at; i < len(m.ops); i++ { // the save ended before its rename
		if m.ops[i].kind == opRename {
			s.base = replay(m.ops[:i])
			break
		}
	}
	m = on(s.base)
	s.begun = 2
	fs := mutant(m)
	c, err := checked(fs, "disk/run")
	if err != nil || c.State.Step != 2 {
		t.Fatal(c, err)
	}
	r, err = resumeOn(fs, "disk/run", c, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.net.Close() })
	s.tell(t, m, fs, r, 2)
	return s
}

func replay(ops []op) image {
	img := newMemFS().tree
	for _, o := range ops {
		img.apply(o)
	}
	return img
}

// states calls check with every state in which a failure of power after the first n
// operations may leave the disk: each subset of the names that were not synced,
// times each variant of the contents that were not. Where these are more than most,
// it draws most of them.
func (s *story) states(n, most int, check func(image)) (count int) {
	ops := s.ops[:n]
	dead := map[int]bool{} // directories that are durably gone: what is in them is no matter
	var names []int        // operations on names that may be lost
	for i, o := range ops {
		if o.kind != opLink && o.kind != opRename && o.kind != opUnlink {
			continue
		}
		synced := slices.ContainsFunc(ops[i:], func(later op) bool { return later.kind == opSyncDir && later.parent == o.parent })
		if !synced {
			names = append(names, i)
		} else if o.kind == opUnlink {
			dead[o.node] = true
		}
	}
	names = slices.DeleteFunc(names, func(i int) bool { return dead[ops[i].parent] })
	durable := map[int]int{} // bytes of a file that are durable
	length := map[int]int{}
	for i, n := range s.base {
		durable[i], length[i] = len(n.data), len(n.data)
	}
	for _, o := range ops {
		switch o.kind {
		case opWrite:
			length[o.node] += len(o.data)
		case opSyncFile:
			durable[o.node] = length[o.node]
		}
	}
	var files []int
	for _, n := range slices.Sorted(maps.Keys(length)) {
		if durable[n] < length[n] && !dead[n] {
			files = append(files, n)
		}
	}
	total := 1 << min(len(names), 40)
	for range files {
		total = min(total*variants, 1<<40)
	}
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	for k := range min(total, most) {
		choice := uint64(k)
		if total > most {
			choice = rng.Uint64()
		}
		img := s.base.clone()
		for i, o := range ops {
			if at := slices.Index(names, i); at >= 0 {
				if choice>>at&1 == 0 {
					if o.kind == opLink {
						img.make(o)
					}
					continue
				}
			}
			img.apply(o)
		}
		choice >>= len(names)
		for _, f := range files {
			img[f].data = spoil(img[f].data, durable[f], int(choice%variants), rng)
			choice /= variants
			if total > most {
				choice = rng.Uint64()
			}
		}
		check(img)
	}
	return min(total, most)
}

// spoil is data of which only the first durable bytes are sure.
func spoil(data []byte, durable, variant int, rng *rand.Rand) []byte {
	d := slices.Clone(data)
	switch variant {
	case lost:
		d = d[:durable]
	case zeroed:
		clear(d[durable:])
	case garbage:
		for i := durable; i < len(d); i++ {
			d[i] = byte(rng.Uint32())
		}
	case torn:
		d = d[:max(durable, len(d)/sector*rng.IntN(100)/100*sector, durable/sector*sector)]
	}
	return d
}

// A verdict is what the states of a story came to.
type verdict struct {
	states, distinct int
	broken           map[string]int // promises that were not kept
}

// judge builds all states of s, loads each and compares it with what was promised.
func (s *story) judge(most int, load loader) verdict {
	v := verdict{broken: map[string]int{}}
	seed := maphash.MakeSeed()
	type seenAs struct {
		content uint64
		saved   int
	}
	seen := map[seenAs]bool{}
	for n := range len(s.ops) + 1 {
		saved, reported := s.begun, s.begun
		for _, o := range s.ops[:n] {
			if o.kind == opSaved {
				saved, reported = o.node, reported+1
			}
		}
		v.states += s.states(n, most, func(img image) {
			key := seenAs{img.hash(seed), saved}
			if seen[key] {
				return
			}
			seen[key] = true
			v.distinct++
			for _, promise := range s.check(img, load, saved, reported) {
				v.broken[promise]++
			}
		})
	}
	return v
}

// hash is of what can be reached and is looked at: not of what has a temporary name.
func (img image) hash(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	var walk func(i int)
	walk = func(i int) {
		n := img[i]
		for _, name := range slices.Sorted(maps.Keys(n.entries)) {
			if strings.HasPrefix(name, tempPrefix) {
				continue
			}
			h.WriteString(name + "\x00")
			walk(n.entries[name])
		}
		fmt.Fprint(&h, len(n.data), " ")
		h.Write(n.data)
	}
	walk(0)
	return h.Sum64()
}

// check compares one state of the disk with the promises, when the step saved was
// reported as saved last, after reported reports.
func (s *story) check(img image, load loader, saved, reported int) (broken []string) {
	fs := on(img)
	entries, err := checkpoints(fs, "disk/run")
	if err != nil && saved == 0 {
		return nil // the run directory was lost before anything was saved
	}
	if err != nil {
		return []string{"the run directory is there"}
	}
	sound := 0
	for _, e := range entries {
		if verify(fs, e.Dir) == nil {
			sound++
		}
	}
	if sound < len(entries) {
		broken = append(broken, "what has a checkpoint's name is whole")
	}
	if sound < min(reported, minimumKept) {
		broken = append(broken, "two whole checkpoints are kept")
	}
	c, err := load(fs, "disk/run")
	switch {
	case err != nil && saved > 0:
		return append(broken, "what was reported as saved loads")
	case err != nil && len(entries) > 0:
		return append(broken, "an interrupted first save leaves nothing")
	case err != nil:
		return broken
	case c.State.Step < saved:
		broken = append(broken, "the new one loads once it was reported")
	}
	if digestOf(c.State) != s.digest[c.State.Step] {
		broken = append(broken, "what loads is a state that was saved, bit for bit")
	}
	log, err := readAll(fs, filepath.Join("disk/run", MetricsFile))
	if err != nil || s.log[c.State.Step] != nil && !bytes.Equal(cutMetrics(log, c.State.Progress), s.log[c.State.Step]) {
		broken = append(broken, "the log has the lines of the checkpoint")
	}
	return broken
}

func plain(m *memFS) fileSystem { return m }

// A failure of power after any operation of a first start, of saves, of prunes and of
// a start after a crash leaves a disk from which the run goes on: from the new
// checkpoint for sure once it was reported as saved, else from the new or the old one.
func TestPowerLoss(t *testing.T) {
	most := 80
	if longTier {
		most = 1 << 12
	}
	states := 0
	for name, tell := range map[string]func(*testing.T, func(*memFS) fileSystem) *story{
		"first start, saves and prunes": firstStart, "the same of an adapter": adapterStart,
		"start after a crash": secondStart, "start after a crash in a prune": thirdStart,
		"a full disk": fullStart,
	} {
		s := tell(t, plain)
		v := s.judge(most, checked)
		t.Logf("%s: %d operations, %d states, %d of them distinct", name, len(s.ops), v.states, v.distinct)
		for promise, n := range v.broken {
			t.Errorf("%s: not kept in %d states: %s", name, n, promise)
		}
		lies, broken := s.lies(checked)
		if broken > 0 {
			t.Errorf("%s: a disk that lies: in %d of %d states the checkpoint before does not load", name, broken, lies)
		}
		states += v.states + lies
	}
	if states < 10_000 {
		t.Errorf("%d states, want at least 10000", states)
	}
}

// A mutantFS leaves out, or does in another order, what the protocol asks for.
type mutantFS struct {
	*memFS
	noFileSync, noDirSync, noParentSync, noRename, manifestLate bool
	late                                                        *lateFile
}

func (m *mutantFS) Within(dir string) (fileSystem, error) {
	in, err := m.memFS.Within(dir)
	if err != nil {
		return nil, err
	}
	within := *m
	within.memFS = in.(*memFS)
	return &within, nil
}

type mutantFile struct {
	outFile
	m *mutantFS
}

func (f mutantFile) Sync() error {
	if f.m.noFileSync {
		return nil
	}
	return f.outFile.Sync()
}

// A lateFile is a manifest that waits for the rename.
type lateFile struct {
	name string
	bytes.Buffer
}

func (*lateFile) Sync() error  { return nil }
func (*lateFile) Close() error { return nil }

// place is where a file is written: without a rename, under the final name at once.
func (m *mutantFS) place(name string) string {
	if !m.noRename {
		return name
	}
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if rest, ok := strings.CutPrefix(p, tempPrefix+stepPrefix); ok {
			parts[i] = stepPrefix + strings.TrimSuffix(rest, "-1")
		}
	}
	return strings.Join(parts, "/")
}

func (m *mutantFS) Mkdir(dir string) error { return m.memFS.Mkdir(m.place(dir)) }

func (m *mutantFS) Create(name string) (outFile, error) {
	if m.manifestLate && path.Base(name) == ManifestFile {
		m.late = &lateFile{name: name}
		return m.late, nil
	}
	f, err := m.memFS.Create(m.place(name))
	return mutantFile{f, m}, err
}

func (m *mutantFS) Extend(name string) (outFile, error) {
	f, err := m.memFS.Extend(name)
	return mutantFile{f, m}, err
}

func (m *mutantFS) Rename(from, to string) error {
	if m.noRename && strings.HasPrefix(path.Base(from), tempPrefix+stepPrefix) {
		return nil
	}
	if err := m.memFS.Rename(from, to); err != nil || m.late == nil {
		return err
	}
	f, err := m.memFS.Create(path.Join(to, ManifestFile))
	if err == nil {
		_, err = f.Write(m.late.Bytes())
	}
	m.late = nil
	return errors.Join(err, f.Sync(), m.memFS.Sync(to))
}

func (m *mutantFS) Sync(dir string) error {
	temp := strings.HasPrefix(path.Base(dir), tempPrefix)
	if temp && m.noDirSync || !temp && m.noParentSync {
		return nil
	}
	return m.memFS.Sync(m.place(dir))
}

// unchecked is a loader that does not compare digests.
func unchecked(fs fileSystem, run string) (*Checkpoint, error) {
	entries, err := checkpoints(fs, run)
	if err != nil || len(entries) == 0 {
		return nil, noCheckpoint(run)
	}
	last := entries[len(entries)-1]
	s := &sealed{fs: fs, dir: last.Dir, step: last.Step}
	for _, name := range checkpointFiles {
		text, err := readAll(fs, filepath.Join(s.dir, name))
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, entryOf(name, text))
	}
	return s.read(true)
}

// lies damages each file of the newest checkpoint in each way, as a disk does that
// said it was synced and lost it, or its last quarter, all the same, and counts where
// load does not return the checkpoint before.
func (s *story) lies(load loader) (states, broken int) {
	rng := rand.New(rand.NewPCG(3, 9))
	for n, o := range s.ops {
		if o.kind != opSaved || o.node < s.begun+2 {
			continue
		}
		sound := s.base.clone()
		for _, o := range s.ops[:n] {
			sound.apply(o)
		}
		dir, _ := sound.find(path.Join("disk/run", Entry{Step: o.node, Revision: 1}.name()))
		for _, f := range sound[dir].entries {
			for variant := range 2 * variants {
				if variant%variants == whole {
					continue
				}
				img := sound.clone()
				img[f].data = spoil(img[f].data, variant/variants*len(img[f].data)*3/4, variant%variants, rng)
				states++
				c, err := load(on(img), "disk/run")
				if err != nil || c.State.Step != o.node-1 || digestOf(c.State) != s.digest[o.node-1] {
					broken++
				}
			}
		}
	}
	return states, broken
}

// Six ways to get the protocol wrong, each of which the states of TestPowerLoss, or
// those of a disk that says "synced" and lies, show.
func TestPowerLossMutants(t *testing.T) {
	const most = 8
	for _, c := range []struct {
		name   string
		mutate func(*mutantFS)
		breaks string
	}{
		{"files are not synced", func(m *mutantFS) { m.noFileSync = true }, "what was reported as saved loads"},
		{"the new directory is not synced", func(m *mutantFS) { m.noDirSync = true }, "the new one loads once it was reported"},
		{"the run directory is not synced", func(m *mutantFS) { m.noParentSync = true }, "the run directory is there"},
		{"no rename", func(m *mutantFS) { m.noRename = true }, "what has a checkpoint's name is whole"},
		{"the manifest comes after the rename", func(m *mutantFS) { m.manifestLate = true }, "what has a checkpoint's name is whole"},
	} {
		s := firstStart(t, func(m *memFS) fileSystem {
			mutant := &mutantFS{memFS: m}
			c.mutate(mutant)
			return mutant
		})
		v := s.judge(most, checked)
		t.Logf("%s: %v", c.name, v.broken)
		if v.broken[c.breaks] == 0 {
			t.Errorf("%s: no state of %d shows that %q is not kept", c.name, v.states, c.breaks)
		}
	}
	s := firstStart(t, plain)
	if _, broken := s.lies(checked); broken > 0 {
		t.Errorf("with digests: %d lies of a disk are not found", broken)
	}
	loaded := 0
	if lies, broken := s.lies(func(fs fileSystem, run string) (*Checkpoint, error) {
		c, err := unchecked(fs, run)
		if err == nil && digestOf(c.State) != s.digest[c.State.Step] {
			loaded++
		}
		return c, err
	}); broken == 0 || loaded == 0 {
		t.Errorf("no digests: %d of %d lies of a disk show it, %d as a state that nobody saved", broken, lies, loaded)
	}
}
