package hub

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

const llamaGoldens = "../testdata/hub-llama"

// A judged is what transformers computes from a model of the Llama family.
type judged struct {
	Tokens  []int32 // of a text
	Logits  string  // after each of them, little-endian float64 in base64
	Float32 string  // the same computed in float32
	After   []int32 // the tokens that follow, each the one with the largest logit
}

// readLlamas unpacks the models and reads what transformers says of them.
func readLlamas(t testing.TB) (dir string, models map[string]judged) {
	t.Helper()
	text, err := readGzip("judged.json.gz")
	var all struct{ Models map[string]judged }
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err == nil {
		text, err = readGzip("models.tar.gz")
	}
	dir = t.TempDir()
	for r := tar.NewReader(bytes.NewReader(text)); err == nil; {
		h, next := r.Next()
		if next == io.EOF {
			break
		}
		var content []byte
		if err = next; err == nil {
			content, err = io.ReadAll(r)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err == nil {
			err = os.WriteFile(path, content, 0o644)
		}
	}
	if err != nil || len(all.Models) == 0 {
		t.Fatal(len(all.Models), err)
	}
	return dir, all.Models
}

func readGzip(name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(llamaGoldens, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// numbers decodes logits.
func numbers(t testing.TB, encoded string) []float64 {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float64, len(raw)/8)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return v
}

// The configurations of the models that make.py writes.
func TestLlamaNetworks(t *testing.T) {
	dir, models := readLlamas(t)
	base := pedestrian.Config{Vocab: 61, Context: 256, Width: 24, Heads: 4, KVHeads: 2, Blocks: 2, Hidden: 20, Eps: 1e-6,
		Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Gated: true, Activation: pedestrian.SiLU}
	type config = pedestrian.Config
	want := map[string]func(c *config){
		"gqa": func(c *config) {
			c.Heads, c.Eps = 6, 1e-5
			c.Rotation = pedestrian.Rotation{Base: 5e5, Scaling: pedestrian.Llama3Scaling, Factor: 8, Low: 1, High: 4, Original: 32}
		},
		"smollm": func(c *config) { c.Heads, c.KVHeads, c.Eps, c.Tied, c.Rotation.Base = 3, 1, 1e-5, true, 1e5 },
		"biased": func(c *config) {
			c.KVHeads, c.Blocks, c.Width, c.QKVBias, c.AttProjBias, c.MLPBias = 0, 3, 16, true, true, true
			c.Rotation = pedestrian.Rotation{Scaling: pedestrian.LinearScaling, Factor: 4}
		},
		"qwen2": func(c *config) {
			c.Tied, c.QKVBias = true, true
			c.Rotation = pedestrian.Rotation{Base: 1e6, Scaling: pedestrian.YarnScaling, Factor: 4, Original: 64}
		},
		"qwen2-window": func(c *config) { c.Width, c.QKVBias, c.SlidingWindow = 16, true, 7 },
		"qwen3":        func(c *config) { c.Width, c.HeadDim, c.Tied, c.QKNorm, c.Rotation.Base = 16, 10, true, true, 1e6 },
		"qwen3-biased": func(c *config) {
			c.Width, c.Heads, c.KVHeads, c.HeadDim, c.QKNorm, c.QKVBias, c.AttProjBias = 16, 5, 1, 4, true, true, true
			c.Rotation = pedestrian.Rotation{Scaling: pedestrian.YarnScaling, Factor: 2, Original: 64}
		},
		"mistral": func(c *config) { c.Width, c.KVHeads, c.HeadDim, c.SlidingWindow = 20, 1, 8, 9 },
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(models))); diff != "" {
		t.Fatal(diff)
	}
	for name, change := range want {
		n := base
		change(&n)
		d, err := Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(n, d.Network); diff != "" || d.Check() != nil || len(d.Unknown) > 0 || len(d.Notes) > 0 {
			t.Errorf("%s: %v, unknown %v, notes %v, -want +got:\n%s", name, d.Check(), d.Unknown, d.Notes, diff)
		}
		d.Close()
	}
}

// What transformers wrote is written again with the same names, types, shapes and numbers,
// and read back with the same bits. The files are those that transformers has read (see
// check.py): no key was missing and none unexpected.
func TestLlamaRoundTrip(t *testing.T) {
	dir, models := readLlamas(t)
	digests := map[string]string{}
	for name := range models {
		theirs := stored(t, filepath.Join(dir, name))
		m := load[float64](t, filepath.Join(dir, name))
		o := SaveOptions{DType: theirs[0].DType}
		if name == "biased" {
			o.MaxShard = 20 << 10
		}
		out := filepath.Join(t.TempDir(), "out")
		if *exportedDir != "" {
			out = filepath.Join(*exportedDir, name)
		}
		if err := SaveHuggingFace(out, m, o); err != nil {
			t.Fatal(name, err)
		}
		files, err := os.ReadDir(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(out, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			digests[name+"/"+f.Name()] = fmt.Sprintf("%x", sha256.Sum256(text))
		}
		ours := stored(t, out)
		if name == "qwen2" { // which repeats the tied head
			theirs = slices.DeleteFunc(theirs, func(s storedTensor) bool { return s.Name == lmHead })
		}
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Errorf("%s: tensors, -theirs +ours:\n%s", name, diff)
		}
		back := load[float64](t, out)
		if back.Params.Config != m.Params.Config || !slices.Equal(back.Params.Slab, m.Params.Slab) || !slices.Equal(back.EOS, m.EOS) || !slices.Equal(back.BOS, m.BOS) {
			t.Errorf("%s: %+v came back as %+v", name, m.Params.Config, back.Params.Config)
		}
		theirType, ourType := modelType(t, filepath.Join(dir, name)), modelType(t, out)
		if theirType != ourType {
			t.Errorf("%s is of type %s and was written as %s", name, theirType, ourType)
		}
	}
	if *exportedDir != "" {
		return
	}
	text, err := os.ReadFile(filepath.Join(llamaGoldens, "exported.json"))
	var read struct{ Files map[string]string }
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	if diff := cmp.Diff(read.Files, digests); err != nil || diff != "" {
		t.Errorf("the files are not those that transformers has read: %v\n%s", err, diff)
	}
}

func modelType(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, configFile))
	var c struct {
		Architectures []string
		ModelType     string `json:"model_type"`
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c.ModelType + " " + strings.Join(c.Architectures, " ")
}

type storedTensor struct {
	Name  string
	DType safetensors.DType
	Shape []int
	Data  []float64
}

// stored reads the tensors of a directory as they lie in its files, in the order of their names.
func stored(t *testing.T, dir string) (all []storedTensor) {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, in := range d.Tensors {
		v := make([]float64, in.Len())
		if err := decode(in, 0, v); err != nil {
			t.Fatal(err)
		}
		all = append(all, storedTensor{in.Name, in.DType, in.Shape, v})
	}
	slices.SortFunc(all, func(a, b storedTensor) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Files that are damaged are refused, in one line that says what is wrong.
func TestLlamaDirectoryRefuses(t *testing.T) {
	dir, _ := readLlamas(t)
	for _, f := range []struct {
		model  string
		change func(es map[string]*safetensors.Entry[float64])
		want   string
	}{
		{"gqa", func(es map[string]*safetensors.Entry[float64]) { delete(es, "model.layers.1.mlp.up_proj.weight") },
			"tensor layers.1.mlp.up_proj.weight is missing"},
		{"gqa", func(es map[string]*safetensors.Entry[float64]) { delete(es, lmHead) }, "tensor lm_head.weight is missing"},
		{"gqa", func(es map[string]*safetensors.Entry[float64]) {
			e := es["model.layers.0.self_attn.k_proj.weight"]
			e.Shape, e.Data = []int{24, 24}, make([]float64, 24*24) // as many keys as queries
		}, "tensor model.layers.0.self_attn.k_proj.weight is [24 24], and [8 24] by config.json"},
		{"qwen2", func(es map[string]*safetensors.Entry[float64]) { es[lmHead].Data[7]++ },
			"lm_head.weight differs from the token embedding, and tie_word_embeddings is true"},
		{"smollm", func(es map[string]*safetensors.Entry[float64]) {
			es["model.layers.0.self_attn.q_proj.bias"] = &safetensors.Entry[float64]{Name: "model.layers.0.self_attn.q_proj.bias", DType: safetensors.F32, Shape: []int{24}, Data: make([]float64, 24)}
		}, `1 tensors are not of a Llama with 2 blocks, the first is "model.layers.0.self_attn.q_proj.bias"`},
		{"qwen3", func(es map[string]*safetensors.Entry[float64]) {
			es["model.layers.0.self_attn.q_norm.weight"].Data[0] = math.Inf(1)
		}, "tensor model.layers.0.self_attn.q_norm.weight holds +Inf"},
		{"smollm", func(es map[string]*safetensors.Entry[float64]) {
			name := "model.layers.1.self_attn.rotary_emb.inv_freq" // as old files have it: passed over
			es[name] = &safetensors.Entry[float64]{Name: name, DType: safetensors.F32, Shape: []int{4}, Data: make([]float64, 4)}
		}, ""},
	} {
		out := filepath.Join(t.TempDir(), "m")
		if err := os.CopyFS(out, os.DirFS(filepath.Join(dir, f.model))); err != nil {
			t.Fatal(err)
		}
		es := map[string]*safetensors.Entry[float64]{}
		for _, s := range stored(t, out) {
			es[s.Name] = &safetensors.Entry[float64]{Name: s.Name, DType: safetensors.F32, Shape: s.Shape, Data: s.Data}
		}
		f.change(es)
		var b bytes.Buffer
		var all []safetensors.Entry[float64]
		for _, name := range slices.Sorted(maps.Keys(es)) {
			all = append(all, *es[name])
		}
		err := safetensors.Write(&b, map[string]string{"format": "pt"}, all)
		if err == nil {
			err = os.WriteFile(filepath.Join(out, weightsFile), b.Bytes(), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err = LoadModel(out); f.want == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), f.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %s", f.model, err, f.want)
		}
	}
}

// Formats that know GPT-2 alone do not take a Llama.
func TestLlamaHasOneFormat(t *testing.T) {
	dir, _ := readLlamas(t)
	m := load[float32](t, filepath.Join(dir, "gqa"))
	for _, f := range []Format{NanoGPT, LLMC} {
		if err := checkFormat(f, m.Params); err == nil || !strings.Contains(err.Error(), "it is of the Llama family, and there a network is a GPT-2") {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// The equations compute in float64 what transformers computes from the same files.
func TestLlamaLogits(t *testing.T) {
	dir, models := readLlamas(t)
	for name, j := range models {
		m := load[float32](t, filepath.Join(dir, name)) // the files hold float32 and bf16
		if off := offBy(logits(m.Params, nil, ints(j.Tokens)), numbers(t, j.Logits)); !(off <= near64) {
			t.Errorf("%s: logits are off by %.1e", name, off)
		}
	}
}

func ints(ids []int32) (all []int) {
	for _, id := range ids {
		all = append(all, int(id))
	}
	return all
}

// offBy is how far rows of logits are from others, relative to the largest of those.
func offBy(rows [][]float64, want []float64) (off float64) {
	largest := 0.0
	got := slices.Concat(rows...)
	if len(got) != len(want) || len(got) == 0 {
		return math.Inf(1)
	}
	for i, v := range got {
		off, largest = max(off, math.Abs(v-want[i])), max(largest, math.Abs(want[i]))
		if v != v {
			return math.NaN()
		}
	}
	return off / largest
}

// The engine computes what transformers computes from the same files, in float64 and in
// float32, and writes the same text, token by token with its cache.
func TestLlamaEngine(t *testing.T) {
	dir, models := readLlamas(t)
	for name, j := range models {
		path, want := filepath.Join(dir, name), numbers(t, j.Logits)
		off64, off32 := engineOff(load[float64](t, path).Params, j.Tokens, want), engineOff(load[float32](t, path).Params, j.Tokens, want)
		t.Logf("%s: float64 %.1e, float32 %.1e", name, off64, off32)
		if !(off64 <= near64) || !(off32 <= 1e-5) {
			t.Errorf("%s: logits are off by %.1e in float64 and %.1e in float32", name, off64, off32)
		}
		p := load[float32](t, path).Params
		net := engine.New(p, nil, engine.Options{})
		d := net.NewDecoder(1)
		logits := d.Feed(0, j.Tokens)
		var after []int32
		for range j.After {
			best := int32(0)
			for id, v := range logits {
				if v > logits[best] {
					best = int32(id)
				}
			}
			after = append(after, best)
			if len(after) < len(j.After) {
				logits = d.Feed(0, []int32{best})
			}
		}
		net.Close()
		if !slices.Equal(after, j.After) {
			t.Errorf("%s: the engine wrote %v, transformers %v", name, after, j.After)
		}
	}
}

// engineOff is how far the engine's logits are from others, relative to the largest.
func engineOff[T pedestrian.Float](p *pedestrian.Params[T], tokens []int32, want []float64) float64 {
	b := engine.Batch{B: 1, T: len(tokens), Tokens: tokens}
	net := engine.New(p, nil, engine.Options{Batch: 1, Context: b.T})
	defer net.Close()
	out := engine.NewMat[T](b.T, p.Config.Vocab)
	net.Logits(out, b)
	rows := make([][]float64, b.T)
	for i := range rows {
		for _, v := range out.V[i*out.Stride:][:p.Config.Vocab] {
			rows[i] = append(rows[i], float64(v))
		}
	}
	return offBy(rows, want)
}
