package hub

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// sameFrozen compares a network that was kept as its file has it with the one that was
// widened, number by number; of is how the weights are held.
func sameFrozen(t *testing.T, name string, frozen, wide *pedestrian.Params[float32], of pedestrian.Storage) {
	t.Helper()
	for i, w := range wide.Tensors() {
		f := frozen.Tensors()[i]
		want := of
		if f.Vec() {
			want = pedestrian.Wide
		}
		if f.Narrow.Storage != want || !slices.Equal(f.Widened(), w.V) {
			t.Errorf("%s: %s is held as %q, want %q, or has other numbers", name, f.Name, f.Narrow.Storage, want)
		}
	}
}

// Models that transformers wrote are kept in the type of their files, with every number of
// those that are widened while they are read.
func TestLoadFrozen(t *testing.T) {
	dir, models := readLlamas(t)
	kept := map[pedestrian.Storage]int{}
	for name := range maps.Keys(models) {
		d, err := Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		wide, err := Load[float32](d, LoadOptions{})
		frozen, err2 := Load[float32](d, LoadOptions{Frozen: true})
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		of := narrowTypes[d.Tensors[0].DType]
		kept[of]++
		sameFrozen(t, name, frozen.Params, wide.Params, of)
		if got, padding := d.Bytes(LoadOptions{Frozen: true}), int64(64*len(wide.Params.Tensors())); got > frozen.Params.Bytes() || got < frozen.Params.Bytes()-padding {
			t.Errorf("%s: %d bytes were told, and it has %d", name, got, frozen.Params.Bytes())
		}
		d.Close()
	}
	if kept[pedestrian.BF16] == 0 || kept[pedestrian.Wide] == 0 {
		t.Errorf("models that are kept in %v: bf16 and float32 are wanted", kept)
	}
}

// representable is a network whose numbers bf16 and half precision hold.
func representable(c pedestrian.Config) *pedestrian.Params[float32] {
	p := pedestrian.NewParams[float32](c)
	x := uint32(1)
	for _, t := range p.Tensors() {
		for i := range t.V {
			x = x*1664525 + 1013904223
			t.V[i] = float32(int8(x>>24)) / 512
		}
	}
	return p
}

var frozenConfig = pedestrian.Config{Vocab: 1000, Context: 16, Width: 64, Hidden: 176, Heads: 4, KVHeads: 2, Blocks: 2, Activation: pedestrian.SiLU, Eps: 1e-5,
	Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Gated: true}

// What is frozen is written again as it was, in every format, and goes through GGUF.
func TestFrozenFormats(t *testing.T) {
	p := representable(frozenConfig)
	m := &Model[float32]{Params: p}
	for dtype, of := range map[safetensors.DType]pedestrian.Storage{safetensors.BF16: pedestrian.BF16, safetensors.F16: pedestrian.F16, safetensors.F32: pedestrian.Wide} {
		dir := filepath.Join(t.TempDir(), "m")
		if err := SaveHuggingFace(dir, m, SaveOptions{DType: dtype}); err != nil {
			t.Fatal(err)
		}
		d, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		frozen, err := Load[float32](d, LoadOptions{Frozen: true})
		d.Close()
		if err != nil {
			t.Fatal(err)
		}
		sameFrozen(t, string(dtype), frozen.Params, p, of)
		again := filepath.Join(t.TempDir(), "again")
		if err := SaveHuggingFace(again, frozen, SaveOptions{DType: safetensors.F32}); err != nil {
			t.Fatal(err)
		}
		if back, err := LoadModel(again); err != nil || !slices.Equal(back.Params.Slab, p.Slab) {
			t.Errorf("%s: written again it has other numbers (%v)", dtype, err)
		}
	}
	for kind, of := range map[gguf.Type]pedestrian.Storage{gguf.BF16: pedestrian.BF16, gguf.F16: pedestrian.F16, gguf.F32: pedestrian.Wide} {
		path := filepath.Join(t.TempDir(), "m.gguf")
		tok := *m
		tok.Tokenizer = nil
		if _, err := SaveGGUF(path, &tok, kind); err != nil {
			t.Fatal(err)
		}
		frozen, err := LoadGGUF(path, LoadOptions{Frozen: true})
		if err != nil {
			t.Fatal(err)
		}
		sameFrozen(t, fmt.Sprint("GGUF ", kind), frozen.Params, p, of)
	}
}

// A model is read into blocks of q8_0 as it would be quantized after it was read, from every
// format, and goes through GGUF in the same blocks. What has no whole blocks stays as it was.
func TestLoadQ8(t *testing.T) {
	for name, c := range map[string]pedestrian.Config{"llama": frozenConfig,
		"gpt2": {Vocab: 100, Context: 16, Width: 64, Hidden: 96, Heads: 4, Blocks: 2, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: true}} {
		p := representable(c)
		want, err := Quantize(p)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want.Tensors() { // each number is within half a step of what it was
			v := w.Widened()
			for j, x := range p.Tensors()[i].V {
				if off := math.Abs(float64(v[j] - x)); off > 0.57*0.25/127 { // all are at most 0.25, and scales are rounded
					t.Fatalf("%s: number %d of %s is %g in q8_0, and was %g", name, j, w.Name, v[j], x)
				}
			}
		}
		same := func(what string, got *pedestrian.Params[float32]) {
			t.Helper()
			for i, w := range want.Tensors() {
				g := got.Tensors()[i]
				as := g.Narrow.Storage == w.Narrow.Storage
				if what == "GGUF" && w.Layer == "down" { // written in half precision there
					as = g.Narrow.Storage == pedestrian.F16
				}
				if !as || !slices.Equal(g.Widened(), w.Widened()) {
					t.Errorf("%s, %s: %s is held as %q, want %q, or has other numbers", name, what, w.Name, g.Narrow.Storage, w.Narrow.Storage)
				}
			}
		}
		dir := filepath.Join(t.TempDir(), "m")
		if err := SaveHuggingFace(dir, &Model[float32]{Params: p}, SaveOptions{DType: safetensors.F32}); err != nil {
			t.Fatal(err)
		}
		d, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Load[float32](d, LoadOptions{Q8: true})
		told, files := d.Bytes(LoadOptions{Q8: true}), int64(64*len(p.Tensors()))
		d.Close()
		if err != nil {
			t.Fatal(err)
		}
		same("Hugging Face", m.Params)
		if has := m.Params.Bytes(); told > has || told < has-files {
			t.Errorf("%s: %d bytes were told, and it has %d", name, told, has)
		}
		path := filepath.Join(t.TempDir(), "m.gguf")
		if _, err := SaveGGUF(path, m, gguf.Q8_0); err != nil {
			t.Fatal(err)
		}
		again, err := LoadGGUF(path, LoadOptions{Q8: true})
		if err != nil {
			t.Fatal(err)
		}
		same("GGUF", again.Params)
		for _, x := range want.Tensors() {
			if x.Layer == "contract" || x.Layer == "qkv" {
				if of := x.Narrow.Storage; x.Role == pedestrian.Matrix && of != pedestrian.Q8 {
					t.Errorf("%s: %s is held as %q", name, x.Name, of)
				}
			}
			if x.Layer == "down" && x.Narrow.Storage != pedestrian.Wide { // lines of 176
				t.Errorf("%s: %s is held as %q", name, x.Name, x.Narrow.Storage)
			}
		}
	}
}

// Reading takes little more memory than the file has bytes.
func TestFrozenPeak(t *testing.T) {
	c := frozenConfig
	c.Vocab, c.Width, c.Hidden = 20000, 256, 700
	dir := filepath.Join(t.TempDir(), "m")
	if err := SaveHuggingFace(dir, &Model[float32]{Params: representable(c)}, SaveOptions{DType: safetensors.BF16}); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := Load[float32](d, LoadOptions{Frozen: true})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	took, file := after.TotalAlloc-before.TotalAlloc, uint64(d.Files[0].Bytes)
	if limit := file + file/4; took > limit || m.Params.Bytes() > int64(file)+1<<16 {
		t.Errorf("a file of %d bytes takes %d, and %d while it is read", file, m.Params.Bytes(), took)
	}
	if math.IsNaN(float64(m.Params.LNFinal.W.V[0])) {
		t.Error("not a number")
	}
}

// Where parts of a matrix are of two types in the file, it is kept wide.
func TestFrozenParts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	if err := SaveHuggingFace(dir, &Model[float32]{Params: representable(frozenConfig)}, SaveOptions{DType: safetensors.BF16}); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.Tensors[d.place["layers.1.self_attn.q_proj.weight"]].DType = safetensors.F32
	of := d.storage(LoadOptions{Frozen: true})
	for _, s := range d.Network.Slots() {
		want := pedestrian.BF16
		if s.Name == "block.1.qkv.w" {
			want = pedestrian.Wide
		}
		if got := of(s); !s.Vec() && got != want {
			t.Errorf("%s is kept as %q, want %q", s.Name, got, want)
		}
	}
}
