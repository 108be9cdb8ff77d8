package hub

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

var exportedDir = flag.String("exported", "", "write the models of TestExported here, for testdata/transformers/check.py")

// generic fills p with numbers that are the same on every machine: gains that are not
// one, biases that are not zero.
func generic[T pedestrian.Float](p *pedestrian.Params[T], seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, t := range p.Tensors() {
		for i := range t.V {
			v := rng.Float64() - 0.5
			switch {
			case t.Role == pedestrian.Gain:
				v = 1 + v
			case t.Name == "tok.w":
				v *= 4
			case !t.Vec():
				v *= 2
			}
			t.V[i] = T(v)
		}
	}
}

// An export is a model as it is written for others.
type export struct {
	format Format
	config pedestrian.Config
	o      SaveOptions
	eos    []int32
}

func exports() map[string]export {
	c := pedestrian.Config{Vocab: 50, Context: 11, Width: 12, Heads: 3, Blocks: 2, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true}
	with := func(change func(c *pedestrian.Config)) pedestrian.Config {
		c := c
		change(&c)
		return c
	}
	erf := func(c *pedestrian.Config) { c.Activation = pedestrian.GELU }
	return map[string]export{
		"hf-tied":   {HuggingFace, c, SaveOptions{}, []int32{49}},
		"hf-untied": {HuggingFace, with(func(c *pedestrian.Config) { c.Tied = false; c.Activation = pedestrian.GELU; c.Hidden = 20 }), SaveOptions{Dropout: 0.1}, []int32{1, 2}},
		"hf-relu":   {HuggingFace, with(func(c *pedestrian.Config) { c.Activation, c.Eps = pedestrian.ReLU, 1e-3 }), SaveOptions{}, nil},
		"hf-paper": {HuggingFace, with(func(c *pedestrian.Config) {
			c.Activation, c.Eps, c.KeyDim, c.LogitsBias, c.Tied = pedestrian.ReLU, 0, 4, true, false
		}), SaveOptions{DType: safetensors.F64}, nil},
		"hf-nobias":   {HuggingFace, with(func(c *pedestrian.Config) { c.Bias = false }), SaveOptions{}, nil},
		"hf-f64":      {HuggingFace, c, SaveOptions{DType: safetensors.F64}, nil},
		"hf-f16":      {HuggingFace, with(erf), SaveOptions{DType: safetensors.F16}, nil},
		"hf-bf16":     {HuggingFace, c, SaveOptions{DType: safetensors.BF16}, nil},
		"hf-sharded":  {HuggingFace, with(func(c *pedestrian.Config) { c.Blocks = 3; c.Tied = false }), SaveOptions{MaxShard: 5000}, nil},
		"nanogpt":     {NanoGPT, with(erf), SaveOptions{}, nil},
		"nano-nobias": {NanoGPT, with(func(c *pedestrian.Config) { erf(c); c.Bias = false }), SaveOptions{DType: safetensors.F64}, nil},
		"llmc":        {LLMC, with(func(c *pedestrian.Config) { c.Vocab, c.Context, c.Width, c.Heads = 300, 64, 32, 4 }), SaveOptions{}, nil},
		"llmc-bf16":   {LLMC, with(func(c *pedestrian.Config) { c.Bias = false }), SaveOptions{DType: safetensors.BF16}, nil},
	}
}

func (e export) model() *Model[float64] {
	p := pedestrian.NewParams[float64](e.config)
	generic(p, uint64(e.config.Vocab))
	if e.config.LogitsBias { // that is zero, GPT-2 can do without
		clear(p.Logits.B.V)
	}
	return &Model[float64]{Params: p, EOS: e.eos}
}

func (e export) save(path string, m *Model[float64]) error {
	switch e.format {
	case NanoGPT:
		return SaveNanoGPT(path, m, e.o)
	case LLMC:
		return SaveLLMC(path, m, e.o)
	}
	return SaveHuggingFace(path, m, e.o)
}

// expectation is what the engine computes from what was written: the numbers are those
// of the model, rounded to the type of the file.
func expectation(p *pedestrian.Params[float64], d safetensors.DType) golden {
	if d == "" {
		d = safetensors.F32
	}
	q := pedestrian.NewParams[float64](p.Config)
	for i, t := range p.Tensors() {
		b, err := safetensors.Append(nil, t.V, d)
		if err != nil {
			panic(err)
		}
		if err := safetensors.Convert(q.Tensors()[i].V, b, d); err != nil {
			panic(err)
		}
	}
	c := p.Config
	rng := rand.New(rand.NewPCG(3, 4))
	g := golden{DType: string(d)}
	b := engine.Batch{B: 2, T: c.Context}
	for range b.B {
		var x, y []int32
		for range b.T {
			x, y = append(x, rng.Int32N(int32(c.Vocab))), append(y, rng.Int32N(int32(c.Vocab)))
		}
		g.Tokens, g.Targets = append(g.Tokens, x), append(g.Targets, y)
		b.Tokens, b.Targets = append(b.Tokens, x...), append(b.Targets, y...)
	}
	net := engine.New(q, nil, engine.Options{Batch: b.B, Context: b.T})
	defer net.Close()
	sum, n := net.Loss(b)
	g.Loss = sum / float64(n)
	out := engine.NewMat[float64](b.B*b.T, c.Vocab)
	net.Logits(out, b)
	for i := range b.B * b.T {
		g.Logits = append(g.Logits, out.V[i*out.Stride:][:c.Vocab]...)
	}
	return g
}

// What we write is what the originals have read: check.py has loaded these very bytes
// in transformers, nanoGPT and llm.c, found every key, and the logits of the engine.
// When the bytes change on purpose: go test ./hub -run TestExported -exported DIR, then
// check.py DIR, which records them anew if the originals agree.
func TestExported(t *testing.T) {
	dir := *exportedDir
	if dir == "" {
		dir = t.TempDir()
	}
	got := map[string]string{}
	for name, e := range exports() {
		m := e.model()
		if err := e.save(filepath.Join(dir, name), m); err != nil {
			t.Fatal(name, err)
		}
		if *exportedDir != "" {
			text, err := json.Marshal(expectation(m.Params, e.o.DType))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name+".json"), text, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		err := fs.WalkDir(os.DirFS(dir), name, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(filepath.Join(dir, path))
			got[path] = fmt.Sprintf("%x", sha256.Sum256(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if *exportedDir != "" {
		return
	}
	text, err := os.ReadFile(filepath.Join(goldens, "exported.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ Files map[string]string }
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want.Files) {
		for _, path := range slices.Sorted(maps.Keys(got)) {
			if got[path] != want.Files[path] {
				t.Errorf("%s is not what the original has read", path)
			}
		}
		t.Errorf("%d files are written, %d were read", len(got), len(want.Files))
	}
}
