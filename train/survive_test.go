package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// microOptions is a run whose checkpoint has a few kilobytes: one block of width 8, a
// vocabulary of 32. What is tried exhaustively is tried on it.
func microOptions() Options {
	o, _ := PresetOptions("tiny")
	o.Width, o.Heads, o.Blocks, o.Context, o.Vocab = 8, 2, 1, 8, 32
	o.Batch, o.Steps, o.Warmup, o.EvalEvery, o.EvalBatches, o.SaveEvery, o.SampleEvery = 2, 12, 2, 4, 1, 2, 0
	o.Threads, o.Clip = 1, 0.5
	return o
}

func microData(t testing.TB) *Data {
	return dataOf(t, strings.Repeat("the red hen had ten eggs\n", 40), microOptions())
}

// inMemory starts a micro run on fs.
func inMemory(t testing.TB, fs durable.FS, o Options, d *Data) *Run {
	t.Helper()
	r, err := beginOn(fs, o, d, "disk/run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.net.Close() })
	return r
}

func steps(t testing.TB, r *Run, n int) {
	t.Helper()
	for range n {
		u, err := r.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.record(Record{Step: u.Step, Loss: &u.Loss, Norm: u.Norm}); err != nil {
			t.Fatal(err)
		}
	}
}

// digestOf is the SHA-256 of all that a run's future depends on.
func digestOf(s *State) string {
	h := sha256.New()
	p := s.Progress
	p.Seconds = 0
	fmt.Fprintf(h, "%+v\n", p)
	for _, part := range []Weights{s.Trained(), s.M, s.V} {
		buf := make([]byte, 0, 4*len(part.Slab()))
		for _, x := range part.Slab() {
			b := math.Float32bits(x)
			buf = append(buf, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
		}
		h.Write(buf)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// withoutTimes is a log with the two fields left out that no two runs share.
func withoutTimes(t testing.TB, log []byte) string {
	t.Helper()
	var b strings.Builder
	for line := range bytes.Lines(log) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		delete(fields, "seconds")
		delete(fields, "tokens_per_s")
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", text)
	}
	return b.String()
}
