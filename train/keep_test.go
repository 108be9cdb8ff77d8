package train

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
)

func names(t *testing.T, fs durable.FS) (names []string) {
	t.Helper()
	entries, err := checkpoints(fs, "disk/run")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.name())
	}
	return names
}

// Damaged checkpoints do not count among those that are kept.
func TestPruneKeepsTwoThatAreWhole(t *testing.T) {
	m := faultdisk.New()
	m.Mkdir("disk")
	o := microOptions()
	o.Keep = 10
	r := inMemory(t, m, o, microData(t))
	for range 6 {
		steps(t, r, 1)
		if err := r.Save(Observer{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []string{"step-000006", "step-000004"} {
		i, _ := m.Tree.Find(path.Join("disk/run", step, stateFile))
		m.Tree[i].Data = slices.Clone(m.Tree[i].Data)
		m.Tree[i].Data[7] ^= 1
	}
	p := pruner{fs: m, run: "disk/run", whole: map[string]bool{}}
	removed, err := p.prune(1, 1) // at least 2, and step 1 is the best
	if err != nil || len(removed) != 1 || removed[0].Step != 2 {
		t.Errorf("removed %v, %v", removed, err)
	}
	if got := names(t, m); !slices.Equal(got, []string{"step-000001", "step-000003", "step-000004", "step-000005", "step-000006"}) {
		t.Errorf("left are %v", got)
	}
}

// A step that is saved a second time gets a name of its own: nothing is written over.
func TestSaveTwice(t *testing.T) {
	m := faultdisk.New()
	m.Mkdir("disk")
	r := inMemory(t, m, microOptions(), microData(t))
	steps(t, r, 3)
	for i := range 3 {
		if i == 2 {
			r.State.addEvaluation(0.5) // an evaluation
		}
		for range 2 {
			if err := r.Save(Observer{}); err != nil {
				t.Fatal(err)
			}
		}
		if i == 0 {
			r.State.addEvaluation(1)
		}
	}
	if got := names(t, m); !slices.Equal(got, []string{"step-000003", "step-000003.2", "step-000003.3"}) {
		t.Errorf("saved as %v", got)
	}
	c, passed, err := loadNewest(m, "disk/run", true)
	if err != nil || len(passed) > 0 || c.State.Evaluations != 2 {
		t.Errorf("the newest is %+v, %v, %v", c, passed, err)
	}
}

// What was loaded before another process saved more is not gone on with.
func TestResumeFromTheNewestOnly(t *testing.T) {
	o := microOptions()
	d := microData(t)
	dir := filepath.Join(t.TempDir(), "deep", "run")
	r := start(t, o, d, dir)
	steps(t, r, 1)
	if err := r.Save(Observer{}); err != nil {
		t.Fatal(err)
	}
	old, _, err := LoadNewest(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	steps(t, r, 1)
	if err := r.Save(Observer{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(dir, old, d); err == nil || !strings.Contains(err.Error(), "step-000002 was saved meanwhile, or can be read again: resume from it") {
		t.Errorf("got %v", err)
	}
}
