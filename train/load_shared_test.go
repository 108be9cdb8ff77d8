package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// TestLoadShared: each process reads its part of the moments, with the bits that one process
// reads, from files of today's format and of an older one; and it allocates no others.
func TestLoadShared(t *testing.T) {
	o := broad(mini())
	o.Width, o.Leaves, o.Accumulate, o.Steps = 192, 12, 12, 2
	dir := t.TempDir()
	trained(t, start(t, o, dataOf(t, sentences(t), o), dir))
	at := filepath.Join(dir, "step-000002")
	c, err := Load(at, true)
	if err != nil {
		t.Fatal(err)
	}
	m, v := c.State.M.Slab(), c.State.V.Slab()
	older, err := resealed(t, durable.OS, at, 2)
	if err != nil {
		t.Fatal(err)
	}
	for format, fs := range map[string]durable.FS{"today's": durable.OS, "the older": older} {
		for _, size := range []int{1, 4, 5, 12} {
			loaded := make([]*Checkpoint, size)
			before := totalAllocated()
			together(t, size, func(g Group) (err error) {
				loaded[g.Rank()], err = loadShared(fs, at, g)
				return err
			})
			n := int64(4 * len(m))
			few := int64(size) * (5 << 19) // of both files a block of 1 MB, and what is small
			if took, want := totalAllocated()-before, int64(size)*n+2*n; took < want || took > want+few {
				t.Errorf("%s format: %d processes have allocated %d bytes, of which weights and moments are %d", format, size, took, want)
			}
			found := 0
			for rank, c := range loaded {
				p := c.State.part
				if c.State.M != (Weights{}) || c.State.V != (Weights{}) || !slices.Equal(p.m, p.of(m)) || !slices.Equal(p.v, p.of(v)) {
					t.Errorf("%s format, process %d of %d: other moments", format, rank, size)
				}
				if !slices.Equal(c.State.Trained().Slab(), loaded[0].State.Trained().Slab()) {
					t.Errorf("%s format, process %d of %d: other weights", format, rank, size)
				}
				found += c.State.Moments() / 2
			}
			if found != len(m) {
				t.Errorf("%s format: %d processes have %d moments of %d", format, size, found, len(m))
			}
		}
	}
}

// totalAllocated is how many bytes were allocated so far.
func totalAllocated() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.TotalAlloc)
}

// TestLoadSharedDamage: what is damaged for one process, in its part of the moments, is passed over
// by all; and all get an error if there is none left.
func TestLoadSharedDamage(t *testing.T) {
	o := broad(mini())
	o.Width = 192 // a file of several blocks
	o.Leaves, o.Accumulate, o.Steps, o.SaveEvery = 4, 4, 3, 1
	dir := t.TempDir()
	trained(t, start(t, o, dataOf(t, sentences(t), o), dir))
	newest := func(size int) (steps []int, passed [][]error, errs []error) {
		steps, passed, errs = make([]int, size), make([][]error, size), make([]error, size)
		together(t, size, func(g Group) error {
			var c *Checkpoint
			c, passed[g.Rank()], errs[g.Rank()] = LoadNewestShared(dir, g)
			if c != nil {
				steps[g.Rank()] = c.State.Step
			}
			return nil
		})
		return steps, passed, errs
	}
	damage := func(step, from int) {
		t.Helper()
		name := filepath.Join(dir, fmt.Sprintf("step-%06d", step), momentsFile)
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[(len(b)+from)%len(b)] ^= 1
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if steps, passed, errs := newest(3); errors.Join(errs...) != nil || !slices.Equal(steps, []int{3, 3, 3}) || len(slices.Concat(passed...)) > 0 {
		t.Fatalf("steps %d, passed over %v, %v", steps, passed, errs)
	}
	damage(3, -1) // the last number of the second moments: that of process 0 in these tests
	steps, passed, errs := newest(3)
	if errors.Join(errs...) != nil || !slices.Equal(steps, []int{2, 2, 2}) {
		t.Fatalf("one is damaged: steps %d, %v", steps, errs)
	}
	for rank, p := range passed {
		if len(p) != 1 || !strings.Contains(p[0].Error(), "step-000003 is damaged: ") || !strings.Contains(p[0].Error(), momentsFile+": bytes ") {
			t.Errorf("process %d has passed over %v", rank, p)
		}
	}
	together(t, 3, func(g Group) error { // where it is named, nothing is passed over
		if _, err := LoadShared(filepath.Join(dir, "step-000003"), g); err == nil || !strings.Contains(err.Error(), momentsFile+": bytes ") {
			t.Errorf("process %d loads the damaged checkpoint: %v", g.Rank(), err)
		}
		return nil
	})
	damage(2, -1)
	steps, passed, errs = newest(2)
	kept, err := Checkpoints(dir)
	if err != nil {
		t.Fatal(err)
	}
	if left := len(kept) - 2; left > 0 && (steps[0] != 1 || steps[1] != 1 || len(passed[1]) != 2) {
		t.Errorf("two are damaged, of %d: steps %d, passed over %v, %v", len(kept), steps, passed, errs)
	}
	for _, e := range kept[:len(kept)-2] {
		damage(e.Step, -1)
	}
	steps, _, errs = newest(2)
	for rank, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "holds no checkpoint that is whole") {
			t.Errorf("all are damaged: process %d took step %d (%v)", rank, steps[rank], err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, _, errs := newest(2); errs[0] == nil || errs[1] == nil {
		t.Errorf("without a directory: %v", errs)
	}
}
