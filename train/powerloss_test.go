package train

import (
	"bytes"
	"hash/maphash"
	"math/rand/v2"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
)

const tempPrefix = ".tmp-" // of what is half written or half removed

// A story is what happened to a disk: what it held, what was done, and what the run
// knew when it reported a checkpoint as saved.
type story struct {
	base   faultdisk.Image
	ops    []faultdisk.Op
	digest map[int]string // of the state saved at a step
	log    map[int][]byte // the log that belongs to it
	begun  int            // steps saved before the story
}

// A loader loads the newest checkpoint.
type loader func(fs durable.FS, run string) (*Checkpoint, error)

func checked(fs durable.FS, run string) (*Checkpoint, error) {
	c, _, err := loadNewest(fs, run, true)
	return c, err
}

// tell lets a run on m save at every step and returns the story; more saves prune.
func (s *story) tell(t *testing.T, m *faultdisk.Disk, r *Run, saves int) {
	t.Helper()
	for range saves {
		steps(t, r, 1)
		s.digest[r.State.Step] = digestOf(r.State)
		obs := Observer{Save: func(v Saved) {
			m.Ops = append(m.Ops, faultdisk.Op{Kind: faultdisk.Told, Node: v.Step})
			s.log[v.Step], _ = readAll(m, path.Join("disk/run", MetricsFile))
		}, Trouble: func(v Trouble) { t.Fatal(v.Err) }}
		if err := r.Save(obs); err != nil {
			t.Fatal(err)
		}
	}
	s.ops = m.Ops
}

func newStory() *story { return &story{digest: map[int]string{}, log: map[int][]byte{}} }

// firstStart is the story of a new run: its directory, its log, saves and prunes.
func firstStart(t *testing.T) *story {
	return firstStartOf(t, microOptions())
}

// adapterStart is firstStart while an adapter is trained.
func adapterStart(t *testing.T) *story {
	o := microOptions()
	o.Tuning = adapted().Tuning
	return firstStartOf(t, o)
}

func firstStartOf(t *testing.T, o Options) *story {
	m := faultdisk.New()
	m.Mkdir("disk")
	m.Ops = nil
	s := newStory()
	s.base = m.Tree.Clone()
	o.Keep = 2
	s.tell(t, m, inMemory(t, m, o, microData(t)), 4)
	return s
}

// secondStart is the story of a run that goes on after a crash in a save: what the
// crash left is removed, the log is cut, and a checkpoint is saved again.
func secondStart(t *testing.T) *story {
	m := faultdisk.New()
	m.Mkdir("disk")
	o, d := microOptions(), microData(t)
	s := newStory()
	r := inMemory(t, m, o, d)
	s.tell(t, m, r, 2)
	steps(t, r, 2)
	if err := r.log.sync(); err != nil {
		t.Fatal(err)
	}
	at := len(m.Ops)
	steps(t, r, 1)
	if err := r.Save(Observer{}); err != nil {
		t.Fatal(err)
	}
	for i := at; i < len(m.Ops); i++ { // the save ended before its rename
		if m.Ops[i].Kind == faultdisk.Rename {
			s.base = faultdisk.After(faultdisk.New().Tree, m.Ops[:i])
			break
		}
	}
	m = faultdisk.On(s.base)
	s.begun = 2
	c, err := checked(m, "disk/run")
	if err != nil || c.State.Step != 2 {
		t.Fatal(c, err)
	}
	r, err = resumeOn(m, "disk/run", c, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.net.Close() })
	s.tell(t, m, r, 2)
	return s
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
			if o.Kind == faultdisk.Told {
				saved, reported = o.Node, reported+1
			}
		}
		v.states += faultdisk.States(s.base, s.ops[:n], most, func(img faultdisk.Image) {
			key := seenAs{img.Hash(seed, func(name string) bool { return strings.HasPrefix(name, tempPrefix) }), saved}
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

// check compares one state of the disk with the promises, when the step saved was
// reported as saved last, after reported reports.
func (s *story) check(img faultdisk.Image, load loader, saved, reported int) (broken []string) {
	fs := faultdisk.On(img)
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

// A failure of power after any operation of a first start, of saves, of prunes and of
// a start after a crash leaves a disk from which the run goes on: from the new
// checkpoint for sure once it was reported as saved, else from the new or the old one.
func TestPowerLoss(t *testing.T) {
	most := 40
	if longTier {
		most = 1 << 12
	}
	states := 0
	for name, tell := range map[string]func(*testing.T) *story{
		"first start, saves and prunes": firstStart, "the same of an adapter": adapterStart,
		"start after a crash": secondStart, "start after a crash in a prune": thirdStart,
		"a full disk": fullStart,
	} {
		s := tell(t)
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

// unchecked loads the newest checkpoint with whatever is in its files.
func unchecked(t *testing.T) loader {
	return func(fs durable.FS, run string) (*Checkpoint, error) {
		entries, err := checkpoints(fs, run)
		if err != nil || len(entries) == 0 {
			return nil, noCheckpoint(run)
		}
		last := entries[len(entries)-1].Dir
		if fs, err = resealed(t, fs, last, 3); err != nil {
			return nil, err
		}
		return load(fs, last, true)
	}
}

// lies damages each file of the newest checkpoint in each way, as a disk does that
// said it was synced and lost it, or its last quarter, all the same, and counts where
// load does not return the checkpoint before.
func (s *story) lies(load loader) (states, broken int) {
	rng := rand.New(rand.NewPCG(3, 9))
	for n, o := range s.ops {
		if o.Kind != faultdisk.Told || o.Node < s.begun+2 {
			continue
		}
		sound := faultdisk.After(s.base, s.ops[:n])
		dir, _ := sound.Find(path.Join("disk/run", Entry{Step: o.Node, Revision: 1}.name()))
		for _, f := range sound[dir].Entries {
			for variant := range 2 * faultdisk.Variants {
				if variant%faultdisk.Variants == faultdisk.Whole {
					continue
				}
				img := sound.Clone()
				img[f].Data = faultdisk.Spoil(img[f].Data, variant/faultdisk.Variants*len(img[f].Data)*3/4, variant%faultdisk.Variants, rng)
				states++
				c, err := load(faultdisk.On(img), "disk/run")
				if err != nil || c.State.Step != o.Node-1 || digestOf(c.State) != s.digest[o.Node-1] {
					broken++
				}
			}
		}
	}
	return states, broken
}

// Without digests the states of a disk that says "synced" and lies would be seen by nobody.
func TestPowerLossWithoutDigests(t *testing.T) {
	s := firstStart(t)
	if _, broken := s.lies(checked); broken > 0 {
		t.Errorf("with digests: %d lies of a disk are not found", broken)
	}
	loaded, load := 0, unchecked(t)
	if lies, broken := s.lies(func(fs durable.FS, run string) (*Checkpoint, error) {
		c, err := load(fs, run)
		if err == nil && digestOf(c.State) != s.digest[c.State.Step] {
			loaded++
		}
		return c, err
	}); broken == 0 || loaded == 0 {
		t.Errorf("no digests: %d of %d lies of a disk show it, %d as a state that nobody saved", broken, lies, loaded)
	}
}

// A checkpoint that is saved where no directory is: after Save, it and the directories
// above it survive a failure of power.
func TestPowerLossOfANewRun(t *testing.T) {
	m := faultdisk.New()
	m.Mkdir("disk")
	m.Ops = nil
	base := m.Tree.Clone()
	c := &Checkpoint{Network: microOptions().Config, Tokenizer: microData(t).Tokenizer, State: NewState(microOptions().Config, 3)}
	if _, err := c.saveOn(m, "disk/new/run"); err != nil {
		t.Fatal(err)
	}
	want := Digest(c.State.Params)
	states := faultdisk.States(base, m.Ops, 400, func(img faultdisk.Image) {
		if got, _, err := loadNewest(faultdisk.On(img), "disk/new/run", false); err != nil || Digest(got.State.Params) != want {
			t.Fatalf("after a failure of power: %v", err)
		}
	})
	if states == 0 {
		t.Error("no state was looked at")
	}
}
