package hub

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
)

// ggufNames are llama.cpp's names of layers in a block.
var ggufNames = map[string]string{
	"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
	"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm",
	"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}

// ggufName is llama.cpp's name of a tensor of transformers.
func ggufName(name string) string {
	switch name {
	case "model.embed_tokens.weight":
		return "token_embd.weight"
	case "model.norm.weight":
		return "output_norm.weight"
	case lmHead:
		return "output.weight"
	}
	name = strings.TrimPrefix(name, "model.layers.")
	block, rest, _ := strings.Cut(name, ".")
	at := strings.LastIndexByte(rest, '.')
	return fmt.Sprintf("blk.%s.%s%s", block, ggufNames[rest[:at]], rest[at:])
}

// interleaved is what llama.cpp's converter does to the rows of queries and keys of the
// architecture llama: reshape(heads, 2, dim/2, …).swapaxes(1, 2).
func interleaved(rows []float64, heads, width int) []float64 {
	out := make([]float64, 0, len(rows))
	dim := len(rows) / width / heads
	for h := range heads {
		for j := range dim / 2 {
			for half := range 2 {
				from := h*dim + half*dim/2 + j
				out = append(out, rows[from*width:][:width]...)
			}
		}
	}
	return out
}

// A file for llama.cpp has its names, its order of rows and its keys, and comes back with
// the same bits.
func TestGGUFLlama(t *testing.T) {
	dir, models := readLlamas(t)
	for name := range models {
		path := filepath.Join(dir, name)
		m := load[float32](t, path)
		out := filepath.Join(t.TempDir(), "m.gguf")
		notes, err := SaveGGUF(out, m, gguf.F32)
		if name == "qwen3-biased" {
			if err == nil || !strings.Contains(err.Error(), "llama.cpp's qwen3 cannot hold this network: its attention has biases") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(name, err)
		}
		c := m.Params.Config
		if windowed := slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "has no window") }); windowed != (c.SlidingWindow > 0) {
			t.Errorf("%s: a window of %d, notes %q", name, c.SlidingWindow, notes)
		}
		f, _ := openGGUF(t, out)
		arch := map[string]string{"qwen2": "qwen2", "qwen2-window": "qwen2", "qwen3": "qwen3"}[name]
		if arch == "" {
			arch = "llama"
		}
		theirs := slices.DeleteFunc(stored(t, path), func(s storedTensor) bool { return c.Tied && s.Name == lmHead })
		for _, s := range theirs {
			in, ok := f.Tensor(ggufName(s.Name))
			want := s.Data
			rows := len(s.Data)
			if len(s.Shape) == 2 {
				rows = s.Shape[0]
			}
			switch {
			case arch == "llama" && strings.Contains(s.Name, "q_proj"):
				want = interleaved(want, c.Heads, len(want)/rows)
			case arch == "llama" && strings.Contains(s.Name, "k_proj"):
				want = interleaved(want, c.KeyHeads(), len(want)/rows)
			}
			got := make([]float32, len(want))
			if !ok || in.Elements() != int64(len(want)) || in.Dims[0] != uint64(s.Shape[len(s.Shape)-1]) {
				t.Errorf("%s: %s is %v, and %v there", name, in.Name, in.Dims, s.Shape)
				continue
			}
			if err := f.DecodeAt(got, in, 0); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if float64(got[i]) != want[i] {
					t.Errorf("%s: %s holds %g at %d, not %g", name, in.Name, got[i], i, want[i])
					break
				}
			}
		}
		more := 0
		if name == "gqa" {
			more = 1
		}
		if len(f.Tensors) != len(theirs)+more {
			t.Errorf("%s: %d tensors, and %d there", name, len(f.Tensors), len(theirs))
		}
		for key, want := range map[string]any{
			"general.architecture": arch, arch + ".attention.head_count": uint32(c.Heads), arch + ".attention.head_count_kv": uint32(c.KeyHeads()),
			arch + ".attention.key_length": uint32(c.ValueDim()), arch + ".attention.layer_norm_rms_epsilon": float32(c.Eps), arch + ".rope.dimension_count": uint32(c.ValueDim()),
			arch + ".vocab_size": uint32(61), arch + ".feed_forward_length": uint32(20),
		} {
			if got, _ := f.Lookup(key); got != want {
				t.Errorf("%s: %s is %v, not %v", name, key, got, want)
			}
		}
		back, err := LoadGGUF(out, LoadOptions{})
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(c, back.Params.Config); diff != "" || !slices.Equal(back.Params.Slab, m.Params.Slab) {
			t.Errorf("%s: came back in other bits, -was +is:\n%s", name, diff)
		}
	}
}

// The divisors of llama3 scaling are those of llama.cpp's converter, written out: factor 8
// of texts of 8,192 tokens, with frequencies of a base of 500,000 in heads of 64 columns.
func TestRopeFactors(t *testing.T) {
	c := pedestrian.Config{Width: 64, Heads: 1, Rotation: pedestrian.Rotation{Base: 5e5, Scaling: pedestrian.Llama3Scaling, Factor: 8, Low: 1, High: 4, Original: 8192}}
	got := ropeFactors(c)
	for j, f := range got {
		wavelength := 2 * math.Pi * math.Pow(5e5, float64(2*j)/64)
		want := 0.0
		switch {
		case wavelength < 8192.0/4:
			want = 1
		case wavelength > 8192.0/1:
			want = 8
		default:
			smooth := (8192/wavelength - 1) / (4 - 1)
			want = 1 / ((1-smooth)/8 + smooth)
		}
		if math.Abs(float64(f)-want) > 1e-6*want {
			t.Errorf("pair %d: %g, want %g", j, f, want)
		}
	}
	if len(got) != 32 || got[0] != 1 || got[31] != 8 || got[15] == 1 {
		t.Errorf("%v", got)
	}
}

// What a file of the Llama family says and is not computed here.
func TestReadGGUFLlamaRefuses(t *testing.T) {
	dir, _ := readLlamas(t)
	m := load[float32](t, filepath.Join(dir, "gqa"))
	out := filepath.Join(t.TempDir(), "m.gguf")
	if _, err := SaveGGUF(out, m, gguf.F32); err != nil {
		t.Fatal(err)
	}
	good, _ := openGGUF(t, out)
	for want, change := range map[string]func(pairs map[string]any, es map[string]*gguf.Entry){
		"tensor blk.0.attn_k.weight is [24 8], the innermost first": func(p map[string]any, _ map[string]*gguf.Entry) { p["llama.attention.head_count_kv"] = uint32(3) },
		"llama.expert_count is 8: a mixture of experts":             func(p map[string]any, _ map[string]*gguf.Entry) { p["llama.expert_count"] = uint32(8) },
		"llama.attention.key_length is 6 and value_length 4":        func(p map[string]any, _ map[string]*gguf.Entry) { p["llama.attention.key_length"] = uint32(6) },
		"llama.rope.dimension_count is 2, and a head has 4":         func(p map[string]any, _ map[string]*gguf.Entry) { p["llama.rope.dimension_count"] = uint32(2) },
		"layer_norm_rms_epsilon is <nil>: it must be a number":      func(p map[string]any, _ map[string]*gguf.Entry) { delete(p, "llama.attention.layer_norm_rms_epsilon") },
		`tensor rope_freqs.weight divides the frequency of pair 0`:  func(p map[string]any, _ map[string]*gguf.Entry) { p[ggufRopeOriginal] = uint32(8) },
		`llama.rope.scaling.type is "longrope"`: func(p map[string]any, es map[string]*gguf.Entry) {
			delete(es, ropeFreqs)
			p["llama.rope.scaling.type"] = "longrope"
		},
		"tensor blk.1.ffn_gate.weight is missing": func(_ map[string]any, es map[string]*gguf.Entry) { delete(es, "blk.1.ffn_gate.weight") },
		`tensor "blk.0.attn_qkv.weight" is not of a Llama with 2 blocks`: func(_ map[string]any, es map[string]*gguf.Entry) {
			es["blk.0.attn_qkv.weight"] = &gguf.Entry{Name: "blk.0.attn_qkv.weight", Type: gguf.F32, Dims: []int{1}, Data: []float32{0}}
		},
	} {
		pairs, es := map[string]any{}, map[string]*gguf.Entry{}
		for _, p := range good.Pairs {
			pairs[p.Key] = p.Value
		}
		for _, in := range good.Tensors {
			e := &gguf.Entry{Name: in.Name, Type: in.Type, Data: make([]float32, in.Elements())}
			for _, d := range in.Dims {
				e.Dims = append(e.Dims, int(d))
			}
			if err := good.DecodeAt(e.Data, in, 0); err != nil {
				t.Fatal(err)
			}
			es[in.Name] = e
		}
		change(pairs, es)
		var ps []gguf.Pair
		for key, v := range pairs {
			ps = append(ps, gguf.Pair{Key: key, Value: v})
		}
		slices.SortFunc(ps, func(a, b gguf.Pair) int { return strings.Compare(a.Key, b.Key) })
		var all []gguf.Entry
		for _, e := range es {
			all = append(all, *e)
		}
		bad := filepath.Join(t.TempDir(), "bad.gguf")
		file, err := os.Create(bad)
		if err == nil {
			err = gguf.Write(file, ps, all)
		}
		if err != nil {
			t.Fatal(err)
		}
		file.Close()
		if _, err := LoadGGUF(bad, LoadOptions{}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// ggufLlamas are the files that llama.cpp was shown: models, and adapters beside them.
var ggufLlamas = []struct{ name, base, adapter string }{
	{"gqa.gguf", "gqa", ""}, {"smollm.gguf", "smollm", ""}, {"biased.gguf", "biased", ""}, {"qwen2.gguf", "qwen2", ""}, {"qwen3.gguf", "qwen3", ""}, {"mistral.gguf", "mistral", ""},
	{"gqa+seven.gguf", "gqa", "seven"}, {"qwen2+regex.gguf", "qwen2", "regex"}, {"smollm+linear.gguf", "smollm", "linear"},
}

// withTokens puts a tokenizer of n letters into a file, without which node-llama-cpp does
// not load it.
func withTokens(t *testing.T, path string, n int) {
	t.Helper()
	f, _ := openGGUF(t, path)
	pairs := slices.DeleteFunc(slices.Clone(f.Pairs), func(p gguf.Pair) bool { return strings.HasPrefix(p.Key, "tokenizer.") })
	texts, kinds := make([]string, n), make([]int32, n)
	for i := range texts {
		texts[i], kinds[i] = string(rune('A'+i)), ggufNormal
	}
	pairs = append(pairs, gguf.Pair{Key: "tokenizer.ggml.model", Value: "gpt2"}, gguf.Pair{Key: "tokenizer.ggml.pre", Value: "gpt-2"},
		gguf.Pair{Key: "tokenizer.ggml.tokens", Value: texts}, gguf.Pair{Key: "tokenizer.ggml.token_type", Value: kinds}, gguf.Pair{Key: "tokenizer.ggml.merges", Value: []string{"A B"}})
	var es []gguf.Entry
	for _, in := range f.Tensors {
		e := gguf.Entry{Name: in.Name, Type: in.Type, Data: make([]float32, in.Elements())}
		for _, d := range in.Dims {
			e.Dims = append(e.Dims, int(d))
		}
		if err := f.DecodeAt(e.Data, in, 0); err != nil {
			t.Fatal(err)
		}
		es = append(es, e)
	}
	var b bytes.Buffer
	err := gguf.Write(&b, pairs, es)
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The files are those that llama.cpp ran. It continued the texts of the models as
// transformers did, but for a network with a window, which llama.cpp does not have and of
// which SaveGGUF says so; beside adapters its probabilities are those of our equations.
func TestLlamaCppLlama(t *testing.T) {
	dir, models := readLlamas(t)
	var v struct {
		Files  map[string]string      // SHA-256
		After  map[string][]int32     // tokens that followed
		Tokens []int                  // of the text for adapters
		Rows   map[string][][]float64 // log-probabilities after the last tokens, with adapters
	}
	text, err := os.ReadFile(filepath.Join(llamaGoldens, "llamacpp.json"))
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil && *ggufOut == "" {
		t.Fatal(err)
	}
	out := t.TempDir()
	if *ggufOut != "" {
		out = *ggufOut
	}
	for _, f := range ggufLlamas {
		m := load[float32](t, filepath.Join(dir, f.base))
		path := filepath.Join(out, f.name)
		var a *pedestrian.Adapter[float32]
		if f.adapter != "" {
			adapter, err := LoadAdapter(filepath.Join(llamaGoldens, "theirs", f.adapter), m.Params)
			if err == nil {
				err = SaveAdapterGGUF(path, adapter)
			}
			if err != nil {
				t.Fatal(f.name, err)
			}
			a = adapter.Adapter
		} else if _, err := SaveGGUF(path, m, gguf.F32); err != nil {
			t.Fatal(f.name, err)
		} else {
			withTokens(t, path, m.Params.Config.Vocab)
		}
		if *ggufOut != "" {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != v.Files[f.name] {
			t.Errorf("%s is not the file that llama.cpp was shown", f.name)
		}
		if a != nil {
			rows := logProbabilities(logits(m.Params, a, v.Tokens))
			theirs := v.Rows[f.name]
			if d := worst(rows[len(rows)-len(theirs):], theirs); !(d < 5e-3) {
				t.Errorf("%s: log-probabilities differ from llama.cpp's by %g", f.name, d)
			}
			continue
		}
		want := models[f.base].After
		if same := slices.Equal(v.After[f.name], want); same != (m.Params.Config.SlidingWindow == 0) {
			t.Errorf("%s: llama.cpp wrote %v, transformers %v", f.name, v.After[f.name], want)
		}
	}
	if *ggufOut == "" {
		return
	}
	texts := map[string][]int32{}
	for name, j := range models {
		texts[name+".gguf"] = j.Tokens
	}
	content, err := json.Marshal(texts)
	if err == nil {
		err = os.WriteFile(filepath.Join(out, "texts.json"), content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
