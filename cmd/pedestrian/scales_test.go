package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/train"
)

// scaledBase makes a directory of Hugging Face, hf in dir, whose scores are divided by
// i+1 in block i and not by √d_h, and text.txt beside it.
func scaledBase(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var text strings.Builder
	for i := range 200 {
		fmt.Fprintf(&text, "The %s cat saw %d dogs.\n", []string{"grey", "old", "wet"}[i%3], i*7%23)
	}
	if err := os.WriteFile(filepath.Join(dir, "text.txt"), []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	inDir(t, dir, "train", "--data", "text.txt", "--preset", "tiny", "--steps", "30", "--eval-every", "30", "--out", "a")
	inDir(t, dir, "export", "a", "--format", "hf", "--out", "hf")
	path := filepath.Join(dir, "hf", "config.json")
	config, err := os.ReadFile(path)
	if err == nil {
		s := strings.Replace(string(config), `"scale_attn_weights": true`, `"scale_attn_weights": false`, 1)
		s = strings.Replace(s, `"scale_attn_by_inverse_layer_idx": false`, `"scale_attn_by_inverse_layer_idx": true`, 1)
		err = os.WriteFile(path, []byte(s), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// sameFile says whether two files hold the same bytes.
func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}

// A base that scales its scores in its own way is the base that its adapters know:
// what a run exports for PEFT stands beside the very weights of the directory, biases of
// the queries too.
func TestScaledBase(t *testing.T) {
	dir := scaledBase(t)
	inDir(t, dir, "finetune", "hf", "--data", "text.txt", "--format", "windows", "--targets", "q:4,v:2,attProj", "--train-bias", "all", "--steps", "6", "--batch", "2", "--out", "r")
	inDir(t, dir, "export", "r", "--newest", "--format", "peft", "--out", "lora")
	inDir(t, dir, "merge", "r", "--newest", "--out", "of-run")
	if out := inDir(t, dir, "merge", "hf", "lora", "--out", "of-peft"); !strings.Contains(out, "as the adapter recorded") {
		t.Errorf("merge says %q", out)
	}
	if !sameFile(t, filepath.Join(dir, "of-run/model.safetensors"), filepath.Join(dir, "of-peft/model.safetensors")) {
		t.Error("the run's adapter and the one that was exported make two networks")
	}
	for _, model := range []string{"of-run", "hf"} {
		if out := inDir(t, dir, "inspect", model); !strings.Contains(out, "scores are divided by i+1 in block i, from 0, and not by √d_h") {
			t.Errorf("inspect of %s says %q", model, out)
		}
	}
	inDir(t, dir, "import", "hf", "--out", "imported")
	if a, b := inDir(t, dir, "sample", "imported", "--prompt", "The"), inDir(t, dir, "sample", "hf", "--prompt", "The"); a != b || a == "" {
		t.Errorf("the directory writes %q, imported %q", b, a)
	}
	inDir(t, dir, "export", "imported", "--format", "hf", "--out", "again")
	if !sameFile(t, filepath.Join(dir, "again/model.safetensors"), filepath.Join(dir, "hf/model.safetensors")) {
		t.Error("imported and exported, the weights are others")
	}
	if out := inDir(t, dir, "export", "hf", "--format", "nanogpt", "--out", "nano"); !strings.Contains(out, "went into its queries") {
		t.Errorf("export for nanoGPT says %q", out)
	}
}

// Versions before multiplied the queries of such a base when they read it, and their runs
// stand beside that: a network that divides by √d_h alone, and the hash of its weights.
func TestFoldedRuns(t *testing.T) {
	dir := scaledBase(t)
	m, err := hub.LoadModel(filepath.Join(dir, "hf"))
	if err != nil {
		t.Fatal(err)
	}
	o := train.TuningOptions(filepath.Join(dir, "hf"))
	o.Data, o.Tuning.Format, o.Steps, o.Batch = filepath.Join(dir, "text.txt"), train.FormatWindows, 4, 2
	o.EvalEvery, o.SaveEvery, o.Keep = 2, 2, 5
	o.Tuning.Adapter = pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"q", "v"}, Bias: pedestrian.BiasAll}
	folded := hub.Folded(m.Params)
	data, err := train.LoadTuningData(o, m.Tokenizer, folded.Config.Vocab)
	if err != nil {
		t.Fatal(err)
	}
	r, err := train.Finetune(o, train.Base{Params: folded, Tokenizer: m.Tokenizer, Path: filepath.Join(dir, "hf")}, data, filepath.Join(dir, "r"))
	if err == nil {
		_, err = r.Train(t.Context(), train.Observer{})
		err = errors.Join(err, r.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "r/step-000004/config.json"))
	if err != nil || bytes.Contains(text, []byte("unscaled")) || !bytes.Contains(text, []byte(train.Digest(folded))) {
		t.Fatalf("not a run as they were: %v, %s", err, text)
	}
	// It goes on with the same bits.
	was := filepath.Join(dir, "was")
	if err := os.Rename(filepath.Join(dir, "r/step-000004"), was); err != nil {
		t.Fatal(err)
	}
	inDir(t, dir, "finetune", "--resume", "r")
	if !sameFile(t, filepath.Join(was, "adapter.safetensors"), filepath.Join(dir, "r/step-000004/adapter.safetensors")) {
		t.Error("resumed, the run has other bits")
	}
	// Merged and sampled it is what it was; for PEFT it stands beside the directory.
	inDir(t, dir, "merge", "r", "--newest", "--out", "alone")
	inDir(t, dir, "merge", "hf", "r", "--newest", "--out", "named")
	if !sameFile(t, filepath.Join(dir, "alone/model.safetensors"), filepath.Join(dir, "named/model.safetensors")) {
		t.Error("merged with its base named, it is another network")
	}
	inDir(t, dir, "export", "r", "--newest", "--format", "peft", "--out", "lora")
	if out := inDir(t, dir, "merge", "hf", "lora", "--out", "of-peft"); !strings.Contains(out, "as the adapter recorded") {
		t.Errorf("merge says %q", out)
	}
	alone, err := hub.LoadModel(filepath.Join(dir, "alone"))
	if err != nil {
		t.Fatal(err)
	}
	peft, err := hub.LoadModel(filepath.Join(dir, "of-peft"))
	if err != nil {
		t.Fatal(err)
	}
	if peft.Params.Config != m.Params.Config || alone.Params.Config != folded.Config {
		t.Errorf("configurations %+v and %+v", peft.Params.Config, alone.Params.Config)
	}
	a, b, base := someLogits(alone.Params), someLogits(peft.Params), someLogits(m.Params)
	var apart, learnt float64
	for i := range a {
		apart, learnt = max(apart, abs(a[i]-b[i])), max(learnt, abs(a[i]-base[i]))
	}
	if !(apart < 1e-5 && learnt > 1e-3) {
		t.Errorf("logits of the run and of its export differ by %g, those of the base by %g", apart, learnt)
	}
}

func abs(x float32) float64 { return float64(max(x, -x)) }

// someLogits are the logits of p after each of some tokens from all of the vocabulary.
func someLogits(p *pedestrian.Params[float32]) []float32 {
	n := p.Config.Context
	b := engine.Batch{B: 1, T: n, Tokens: make([]int32, n)}
	for i := range b.Tokens {
		b.Tokens[i] = int32((i + 1) * 7919 % p.Config.Vocab)
	}
	net := engine.New(p, nil, engine.Options{Context: n})
	defer net.Close()
	out := engine.NewMat[float32](n, p.Config.Vocab)
	net.Logits(out, b)
	return out.V
}
