package hub

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/safetensors"
	"github.com/pedestrian-ml/pedestrian/token"
)

// saved writes the export called name into a new directory.
func saved(t testing.TB, name string) string {
	t.Helper()
	e := exports()[name]
	dir := filepath.Join(t.TempDir(), "model")
	if err := e.save(dir, e.model()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// rewrite changes the tensors of a file.
func rewrite(t testing.TB, path string, change func(es []safetensors.Entry[float64]) []safetensors.Entry[float64]) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var es []safetensors.Entry[float64]
	for _, x := range f.Tensors {
		e := safetensors.Entry[float64]{Name: x.Name, DType: x.DType, Shape: x.Shape, Data: make([]float64, x.Len())}
		if err := safetensors.Decode(f, x, 0, e.Data); err != nil {
			t.Fatal(err)
		}
		es = append(es, e)
	}
	var out bytes.Buffer
	if err := safetensors.Write(&out, f.Metadata, change(es)); err != nil {
		t.Fatal(err)
	}
	put(t, path, out.String())
}

func put(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// replaceIn replaces a piece of a file of text.
func replaceIn(t testing.TB, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%s holds no %q: %v", path, from, err)
	}
	put(t, path, strings.Replace(string(text), from, to, 1))
}

func find(es []safetensors.Entry[float64], name string) *safetensors.Entry[float64] {
	return &es[slices.IndexFunc(es, func(e safetensors.Entry[float64]) bool { return e.Name == name })]
}

// reads says what reading dir comes to.
func reads(dir string) error {
	_, err := LoadModel(dir)
	return err
}

func TestDirectoryRefuses(t *testing.T) {
	type entries = []safetensors.Entry[float64]
	weights := func(change func(es entries) entries) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { rewrite(t, filepath.Join(dir, weightsFile), change) }
	}
	file := func(name, content string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { put(t, filepath.Join(dir, name), content) }
	}
	config := func(from, to string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { replaceIn(t, filepath.Join(dir, configFile), from, to) }
	}
	remove := func(names ...string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			for _, name := range names {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	const first, second = "model-00001-of-00007.safetensors", "model-00002-of-00007.safetensors"
	for _, c := range []struct {
		base   string
		damage func(t *testing.T, dir string)
		want   string
	}{
		{"hf-tied", func(t *testing.T, dir string) { os.RemoveAll(dir) }, "no such file"},
		{"hf-tied", remove(configFile), "has no config.json: not a model directory"},
		{"hf-tied", func(t *testing.T, dir string) {
			os.Remove(filepath.Join(dir, configFile))
			os.Mkdir(filepath.Join(dir, configFile), 0o755)
		}, "config.json is not a regular file"},
		{"hf-tied", remove(weightsFile), "has neither model.safetensors nor model.safetensors.index.json"},
		{"hf-tied", func(t *testing.T, dir string) {
			os.Rename(filepath.Join(dir, weightsFile), filepath.Join(dir, pickledWeights))
		}, "pytorch_model.bin: it is neither a zip container nor begins as the old form does"},
		{"hf-tied", file(weightsFile, "\x80\x02}"), "model.safetensors: no header: the file has 3 bytes"},
		{"hf-tied", file(configFile, "{"), "config.json: not JSON: it ends too early"},
		{"hf-tied", file(generationFile, `{"eos_token_id": "x"}`), `generation_config.json: eos_token_id is "x"`},
		{"hf-tied", file(generationFile, `{"bos_token_id": 1.5}`), "bos_token_id is 1.5"},
		{"hf-tied", file(generationFile, `[]`), "generation_config.json: "},
		{"hf-tied", config(`"n_layer": 2`, `"n_layer": 1`), "12 tensors are not of a GPT-2 with 1 blocks, the first is \"transformer.h.1.attn.c_attn.bias\""},
		{"hf-tied", config(`"n_layer": 2`, `"n_layer": 3`), "tensor h.2.ln_1.weight is missing"},
		{"hf-tied", config(`"n_layer": 2`, `"n_layer": 2000000`), "n_layer is 2000000, and the weights have 28 tensors in all"},
		{"hf-tied", config(`"n_embd": 12`, `"n_embd": 24`), "tensor transformer.wte.weight is [50 12], and [50 24] by config.json"},
		{"hf-tied", config(`"n_inner": null`, `"n_inner": 13`), "c_fc.weight is [12 48], and [12 13] by"},
		{"hf-tied", config(`"tie_word_embeddings": true`, `"tie_word_embeddings": false`), "tensor lm_head.weight is missing"},
		{"hf-untied", config(`"tie_word_embeddings": false`, `"tie_word_embeddings": true`), "differs from the token embedding, and tie_word_embeddings is true"},
		{"hf-untied", weights(func(es entries) entries { find(es, lmHead).Data[3] = math.Inf(1); return es }), "tensor lm_head.weight holds +Inf: the model is broken"},
		{"hf-tied", weights(func(es entries) entries { find(es, "transformer.h.1.mlp.c_fc.bias").Data[3] = math.NaN(); return es }), "tensor transformer.h.1.mlp.c_fc.bias holds NaN: the model is broken"},
		{"hf-tied", weights(func(es entries) entries { return es[1:] }), "is missing"},
		{"hf-tied", weights(func(es entries) entries {
			return append(es, safetensors.Entry[float64]{Name: "wte.weight", DType: safetensors.F32, Shape: []int{0}})
		}), `both "transformer.wte.weight" and "wte.weight"`},
		{"hf-tied", weights(func(es entries) entries {
			return append(es, safetensors.Entry[float64]{Name: "score.weight", DType: safetensors.F32, Shape: []int{0}})
		}), `1 tensors are not of a GPT-2 with 2 blocks, the first is "score.weight"`},
		{"hf-tied", weights(func(es entries) entries {
			return append(es, safetensors.Entry[float64]{Name: "h.x.attn.bias", DType: safetensors.F32, Shape: []int{0}})
		}), `the first is "h.x.attn.bias"`},
		{"hf-tied", func(t *testing.T, dir string) { // a type of the same size
			replaceIn(t, filepath.Join(dir, weightsFile), `{"dtype":"F32"`, `{"dtype":"I32"`)
		}, "has numbers of type I32, and those of weights are F64, F32, F16 or BF16"},
		{"hf-f64", weights(func(es entries) entries { find(es, "transformer.wte.weight").Data[0] = 1e300; return es }), "element 0, of type F64, does not fit a float32"},
		{"hf-sharded", remove(second), second + ": no such file"},
		{"hf-sharded", file(indexFile, "{}"), "model.safetensors.index.json: weight_map is missing"},
		{"hf-sharded", func(t *testing.T, dir string) {
			replaceIn(t, filepath.Join(dir, indexFile), `"lm_head.weight": "`+first, `"lm_head.weight": "`+second)
		}, first + ` holds tensor "lm_head.weight", which model.safetensors.index.json does not place there`},
		{"hf-sharded", func(t *testing.T, dir string) {
			replaceIn(t, filepath.Join(dir, indexFile), `"weight_map": {`, `"weight_map": {"more": "`+first+`",`)
		}, `tensor "more" is not in the file ` + first},
		{"hf-sharded", func(t *testing.T, dir string) {
			replaceIn(t, filepath.Join(dir, indexFile), first, "../"+first)
		}, "it must be a .safetensors file beside it"},
		{"hf-sharded", func(t *testing.T, dir string) {
			rewrite(t, filepath.Join(dir, second), func(es entries) entries {
				return append(es, safetensors.Entry[float64]{Name: lmHead, DType: safetensors.F32, Shape: []int{0}})
			})
		}, second + ` holds tensor "lm_head.weight", which`},
		{"hf-tied", file(tokenizerFile, "{}"), "tokenizer"},
		{"hf-tied", file(ownTokenizer, "{}"), ownTokenizer},
		{"hf-tied", func(t *testing.T, dir string) {
			own, _ := token.NewBytes().MarshalJSON()
			put(t, filepath.Join(dir, ownTokenizer), string(own))
		}, "its tokenizer has 256 tokens, the network 50"},
	} {
		dir := saved(t, c.base)
		c.damage(t, dir)
		err := reads(dir)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "reading the model: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one line with %s", err, c.want)
		}
	}
}

// What is only odd is read, and said to be.
func TestDirectoryNotes(t *testing.T) {
	dir := saved(t, "hf-tied")
	put(t, filepath.Join(dir, generationFile), `{"eos_token_id": [7, 50256], "bos_token_id": 50256}`)
	replaceIn(t, filepath.Join(dir, configFile), `"n_ctx"`, `"rope_theta": 1.5, "scale_attn_by_inverse_layer_idx_": false, "n_ctx"`)
	replaceIn(t, filepath.Join(dir, configFile), `"scale_attn_weights": true`, `"scale_attn_weights": false`)
	rewrite(t, filepath.Join(dir, weightsFile), func(es []safetensors.Entry[float64]) []safetensors.Entry[float64] {
		return append(es, safetensors.Entry[float64]{Name: "transformer.h.0.attn.bias", DType: safetensors.F32, Shape: []int{1}, Data: []float64{1}},
			safetensors.Entry[float64]{Name: "multiple_choice_head.summary.weight", DType: safetensors.F32, Shape: []int{1}, Data: []float64{1}})
	})
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Check() != nil || !slices.Equal(d.EOS, []int32{7}) || len(d.BOS) != 0 || !slices.Equal(d.Unknown, []string{"rope_theta", "scale_attn_by_inverse_layer_idx_"}) || len(d.Notes) != 1 || d.Files[0].Metadata["format"] != "pt" {
		t.Errorf("%v, EOS %v, BOS %v, unknown %v, notes %q", d.Check(), d.EOS, d.BOS, d.Unknown, d.Notes)
	}
	notes := 0
	for _, x := range d.Tensors {
		if (x.Ours == "") != (x.Note != "") {
			t.Errorf("%s is read as %q, note %q", x.Name, x.Ours, x.Note)
		}
		if x.Note != "" {
			notes++
		}
	}
	if notes != 2 {
		t.Errorf("%d tensors are passed over", notes)
	}
	if _, err := Load[float32](d, LoadOptions{}); err != nil {
		t.Error(err)
	}
	if !IsDirectory(dir) || IsDirectory(t.TempDir()) || IsDirectory(filepath.Join(dir, "none")) {
		t.Error("IsDirectory")
	}
}

// Broken weights are loaded by those who ask for it.
func TestAllowNonfinite(t *testing.T) {
	dir := saved(t, "hf-tied")
	rewrite(t, filepath.Join(dir, weightsFile), func(es []safetensors.Entry[float64]) []safetensors.Entry[float64] {
		find(es, "transformer.wte.weight").Data[3] = math.NaN()
		return append(es, safetensors.Entry[float64]{Name: lmHead, DType: safetensors.F32, Shape: []int{50, 12}, Data: find(es, "transformer.wte.weight").Data})
	})
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	m, err := Load[float32](d, LoadOptions{AllowNonfinite: true})
	if err != nil || !math.IsNaN(float64(m.Params.Tok.V[3])) {
		t.Error(err)
	}
}

// A file that changes while it is read is an error, and never a mixture.
func TestDirectoryChanges(t *testing.T) {
	for _, change := range []func(t *testing.T, path string){
		func(t *testing.T, path string) { os.Truncate(path, 2000) },
		func(t *testing.T, path string) { os.Truncate(path, 0) },
		func(t *testing.T, path string) {
			data, _ := os.ReadFile(path)
			put(t, path, string(data)+"x")
		},
		func(t *testing.T, path string) {
			info, _ := os.Stat(path)
			os.Chtimes(path, info.ModTime(), info.ModTime().Add(1e9))
		},
	} {
		for _, name := range []string{"hf-untied", "llmc"} {
			dir := saved(t, name)
			path := filepath.Join(dir, weightsFile)
			if name == "llmc" {
				path = filepath.Join(dir, llmcModel)
				file, f, err := openLLMC(path)
				if err != nil {
					t.Fatal(err)
				}
				change(t, path)
				if _, err := readModel[float32](file, f, LoadOptions{}); err == nil {
					t.Error("llm.c: a changed file was read")
				}
				file.Close()
				continue
			}
			d, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			change(t, path)
			if _, err := Load[float32](d, LoadOptions{}); err == nil || !strings.Contains(err.Error(), weightsFile) {
				t.Errorf("a changed file was read: %v", err)
			}
			d.Close()
		}
	}
}

// Links stay in the directory; in a snapshot of a cache, in the repository.
func TestLinks(t *testing.T) {
	dir := saved(t, "hf-tied")
	outside := saved(t, "hf-tied")
	link := func(from, to string) {
		t.Helper()
		os.Remove(to)
		if err := os.Symlink(from, to); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{weightsFile, configFile, generationFile} {
		inside := filepath.Join(dir, name)
		if err := os.Rename(inside, inside+".real"); err != nil {
			t.Fatal(err)
		}
		link(name+".real", inside)
	}
	if err := reads(dir); err != nil {
		t.Errorf("links inside: %v", err)
	}
	for _, name := range []string{weightsFile, configFile} {
		away, err := filepath.Rel(dir, filepath.Join(outside, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{away, filepath.Join(outside, name)} { // to a whole file, by either path
			link(to, filepath.Join(dir, name))
			if err := reads(dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, name)+" is a link that leads out of the directory, and is not followed") {
				t.Errorf("%s leads outside: %v", name, err)
			}
		}
		link(name+".real", filepath.Join(dir, name))
	}
	repo := filepath.Join(t.TempDir(), "models--a--b")
	snapshot := filepath.Join(repo, "snapshots", strings.Repeat("0", 40))
	for _, d := range []string{snapshot, filepath.Join(repo, "blobs")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	err := fs.WalkDir(os.DirFS(outside), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		link("../../blobs/"+name+".blob", filepath.Join(snapshot, name))
		return os.Rename(filepath.Join(outside, name), filepath.Join(repo, "blobs", name+".blob"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := reads(snapshot); err != nil {
		t.Errorf("a snapshot of a cache: %v", err)
	}
	away, err := filepath.Rel(snapshot, filepath.Join(saved(t, "hf-tied"), weightsFile))
	if err != nil {
		t.Fatal(err)
	}
	link(away, filepath.Join(snapshot, weightsFile))
	if err := reads(snapshot); err == nil {
		t.Error("a snapshot leads out of its repository")
	}
}
