package hub

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

const goldens = "../testdata/transformers"

var goldensDir = flag.String("goldens", "", "what make.py --large wrote, to be read by TestTransformers instead of the small models")

// A golden is what transformers computes, in float64, from the files of a model.
type golden struct {
	Tokens, Targets [][]int32
	Logits          []float64 // of every position, or of the last two of each row
	Loss            float64
	DType           string
}

func readGoldens(t testing.TB, dir string) map[string]golden {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "logits.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Models map[string]golden }
	if err := json.NewDecoder(z).Decode(&all); err != nil || len(all.Models) == 0 {
		t.Fatal(len(all.Models), err)
	}
	return all.Models
}

// unpack puts the small models into a directory.
func unpack(t testing.TB) string {
	t.Helper()
	f, err := os.Open(filepath.Join(goldens, "tiny.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return dir
		}
		var text []byte
		if err == nil {
			text, err = io.ReadAll(r)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err == nil {
			err = os.WriteFile(path, text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// load reads a model in either precision.
func load[T pedestrian.Float](t testing.TB, path string) *Model[T] {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	m, err := Load[T](d, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// deviation computes loss and logits and returns how far they are from g: of the loss
// relatively, of the logits relative to the largest.
func deviation[T pedestrian.Float](p *pedestrian.Params[T], g golden) (loss, logits float64) {
	b := engine.Batch{B: len(g.Tokens), T: len(g.Tokens[0])}
	for i := range g.Tokens {
		b.Tokens, b.Targets = append(b.Tokens, g.Tokens[i]...), append(b.Targets, g.Targets[i]...)
	}
	net := engine.New(p, nil, engine.Options{Batch: b.B, Context: b.T})
	defer net.Close()
	sum, n := net.Loss(b)
	loss = math.Abs(sum/float64(n)-g.Loss) / math.Abs(g.Loss)
	out := engine.NewMat[T](b.B*b.T, p.Config.Vocab)
	net.Logits(out, b)
	largest, k := 0.0, 0
	rows := len(g.Logits) / b.B / p.Config.Vocab // kept of each sequence
	for i := range b.B * b.T {
		if i%b.T < b.T-rows {
			continue
		}
		for j := range p.Config.Vocab {
			logits = max(logits, math.Abs(float64(out.V[i*out.Stride+j])-g.Logits[k]))
			largest = max(largest, math.Abs(g.Logits[k]))
			k++
		}
	}
	return loss, logits / largest
}

// The engine is to reproduce transformers on the weights in the file, whatever their
// type: in float64 to what sums in another order may lose, in float32 to what the
// issue asks for.
const (
	near64 = 1e-10
	near32 = 1e-4
)

func TestTransformers(t *testing.T) {
	dir, from := *goldensDir, *goldensDir
	if dir == "" {
		dir, from = unpack(t), goldens
	}
	for name, g := range readGoldens(t, from) {
		t.Run(name, func(t *testing.T) {
			loss, logits := deviation(load[float64](t, filepath.Join(dir, name)).Params, g)
			t.Logf("float64: loss %.1e, logits %.1e", loss, logits)
			if !(loss <= near64 && logits <= near64) {
				t.Errorf("float64: the loss is off by %.1e, the logits by %.1e", loss, logits)
			}
			loss, logits = deviation(load[float32](t, filepath.Join(dir, name)).Params, g)
			t.Logf("float32: loss %.1e, logits %.1e", loss, logits)
			if !(loss <= near32 && logits <= near32) {
				t.Errorf("float32: the loss is off by %.1e, the logits by %.1e", loss, logits)
			}
		})
	}
}
