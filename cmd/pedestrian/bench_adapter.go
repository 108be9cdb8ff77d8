package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/train"
)

// An adapterStep is what a step beside a frozen network changes.
type adapterStep struct{ w, dw, m, v *pedestrian.Adapter[float32] }

// adapterCases are steps of LoRA with α = 2r, on all layers of each block: rank 8 beside
// GPT-2, whose c_attn counts as one layer as in PEFT, and rank 16 beside the others. The base
// is in bf16.
func adapterCases() (cases []benchCase) {
	llama := []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetK, pedestrian.TargetV, pedestrian.TargetAttProj,
		pedestrian.TargetGate, pedestrian.TargetUp, pedestrian.TargetDown}
	for _, s := range []struct {
		model   string
		rank    int
		targets []pedestrian.Target
		shapes  [][2]int
	}{
		{"gpt2", 8, []pedestrian.Target{pedestrian.TargetQKV, pedestrian.TargetAttProj, pedestrian.TargetExpand, pedestrian.TargetContract}, [][2]int{{4, 256}}},
		{"smollm2-135m", 16, llama, [][2]int{{1, 512}, {4, 256}}},
		{"qwen2.5-0.5b", 16, llama, [][2]int{{1, 512}, {4, 256}}},
	} {
		for _, shape := range s.shapes {
			for _, p := range []engine.Precision{engine.Float32, engine.BF16x3, engine.BF16} {
				name := fmt.Sprintf("lora/%s/%dx%d/%s", s.model, shape[0], shape[1], p)
				cases = append(cases, benchCase{name, true, func(b *bench, r *figures) error {
					a := pedestrian.AdapterConfig{Rank: s.rank, Alpha: 2 * float64(s.rank), Scaling: pedestrian.ScaleRank, Targets: s.targets}
					st := newAdapterStep(b, published[s.model], a, shape[0], shape[1], p)
					defer st.net.Close()
					st.measure(b, r, b.repeats(3))
					return nil
				}})
			}
		}
	}
	return cases
}

// frozenParams are random weights, kept in storage of as files of such networks hold them.
func frozenParams(c pedestrian.Config, of pedestrian.Storage) *pedestrian.Params[float32] {
	p := pedestrian.NewFrozen[float32](c, func(pedestrian.Slot) pedestrian.Storage { return of })
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, t := range p.Tensors() {
		if t.Narrow.Storage == pedestrian.Q8 {
			fillBlocks(t, rnd)
			continue
		}
		part := make([]float32, 1<<16)
		for first := 0; first < t.Rows*t.Cols; first += len(part) {
			part := part[:min(len(part), t.Rows*t.Cols-first)]
			for i := range part {
				part[i] = math.Float32frombits(math.Float32bits(0.02*float32(rnd.Float64()*2-1)) &^ 0xffff)
				if t.Vec() {
					part[i]++
				}
			}
			t.Write(first, part)
		}
	}
	return p
}

// fillBlocks fills t with random whole numbers, of up to 0.02 with their scales.
func fillBlocks(t pedestrian.Tensor[float32], rnd *rand.Rand) {
	lines, length := t.Cols, t.Rows
	if t.Role == pedestrian.Table {
		lines, length = t.Rows, t.Cols
	}
	line := make([]byte, length/pedestrian.BlockLen*pedestrian.BlockBytes)
	for i := range lines {
		for at := 0; at < len(line); at += pedestrian.BlockBytes {
			b := line[at:][:pedestrian.BlockBytes]
			for j := range b {
				b[j] = byte(rnd.IntN(255) - 127)
			}
			binary.LittleEndian.PutUint16(b, 0x0929) // 0.02/127 in half precision
		}
		t.SetBlocks(i, 0, line)
	}
}

func newAdapterStep(b *bench, c pedestrian.Config, a pedestrian.AdapterConfig, batch, t int, p engine.Precision) *trainStep {
	s := &trainStep{c: c, w: frozenParams(c, pedestrian.BF16), rnd: rand.New(rand.NewPCG(3, 4)), precision: p, recompute: b.recompute}
	s.adapter = &adapterStep{pedestrian.NewAdapter[float32](c, a), pedestrian.NewAdapter[float32](c, a), pedestrian.NewAdapter[float32](c, a), pedestrian.NewAdapter[float32](c, a)}
	train.InitAdapter(s.adapter.w, s.w, "", 1)
	s.net = engine.New(s.w, s.adapter.w, engine.Options{Batch: batch, Context: t, Threads: b.threads, Precision: p, Recompute: b.recompute})
	s.batch = engine.Batch{B: batch, T: t, Tokens: make([]int32, batch*t), Targets: make([]int32, batch*t)}
	return s
}
