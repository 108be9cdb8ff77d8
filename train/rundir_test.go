package train

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// evaluatedRun is a run of 8 steps with a checkpoint at each second one, and the best
// evaluation after step 4.
func evaluatedRun(t *testing.T) (run string, r *Run) {
	t.Helper()
	o := mini()
	o.Keep = 2
	run = filepath.Join(t.TempDir(), "run")
	r = start(t, o, dataOf(t, sentences(t), o), run)
	for step := 1; step <= 8; step++ {
		if _, err := r.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if step%2 == 0 {
			r.State.addEvaluation(map[int]float64{2: 3, 4: 1, 6: 2, 8: 2}[step])
			r.Options.Keep = 9
			if err := r.Save(Observer{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return run, r
}

func flip(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func namesOf(entries []Entry) string {
	var s []string
	for _, e := range entries {
		s = append(s, filepath.Base(e.Dir))
	}
	return strings.Join(s, " ")
}

// Prune keeps what is asked for, never fewer than two that are whole, and the best;
// what a writer holds it leaves alone.
func TestPruneARun(t *testing.T) {
	run, r := evaluatedRun(t)
	if _, err := Prune(run, 2); err == nil || !strings.Contains(err.Error(), "pruning: "+run+" is being written by process") {
		t.Errorf("a run that is being trained: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	flip(t, filepath.Join(run, "step-000008", stateFile))
	removed, err := Prune(run, 0)
	if err != nil || namesOf(removed) != "step-000002" {
		t.Errorf("removed %s, %v: want step 2, for 8 is damaged, 6 and 4 are whole", namesOf(removed), err)
	}
	entries, err := Checkpoints(run)
	if err != nil || namesOf(entries) != "step-000004 step-000006 step-000008" {
		t.Errorf("there are %s, %v", namesOf(entries), err)
	}
	flip(t, filepath.Join(run, "step-000004", modelFile))
	flip(t, filepath.Join(run, "step-000006", modelFile))
	if _, err := Prune(run, 2); err == nil || strings.Count(err.Error(), "is damaged") != 3 {
		t.Errorf("nothing whole: %v", err)
	}
	if _, err := Prune(filepath.Join(run, "none"), 2); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no run: %v", err)
	}
}

// LoadBest takes the best while it is whole and there, and says what it passed over.
func TestLoadBest(t *testing.T) {
	run, r := evaluatedRun(t)
	r.Close()
	if c, passed, err := LoadBest(run); err != nil || len(passed) > 0 || c.State.Step != 4 {
		t.Fatalf("the best: %v, %v", passed, err)
	}
	flip(t, filepath.Join(run, "step-000004", modelFile))
	c, passed, err := LoadBest(run)
	if err != nil || len(passed) != 1 || !strings.Contains(passed[0].Error(), "step-000004 is damaged: model.safetensors") || c.State.Step != 8 {
		t.Errorf("the best is damaged: %v, %v", passed, err)
	}
	flip(t, filepath.Join(run, "step-000008", configFile))
	if c, passed, err = LoadBest(run); err != nil || len(passed) != 2 || c.State.Step != 6 {
		t.Errorf("the newest and the best are damaged: %v, %v", passed, err)
	}
	os.RemoveAll(filepath.Join(run, "step-000004"))
	if c, passed, err = LoadBest(run); err != nil || len(passed) != 1 || c.State.Step != 6 {
		t.Errorf("the best is gone: %v, %v", passed, err)
	}
	empty := t.TempDir()
	if _, _, err := LoadBest(empty); err == nil || !strings.Contains(err.Error(), "holds no checkpoint") {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := Newest(empty); err == nil || !strings.Contains(err.Error(), "holds no checkpoint") {
		t.Errorf("an empty directory: %v", err)
	}
	for _, f := range []func(string) error{
		func(dir string) error { _, err := Newest(dir); return err },
		func(dir string) error { _, _, err := LoadNewest(dir, true); return err },
		func(dir string) error { _, _, err := LoadBest(dir); return err },
	} {
		if err := f(filepath.Join(empty, "none")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("no directory: %v", err)
		}
	}
	// Not damage, but not for this program: what is older is not taken in its place.
	c, _, err = LoadNewest(run, false)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.Dir, durable.ManifestFile)
	text, _ := os.ReadFile(path)
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), `"format": 3`, `"format": 5`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	reseal(t, c.Dir)
	if _, _, err := LoadNewest(run, false); err == nil || !strings.Contains(err.Error(), "has format 5: this program reads the formats 2 to 4") {
		t.Errorf("a later format: %v", err)
	}
}

// Each range that Validate watches, just outside.
func TestValidateRefusesEach(t *testing.T) {
	for want, change := range map[string]func(*Options){
		`unknown precision "half": choose "float32", "bf16x3" or "bf16"`: func(o *Options) { o.Precision = "half" },
		`on_spike is "stop": choose warn, skip or rewind`:                func(o *Options) { o.OnSpike = "stop" },
		`unknown align "word": choose anywhere, line or paragraph`:       func(o *Options) { o.Align = "word" },
		"story_chars is 0: it must be between 1":                         func(o *Options) { o.StoryChars = 0 },
		"accumulate is 0":                                                func(o *Options) { o.Accumulate = 0 },
		"warmup is -1":                                                   func(o *Options) { o.Warmup = -1 },
		"eval_every is 0":                                                func(o *Options) { o.EvalEvery = 0 },
		"eval_batches is -1":                                             func(o *Options) { o.EvalBatches = -1 },
		"patience is -1":                                                 func(o *Options) { o.Patience = -1 },
		"save_every is -1":                                               func(o *Options) { o.SaveEvery = -1 },
		"keep is 0":                                                      func(o *Options) { o.Keep = 0 },
		"sample_every is -1":                                             func(o *Options) { o.SampleEvery = -1 },
		"sample_tokens is 0":                                             func(o *Options) { o.SampleTokens = 0 },
		"threads is -1":                                                  func(o *Options) { o.Threads = -1 },
		"steps is 2147483648: it must be between 1 and 2147483647":   func(o *Options) { o.Steps = 1 << 31 },
		"val_fraction is 0.6: it must be at least 0.001 and at most": func(o *Options) { o.ValFraction = 0.6 },
		"lr is 1001: it must be at least 0 and at most 1000":         func(o *Options) { o.LR = 1001 },
		"min_lr is -1": func(o *Options) { o.MinLR = -1 },
		"beta1 is 1: it must be at least 0 and below 1": func(o *Options) { o.Beta1 = 1 },
		"beta2 is -0.1": func(o *Options) { o.Beta2 = -0.1 },
		"adam_eps is 0: it must be at least 1e-15": func(o *Options) { o.AdamEps = 0 },
		"decay is -1":   func(o *Options) { o.Decay = -1 },
		"clip is 2e+30": func(o *Options) { o.Clip = 2e30 },
		"dropout is 2":  func(o *Options) { o.Dropout = 2 },
	} {
		o, _ := PresetOptions("story")
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	o, _ := PresetOptions("story")
	for _, p := range []string{"", string(engine.Float32), string(engine.BF16)} {
		if o.Precision = p; o.Validate() != nil {
			t.Errorf("precision %q: %v", p, o.Validate())
		}
	}
}
