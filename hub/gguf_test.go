package hub

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/token"
)

const ggufDir = "../testdata/gguf"

var ggufOut = flag.String("gguf", "", "write the GGUF files that llama.cpp is shown into this directory, for the scripts in testdata/gguf")

// ggufFiles are what llama.cpp and the gguf package are shown.
var ggufFiles = []struct {
	name    string
	kind    gguf.Type
	adapter *pedestrian.AdapterConfig // then the file is an adapter
}{
	{name: "tied-f32.gguf"}, {name: "tied-q8_0.gguf", kind: gguf.Q8_0},
	{name: "untied-f32.gguf"}, {name: "untied-f16.gguf", kind: gguf.F16}, {name: "untied-bf16.gguf", kind: gguf.BF16},
	{name: "tied+thirds.gguf", adapter: &pedestrian.AdapterConfig{Rank: 2, Alpha: 3, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"q", "k", "v"}, Ranks: map[pedestrian.Target]int{"k": 5}}},
	{name: "tied+rslora.gguf", adapter: &pedestrian.AdapterConfig{Rank: 4, Alpha: 2, Scaling: pedestrian.ScaleRSqrt, Targets: []pedestrian.Target{"qkv", "attProj", "expand", "contract"}, Ranks: map[pedestrian.Target]int{"expand": 3}, Layers: []int{1}}},
	{name: "untied+paper.gguf", adapter: &pedestrian.AdapterConfig{Rank: 3, Alpha: 0.7, Scaling: pedestrian.ScalePaper, Targets: pedestrian.Config{Heads: 1}.Targets(), Ranks: map[pedestrian.Target]int{"logits": 1}}},
}

// ggufBase is a network with every byte as a token.
func ggufBase(name string) *pedestrian.Params[float32] {
	p := pedestrian.NewParams[float32](pedestrian.Config{Vocab: 256, Context: 12, Width: 32, Heads: 4, Blocks: 2, Hidden: 96, Activation: pedestrian.GELUTanh,
		Eps: 1e-5, Bias: true, Tied: name == "tied"})
	r := rand.New(rand.NewPCG(uint64(len(name)), 3))
	for _, t := range p.Tensors() {
		for i := range t.V {
			t.V[i] = float32(r.NormFloat64() * 0.15)
			if t.Role == pedestrian.Gain {
				t.V[i]++
			}
		}
	}
	return p
}

func ggufAdapter(base *pedestrian.Params[float32], c pedestrian.AdapterConfig) *Adapter {
	return &Adapter{Adapter: anAdapter(base, c, uint64(len(c.Targets))), BaseName: "someone/base"}
}

func writeGGUF(t *testing.T, path string, p *pedestrian.Params[float32], kind gguf.Type) {
	t.Helper()
	if _, err := SaveGGUF(path, &Model[float32]{Params: p, Name: "someone/base", Tokenizer: token.NewBytes(), EOS: []int32{0}}, kind); err != nil {
		t.Fatal(err)
	}
}

func openGGUF(t *testing.T, path string) (*gguf.File, *os.File) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Read(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return f, file
}

// The files are those that llama.cpp ran and the gguf package read (testdata/gguf has
// the scripts), and llama.cpp's probabilities are those of our equations.
func TestLlamaCpp(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(ggufDir, "llama.json"))
	var v struct {
		Tokens []int
		Files  map[string]string      // SHA-256
		Models map[string][][]float64 // log-probabilities after the last tokens, by the name of the file; of an adapter, beside its base in F32
	}
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if *ggufOut != "" {
		dir = *ggufOut
	}
	adapters := map[string]*Adapter{}
	for _, f := range ggufFiles {
		path := filepath.Join(dir, f.name)
		base, _, _ := strings.Cut(strings.ReplaceAll(f.name, "+", "-"), "-")
		p := ggufBase(base)
		if f.adapter != nil {
			adapters[f.name] = ggufAdapter(p, *f.adapter)
			if err := SaveAdapterGGUF(path, adapters[f.name]); err != nil {
				t.Fatal(err)
			}
		} else {
			writeGGUF(t, path, p, f.kind)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(text)); got != v.Files[f.name] && *ggufOut == "" {
			t.Errorf("%s is not the file that llama.cpp was shown", f.name)
		}
	}
	if *ggufOut != "" {
		writeStrings(t, dir)
		return
	}
	if len(v.Models) != len(ggufFiles) {
		t.Errorf("llama.cpp ran %d models", len(v.Models))
	}
	for name, theirs := range v.Models {
		base, kind, _ := strings.Cut(strings.TrimSuffix(name, ".gguf"), "-")
		base, _, _ = strings.Cut(base, "+")
		var a *pedestrian.Adapter[float32]
		if adapters[name] != nil {
			a, kind = adapters[name].Adapter, "f32"
		}
		// llama.cpp computes in float32, and keeps keys, values and a table of GELU in half
		// precision; beside a matrix of a shorter type it rounds the other factor, too.
		within := map[string]float64{"f32": 5e-3, "f16": 7e-3, "bf16": 4e-2, "q8_0": 0.1}[kind]
		rows := logProbabilities(logits(ggufBase(base), a, v.Tokens))
		d := worst(rows[len(rows)-len(theirs):], theirs)
		t.Logf("%s: %.2g", name, d)
		if !(d < within) {
			t.Errorf("%s: log-probabilities differ from llama.cpp's by %g, and %g is due", name, d, within)
		}
	}
}

// writeStrings writes the bases of testdata/peft, for check.py; and a network with
// GPT-2's tokenizer, and texts with their tokens.
func writeStrings(t *testing.T, dir string) {
	for _, base := range []string{"tied", "untied"} {
		for _, kind := range []gguf.Type{gguf.F32, gguf.F16, gguf.BF16, gguf.Q8_0} {
			path := filepath.Join(dir, fmt.Sprintf("%s.%s.check", base, kind))
			if _, err := SaveGGUF(path, &Model[float32]{Params: readBase(t, base)}, kind); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := pedestrian.NewParams[float32](pedestrian.Config{Vocab: 50257, Context: 4, Width: 4, Heads: 1, Blocks: 1, Activation: pedestrian.GELUTanh, Tied: true})
	if _, err := SaveGGUF(filepath.Join(dir, "gpt2.gguf"), &Model[float32]{Params: p, Tokenizer: token.GPT2()}, gguf.F32); err != nil {
		t.Fatal(err)
	}
	texts := []string{"Hello world", " Hello  world ", "it's they'll I'M don't", "1234567 12 3", "a\n\n b\t\tc \n", "naïve café ÀÉ", "日本語 テスト", "👩‍👩‍👧 ok", "((()))!!!", "x=y+1;//c", "   ", "\n", "Ünïcödé", "ǅ", "한국어", "٣٤", "a\u00a0b", "e\u0301"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		var b strings.Builder
		for range 1 + r.IntN(30) {
			b.WriteString([]string{" ", "  ", "\n", "a", "the", "'s", "'", "1", "99", "é", "ß", "中", "😀", ".", ",", "--", "\t", "Z", "_", "\u200d"}[r.IntN(20)])
		}
		texts = append(texts, b.String())
	}
	type cut struct {
		Text string
		IDs  []int32
	}
	var cuts []cut
	for _, text := range texts {
		ids, err := token.GPT2().Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		cuts = append(cuts, cut{text, ids})
	}
	out, err := json.Marshal(cuts)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "strings.json"), out, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func logProbabilities(rows [][]float64) [][]float64 {
	for _, row := range rows {
		sum := 0.0
		for _, x := range row {
			sum += math.Exp(x)
		}
		for j := range row {
			row[j] -= math.Log(sum)
		}
	}
	return rows
}

// Every tensor of a file is the network's, by name, shape and numbers.
func TestGGUFTensors(t *testing.T) {
	for _, base := range []string{"tied", "untied"} {
		for _, kind := range []gguf.Type{gguf.F32, gguf.F16, gguf.BF16} {
			p := ggufBase(base)
			path := filepath.Join(t.TempDir(), "sub", "m.gguf")
			writeGGUF(t, path, p, kind)
			f, _ := openGGUF(t, path)
			seen := 0
			check := func(name string, in pedestrian.Tensor[float32], transpose bool) {
				tensor, ok := f.Tensor(name)
				if !ok {
					t.Errorf("%s is missing", name)
					return
				}
				seen++
				got := make([]float32, tensor.Elements())
				if err := f.Decode(got, tensor); err != nil {
					t.Fatal(err)
				}
				dims := []uint64{uint64(in.Cols), uint64(in.Rows)}
				if transpose {
					slices.Reverse(dims)
				}
				want := kind
				if in.Vec() {
					dims = dims[:1]
				}
				if in.Vec() || name == "position_embd.weight" {
					want = gguf.F32
				}
				if !slices.Equal(tensor.Dims, dims) || tensor.Type != want {
					t.Errorf("%s is %v of %s, want %v of %s", name, tensor.Dims, tensor.Type, dims, want)
					return
				}
				within := map[gguf.Type]float64{gguf.F32: 0, gguf.F16: 1.0 / (1 << 11), gguf.BF16: 1.0 / (1 << 8)}[want]
				for i := range in.Rows {
					for j := range in.Cols {
						at := i*in.Cols + j
						if transpose {
							at = j*in.Rows + i
						}
						if x := float64(in.V[i*in.Cols+j]); math.Abs(float64(got[at])-x) > within*math.Abs(x)+within/(1<<14) { // below 2⁻¹⁴ a half is a whole number of 2⁻²⁴
							t.Fatalf("%s at %d, %d is %g, want %g", name, i, j, got[at], x)
						}
					}
				}
			}
			pair := func(name string, a pedestrian.Affine[float32]) {
				check(name+".weight", a.W, !a.W.Vec())
				check(name+".bias", a.B, false)
			}
			check("token_embd.weight", p.Tok, false)
			check("position_embd.weight", p.Pos, false)
			for i, b := range p.Blocks {
				pair(fmt.Sprintf("blk.%d.attn_norm", i), b.LN1)
				pair(fmt.Sprintf("blk.%d.attn_qkv", i), b.QKV)
				pair(fmt.Sprintf("blk.%d.attn_output", i), b.AttProj)
				pair(fmt.Sprintf("blk.%d.ffn_norm", i), b.LN2)
				pair(fmt.Sprintf("blk.%d.ffn_up", i), b.Expand)
				pair(fmt.Sprintf("blk.%d.ffn_down", i), b.Contract)
			}
			pair("output_norm", p.LNFinal)
			if base == "untied" {
				check("output.weight", p.Logits.W, true)
			}
			if seen != len(f.Tensors) {
				t.Errorf("%d tensors are the network's, and the file has %d", seen, len(f.Tensors))
			}
			for key, want := range map[string]any{"general.architecture": "gpt2", "gpt2.context_length": uint32(12), "gpt2.feed_forward_length": uint32(96),
				"gpt2.attention.layer_norm_epsilon": float32(1e-5), "tokenizer.ggml.model": "gpt2", "general.name": "someone/base"} {
				if got, _ := f.Lookup(key); got != want {
					t.Errorf("%s is %v, want %v", key, got, want)
				}
			}
		}
	}
}

// Tokenizers: what llama.cpp can cut as we do is in the file, and what it cannot is not.
func TestGGUFTokenizer(t *testing.T) {
	c := pedestrian.Config{Vocab: 50260, Context: 4, Width: 32, Heads: 2, Blocks: 1, Activation: pedestrian.GELU, Tied: true}
	p := pedestrian.NewParams[float32](c)
	for i := range p.Tok.V[:64] {
		p.Tok.V[i] = float32(i) - 20
	}
	path := filepath.Join(t.TempDir(), "m.gguf")
	notes, err := SaveGGUF(path, &Model[float32]{Params: p, Tokenizer: token.GPT2()}, gguf.Q8_0)
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "tanh form") {
		t.Fatalf("%q, %v", notes, err)
	}
	f, _ := openGGUF(t, path)
	value := func(key string) any { v, _ := f.Lookup(key); return v }
	texts, kinds, merges := value("tokenizer.ggml.tokens").([]string), value("tokenizer.ggml.token_type").([]int32), value("tokenizer.ggml.merges").([]string)
	if len(texts) != c.Vocab || texts[0] != "!" || texts[262] != "Ġthe" || texts[50256] != "<|endoftext|>" || texts[50259] != "[PAD50259]" {
		t.Errorf("%d tokens, %q, %q", len(texts), texts[262], texts[50256:])
	}
	if kinds[0] != 1 || kinds[50256] != 3 || kinds[50257] != 5 || len(merges) != 50000 || merges[0] != "Ġ t" {
		t.Errorf("kinds %v, %d merges", kinds[50255:], len(merges))
	}
	if value("tokenizer.ggml.pre") != "gpt-2" || value("tokenizer.ggml.eos_token_id") != uint32(50256) || value("tokenizer.ggml.bos_token_id") != uint32(50256) || value("tokenizer.ggml.add_bos_token") != false {
		t.Errorf("special tokens %v, %v", value("tokenizer.ggml.eos_token_id"), value("tokenizer.ggml.bos_token_id"))
	}
	embedding, _ := f.Tensor("token_embd.weight")
	if embedding.Type != gguf.Q8_0 || value("general.file_type") != uint32(7) {
		t.Errorf("the embedding is %s", embedding.Type)
	}
	for _, test := range []struct {
		name      string
		tokenizer *token.Tokenizer
		model     string
		note      string
	}{
		{"none", nil, "none", "no tokenizer"},
		{"bytes", token.NewBytes(), "gpt2", ""},
		{"chars", must(token.NewChars("abc")), "none", "no tokenizer of characters"},
		{"one word", change(t, `"use_regex":true`, `"use_regex":false`), "none", "does not cut texts into words"},
		{"prefix", change(t, `"add_prefix_space":false`, `"add_prefix_space":true`), "none", "add_prefix_space"},
		{"whole words", change(t, `"ignore_merges":false`, `"ignore_merges":true`), "none", "ignore_merges"},
	} {
		pairs, note, err := ggufTokenizer(&Model[float32]{Params: p, Tokenizer: test.tokenizer, EOS: []int32{7}, BOS: []int32{8}})
		if err != nil || pairs[0].Value != test.model || !strings.Contains(note, test.note) || (note == "") != (test.note == "") {
			t.Errorf("%s: %v, %q, %v", test.name, pairs[0], note, err)
		}
		if test.name == "bytes" {
			texts := pairs[2].Value.([]string)
			if texts['a'] != "a" || texts[' '] != "Ġ" || texts[255] != "ÿ" || len(pairs[4].Value.([]string)) != 0 || pairs[5].Value != uint32(8) || pairs[6].Value != uint32(7) {
				t.Errorf("bytes are %q", texts[:257])
			}
		}
	}
	small := pedestrian.NewParams[float32](pedestrian.Config{Vocab: 4, Context: 4, Width: 4, Heads: 2, Blocks: 1, Activation: pedestrian.GELU, Tied: true})
	for says, m := range map[string]*Model[float32]{
		"the tokenizer has 256 tokens": {Params: small, Tokenizer: token.NewBytes()},
		"its activation is relu":       {Params: pedestrian.NewParams[float32](pedestrian.Config{Vocab: 4, Context: 4, Width: 4, Heads: 2, Blocks: 1, Activation: pedestrian.ReLU})},
		"queries of 3 features":        {Params: pedestrian.NewParams[float32](pedestrian.Config{Vocab: 4, Context: 4, Width: 4, Heads: 2, KeyDim: 3, Blocks: 1, Activation: pedestrian.GELU})},
	} {
		if _, err := SaveGGUF(filepath.Join(t.TempDir(), "m.gguf"), m, gguf.F32); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if _, err := SaveGGUF(path, &Model[float32]{Params: small}, gguf.F32); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("over another file: %v", err)
	}
	if _, err := SaveGGUF(path, &Model[float32]{Params: small}, 2); err == nil || !strings.Contains(err.Error(), "choose F32, F16, BF16 or Q8_0") {
		t.Errorf("as Q4_0: %v", err)
	}
	// Rows that are not whole blocks.
	path = filepath.Join(t.TempDir(), "m.gguf")
	if _, err := SaveGGUF(path, &Model[float32]{Params: small}, gguf.Q8_0); err != nil {
		t.Fatal(err)
	}
	f, _ = openGGUF(t, path)
	if embedding, _ := f.Tensor("token_embd.weight"); embedding.Type != gguf.F16 {
		t.Errorf("an embedding of width 4 is %s", embedding.Type)
	}
	small.Tok.V[0] = 1e6
	dir := t.TempDir()
	if _, err := SaveGGUF(filepath.Join(dir, "m.gguf"), &Model[float32]{Params: small}, gguf.F16); err == nil || !strings.Contains(err.Error(), "too large for F16") {
		t.Errorf("a number too large: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func must(t *token.Tokenizer, err error) *token.Tokenizer {
	if err != nil {
		panic(err)
	}
	return t
}

// change is a small BPE with another setting.
func change(t *testing.T, from, to string) *token.Tokenizer {
	t.Helper()
	text, err := token.GPT2().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), from, to, 1)
	if changed == string(text) {
		t.Fatalf("there is no %s", from)
	}
	out := new(token.Tokenizer)
	if err := out.UnmarshalJSON([]byte(changed)); err != nil {
		t.Fatal(err)
	}
	return out
}

func decoded(t *testing.T, f *gguf.File, name string) []float32 {
	t.Helper()
	tensor, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("%s is missing", name)
	}
	v := make([]float32, tensor.Elements())
	if err := f.Decode(v, tensor); err != nil {
		t.Fatal(err)
	}
	return v
}

// An adapter's α over r is our multiplier, of every layer.
func TestGGUFAdapter(t *testing.T) {
	for _, name := range []string{"thirds", "rslora", "powers", "fused"} {
		base := ourAdapters[name].base
		a, err := LoadAdapter(filepath.Join(peftDir, "ours", name), readBase(t, base))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "a.gguf")
		if err := SaveAdapterGGUF(path, a); err != nil {
			t.Fatal(err)
		}
		f, _ := openGGUF(t, path)
		alpha, _ := f.Lookup("adapter.lora.alpha")
		fused, err := fuse(a.Adapter, nil)
		if err != nil {
			t.Fatal(err)
		}
		layers := 0
		for _, m := range modulesOf(a.Base) {
			l := fused.LoRA(max(m.block, 0), m.target)
			if l.Down.V == nil {
				continue
			}
			layers++
			to := "output"
			if m.block >= 0 {
				to = fmt.Sprintf("blk.%d.%s", m.block, map[string]string{"attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}[m.relative()])
			}
			down, up := decoded(t, f, to+".weight.lora_a"), decoded(t, f, to+".weight.lora_b")
			r := l.Down.Cols
			for i := range l.Down.Rows {
				for j := range l.Up.Cols {
					want, got := 0.0, 0.0
					for k := range r {
						want += float64(l.Down.V[i*r+k]) * float64(l.Up.V[k*l.Up.Cols+j])
						got += float64(down[k*l.Down.Rows+i]) * float64(up[j*r+k])
					}
					want *= l.Multiplier
					got *= float64(alpha.(float32)) / float64(r)
					if math.Abs(got-want) > 1e-6 {
						t.Fatalf("%s: %s: Δ[%d,%d] is %g, want %g", name, to, i, j, got, want)
					}
				}
			}
		}
		if len(f.Tensors) != 2*layers {
			t.Errorf("%s: %d layers, %d tensors", name, layers, len(f.Tensors))
		}
	}
	p := readBase(t, "tied")
	for says, c := range map[string]pedestrian.AdapterConfig{
		"it has no magnitudes":      {Rank: 1, DoRA: true, Targets: []pedestrian.Target{"q"}},
		"it has no biases":          {Rank: 1, Norms: true, Targets: []pedestrian.Target{"q"}},
		"it has no biases and norm": {Rank: 1, Bias: pedestrian.BiasAdapted, Targets: []pedestrian.Target{"q"}},
		"share the matrix":          {Rank: 1, Targets: []pedestrian.Target{"logits"}},
		"leave the target out":      {Rank: 1, Alpha: 1, Targets: []pedestrian.Target{"q", "v"}, Alphas: map[pedestrian.Target]float64{"v": 0}},
	} {
		c.Scaling = pedestrian.ScaleRank
		err := SaveAdapterGGUF(filepath.Join(t.TempDir(), "a.gguf"), &Adapter{Adapter: anAdapter(p, c, 1)})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	// α of 0 is a factor of its own to llama.cpp.
	for _, alphas := range []map[pedestrian.Target]float64{{"attProj": 0}, {"expand": 0}} {
		a := anAdapter(p, pedestrian.AdapterConfig{Rank: 2, Alpha: 3, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"attProj", "expand"}, Alphas: alphas}, 2)
		es, alpha, _, err := adapterEntries(&Adapter{Adapter: a})
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(es); i += 2 {
			scale := 1.0
			if alpha != 0 {
				scale = float64(alpha) / 2
			}
			target := pedestrian.Target("attProj")
			if strings.Contains(es[i].Name, "ffn_up") {
				target = "expand"
			}
			l := a.LoRA(0, target)
			if strings.HasPrefix(es[i].Name, "blk.0.") && math.Abs(float64(es[i].Data[0])*scale-float64(l.Up.V[0])*l.Multiplier) > 1e-6 {
				t.Errorf("%v: %s is multiplied by %g", alphas, es[i].Name, float64(es[i].Data[0])*scale/float64(l.Up.V[0]))
			}
		}
	}
	bad := anAdapter(p, pedestrian.AdapterConfig{Rank: 1, Alpha: 1, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"qkv"}}, 1)
	bad.Slab[0] = float32(math.Inf(1))
	if err := SaveAdapterGGUF(filepath.Join(t.TempDir(), "a.gguf"), &Adapter{Adapter: bad}); err == nil || !strings.Contains(err.Error(), "is not finite") {
		t.Errorf("an infinite factor: %v", err)
	}
	odd := p.Config
	odd.KeyDim = 3
	a := pedestrian.NewAdapter[float32](odd, pedestrian.AdapterConfig{Rank: 1, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"q"}})
	if err := SaveAdapterGGUF(filepath.Join(t.TempDir(), "a.gguf"), &Adapter{Adapter: a}); err == nil || !strings.Contains(err.Error(), "and there they are equal") {
		t.Errorf("beside another network: %v", err)
	}
}
