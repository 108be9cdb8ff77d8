package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// saved is a run directory with one checkpoint, and the run.
func saved(t *testing.T, change func(*Options)) (run, dir string, r *Run) {
	t.Helper()
	o := mini()
	if change != nil {
		change(&o)
	}
	run = filepath.Join(t.TempDir(), "run")
	r = start(t, o, dataOf(t, sentences(t), o), run)
	for range 3 {
		if _, err := r.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.State.note(1.0 / 3)
	r.State.note(2.0 / 3)
	if err := r.Save(Observer{Save: func(s Saved) { dir = s.Dir }}); err != nil {
		t.Fatal(err)
	}
	return run, dir, r
}

func TestCheckpointRoundTrip(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"plain":  nil,
		"tied":   func(o *Options) { o.Tied, o.Bias = true, false },
		"untied": func(o *Options) { o.Tied, o.LogitsBias, o.KeyDim, o.Hidden = false, true, 5, 7 },
		"bytes":  func(o *Options) { o.Tokenizer = "bytes" },
	} {
		run, dir, r := saved(t, change)
		if dir != filepath.Join(run, "step-000003") {
			t.Errorf("%s: saved as %s", name, dir)
		}
		c, err := Load(dir, true)
		if err != nil {
			t.Fatal(name, err)
		}
		if err := sameState(c.State, r.State); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(c.Options, r.Options) || c.Network != r.Network || c.Data != r.Data.Info() || c.Tokenizer.Kind() != r.Data.Tokenizer.Kind() || c.Tokenizer.Vocab() != r.Data.Tokenizer.Vocab() {
			t.Errorf("%s: %+v", name, c)
		}
		if c, err = Load(dir, false); err != nil || c.State.M != (Weights{}) || c.State.Params == nil {
			t.Errorf("%s: without moments: %+v, %v", name, c, err)
		}
	}
}

// Numbers that a format may lose: negative zero, subnormals, the largest, NaN's payload.
func TestTensorsKeepEveryBit(t *testing.T) {
	c := pedestrian.Config{Vocab: 3, Context: 2, Width: 4, Heads: 1, Blocks: 1, Activation: pedestrian.ReLU, Bias: true}
	p, q := pedestrian.NewParams[float32](c), pedestrian.NewParams[float32](c)
	for i := range p.Slab {
		p.Slab[i] = math.Float32frombits(uint32(draw(9, streamWeights, uint64(i), 0, 0)))
	}
	p.Tok.V[0], p.Tok.V[1] = float32(math.Copysign(0, -1)), math.Float32frombits(1)
	var file bytes.Buffer
	if err := writeTensors(&file, map[string]string{"a": "ä\"\n"}, p.Tensors()); err != nil {
		t.Fatal(err)
	}
	meta, err := readTensors(bytes.NewReader(file.Bytes()), int64(file.Len()), q.Tensors())
	if err != nil || meta["a"] != "ä\"\n" {
		t.Fatal(meta, err)
	}
	for i, v := range p.Tensors() {
		for j, x := range v.V {
			if y := q.Tensors()[i].V[j]; math.Float32bits(x) != math.Float32bits(y) {
				t.Fatalf("%s[%d]: %08x became %08x", v.Name, j, math.Float32bits(x), math.Float32bits(y))
			}
		}
	}
	if n := binary.LittleEndian.Uint64(file.Bytes()); n%8 != 0 {
		t.Errorf("the header has %d bytes: numbers do not start at a multiple of 8", n)
	}
}

func TestHeaderRefuses(t *testing.T) {
	const one = `"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}`
	for header, want := range map[string]string{
		`[]`:                        "it does not begin with {",
		` {` + one + `}`:            "it does not begin with {",
		`{` + one + `} x`:           "something after the end",
		`{` + one + `}{}`:           "something after the end",
		`{` + one + `,` + one + `}`: `key "a" twice`,
		`{"\u0061":{"dtype":"F32","shape":[],"data_offsets":[0,4]},` + one + `}`:                                      `key "a" twice`,
		`{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}`:                                        `key "dtype" twice`,
		`{"a":{"DTYPE":"F32","shape":[2],"data_offsets":[0,8]}}`:                                                      `unknown key "DTYPE"`,
		`{"a":{"dtype":"F32","ſhape":[2],"data_offsets":[0,8]}}`:                                                      `unknown key "ſhape"`,
		`{"a":{"dtype":"F32","shape":[2]}}`:                                                                           "2 of 3 keys",
		`{"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}}`:                                                      `numbers of type "F16"`,
		`{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}`:                                                    "2.0 instead of a whole number",
		`{"a":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}`:                                                    "2e0 instead of a whole number",
		`{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`:                                                     "-2 instead of a whole number",
		`{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}`:                                                    "2 instead of a whole number",
		`{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}}`:                                    "9223372036854775808 instead of a whole number",
		`{"a":{"dtype":"F32","shape":[4194305,4194305,211106198978564],"data_offsets":[0,16]}}`:                       "overflows",
		`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`:                                                      "8 bytes for the shape [3], which takes 12",
		`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`:                                                      "-8 bytes for the shape [2]",
		`{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`:                                                     "begins at byte 4, the one before ends at 0",
		`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`:                                                      "the tensors take 4 bytes, the file has 8",
		`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}`:                                                    "3 offsets",
		`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`: "begins at byte 0, the one before ends at 4",
		`{"a":null}`:                           "<nil> instead of {",
		`{"a":1}`:                              "1 instead of {",
		`{"__metadata__":{"x":1},` + one + `}`: "1 instead of a string",
		`{` + one:                              "EOF",
		"{\"\xff\":1}":                         "not UTF-8",
		`{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}`: "more than 8 dimensions",
	} {
		file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
		file = append(file, make([]byte, 8)...)
		if _, _, err := readHeader(bytes.NewReader(file), int64(len(file))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", header, err, want)
		}
	}
	whole := append(binary.LittleEndian.AppendUint64(nil, uint64(len(one)+2)), "{"+one+"}"...)
	whole = append(whole, make([]byte, 8)...)
	if _, _, err := readHeader(bytes.NewReader(whole), int64(len(whole))); err != nil {
		t.Errorf("a good file: %v", err)
	}
	for n := range whole {
		if _, _, err := readHeader(bytes.NewReader(whole[:n]), int64(n)); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(whole))
		}
	}
	for _, n := range []uint64{1 << 31, 1 << 32, 1<<63 - 1, 1<<64 - 1, 100_000_001} {
		if _, _, err := readHeader(bytes.NewReader(append(binary.LittleEndian.AppendUint64(nil, n), "{}"...)), 10); err == nil {
			t.Errorf("a header of %d bytes: no error", n)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	edit := func(name, from, to string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(string(text), from, to, 1)
			if changed == string(text) {
				t.Fatalf("%s holds no %q", name, from)
			}
			if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	truncate := func(name string, n int64) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, name), n); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, name)) }
	}
	for _, c := range []struct {
		damage func(t *testing.T, dir string)
		want   string
	}{
		// A checkpoint of other sizes: the tensor and both shapes.
		{edit("config.json", `"width": 16`, `"width": 32`), "model.safetensors: tensor tok.w is 27x16 in the file and 27x32 by its configuration: a checkpoint of other sizes"},
		{edit("config.json", `"context": 8`, `"context": 9`), "tensor pos.w is 8x16 in the file and 9x16 by its configuration"},
		{edit("config.json", `"blocks": 2`, `"blocks": 3`), "tensor block.2.ln1.w is missing"},
		{edit("config.json", `"blocks": 2`, `"blocks": 1`), "is not one of this network"},
		{edit("config.json", `"width": 16`, `"width": 160000`), "config.json needs"},
		{edit("config.json", `"heads": 2`, `"heads": 3`), "3 heads do not divide the width 16"},
		{edit("MANIFEST.json", `"format": 2`, `"format": 3`), "step-000003 has format 3: this program reads format 2"},
		{edit("config.json", `"heads": 2`, `"haeds": 2`), `config.json: json: unknown field "haeds"`},
		{edit("config.json", `{`, `{"x"`), "config.json: invalid character"},
		{truncate("config.json", 0), "config.json: the file ends too early"},
		{truncate("config.json", 30), "config.json: the file ends too early"},
		{truncate("state.json", 10), "state.json: the file ends too early"},
		{edit("state.json", "}\n", "}}\n"), "state.json: something follows the JSON object"},
		{edit("tokenizer.json", `"chars"`, `"words"`), `unknown kind "words"`},
		{truncate("model.safetensors", 4), "model.safetensors: no header"},
		{truncate("model.safetensors", 5000), "model.safetensors: the tensors take"},
		{truncate("optimizer.safetensors", 9000), "optimizer.safetensors: the tensors take"},
		{edit("optimizer.safetensors", "tok.w.v", "tok.w.w"), "optimizer.safetensors: tensor tok.w.v is missing"},
		{remove("model.safetensors"), "no such file or directory"},
		{remove("tokenizer.json"), "no such file or directory"},
		{remove("config.json"), "no such file or directory"},
	} {
		_, dir, _ := saved(t, nil)
		c.damage(t, dir)
		reseal(t, dir)
		_, err := Load(dir, true)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one line with %s", err, c.want)
		}
	}
}

// reseal writes the manifest that fits what dir holds now, so that what is read after
// it was checked has to stand for itself.
func reseal(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	for i, e := range m.Files {
		content, err := os.ReadFile(filepath.Join(dir, e.Name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		m.Files[i] = fileEntry{e.Name, int64(len(content)), fmt.Sprintf("%x", sha256.Sum256(content))}
	}
	if err := os.WriteFile(filepath.Join(dir, ManifestFile), m.text(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What an interrupted save left behind is not taken for a checkpoint, and goes away.
func TestLeftoversOfASave(t *testing.T) {
	run, _, r := saved(t, nil)
	for _, name := range []string{".tmp-step-000009-123", "step-9", "step-x", "step-000010.old", "step-000010.1", "step-000010.02"} {
		if err := os.Mkdir(filepath.Join(run, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if newest, err := Newest(run); err != nil || filepath.Base(newest) != "step-000003" {
		t.Errorf("the newest is %s, %v", newest, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	resume(t, run, r.Data, nil)
	if _, err := os.Stat(filepath.Join(run, ".tmp-step-000009-123")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the leftover is still there: %v", err)
	}
}

// checkpointFiles are the files of a checkpoint of a whole network.
var checkpointFiles = []string{configFile, tokenizerFile, stateFile, modelFile, momentsFile}
