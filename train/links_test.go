package train

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
)

// strange is a disk with a run of the steps 1 to 3, and beside it what is no business of
// the run's: a directory with a file and a directory in it.
func strange(t *testing.T) *faultdisk.Disk {
	t.Helper()
	m := faultdisk.New()
	m.Mkdir("disk")
	o := microOptions()
	o.Keep = 10
	r := inMemory(t, m, o, microData(t))
	for range 3 {
		steps(t, r, 1)
		if err := r.Save(Observer{}); err != nil {
			t.Fatal(err)
		}
	}
	r.log.sync()
	for _, dir := range []string{"outside", "outside/below"} {
		if err := m.Mkdir(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"outside/file", "outside/below/file"} {
		f, err := m.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte("of somebody else"))
	}
	return m
}

// outside is all that is there beside the run.
func outside(img faultdisk.Image) string {
	var b strings.Builder
	var walk func(name string, i int)
	walk = func(name string, i int) {
		fmt.Fprintf(&b, "%s %q\n", name, img[i].Data)
		for _, below := range slices.Sorted(maps.Keys(img[i].Entries)) {
			walk(path.Join(name, below), img[i].Entries[below])
		}
	}
	at, ok := img.Find("outside")
	if !ok {
		return "gone"
	}
	walk("outside", at)
	return b.String()
}

// goOnIn does what a run does to its directory: it goes on, saves, prunes, draws.
func goOnIn(t *testing.T, fs durable.FS) error {
	t.Helper()
	c, _, err := loadNewest(fs, "disk/run", true)
	if err != nil {
		return err
	}
	c.Options.Keep = 2
	r, err := resumeOn(fs, "disk/run", c, microData(t))
	if err != nil {
		return err
	}
	defer r.net.Close()
	steps(t, r, 1)
	var told error
	err = r.Save(Observer{Trouble: func(v Trouble) { told = errors.Join(told, v.Err) }})
	drawn := r.WriteFile(CurveSVG, func(w io.Writer) error { _, err := io.WriteString(w, "a drawing"); return err })
	return errors.Join(err, told, drawn, r.log.sync())
}

// Links of every kind in every place of a run directory: nothing outside of it is removed
// or written, nothing in it is removed or written by way of a link, what leads out is not
// read, and what a link is in the way of says so.
func TestLinksAreNotFollowed(t *testing.T) {
	const away, file, gone = "../../outside", "../../outside/file", "../../outside/none"
	for _, c := range []struct {
		name  string
		plant func(m *faultdisk.Disk)
		want  string // the error; "" = the run goes on
		stay  string // names that are there at the end
		gone  string // and such that are not
	}{
		{"leftovers", func(m *faultdisk.Disk) {
			m.Symlink(away, "disk/run/.tmp-x")
			m.Symlink("/outside", "disk/run/.tmp-step-000001-1")
			m.Symlink(file, "disk/run/.tmp-metrics.jsonl-1")
			m.Symlink(gone, "disk/run/.tmp-step-000002-7")
			m.Symlink(".tmp-loop", "disk/run/.tmp-loop")
			m.Symlink("step-000003", "disk/run/.tmp-step-000003-1")
			m.Symlink(".", "disk/run/.tmp-here")
		}, "", "step-000003", ".tmp-x .tmp-step-000001-1 .tmp-metrics.jsonl-1 .tmp-step-000002-7 .tmp-loop .tmp-step-000003-1 .tmp-here"},
		{"links in leftovers", func(m *faultdisk.Disk) {
			m.Mkdir("disk/run/.tmp-step-000009-1")
			m.Mkdir("disk/run/.tmp-step-000009-1/below")
			m.Symlink("../"+away, "disk/run/.tmp-step-000009-1/a")
			m.Symlink("../"+file, "disk/run/.tmp-step-000009-1/b")
			m.Symlink("/outside", "disk/run/.tmp-step-000009-1/below/c")
			m.Symlink("../../step-000003", "disk/run/.tmp-step-000009-1/below/d")
		}, "", "step-000003", ".tmp-step-000009-1"},
		{"a leftover of somebody else", func(m *faultdisk.Disk) { m.Mkdir("disk/run/.tmp-notes") }, "", ".tmp-notes", ""},
		{"an old checkpoint that was moved", func(m *faultdisk.Disk) { move(m, "disk/run/step-000001", "outside/moved") },
			"", "step-000003 step-000004", "step-000001 step-000002"},
		{"the newest checkpoint that was moved", func(m *faultdisk.Disk) { move(m, "disk/run/step-000003", "outside/moved") },
			"disk/run/step-000003 is a link that leads out of disk/run, and is not followed", "step-000001 step-000002 step-000003", ""},
		{"a file of a checkpoint", func(m *faultdisk.Disk) { move(m, "disk/run/step-000003/"+modelFile, "outside/moved") },
			"disk/run/step-000003/model.safetensors is a link that leads out of disk/run, and", "step-000001 step-000002 step-000003", ""},
		{"a manifest", func(m *faultdisk.Disk) { move(m, "disk/run/step-000003/"+durable.ManifestFile, "outside/moved") },
			"disk/run/step-000003/MANIFEST.json is a link that leads out of disk/run, and", "step-000001", ""},
		{"a file of another checkpoint of the run", func(m *faultdisk.Disk) {
			m.Remove("disk/run/step-000003/" + configFile)
			m.Symlink("../step-000002/"+configFile, "disk/run/step-000003/"+configFile)
		}, "", "step-000003 step-000004", ""},
		{"the lock", func(m *faultdisk.Disk) { m.Symlink(file, "disk/run/lock") },
			"disk/run/lock is a link, through which nothing is written: remove it", "step-000001", ""},
		{"the log", func(m *faultdisk.Disk) { move(m, "disk/run/"+MetricsFile, "outside/moved") },
			"opening the log: disk/run/metrics.jsonl is a link that leads out of disk/run", "step-000001", ""},
		{"a log that is a link to one beside it", func(m *faultdisk.Disk) {
			move(m, "disk/run/"+MetricsFile, "disk/run/other")
			at, _ := m.Tree.Find("disk/run/" + MetricsFile)
			m.Tree[at].Link = "other"
		}, "", "metrics.jsonl other", ""},
		{"a drawing", func(m *faultdisk.Disk) { m.Symlink(file, "disk/run/"+CurveSVG) }, "", CurveSVG, ""},
	} {
		m := strange(t)
		c.plant(m)
		before := outside(m.Tree)
		log := ""
		if at, ok := m.Tree.Find("disk/run/other"); ok {
			log = string(m.Tree[at].Data)
		}
		err := goOnIn(t, m)
		if after := outside(m.Tree); after != before {
			t.Errorf("%s: outside there was\n%sand is\n%s", c.name, before, after)
		}
		if (c.want == "") != (err == nil) || err != nil && (!strings.Contains(err.Error(), c.want) || !isLinked(err) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		at, _ := m.Tree.Find("disk/run")
		for _, name := range strings.Fields(c.stay) {
			if _, ok := m.Tree[at].Entries[name]; !ok {
				t.Errorf("%s: %s is gone", c.name, name)
			}
		}
		for _, name := range strings.Fields(c.gone) {
			if _, ok := m.Tree[at].Entries[name]; ok {
				t.Errorf("%s: %s is there", c.name, name)
			}
		}
		for _, name := range []string{MetricsFile, CurveSVG} {
			if i := m.Tree[at].Entries[name]; err == nil && m.Tree[i].Link != "" {
				t.Errorf("%s: %s is still a link", c.name, name)
			}
		}
		if at, ok := m.Tree.Find("disk/run/other"); ok && string(m.Tree[at].Data) != log {
			t.Errorf("%s: the log was written through a link", c.name)
		}
		if err == nil {
			if got, passed, err := loadNewest(m, "disk/run", true); err != nil || len(passed) > 0 || got.State.Step != 4 {
				t.Errorf("%s: then %v, %v", c.name, passed, err)
			}
		}
	}
}

// move moves a file or a directory and leaves a link in its place, as one does who wants
// it on another disk.
func move(m *faultdisk.Disk, from, to string) {
	i, ok := m.Tree.Find(from)
	parent, ok2 := m.Tree.Find(path.Dir(to))
	old, ok3 := m.Tree.Find(path.Dir(from))
	if !ok || !ok2 || !ok3 {
		panic("no " + from + " or " + to)
	}
	m.Tree[parent].Entries[path.Base(to)] = i
	delete(m.Tree[old].Entries, path.Base(from))
	m.Symlink("/"+to, from)
}

// A link comes into the place of what an operation names just before it is done, whichever
// operation of going on, saving, pruning and drawing that is: whatever becomes of the run,
// nothing outside of it is touched.
func TestLinksThatComeBetween(t *testing.T) {
	tried := 0
	for which, target := range []string{"/outside", "/outside/file", "../../outside/below", "step-000003"} {
		for _, parent := range []bool{false, true} { // the name itself, or the directory that it is in
			for nth := 0; ; nth++ {
				if !longTier && nth%4 != which { // each operation has one of the targets
					continue
				}
				m := strange(t)
				m.Mkdir("disk/run/.tmp-step-000001-1")
				m.Symlink("../../../outside", "disk/run/.tmp-step-000001-1/link")
				before := outside(m.Tree)
				asked := 0
				fs := faultdisk.Hook{FS: m, Before: func(what, name string) error {
					if asked++; asked-1 != nth || name == "disk/run" {
						return nil
					}
					if parent && path.Dir(name) != "disk/run" {
						name = path.Dir(name)
					}
					if at, ok := m.Tree.Find(path.Dir(name)); ok {
						delete(m.Tree[at].Entries, path.Base(name))
						m.Symlink(target, name)
					}
					return nil
				}}
				goOnIn(t, fs)
				if after := outside(m.Tree); after != before {
					t.Fatalf("operation %d, a link to %s: outside there was\n%sand is\n%s", nth, target, before, after)
				}
				if asked <= nth {
					break
				}
				tried++
			}
		}
	}
	if tried < 75 || longTier && tried < 300 {
		t.Errorf("%d operations", tried)
	}
	t.Logf("a link came between %d times", tried)
}

// What a run leaves behind is known by its name, and nothing else is.
func TestLeftoversAreKnown(t *testing.T) {
	for name, want := range map[string]bool{
		"step-000001": true, "step-000001.2": true, "metrics.jsonl": true, "loss.svg": true, "loss.png": true, eventsName(7): true,
		"": false, "x": false, "notes": false, "step-1": false, "step-000001-1": false, ".tmp-step-000001-1": false, "config.json": false, "events.out.tfevents.1": false,
	} {
		if isOurs(name) != want {
			t.Errorf("a run leaves %s: %v", name, !want)
		}
	}
}
