package hub

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/token"
)

// Files that the package gguf for Python wrote, as llama.cpp's converter lays a GPT-2
// out: every number of every parameter is the one that it says (testdata/gguf/read.py).
func TestReadGGUFAsTheReference(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(ggufDir, "read.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden []struct {
		File    string            `json:"file"`
		Tied    bool              `json:"tied"`
		Numbers map[string]string `json:"numbers"` // SHA-256 of a tensor as float32, row by row
	}
	if err := json.Unmarshal(data, &golden); err != nil || len(golden) != 4 {
		t.Fatal(len(golden), err)
	}
	for _, g := range golden {
		path := filepath.Join(ggufDir, g.File)
		m, err := LoadGGUF(path, LoadOptions{})
		if err != nil {
			t.Errorf("%s: %v", g.File, err)
			continue
		}
		want := pedestrian.Config{Vocab: 261, Context: 6, Width: 32, Heads: 4, Blocks: 2, Hidden: 96, Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, Tied: g.Tied}
		if m.Params.Config != want || m.Name != "foreign" || !IsGGUF(path) {
			t.Errorf("%s: %+v, %q", g.File, m.Params.Config, m.Name)
		}
		sum := func(v []float32) string {
			h := sha256.New()
			binary.Write(h, binary.LittleEndian, v)
			return hex.EncodeToString(h.Sum(nil))
		}
		checked := 0
		check := func(name string, v []float32) {
			if checked++; sum(v) != g.Numbers[name] {
				t.Errorf("%s: %s has other numbers", g.File, name)
			}
		}
		affine := func(name string, a pedestrian.Affine[float32]) {
			w := a.W.V
			if !a.W.Vec() {
				w = transposed(a.W)
			}
			check(name+".weight", w)
			check(name+".bias", a.B.V)
		}
		checkFrozenGGUF(t, path, m.Params)
		p := m.Params
		check("token_embd.weight", p.Tok.V)
		check("position_embd.weight", p.Pos.V)
		affine("output_norm", p.LNFinal)
		for i, b := range p.Blocks {
			at := "blk." + string(rune('0'+i)) + "."
			affine(at+"attn_norm", b.LN1)
			affine(at+"attn_qkv", b.QKV)
			affine(at+"attn_output", b.AttProj)
			affine(at+"ffn_norm", b.LN2)
			affine(at+"ffn_up", b.Expand)
			affine(at+"ffn_down", b.Contract)
		}
		if !g.Tied {
			check("output.weight", transposed(p.Logits.W))
		} else if head, ok := g.Numbers["output.weight"]; ok && head != g.Numbers["token_embd.weight"] {
			t.Errorf("%s: another head is passed over", g.File)
		} else if ok {
			checked++
		}
		if checked != len(g.Numbers) {
			t.Errorf("%s: %d tensors of %d", g.File, checked, len(g.Numbers))
		}
		// The row [PAD260] is no token; a chat's turn ends by the token for that.
		ends, own := []int32{258}, int32(258)
		if g.File == "read-q8_0.gguf" {
			ends, own = []int32{258, 259}, 259
		}
		ids, err := m.Tokenizer.EncodeMarkup("hey he<|im_end|>!<|endoftext|>")
		if err != nil || !slices.Equal(ids, []int32{257, 220, 256, 259, 0, 258}) || m.Tokenizer.Vocab() != 260 {
			t.Errorf("%s: %v of %d, %v", g.File, ids, m.Tokenizer.Vocab(), err)
		}
		if eos, _ := m.Tokenizer.EOS(); !slices.Equal(m.EOS, ends) || !slices.Equal(m.BOS, []int32{258}) || eos != own || (m.Tokenizer.ChatTemplate() != "") != (own == 259) {
			t.Errorf("%s: ends %v, %d, begins %v, chat %q", g.File, m.EOS, eos, m.BOS, m.Tokenizer.ChatTemplate())
		}
	}
}

// What is written is read again: every number in F32, the tokenizer, the ends.
func TestGGUFComesBack(t *testing.T) {
	for name, e := range exports() {
		m := narrow(e.model())
		path := filepath.Join(t.TempDir(), "m.gguf")
		if _, err := SaveGGUF(path, m, gguf.F32); err != nil {
			if !strings.Contains(err.Error(), "cannot hold this network") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		again, err := LoadGGUF(path, LoadOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		twice := filepath.Join(t.TempDir(), "m.gguf")
		if again.Tokenizer == nil {
			again.Tokenizer = m.Tokenizer // of a kind that GGUF has not
		}
		if _, err := SaveGGUF(twice, again, gguf.F32); err != nil {
			t.Fatal(err)
		}
		a, err := os.ReadFile(path)
		b, err2 := os.ReadFile(twice)
		if err != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: written again it is another file: %v %v", name, err, err2)
		}
		if again.Params.Config.Activation != m.Params.Config.Activation {
			t.Errorf("%s: it computes %s", name, again.Params.Config.Activation)
		}
	}
	// Bytes are bytes again.
	m := narrow(exports()["hf-tied"].model())
	m.Tokenizer = token.NewBytes()
	if m.Params.Config.Vocab < 256 {
		c := m.Params.Config
		c.Vocab = 258
		m.Params = pedestrian.NewParams[float32](c)
	}
	m.EOS, m.BOS = nil, nil
	path := filepath.Join(t.TempDir(), "bytes.gguf")
	if _, err := SaveGGUF(path, m, gguf.Q8_0); err != nil {
		t.Fatal(err)
	}
	again, err := LoadGGUF(path, LoadOptions{})
	if err != nil || again.Tokenizer.Kind() != token.Bytes || again.Tokenizer.Vocab() != 256 {
		t.Fatal(err)
	}
}

// Each thing that is wrong with a file is said.
func TestReadGGUFRefuses(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(ggufDir, "read-f32.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	type file struct {
		pairs   []gguf.Pair
		entries []gguf.Entry
	}
	read := func() (f file) {
		g, err := gguf.Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		f.pairs = slices.Clone(g.Pairs)
		for _, x := range g.Tensors {
			e := gguf.Entry{Name: x.Name, Type: x.Type, Data: make([]float32, x.Elements())}
			for _, d := range x.Dims {
				e.Dims = append(e.Dims, int(d))
			}
			if err := g.Decode(e.Data, x); err != nil {
				t.Fatal(err)
			}
			f.entries = append(f.entries, e)
		}
		return f
	}
	set := func(key string, value any) func(*file) {
		return func(f *file) {
			f.pairs = slices.DeleteFunc(f.pairs, func(p gguf.Pair) bool { return p.Key == key })
			if value != nil {
				f.pairs = append(f.pairs, gguf.Pair{Key: key, Value: value})
			}
		}
	}
	entry := func(name string, change func(*gguf.Entry)) func(*file) {
		return func(f *file) {
			i := slices.IndexFunc(f.entries, func(e gguf.Entry) bool { return e.Name == name })
			change(&f.entries[i])
		}
	}
	many := make([]string, 300)
	for i := range many {
		many[i] = "t" + string(rune('0'+i))
	}
	for says, change := range map[string]func(*file){
		`general.architecture is "gemma": gpt2, llama, qwen2 and qwen3 are read`: set("general.architecture", "gemma"),
		`it is an adapter`:                                                       set("general.type", "adapter"),
		`general.type is "mmproj"`:                                               set("general.type", "mmproj"),
		`gpt2.context_length is missing`:                                         set("gpt2.context_length", nil),
		`gpt2.block_count is -2`:                                                 set("gpt2.block_count", int32(-2)),
		`gpt2.block_count is 4000000`:                                            set("gpt2.block_count", uint32(4000000)),
		`gpt2.embedding_length is 18446744073709551615`:                          set("gpt2.embedding_length", uint64(math.MaxUint64)),
		`gpt2.attention.head_count is six`:                                       set("gpt2.attention.head_count", "six"),
		`5 heads do not divide the width`:                                        set("gpt2.attention.head_count", uint32(5)),
		`heads of other sizes`:                                                   set("gpt2.attention.key_length", uint32(5)),
		`gpt2.attention.key_length is 16: it must be a whole number`:             set("gpt2.attention.key_length", "16"),
		`layer_norm_epsilon is <nil>`:                                            set("gpt2.attention.layer_norm_epsilon", nil),
		`unknown activation "swish"`:                                             set(ggufActivation, "swish"),
		`tensor blk.2.attn_norm.weight is missing`:                               set("gpt2.block_count", uint32(3)),
		`tensor "blk.1.attn_norm.weight" is not of a GPT-2`:                      set("gpt2.block_count", uint32(1)),
		`tensor position_embd.weight is [32 6], the innermost first, and [32 7]`: set("gpt2.context_length", uint32(7)),
		`token_embd.weight, a row a token, is missing`:                           entry("token_embd.weight", func(e *gguf.Entry) { e.Name = "x" }),
		`tensor blk.0.attn_qkv.weight is [96 32]`:                                entry("blk.0.attn_qkv.weight", func(e *gguf.Entry) { e.Dims = []int{96, 32} }),
		`tensor output_norm.bias holds +Inf`:                                     entry("output_norm.bias", func(e *gguf.Entry) { e.Data[3] = float32(math.Inf(1)) }),
		`tokenizer.ggml.eos_token_id is 261, and there are 261 tokens`:           set("tokenizer.ggml.eos_token_id", uint32(261)),
		`tokenizer.ggml.tokens is`:                                               set("tokenizer.ggml.tokens", []int32{1}),
		`tokenizer.ggml.tokens has 300, and the network 261`:                     set("tokenizer.ggml.tokens", many),
		`tokenizer.ggml.token_type has 1, and there are 261`:                     set("tokenizer.ggml.token_type", []int32{1}),
		`the tokenizer: merge 0 is "he"`:                                         set("tokenizer.ggml.merges", []string{"he"}),
		`a token behind every text`:                                              set("tokenizer.ggml.add_eos_token", true),
	} {
		f := read()
		change(&f)
		path := filepath.Join(t.TempDir(), "bad.gguf")
		var out bytes.Buffer
		if err := gguf.Write(&out, f.pairs, f.entries); err != nil {
			t.Fatalf("%s: %v", says, err)
		}
		put(t, path, out.String())
		_, err := LoadGGUF(path, LoadOptions{})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "reading the model: "+path) && !strings.Contains(err.Error(), "is missing") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v does not say %q", err, says)
		}
	}
	// A tokenizer of another kind is left out, and that is said.
	for says, change := range map[string]func(*file){
		`of the kind "t5"`: set("tokenizer.ggml.model", "t5"),
		`as "mpt"`:         set("tokenizer.ggml.pre", "mpt"),
	} {
		f := read()
		change(&f)
		path := filepath.Join(t.TempDir(), "other.gguf")
		var out bytes.Buffer
		if err := gguf.Write(&out, f.pairs, f.entries); err != nil {
			t.Fatal(err)
		}
		put(t, path, out.String())
		m, err := LoadGGUF(path, LoadOptions{})
		if err != nil || m.Tokenizer != nil || len(m.Notes) != 1 || !strings.Contains(m.Notes[0], says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir(), filepath.Join(ggufDir, "read.json")} {
		if _, err := LoadGGUF(path, LoadOptions{}); err == nil || IsGGUF(path) {
			t.Errorf("%s is read", path)
		}
	}
}

// A file that is cut anywhere is an error, and no panic.
func TestReadGGUFCut(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(ggufDir, "read-q8_0.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut.gguf")
	for at := 0; at < len(data); at += 97 {
		put(t, path, string(data[:at]))
		if _, err := LoadGGUF(path, LoadOptions{}); err == nil {
			t.Fatalf("%d bytes of %d are read", at, len(data))
		}
	}
}

// checkFrozenGGUF reads the file at path again, as its types hold it, and in blocks of q8_0:
// the first have the numbers of wide, the second those of the file that the package gguf has
// written in q8_0 from the same numbers.
func checkFrozenGGUF(t *testing.T, path string, wide *pedestrian.Params[float32]) {
	t.Helper()
	frozen, err := LoadGGUF(path, LoadOptions{Frozen: true})
	blocks, err2 := LoadGGUF(path, LoadOptions{Q8: true})
	reference, err3 := LoadGGUF(filepath.Join(ggufDir, "read-q8_0.gguf"), LoadOptions{Frozen: true})
	quantized, err4 := Quantize(wide)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	of := map[string]pedestrian.Storage{"read-q8_0.gguf": pedestrian.Q8, "read-f16.gguf": pedestrian.F16, "read-bf16.gguf": pedestrian.BF16}[filepath.Base(path)]
	for _, w := range wide.Tensors() {
		f, q := frozen.Params.Tensor(w.Name), blocks.Params.Tensor(w.Name)
		matrix := w.Role == pedestrian.Matrix || w.Layer == "tok"
		if (f.Narrow.Storage == of) != (matrix || of == pedestrian.Wide) || !slices.Equal(f.Widened(), w.V) {
			t.Errorf("%s: %s is held as %q, or has other numbers", path, w.Name, f.Narrow.Storage)
		}
		if (q.Narrow.Storage == pedestrian.Q8) != matrix || !slices.Equal(q.Narrow.Blocks, quantized.Tensor(w.Name).Narrow.Blocks) {
			t.Errorf("%s: %s is held as %q, or quantized to other blocks", path, w.Name, q.Narrow.Storage)
		}
		if exact := of == pedestrian.Wide || of == pedestrian.Q8; exact && matrix && w.Layer != "logits" && !slices.Equal(q.Narrow.Blocks, reference.Params.Tensor(w.Name).Narrow.Blocks) {
			t.Errorf("%s: %s has other blocks than the reference's", path, w.Name)
		}
	}
	if same, err := Quantize(blocks.Params); err != nil || same != blocks.Params {
		t.Errorf("%s: what is in blocks is quantized again: %v", path, err)
	}
}

// narrow is m in float32.
func narrow(m *Model[float64]) *Model[float32] {
	p := pedestrian.NewParams[float32](m.Params.Config)
	for i, v := range m.Params.Slab {
		p.Slab[i] = float32(v)
	}
	return &Model[float32]{Params: p, Tokenizer: m.Tokenizer, EOS: m.EOS, BOS: m.BOS, Name: m.Name}
}

// No file makes the reader of models panic.
func FuzzGGUFModel(f *testing.F) {
	for _, name := range []string{"read-q8_0.gguf", "read-f16.gguf", "reference.gguf"} {
		data, err := os.ReadFile(filepath.Join(ggufDir, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &GGUF{Ours: map[string]string{}}
		if err := g.read(bytes.NewReader(data), int64(len(data))); err != nil {
			return
		}
		if g.Tokenizer != nil {
			g.Tokenizer.Decode([]int32{0, int32(g.Tokenizer.Vocab() - 1)})
		}
		if g.Network.Ledger().Total() > 4*len(data) { // a number has a byte or more, but for those that are tied
			t.Fatalf("%d parameters in %d bytes", g.Network.Ledger().Total(), len(data))
		}
	})
}
