package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/memory"
)

// sparseModel makes a GPT-2 of more than a tebibyte, whose file is a hole.
func sparseModel(t *testing.T) string {
	t.Helper()
	const d, blocks, vocab, context = 16384, 100, 50257, 1024
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int64  `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header, at := map[string]entry{}, int64(0)
	add := func(name string, shape ...int64) {
		size := int64(4)
		for _, n := range shape {
			size *= n
		}
		header[name] = entry{"F32", shape, [2]int64{at, at + size}}
		at += size
	}
	add("wte.weight", vocab, d)
	add("wpe.weight", context, d)
	for i := range blocks {
		prefix := "h." + commas(i) + "."
		for _, l := range []struct {
			name    string
			in, out int64
		}{{"ln_1", 0, d}, {"attn.c_attn", d, 3 * d}, {"attn.c_proj", d, d}, {"ln_2", 0, d}, {"mlp.c_fc", d, 4 * d}, {"mlp.c_proj", 4 * d, d}} {
			if l.in > 0 {
				add(prefix+l.name+".weight", l.in, l.out)
			} else {
				add(prefix+l.name+".weight", l.out)
			}
			add(prefix+l.name+".bias", l.out)
		}
	}
	add("ln_f.weight", d)
	add("ln_f.bias", d)
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "model.safetensors")
	if err := os.WriteFile(path, append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 8+int64(len(text))+at); err != nil {
		t.Fatal(err)
	}
	config := `{"model_type":"gpt2","n_embd":16384,"n_layer":100,"n_head":128,"n_positions":1024,"vocab_size":50257,"activation_function":"gelu_new","layer_norm_epsilon":1e-5}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestTooLarge: what no machine holds is refused in one line before any of it is read, by
// every command that would, and inspect tells what it is.
func TestTooLarge(t *testing.T) {
	if _, ok := memory.Free(); !ok {
		t.Log("this system does not tell what memory there is")
		return
	}
	dir, out := sparseModel(t), filepath.Join(t.TempDir(), "out")
	data := filepath.Join(t.TempDir(), "a.jsonl")
	if err := os.WriteFile(data, []byte("{\"prompt\":\"a\",\"completion\":\"b\"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"sample", dir}, {"import", dir, "--out", out}, {"merge", dir, dir, "--out", out}, {"finetune", dir, "--data", data, "--out", out},
		{"export", dir, "--format", "hf", "--out", out}, {"export", dir, "--format", "gguf", "--out", out + ".gguf"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(args, &stdout, &stderr)
		said := stderr.String()
		if code != 2 || strings.Count(said, "\n") != 1 || !strings.Contains(said, " TiB of memory") || !strings.Contains(said, ": ") {
			t.Errorf("%v: exit code %d, %s", args, code, said)
		}
		if _, err := os.Lstat(out); err == nil {
			t.Errorf("%v wrote something", args)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run([]string{"inspect", dir}, &stdout, &stderr); code != 0 || !strings.Contains(stdout.String(), "width 16,384") {
		t.Errorf("inspect: exit code %d, %s", code, stderr.String())
	}
}
