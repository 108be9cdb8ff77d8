package train

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
)

// A failingFS fails the nth read of the file called name.
type failingFS struct {
	durable.FS
	name string
	nth  *int
}

type failingFile struct {
	durable.InFile
	name string
	nth  *int
}

func (f failingFS) Within(dir string) (durable.FS, error) {
	in, err := f.FS.Within(dir)
	f.FS = in
	return f, err
}

func (f failingFS) Open(name string) (durable.InFile, error) {
	in, err := f.FS.Open(name)
	if err != nil || filepath.Base(name) != f.name {
		return in, err
	}
	return failingFile{in, name, f.nth}, nil
}

func (f failingFile) ReadAt(p []byte, at int64) (int, error) {
	if *f.nth--; *f.nth == 0 {
		return 0, &os.PathError{Op: "read", Path: f.name, Err: syscall.EIO}
	}
	return f.InFile.ReadAt(p, at)
}

// A readFS fails a read, opening a file among them, of one checkpoint: that with number
// nth, or from it on.
type readFS struct {
	durable.FS
	dir     string
	nth     int
	forEver bool
	short   bool    // what fails returns half of the bytes, as at the end of the file
	asked   *int    // reads so far
	failed  *string // the file of the first that did
}

func (f readFS) Within(dir string) (durable.FS, error) {
	in, err := f.FS.Within(dir)
	f.FS = in
	return f, err
}

func (f readFS) fails(name string) bool {
	if filepath.Dir(name) != f.dir {
		return false
	}
	*f.asked++
	fails := *f.asked == f.nth || f.forEver && *f.asked > f.nth
	if fails && *f.failed == "" {
		*f.failed = filepath.Base(name)
	}
	return fails
}

func (f readFS) Open(name string) (durable.InFile, error) {
	if !f.short && f.fails(name) {
		return nil, faultdisk.Failure("open", name, syscall.EIO)
	}
	in, err := f.FS.Open(name)
	return readFile{in, name, f}, err
}

type readFile struct {
	durable.InFile
	name string
	fs   readFS
}

func (f readFile) ReadAt(p []byte, at int64) (int, error) {
	switch {
	case !f.fs.fails(f.name):
		return f.InFile.ReadAt(p, at)
	case f.fs.short:
		n, _ := f.InFile.ReadAt(p[:len(p)/2], at)
		return n, io.EOF
	}
	return 0, faultdisk.Failure("read", f.name, syscall.EIO)
}

// Every read of a load may fail, opening too, once or from then on, of a checkpoint of
// one block or many, of this format and the one before: it is damage, told in one line
// that names the file, and what loads is the checkpoint before, from which a run goes on
// unless the newer one can be read again.
func TestReadErrors(t *testing.T) {
	micro, wide := newVictim(t), newVictimOf(t, wideOptions(), checkpointFiles)
	old := "testdata/format2/run"
	if _, _, err := LoadNewest(old, true); err != nil {
		t.Fatal(err)
	}
	before, err := Load(filepath.Join(old, "step-000001"), true)
	if err != nil {
		t.Fatal(err)
	}
	reads := 0
	for _, c := range []struct {
		fs       durable.FS
		run      string
		want     string
		loadings int
	}{
		{micro.fs, "disk/run", micro.old, 12}, {wide.fs, "disk/run", wide.old, 22}, {durable.OS, old, digestOf(before.State), 16},
	} {
		for _, short := range []bool{false, true} {
			for _, forEver := range []bool{false, true} {
				if c.run == "disk/run" && c.fs == durable.FS(wide.fs) && (short || forEver) && !longTier {
					continue // the micro run has all four ways; here it is each read of several blocks
				}
				for nth := 1; ; nth++ {
					asked, failed := 0, ""
					fs := readFS{c.fs, filepath.Join(c.run, "step-000002"), nth, forEver, short, &asked, &failed}
					got, passed, err := loadNewest(fs, c.run, true)
					if asked < nth {
						if err != nil || len(passed) > 0 || !short && nth-1 < c.loadings {
							t.Errorf("%d reads, nothing failed, and %v, %v", nth-1, passed, err)
						}
						break
					}
					reads++
					if err != nil || len(passed) != 1 || digestOf(got.State) != c.want {
						t.Fatalf("read %d, of %s, short %v: passed over %v, %v", nth, failed, short, passed, err)
					}
					told := passed[0].Error()
					if !strings.Contains(told, "step-000002 is damaged: "+failed) || strings.Contains(told, "\n") || !short && !errors.Is(passed[0], syscall.EIO) {
						t.Errorf("read %d, of %s, short %v: told was %v", nth, failed, short, told)
					}
					if err := verify(fs, filepath.Join(c.run, "step-000002")); forEver != isDamage(err) {
						t.Errorf("read %d, of %s, for ever %v: and then %v", nth, failed, forEver, err)
					}
				}
			}
		}
	}
	t.Logf("%d reads failed", reads)
	m := micro.fs
	for _, forEver := range []bool{false, true} {
		asked, failed := 0, ""
		fs := readFS{m, victimDir, 5, forEver, false, &asked, &failed}
		c, _, err := loadNewest(fs, "disk/run", true)
		if err != nil {
			t.Fatal(err)
		}
		r, err := resumeOn(fs, "disk/run", c, microData(t))
		if err == nil {
			r.net.Close()
		}
		if forEver != (err == nil) || err != nil && !strings.Contains(err.Error(), "step-000002 was saved meanwhile, or can be read again: resume from it") {
			t.Errorf("for ever %v: resuming from the one before: %v", forEver, err)
		}
	}
	loss := 1.0
	log, err := openMetrics(m, "disk/run", Progress{Step: 1})
	if err := errors.Join(err, log.add(Record{Step: 1, Loss: &loss}), log.close()); err != nil {
		t.Fatal(err)
	}
	left := 1
	if _, err := openMetrics(failingFS{m, MetricsFile, &left}, "disk/run", Progress{Step: 1}); !errors.Is(err, syscall.EIO) {
		t.Errorf("the log: %v", err)
	}
}
