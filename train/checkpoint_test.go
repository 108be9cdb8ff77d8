package train

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/random"
	"github.com/pedestrian-ml/pedestrian/safetensors"
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
	r.State.addEvaluation(1.0 / 3)
	r.State.addEvaluation(2.0 / 3)
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
		p.Slab[i] = math.Float32frombits(uint32(random.Bits(9, random.Weights, uint64(i), 0, 0)))
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

// The header's rules are safetensors'; these are a checkpoint's own.
func TestTensorsRefuse(t *testing.T) {
	c := pedestrian.Config{Vocab: 2, Context: 1, Width: 1, Heads: 1, Blocks: 1, Hidden: 1, Activation: pedestrian.ReLU, Tied: true}
	ts := pedestrian.NewParams[float32](c).Tensors()
	for want, edit := range map[string]func(entries []safetensors.Entry[float32]) []safetensors.Entry[float32]{
		"tensor pos.w has numbers of type BF16: a checkpoint holds F32": func(e []safetensors.Entry[float32]) []safetensors.Entry[float32] {
			e[1].DType = safetensors.BF16
			return e
		},
		"tensor tok.w is 1x2 in the file and 2x1 by its configuration": func(e []safetensors.Entry[float32]) []safetensors.Entry[float32] { e[0].Shape = []int{1, 2}; return e },
		"tensor lnFinal.w is one number in the file and 1 by its":      func(e []safetensors.Entry[float32]) []safetensors.Entry[float32] { e[len(e)-1].Shape = nil; return e },
		"tensor tok.w is missing":                                      func(e []safetensors.Entry[float32]) []safetensors.Entry[float32] { return e[1:] },
		`tensor "x\n" is not one of this network`: func(e []safetensors.Entry[float32]) []safetensors.Entry[float32] {
			return append(e, safetensors.Entry[float32]{Name: "x\n", DType: safetensors.F32, Shape: []int{0}})
		},
	} {
		var entries []safetensors.Entry[float32]
		for _, x := range ts {
			entries = append(entries, safetensors.Entry[float32]{Name: x.Name, DType: safetensors.F32, Shape: shapeOf(x), Data: x.V})
		}
		var file bytes.Buffer
		if err := safetensors.Write(&file, nil, edit(entries)); err != nil {
			t.Fatal(err)
		}
		if _, err := readTensors(bytes.NewReader(file.Bytes()), int64(file.Len()), ts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
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
		{edit("MANIFEST.json", `"format": 3`, `"format": 5`), "step-000003 has format 5: this program reads the formats 2 to 4"},
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
