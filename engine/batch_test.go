package engine

import (
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

func TestBatchCheck(t *testing.T) {
	cs := cases[0] // vocabulary 13, context 9
	for _, c := range []struct {
		want string
		b    Batch
	}{
		{"", Batch{B: 2, T: 2, Tokens: []int32{0, 12, 3, 4}, Targets: []int32{1, Ignored, 0, 12}}},
		{"", Batch{B: 1, T: 9, Tokens: make([]int32, 9)}},
		{"0 sequences", Batch{B: 0, T: 2}},
		{"both must be at least 1", Batch{B: 1, T: -1}},
		{"longer than the context of 9", Batch{B: 1, T: 10, Tokens: make([]int32, 10)}},
		{"3 tokens are not 2 sequences of 2", Batch{B: 2, T: 2, Tokens: make([]int32, 3)}},
		{"5 tokens are not 2 sequences of 2", Batch{B: 2, T: 2, Tokens: make([]int32, 5)}},
		{"1 targets for 2 tokens", Batch{B: 1, T: 2, Tokens: make([]int32, 2), Targets: make([]int32, 1)}},
		{"token 1 of sequence 1 is 13", Batch{B: 2, T: 2, Tokens: []int32{0, 0, 0, 13}}},
		{"token 0 of sequence 0 is -1", Batch{B: 1, T: 1, Tokens: []int32{-1}}},
		{"target 1 of sequence 0 is -2", Batch{B: 1, T: 2, Tokens: []int32{0, 0}, Targets: []int32{0, -2}}},
		{"target 0 of sequence 1 is 13", Batch{B: 2, T: 1, Tokens: []int32{0, 0}, Targets: []int32{0, 13}}},
		{"", Batch{B: 2, T: 2, Tokens: make([]int32, 4), Starts: []int32{0, 1, 2, 3}}},
		{"start 0 is -1", Batch{B: 1, T: 2, Tokens: make([]int32, 2), Starts: []int32{-1}}},
		{"start 1 is 2: starts ascend within the 2 tokens", Batch{B: 1, T: 2, Tokens: make([]int32, 2), Starts: []int32{1, 2}}},
		{"start 2 is 1", Batch{B: 2, T: 2, Tokens: make([]int32, 4), Starts: []int32{0, 1, 1}}},
		{"start 1 is 2", Batch{B: 2, T: 2, Tokens: make([]int32, 4), Starts: []int32{3, 2}}},
	} {
		err := c.b.Check(cs.c)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v, not %q", c.b, err, c.want)
		}
	}
}

// TestMisuse lists what code may not do; each panic comes before any work.
func TestMisuse(t *testing.T) {
	cs := cases[0]
	p, _ := cs.params(1)
	n := New(p, nil, Options{Context: 5})
	defer n.Close()
	other := cs.c
	other.Width *= 2
	a := pedestrian.NewAdapter[float64](other, pedestrian.AdapterConfig{Rank: 1, Alpha: 1, Scaling: pedestrian.ScalePaper, Targets: fcLayers})
	good := Batch{B: 1, T: 2, Tokens: []int32{1, 2}, Targets: []int32{2, 3}}
	dp := like(p)
	for want, f := range map[string]func(){
		"New: an adapter for":              func() { New(p, a, Options{}) },
		"Options.Batch is -1":              func() { New(p, nil, Options{Batch: -1}) },
		"Options.Context is 10":            func() { New(p, nil, Options{Context: 10}) },
		"Options.Dropout is 1":             func() { New(p, nil, Options{Dropout: 1}) },
		"Options.Chunk is -1":              func() { New(p, nil, Options{Chunk: -1}) },
		"Loss: the batch has no targets":   func() { n.Loss(Batch{B: 1, T: 2, Tokens: []int32{1, 2}}) },
		"made for 1×5":                     func() { n.Loss(Batch{B: 1, T: 6, Tokens: make([]int32, 6), Targets: make([]int32, 6)}) },
		"outside the vocabulary":           func() { n.Gradients(dp, nil, Batch{B: 1, T: 2, Tokens: []int32{1, 13}, Targets: []int32{1, 2}}, 1, 0) },
		"Gradients: gradients of {Vocab":   func() { n.Gradients(pedestrian.NewParams[float64](other), nil, good, 1, 0) },
		"Gradients: gradients of an adapt": func() { n.Gradients(dp, a, good, 1, 0) },
		"Logits: out is 1×13, not 2×13":    func() { n.Logits(NewMat[float64](1, 13), good) },
		"AdamW: step 0":                    func() { n.AdamW(AdamW{}, 0, 1, p, dp, dp, dp) },
		"AdamW: parameters of":             func() { n.AdamW(AdamW{}, 1, 1, pedestrian.NewParams[float64](other), dp, dp, dp) },
		"AdamWAdapter: an adapter":         func() { n.AdamWAdapter(AdamW{}, 1, 1, a, a, a, a) },
	} {
		mustPanic(t, want, f)
	}
	for _, v := range dp.Slab {
		if v != 0 {
			t.Fatal("a refused batch left a gradient")
		}
	}
}
