package model

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/internal/golden"
	"github.com/pedestrian-ml/pedestrian/safetensors"
	"github.com/pedestrian-ml/pedestrian/train"
)

// The updates come from PEFT and PyTorch (testdata/hub-llama/finetune.py).
var tuned = filepath.Join("..", "testdata", "hub-llama", "finetune")

var writeRows = flag.Bool("rows", false, "write the rows that finetune.py trains on")

// timesNoise is how many times as far as PyTorch's own float32 a run may be from PyTorch's
// float64: sums in another order round otherwise, of the same size. The worst found is 4.2.
const timesNoise = 10

// A tunedStep is one update as PyTorch made it in float64.
type tunedStep struct {
	Rate, Loss, Norm float64
	Counted          int
	Noise            struct{ Loss, Norm, Weights float64 } // how far its float32 is from that, relative
	Adapter          map[string]golden.Array               // after the update; nil of most
}

// tunedRun starts the run that "pedestrian finetune BASE --adapter A" starts, as options.json
// has it.
func tunedRun(t *testing.T, name string) *train.Run {
	t.Helper()
	m := open(t, filepath.Join(tuned, name), Options{
		Tokenizer: filepath.Join("..", "testdata", "hub-llama", "smollm-chat"),
		Adapter:   filepath.Join(tuned, name+"-adapter"),
	})
	text, err := os.ReadFile(filepath.Join(tuned, "options.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]struct {
		train.Options
		LoRAPlus float64 `json:"lora_plus"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	o := all[name].Options
	o.Tuning = train.Tuning{Base: name, Adapter: m.Adapter.Config, LoRAPlus: all[name].LoRAPlus}
	o.Data, o.Reading = filepath.Join(tuned, "examples.jsonl"), train.ReadingDocuments
	d, err := train.LoadTuningData(o, m.Base().Tokenizer, m.Params.Config.Vocab)
	if err != nil {
		t.Fatal(err)
	}
	r, err := train.Finetune(o, m.Base(), d, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestFinetuneAsPEFT trains an adapter beside a Llama and one beside a Qwen2 for 20 updates: with
// micro-batches, warm-up, schedule, clipping of some, decay, and for Qwen2 also biases and LoRA+.
// Losses, norms, rates and the adapter's file after 1, 10 and 20 updates are those of PEFT.
func TestFinetuneAsPEFT(t *testing.T) {
	names := []string{"llama", "qwen2"}
	if *writeRows {
		rows := map[string][][]tunedRows{}
		for _, name := range names {
			rows[name] = rowsOf(tunedRun(t, name))
		}
		saveRows(t, rows)
		return
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			var g struct{ Steps []tunedStep }
			golden.Read(t, filepath.Join(tuned, name+".json.gz"), &g)
			r := tunedRun(t, name)
			before := savedAdapter(t, r)
			worst, clipped, kept := 0.0, 0, 0
			compare := func(what string, got, want, noise float64) {
				t.Helper()
				off := math.Abs(got-want) / noise
				worst = max(worst, off)
				if !(off <= timesNoise) {
					t.Errorf("%s: %.9g, PEFT %.9g: %.3g times as far as its float32", what, got, want, off)
				}
			}
			tokens := int64(0)
			for i, want := range g.Steps {
				u, err := r.Step(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if tokens += int64(want.Counted); u.Tokens != tokens || u.Spike != nil {
					t.Errorf("update %d: %d tokens learnt, PEFT %d; spike %v", i+1, u.Tokens, tokens, u.Spike)
				}
				if math.Abs(u.Rate-want.Rate) > 1e-14 {
					t.Errorf("update %d: rate %.15g, transformers' %.15g", i+1, u.Rate, want.Rate)
				}
				compare(fmt.Sprintf("the loss of update %d", i+1), u.Loss, want.Loss, want.Noise.Loss*want.Loss)
				compare(fmt.Sprintf("the norm of update %d", i+1), u.Norm, want.Norm, want.Noise.Norm*want.Norm)
				if u.Scale < 1 {
					clipped++
				}
				if want.Adapter == nil {
					continue
				}
				after := savedAdapter(t, r)
				if len(after) != len(want.Adapter) {
					t.Errorf("the adapter has %d tensors, PEFT's %d", len(after), len(want.Adapter))
				}
				for key, a := range want.Adapter {
					numbers, got, from := a.Numbers(), after[key], before[key]
					if len(got) != len(numbers) {
						t.Fatalf("%s has %d numbers, PEFT's %d", key, len(got), len(numbers))
					}
					change := 0.0 // the largest of the tensor, or a hundredth of its largest number
					for j, v := range numbers {
						change = max(change, math.Abs(v-from[j]), math.Abs(v)/100)
					}
					for j, v := range numbers {
						compare(fmt.Sprintf("%s[%d] after %d updates", key, j, i+1), got[j], v, want.Noise.Weights*change)
					}
				}
				kept++
				if t.Failed() {
					return // what follows goes on from here
				}
			}
			if len(g.Steps) != 20 || kept != 3 || clipped < 5 || clipped > 15 {
				t.Errorf("%d updates, %d with weights, %d clipped", len(g.Steps), kept, clipped)
			}
			t.Logf("at most %.2g times as far as PyTorch's float32", worst)
		})
	}
}

// savedAdapter is the adapter of r as a file of PEFT has it.
func savedAdapter(t *testing.T, r *train.Run) map[string][]float64 {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "adapter")
	if err := hub.SaveAdapter(dir, AdapterOf(r).Adapter, r.Base.Params); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "adapter_model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	tensors := map[string][]float64{}
	for _, x := range f.Tensors {
		v := make([]float64, x.Len())
		if err := safetensors.Decode(f, x, 0, v); err != nil {
			t.Fatal(err)
		}
		tensors[x.Name] = v
	}
	return tensors
}

// tunedRows is one micro-batch.
type tunedRows struct{ Tokens, Targets, Starts []int32 }

// rowsOf are the micro-batches of the updates of r.
func rowsOf(r *train.Run) (updates [][]tunedRows) {
	o := r.Options
	p := corpus.Pack(r.Data.Examples, o.Length(), corpus.PackOptions{Seed: o.Seed})
	for step := range o.Steps {
		var batches []tunedRows
		for k := range o.Accumulate {
			b := tunedRows{Tokens: make([]int32, o.Batch*o.Length()), Targets: make([]int32, o.Batch*o.Length())}
			b.Starts = p.Batch(uint64((step*o.Accumulate+k)*o.Batch), o.Batch, b.Tokens, b.Targets, nil)
			batches = append(batches, b)
		}
		updates = append(updates, batches)
	}
	return updates
}

func saveRows(t *testing.T, rows map[string][][]tunedRows) {
	text, err := json.Marshal(rows)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err == nil {
		_, err = z.Write(text)
	}
	if err == nil {
		err = z.Close()
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(tuned, "rows.json.gz"), b.Bytes(), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}
