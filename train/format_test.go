package train

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// A run that was saved in format 2, where every file had one SHA-256, loads, verifies
// and goes on; what it then saves stands beside it. testdata/format2 was written by the
// last program of that format.
func TestFormat2(t *testing.T) {
	copied := func() string {
		run := filepath.Join(t.TempDir(), "run")
		if err := os.CopyFS(run, os.DirFS("testdata/format2/run")); err != nil {
			t.Fatal(err)
		}
		return run
	}
	run := copied()
	c, passed, err := LoadNewest(run, true)
	if err != nil || len(passed) > 0 {
		t.Fatal(passed, err)
	}
	h := sha256.New()
	for _, w := range []Weights{c.State.Trained(), c.State.M, c.State.V} {
		binary.Write(h, binary.LittleEndian, w.Slab())
	}
	if sum := fmt.Sprintf("%x", h.Sum(nil)); sum != "5c2fd24aa16ca6b4e73aaef851a4d048160ae37fad1fc7b24c6be1206a7ac320" || c.State.Step != 2 {
		t.Errorf("step %d, weights and moments %s", c.State.Step, sum)
	}
	r, err := Resume(run, c, microData(t))
	if err != nil {
		t.Fatal(err)
	}
	steps(t, r, 1)
	if err := errors.Join(r.Save(Observer{}), r.Close()); err != nil {
		t.Fatal(err)
	}
	entries, err := Checkpoints(run)
	if err != nil || namesOf(entries) != "step-000002 step-000003" {
		t.Errorf("there are %s, %v", namesOf(entries), err)
	}
	for i, e := range entries {
		text, err := os.ReadFile(filepath.Join(e.Dir, durable.ManifestFile))
		if want := []int{0, 2}[i]; err != nil || strings.Count(string(text), `"crc32c"`) != want || Verify(e.Dir) != nil { // of weights and moments
			t.Errorf("%s: %s, %v, %v", e.Dir, text, err, Verify(e.Dir))
		}
	}
	for _, name := range append([]string{durable.ManifestFile}, checkpointFiles...) {
		run := copied()
		flip(t, filepath.Join(run, "step-000002", name))
		c, passed, err := LoadNewest(run, true)
		if err != nil || c.State.Step != 1 || len(passed) != 1 || !strings.Contains(passed[0].Error(), "step-000002 is damaged: "+name) {
			t.Errorf("%s is damaged: %v, %v", name, passed, err)
		}
	}
}
