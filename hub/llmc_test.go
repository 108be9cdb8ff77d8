package hub

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/safetensors"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A file of llm.c comes back with every bit, in both types.
func TestLLMCRoundTrip(t *testing.T) {
	for _, name := range []string{"llmc", "llmc-bf16"} {
		e := exports()[name]
		m := e.model()
		path := filepath.Join(saved(t, name), llmcModel)
		got, err := LoadLLMC[float64](path, LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want := e.config
		want.Bias = true
		if got.Params.Config != want || !IsLLMC(path) {
			t.Errorf("%+v", got.Params.Config)
		}
		d := e.o.DType
		if d == "" {
			d = safetensors.F32
		}
		for _, w := range got.Params.Tensors() {
			v := m.Params.Tensor(w.Name)
			if v.V == nil { // zeros
				v.V = make([]float64, len(w.V))
			}
			b, err := safetensors.Append(nil, v.V, d)
			if err != nil {
				t.Fatal(err)
			}
			rounded := make([]float64, len(v.V))
			safetensors.Convert(rounded, b, d)
			for j := range rounded {
				if rounded[j] != w.V[j] {
					t.Fatalf("%s: %s[%d] is %g, want %g", name, w.Name, j, w.V[j], rounded[j])
				}
			}
		}
		c, dtype, padded, err := InspectLLMC(path)
		if err != nil || c != want || dtype != d || padded%128 != 0 || padded < c.Vocab {
			t.Errorf("%+v, %s, %d, %v", c, dtype, padded, err)
		}
	}
}

func TestLLMCRefuses(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(saved(t, "llmc"), llmcModel))
	if err != nil {
		t.Fatal(err)
	}
	set := func(pairs ...int) []byte {
		b := bytes.Clone(whole)
		for i := 0; i < len(pairs); i += 2 {
			binary.LittleEndian.PutUint32(b[4*pairs[i]:], uint32(pairs[i+1]))
		}
		return b
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "x.bin")
	for want, file := range map[string][]byte{
		"the file has 0 bytes, and the header alone":        {},
		"the file has 1023 bytes":                           whole[:1023],
		"the magic number at offset 0 is 20240327":          set(0, 20240327),
		"version 4 at offset 4":                             set(1, 4),
		"context is 0":                                      set(2, 0),
		"vocab is -1":                                       set(3, -1),
		"blocks is 0":                                       set(4, 0),
		"heads is 0":                                        set(5, 0),
		"3 heads do not divide the width 32":                set(5, 3),
		"width is 0":                                        set(6, 0),
		"parameters: more than":                             set(2, 1<<31-1, 3, 1<<31-1, 4, 1<<31-1, 6, 1<<30, 7, 1<<31-1),
		"a padded vocabulary of 299 at offset 28":           set(7, 299),
		"a padded vocabulary of 100000000 at offset 28":     set(7, 100000000),
		"a padded vocabulary of -1":                         set(7, -1),
		"it was cut short, or is of another kind":           whole[:len(whole)-1],
		"bytes, and a model of its sizes":                   append(bytes.Clone(whole), 0),
		"it was cut short, or is of another":                set(4, 1<<20),
		"bytes, and a model of its sizes 80640":             set(1, 5)[:len(whole)/4*4],
		"block.0.ln1.w: it holds NaN: the model is broken":  set((1024+4*(384*32+64*32))/4, 0x7fc00000),
		"block.1.qkv.w: it holds +Inf: the model is broken": set((1024+4*(384*32+64*32+4*32+3*32*32))/4, 0x7f800000),
	} {
		put(t, path, string(file))
		_, err := LoadLLMC[float32](path, LoadOptions{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one line with %s", err, want)
		}
		if _, _, _, err := InspectLLMC(path); err == nil && !strings.Contains(want, "broken") {
			t.Errorf("%s: inspected", want)
		}
	}
	put(t, path, string(set((1024+4*(384*32+64*32))/4, 0x7fc00000)))
	if _, err := LoadLLMC[float32](path, LoadOptions{AllowNonfinite: true}); err != nil {
		t.Error(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "none", "x")} {
		if _, err := LoadLLMC[float32](path, LoadOptions{}); err == nil || IsLLMC(path) {
			t.Errorf("%s was read", path)
		}
	}
	put(t, path, "ab")
	if IsLLMC(path) {
		t.Error("two bytes are a model")
	}
}

// tokenizer.bin says what each token is.
func TestLLMCTokenizer(t *testing.T) {
	tok := token.GPT2()
	var b bytes.Buffer
	if err := writeLLMCTokenizer(&b, tok); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	for i, want := range []uint32{20240328, 2, 50257, 50256, 0} {
		if got := binary.LittleEndian.Uint32(data[4*i:]); got != want {
			t.Errorf("word %d is %d, want %d", i, got, want)
		}
	}
	data = data[1024:]
	for id := range int32(tok.Vocab()) {
		n := int(data[0])
		if string(data[1:1+n]) != tok.Token(id) {
			t.Fatalf("token %d is %q, want %q", id, data[1:1+n], tok.Token(id))
		}
		data = data[1+n:]
	}
	if len(data) > 0 {
		t.Errorf("%d bytes are left", len(data))
	}
	for n := range 3 {
		if err := writeLLMCTokenizer(&limited{1024 + n}, tok); err == nil {
			t.Error("a full disk went unnoticed")
		}
	}
	long, err := token.TrainBPE(func(yield func(string) bool) { yield(strings.Repeat(strings.Repeat("a", 600)+" ", 9)) }, token.TrainOptions{Vocab: 300, MinCount: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := writeLLMCTokenizer(&b, long); err == nil || !strings.Contains(err.Error(), "llm.c has at most 255") {
		t.Errorf("a token of more than 255 bytes: %v", err)
	}
}

// limited takes so many bytes.
type limited struct{ n int }

func (w *limited) Write(b []byte) (int, error) {
	if w.n -= len(b); w.n < 0 {
		return 0, os.ErrInvalid
	}
	return len(b), nil
}

// FuzzLLMC reads the header of a model: what is accepted has the size that it says.
func FuzzLLMC(f *testing.F) {
	for _, name := range []string{"llmc", "llmc-bf16"} {
		e := exports()[name]
		var b bytes.Buffer
		d := e.o.DType
		if d == "" {
			d = safetensors.F32
		}
		if err := writeLLMC(&b, e.model().Params, d); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes()[:40], int64(b.Len()))
		f.Add(b.Bytes()[:40], int64(b.Len()-1))
	}
	f.Fuzz(func(t *testing.T, ints []byte, size int64) {
		header := make([]byte, llmcHeader)
		copy(header, ints)
		m, err := parseLLMC(bytes.NewReader(header), size)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		if err := m.network.Validate(); err != nil {
			t.Error(err)
		}
		total := float64(m.padded-m.network.Vocab) * float64(m.network.Width)
		for _, s := range slotsOf(pedestrian.Config{Vocab: m.network.Vocab, Context: m.network.Context, Width: m.network.Width, Heads: m.network.Heads, Blocks: 1, Tied: true}) {
			n := float64(s.Rows) * float64(s.Cols)
			if s.Block >= 0 {
				n *= float64(m.network.Blocks)
			}
			total += n
		}
		if want := 1024 + total*float64(m.dtype.Bits()/8); want != float64(size) {
			t.Errorf("%d bytes for %+v, which takes %g", size, m.network, want)
		}
	})
}
