package train

import (
	"errors"
	"path"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
)

// An openFS does something before the nth file is opened to be read.
type openFS struct {
	durable.FS
	before func()
}

func (o openFS) Within(dir string) (durable.FS, error) {
	in, err := o.FS.Within(dir)
	return openFS{in, o.before}, err
}

func (o openFS) Open(name string) (durable.InFile, error) {
	o.before()
	return o.FS.Open(name)
}

// A run saves and prunes while its checkpoints are listed, verified, and loaded, before
// whichever file of theirs is opened: what is pruned meanwhile is called damaged by nobody,
// what is there is seen, and the newest or the best that there is loads.
func TestPrunedMeanwhile(t *testing.T) {
	d := microData(t)
	for name, read := range map[string]func(fs durable.FS) error{
		"list": func(fs durable.FS) error {
			seen := 0
			err := survey(fs, "disk/run", true, func(f Finding) error {
				if f.Err != nil || f.Bytes < 1000 || f.Progress.Step != f.Step {
					t.Errorf("%s: %+v", f.Dir, f)
				}
				seen++
				return nil
			})
			if seen == 0 {
				t.Error("no checkpoint was listed")
			}
			return err
		},
		"newest": func(fs durable.FS) error {
			c, passed, err := loadNewest(fs, "disk/run", true)
			if err == nil && (len(passed) > 0 || c.State.Step < 3) {
				t.Errorf("step %d loads, passed over %v", c.State.Step, passed)
			}
			return err
		},
		"best": func(fs durable.FS) error {
			_, passed, err := loadBest(fs, "disk/run")
			if len(passed) > 0 {
				t.Errorf("passed over %v", passed)
			}
			return err
		},
		"one": func(fs durable.FS) error {
			_, err := load(fs, "disk/run/step-000001", true)
			if p := (*Pruned)(nil); errors.As(err, &p) && p.Dir == "disk/run/step-000001" && !isDamage(err) {
				return nil
			}
			return err
		},
		"verify": func(fs durable.FS) error {
			err := verify(fs, "disk/run/step-000001")
			if isPruned(err) && !isDamage(err) {
				return nil
			}
			return err
		},
	} {
		pruned := 0
		for nth := 1; ; nth++ {
			m := faultdisk.New()
			m.Mkdir("disk")
			o := microOptions()
			o.Keep = 2
			r := inMemory(t, m, o, d)
			save := func() {
				steps(t, r, 1)
				r.State.addEvaluation([]float64{1 / float64(r.State.Step), 2}[r.State.Step%2]) // the best is an even one
				if err := r.Save(Observer{}); err != nil {
					t.Fatal(err)
				}
			}
			r.Options.Keep = 10
			for range 3 {
				save()
			}
			r.Options.Keep = 2
			opened := 0
			err := read(openFS{m, func() {
				if opened++; opened == nth {
					for range 4 { // so that all three that were there are gone
						save()
					}
					if _, there := m.Tree.Find(path.Join("disk/run", "step-000003")); there {
						t.Fatal("nothing was pruned")
					}
				}
			}})
			if err != nil {
				t.Errorf("%s, pruned before file %d is opened: %v", name, nth, err)
			}
			if opened < nth {
				break
			}
			pruned++
		}
		if pruned < 5 {
			t.Errorf("%s: %d files are opened", name, pruned)
		}
	}
}
