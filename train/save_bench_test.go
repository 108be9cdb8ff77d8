package train

import (
	"bufio"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

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
				if err = errors.Join(err, removeTree(disk{}, dir), disk{}.Sync(run)); err != nil {
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
	fs := disk{}
	dir, temp := filepath.Join(run, "step-000000"), filepath.Join(run, ".tmp-step-000000-1")
	err = fs.Mkdir(temp)
	for _, f := range append(c.files(), file{ManifestFile, func(w io.Writer) error { return writeJSON(w, make([]int, 300)) }}) {
		var out outFile
		if err == nil {
			out, err = fs.Create(filepath.Join(temp, f.name))
		}
		if err == nil {
			b := bufio.NewWriterSize(out, digestChunk)
			err = errors.Join(f.write(b), b.Flush(), out.Sync(), out.Close())
		}
	}
	return dir, errors.Join(err, fs.Sync(temp), fs.Rename(temp, dir), fs.Sync(run))
}
