package eval

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/hub"
)

const goldens = "../testdata/lm-eval"

// A golden is what lm-evaluation-harness said, in float64.
type golden struct {
	Rolling   []float64 // log-likelihoods of the texts
	Bytes     []int
	Tokens    [][]int32
	Questions []struct {
		LogLikelihood []float64 `json:"log_likelihood"`
		Greedy        []bool
		Acc           float64
		AccNorm       float64 `json:"acc_norm"`
		AccBytes      float64 `json:"acc_bytes"`
	}
	Acc      float64
	AccNorm  float64 `json:"acc_norm"`
	AccBytes float64 `json:"acc_bytes"`
	StdErr   float64
}

// harnessTol is the limit beside numbers in float64, relative to a sum of losses. A loss
// here is of the size of 10 to 15, with logits of the same size, that come out of two
// blocks in float32: some hundreds of roundings of 2⁻²⁴. The worst seen is 1.5e-7.
const harnessTol = 1e-5

func readGolden(t *testing.T) (g golden, m *hub.Model[float32]) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(goldens, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	if m, err = hub.LoadModel(unpack(t, filepath.Join(goldens, "model.tar.gz"))); err != nil {
		t.Fatal(err)
	}
	return g, m
}

// unpack unpacks an archive of files into a directory of the test.
func unpack(t *testing.T, path string) (dir string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(h.Name)), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestHarness scores what lm-evaluation-harness scored.
func TestHarness(t *testing.T) {
	g, m := readGolden(t)
	s, err := NewScorer(m.Params, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > harnessTol*math.Abs(want) {
			t.Errorf("%s: log-likelihood %v, the harness has %v", what, got, want)
		}
	}
	var texts []*Sequence
	for _, tokens := range g.Tokens {
		texts = append(texts, &Sequence{Tokens: slices.Concat(m.BOS, tokens)})
	}
	if err := s.Score(context.Background(), texts); err != nil {
		t.Fatal(err)
	}
	for i, q := range texts {
		var sum Summary
		sum.Add(q, m.Tokenizer)
		near("text", -sum.Nats, g.Rolling[i])
		if sum.Bytes != g.Bytes[i] || sum.Scored != len(g.Tokens[i]) || sum.Documents != 1 {
			t.Errorf("text %d: %+v, the harness has %d bytes and %d tokens", i, sum, g.Bytes[i], len(g.Tokens[i]))
		}
		near("bits per byte", sum.BitsPerByte(), -g.Rolling[i]/math.Ln2/float64(g.Bytes[i]))
	}

	questions, err := corpus.ReadQuestions(filepath.Join(goldens, "questions.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var right Accuracy
	for i, q := range questions {
		c, err := s.NewChoice(q, m.Tokenizer, m.BOS)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Score(context.Background(), c.Sequences); err != nil {
			t.Fatal(err)
		}
		a, want := c.Answer(), g.Questions[i]
		for j := range a.LogLikelihood {
			near(q.Choices[j], a.LogLikelihood[j], want.LogLikelihood[j])
		}
		if !slices.Equal(a.Greedy, want.Greedy) {
			t.Errorf("question %d: greedy %v, the harness has %v", i, a.Greedy, want.Greedy)
		}
		for _, v := range []struct {
			choice int
			acc    float64
		}{{a.Likeliest, want.Acc}, {a.PerChar, want.AccNorm}, {a.PerByte, want.AccBytes}} {
			if (v.choice == q.Answer) != (v.acc == 1) {
				t.Errorf("question %d: %+v, the harness has %+v", i, a, want)
			}
		}
		right.Add(c, a)
	}
	n := float64(right.Questions)
	if got := float64(right.Likeliest) / n; got != g.Acc {
		t.Errorf("accuracy %v, the harness has %v", got, g.Acc)
	}
	if got := float64(right.PerChar) / n; got != g.AccNorm {
		t.Errorf("accuracy per character %v, the harness has %v", got, g.AccNorm)
	}
	if got := float64(right.PerByte) / n; got != g.AccBytes {
		t.Errorf("accuracy per byte %v, the harness has %v", got, g.AccBytes)
	}
	if got := right.StdErr(right.Likeliest); math.Abs(got-g.StdErr) > 1e-12 {
		t.Errorf("standard error %v, the harness has %v", got, g.StdErr)
	}
}
