package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
)

// A trial is a micro run of 12 steps, saved every 2, on a disk that fails in the save
// of step 4 and is well again before that of step 8. If it may go back, it does so after
// step 5.
type trial struct {
	fs       *faultdisk.Disk
	r        *Run
	troubles []Trouble
	asked    []string // operations while the disk was failing
	failed   string   // the first that did, and on what
}

const failAt, wellAt = 4, 8

// try runs a trial in which the operation with number nth of the failing time returns
// err, and, if forEver, each later one of its kind as well.
func try(t *testing.T, o Options, d *Data, nth int, err error, forEver bool) *trial {
	t.Helper()
	x := &trial{fs: faultdisk.New()}
	x.fs.Mkdir("disk")
	failing, kind := false, ""
	fs := faultdisk.Hook{FS: x.fs, Before: func(what, name string) error {
		if !failing {
			return nil
		}
		x.asked = append(x.asked, what)
		switch {
		case len(x.asked)-1 == nth:
			x.failed, kind = what+" "+path.Base(name), what
			return err
		case forEver && what == kind:
			return err
		}
		return nil
	}}
	x.r = inMemory(t, fs, o, d)
	x.r.beforeUpdate = func() {
		if o.OnSpike == SpikeRewind && x.r.State.Position == 5 {
			x.r.grad.Slab()[0] = float32(math.NaN())
		}
	}
	obs := Observer{
		Step: func(u Update) {
			failing = u.Step >= failAt && u.Step < wellAt
			if u.Step == 5 && o.OnSpike == SpikeRewind { // as whoever reads the log may ask
				if err := x.r.Flush(); err != nil {
					x.troubles = append(x.troubles, Trouble{5, err})
				}
			}
		},
		Trouble: func(v Trouble) {
			x.troubles = append(x.troubles, v)
			x.sound(t, v.Err)
			// What cannot be removed, or not durably, waits until the disk is well.
			waits := kind == "remove" || kind == "syncdir" && forEver || strings.HasPrefix(v.Err.Error(), "removing")
			if left := x.temps(); len(left) > 0 && !waits {
				t.Errorf("%s: left behind: %v", x.failed, left)
			}
		},
	}
	if end, err := x.r.Train(t.Context(), obs); err != nil || end != Finished {
		t.Fatalf("%s: the run ended %q, %v", x.failed, end, err)
	}
	return x
}

// sound checks, while the disk fails, that what was saved before is whole.
func (x *trial) sound(t *testing.T, why error) {
	entries, err := checkpoints(x.fs, "disk/run")
	if err != nil || len(entries) == 0 {
		t.Fatalf("%v: %v, %v", why, entries, err)
	}
	for _, e := range entries {
		if err := verify(x.fs, e.Dir); err != nil {
			t.Errorf("after %v: %v", why, err)
		}
	}
}

// temps are the names of what is half written or half removed.
func (x *trial) temps() (temps []string) {
	names, _ := x.fs.List("disk/run")
	for _, name := range names {
		if strings.HasPrefix(name, tempPrefix) {
			temps = append(temps, name)
		}
	}
	return temps
}

var diskErrors = []error{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS, syscall.EINTR, faultdisk.ShortWrite,
}

// Each operation of a save, a prune and the log fails in each way, once or until the
// disk is well again: the run goes on to the same end, what was saved before stays
// whole, what was half written is gone, the error is told, and the next save does it.
func TestIOErrors(t *testing.T) { testIOErrors(t, microOptions(), diskErrors) }

// The same while an adapter is trained.
func TestIOErrorsOfAdapters(t *testing.T) {
	o := microOptions()
	o.Tuning = adapted().Tuning
	errs := []error{syscall.ENOSPC, faultdisk.ShortWrite}
	if longTier {
		errs = diskErrors
	}
	testIOErrors(t, o, errs)
}

// The same while a run goes back for a spike and takes the lines after that out of its log.
func TestIOErrorsOfRewind(t *testing.T) {
	o := microOptions()
	o.OnSpike = SpikeRewind
	errs := []error{syscall.ENOSPC, faultdisk.ShortWrite}
	if longTier {
		errs = diskErrors
	}
	testIOErrors(t, o, errs)
}

func testIOErrors(t *testing.T, o Options, errs []error) {
	d := microData(t)
	clean := try(t, o, d, -1, nil, false)
	want, log := digestOf(clean.r.State), loglines(t, clean.r)
	if len(clean.troubles) > 0 || len(clean.asked) < 40 {
		t.Fatalf("%d operations, %v", len(clean.asked), clean.troubles)
	}
	trials, told := 0, 0
	for i, err := range errs {
		for _, forEver := range []bool{false, true} {
			for nth := range clean.asked {
				if err == faultdisk.ShortWrite && clean.asked[nth] != "write" {
					continue
				}
				if i > 0 && err != faultdisk.ShortWrite && (nth+i)%3 != 0 && !longTier {
					continue // one error number is as good as another: of the first, every operation
				}
				x := try(t, o, d, nth, err, forEver)
				trials++
				what := fmt.Sprintf("operation %d, %s: %v, for ever %v", nth, x.failed, err, forEver)
				if got := digestOf(x.r.State); got != want {
					t.Errorf("%s: another end", what)
				}
				if got := loglines(t, x.r); got != log {
					t.Errorf("%s: the log is\n%swant\n%s", what, got, log)
				}
				c, passed, e := loadNewest(x.fs, "disk/run", true)
				if e != nil || len(passed) > 0 || digestOf(c.State) != want {
					t.Errorf("%s: at the end %v, %v", what, passed, e)
				}
				if temps := x.temps(); len(temps) > 0 {
					t.Errorf("%s: left behind: %v", what, temps)
				}
				told += len(x.troubles)
				silent := strings.HasPrefix(x.failed, "close "+MetricsFile) || x.failed == "close" || strings.HasPrefix(x.failed, "remove")
				if len(x.troubles) == 0 && !silent {
					t.Errorf("%s: nobody was told", what)
				}
				for _, v := range x.troubles {
					if err != faultdisk.ShortWrite && !errors.Is(v.Err, err) || strings.Contains(v.Err.Error(), "\n") {
						t.Errorf("%s: told was %v", what, v.Err)
					}
				}
			}
		}
	}
	t.Logf("%d operations, %d trials, %d errors told", len(clean.asked), trials, told)
}

// loglines is a run's log without times.
func loglines(t *testing.T, r *Run) string {
	t.Helper()
	if err := r.log.sync(); err != nil {
		t.Fatal(err)
	}
	text, err := readAll(r.fs, r.log.path())
	if err != nil {
		t.Fatal(err)
	}
	return withoutTimes(t, text)
}

// A save that fails twice at the end of a run ends it with an error.
func TestIOErrorAtTheEnd(t *testing.T) {
	for times, ok := range map[int]bool{1: true, 2: false} {
		m := faultdisk.New()
		m.Mkdir("disk")
		left := 0
		r := inMemory(t, faultdisk.Hook{FS: m, Before: func(what, name string) error {
			if what == "mkdir" && left > 0 {
				left--
				return faultdisk.Failure(what, name, syscall.EIO)
			}
			return nil
		}}, microOptions(), microData(t))
		_, err := r.Train(t.Context(), Observer{Step: func(u Update) {
			if u.Step == 12 {
				left = times
			}
		}})
		if ok != (err == nil) || err != nil && !errors.Is(err, syscall.EIO) {
			t.Errorf("%d failures: %v", times, err)
		}
	}
}

// The errors of a real device: every write says that there is no space left.
func TestDeviceFull(t *testing.T) {
	d := microData(t)
	dir := filepath.Join(t.TempDir(), "run")
	full := false
	r, err := startOn(redirect{durable.OS, &full}, microOptions(), d, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var troubles []Trouble
	end, err := r.Train(t.Context(), Observer{
		Step:    func(u Update) { full = u.Step >= failAt && u.Step < wellAt },
		Trouble: func(v Trouble) { troubles = append(troubles, v) },
	})
	if err != nil || end != Finished {
		t.Fatal(end, err)
	}
	if len(troubles) != 2 || !errors.Is(troubles[0].Err, syscall.ENOSPC) || !errors.Is(troubles[1].Err, syscall.ENOSPC) {
		t.Errorf("told was %v", troubles)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, tempPrefix+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	c, passed, err := LoadNewest(dir, true)
	if err != nil || len(passed) > 0 || digestOf(c.State) != digestOf(r.State) {
		t.Errorf("at the end: %v, %v", passed, err)
	}
}

// redirect is a disk that creates devices without space instead of files.
type redirect struct {
	durable.FS
	full *bool
}

func (r redirect) Within(dir string) (durable.FS, error) {
	in, err := r.FS.Within(dir)
	return redirect{in, r.full}, err
}

func (r redirect) Create(name string) (durable.OutFile, error) {
	if !*r.full {
		return r.FS.Create(name)
	}
	if f, err := r.FS.Create(name); err != nil {
		return f, err
	} else if err := f.Close(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Room for fewer checkpoints than there will be is told before the first step.
func TestLittleRoom(t *testing.T) {
	for free, want := range map[int64]bool{1: true, 300_000: true, 1 << 20: false, 0: false} { // 0 is not known
		m := faultdisk.New()
		m.Mkdir("disk")
		m.Room = free
		r := inMemory(t, m, microOptions(), microData(t))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var troubles []Trouble
		r.Train(ctx, Observer{Trouble: func(v Trouble) { troubles = append(troubles, v) }})
		if got := len(troubles) > 0; got != want || got && !strings.Contains(troubles[0].Err.Error(), "and checkpoints will take") {
			t.Errorf("%d bytes free: told was %v", free, troubles)
		}
	}
	if free, known := durable.OS.Free(t.TempDir()); known && free < 1<<20 {
		t.Errorf("%d bytes are free here", free)
	}
}
