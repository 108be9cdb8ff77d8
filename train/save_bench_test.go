package train

import (
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/token"
)

// benchNetworks are the sizes at which costs are measured: that of the fault tests, the
// default, and GPT-2 small with one window a step.
func benchNetworks(b *testing.B) []Options {
	mini, err := PresetOptions("tiny")
	story, err2 := PresetOptions("story")
	gpt2, err3 := PresetOptions("gpt2")
	if err := errors.Join(err, err2, err3); err != nil {
		b.Fatal(err)
	}
	mini.Preset, mini.Vocab, mini.Bias = "mini", 128, true
	story.Vocab = 64
	gpt2.Accumulate = 1
	return []Options{mini, story, gpt2}
}

// BenchmarkSave is what a checkpoint takes with digests and without, in medians, on the
// file system of temporary files. One of each is made in turn, so that the moods of a
// disk meet both.
func BenchmarkSave(b *testing.B) {
	for _, o := range benchNetworks(b) {
		b.Run(o.Preset, func(b *testing.B) {
			run := b.TempDir()
			s := NewState(o.Config, 1)
			c := &Checkpoint{Network: o.Config, Options: o, Tokenizer: token.NewBytes(), State: s}
			var with, without []float64
			timed := func(times *[]float64, save func() (string, error)) {
				begin := time.Now()
				dir, err := save()
				*times = append(*times, time.Since(begin).Seconds()*1e3)
				if err == nil {
					_, err = durable.Remove(durable.OS, run, []string{filepath.Base(dir)})
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			digests := func() { timed(&with, func() (string, error) { return c.Save(run) }) }
			none := func() { timed(&without, func() (string, error) { return saveWithoutDigests(c, run) }) }
			for b.Loop() {
				digests()
				none()
				none()
				digests()
			}
			a, z := median(with), median(without)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(a, "ms-with")
			b.ReportMetric(z, "ms-without")
			b.ReportMetric(100*(a-z)/z, "%more")
		})
	}
}

func median(x []float64) float64 {
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// saveWithoutDigests writes the same files in the same pieces, syncs and renames the
// same way.
func saveWithoutDigests(c *Checkpoint, run string) (dir string, err error) {
	dir = filepath.Join(run, "step-000000")
	last := durable.File{Name: durable.ManifestFile, Write: func(w io.Writer) error { return writeJSON(w, make([]int, 300)) }}
	return dir, durable.WriteFolder(dir, append(c.files(), last))
}

// BenchmarkLoad is what loading and verifying a checkpoint take, in medians, and the
// same of one with the digests of format 2; files are in memory, as far as the system
// keeps them there.
func BenchmarkLoad(b *testing.B) {
	for _, o := range benchNetworks(b) {
		b.Run(o.Preset, func(b *testing.B) {
			tok, err := token.NewChars("abc")
			if err != nil {
				b.Fatal(err)
			}
			c := &Checkpoint{Network: o.Config, Options: o, Tokenizer: tok, State: NewState(o.Config, 1), Data: DataInfo{Train: 1}}
			dir, err := c.Save(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			c = nil
			times := map[string][]float64{}
			timed := func(name string, fs durable.FS, do func(durable.FS) error) {
				begin := time.Now()
				if err := do(fs); err != nil {
					b.Fatal(err)
				}
				times[name] = append(times[name], time.Since(begin).Seconds()*1e3)
			}
			loads := func(fs durable.FS) error { _, err := load(fs, dir, true); return err }
			verifies := func(fs durable.FS) error { return verify(fs, dir) }
			old := inFormat2(b, dir)
			for b.Loop() {
				timed("ms-load", durable.OS, loads)
				timed("ms-load-format2", old, loads)
				timed("ms-verify", durable.OS, verifies)
				timed("ms-verify-format2", old, verifies)
			}
			b.ReportMetric(0, "ns/op")
			for name, x := range times {
				b.ReportMetric(median(x), name)
			}
		})
	}
}

// inFormat2 is the disk on which the checkpoint in dir is of format 2.
func inFormat2(b *testing.B, dir string) durable.FS {
	fs, err := resealed(b, durable.OS, dir, 2)
	if err != nil {
		b.Fatal(err)
	}
	return fs
}
