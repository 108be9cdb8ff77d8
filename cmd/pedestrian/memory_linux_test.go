package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// What a process takes beside the plan: the program itself, the collector's garbage, the
// data, what a checkpoint is written from.
const unplanned = 72 << 20

// TestPeakMemory: finetune of a model in bf16, from loading to the checks after the last
// step, stays within the memory that it says beforehand, and takes most of it. A float32
// copy of the base would be as large again as the whole.
func TestPeakMemory(t *testing.T) {
	c := pedestrian.Config{Vocab: 24_000, Context: 256, Width: 768, Heads: 12, KVHeads: 4, HeadDim: 64, Hidden: 2048, Blocks: 4, Activation: pedestrian.SiLU, Eps: 1e-5,
		Tied: true, Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Rotation: pedestrian.Rotation{Base: 1e4}, Gated: true}
	p := pedestrian.NewFrozen[float32](c, func(pedestrian.Slot) pedestrian.Storage { return pedestrian.BF16 })
	bits := uint32(1)
	for _, x := range p.Tensors() {
		for i := range x.V {
			x.V[i] = 1 // gains
		}
		for i := range x.Narrow.V { // of both signs, below 2^-4
			bits = bits*1664525 + 1013904223
			x.Narrow.V[i] = uint16(bits>>16)&0x807f | 0x3d00
		}
	}
	dir := t.TempDir()
	model, data := filepath.Join(dir, "model"), filepath.Join(dir, "data.jsonl")
	if err := hub.SaveHuggingFace(model, &hub.Model[float32]{Params: p}, hub.SaveOptions{DType: safetensors.BF16}); err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	for i := range 40 {
		fmt.Fprintf(&lines, "{\"prompt\":\"where are the %d grey cats?\",\"completion\":\" on the chair near the barn\"}\n", i)
	}
	if err := os.WriteFile(data, lines.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("peak", "finetune", model, "--tokenizer", "bytes", "--data", data, "--steps", "1", "--batch", "2", "--window", "96", "--eval-batches", "1", "--targets", "all-linear",
		"--rank", "8", "--json", "--out", filepath.Join(dir, "run"))
	status := filepath.Join(dir, "status")
	cmd.Env = append(os.Environ(), "STATUS="+status)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	said, err := cmd.Output()
	if err != nil {
		t.Fatal(err, stderr.String())
	}
	var plan struct {
		Bytes int64 `json:"memory_bytes"`
	}
	first, _, _ := bytes.Cut(said, []byte("\n"))
	if err := json.Unmarshal(first, &plan); err != nil || plan.Bytes < p.Bytes() {
		t.Fatalf("%v, %s", err, first)
	}
	if !bytes.Contains(said, []byte(`"failed":null`)) {
		t.Errorf("the run was not checked at its end: %s", said)
	}
	text, err := os.ReadFile(status)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no VmHWM: %s", text)
	}
	kib, _ := strconv.ParseInt(string(found[1]), 10, 64)
	peak := kib << 10
	t.Logf("planned %s, peak %s, base %s", mebibytes(plan.Bytes), mebibytes(peak), mebibytes(p.Bytes()))
	if peak > plan.Bytes+unplanned {
		t.Errorf("the process took up to %s, %s were planned and %s may come to that", mebibytes(peak), mebibytes(plan.Bytes), mebibytes(unplanned))
	}
	if float64(peak) < 0.85*float64(plan.Bytes) {
		t.Errorf("the process took up to %s: the plan of %s is too large", mebibytes(peak), mebibytes(plan.Bytes))
	}
	if float64(plan.Bytes) > 2.4*float64(p.Bytes()) {
		t.Errorf("%s are planned beside a base of %s: a float32 copy of the base would go unnoticed", mebibytes(plan.Bytes), mebibytes(p.Bytes()))
	}
}
