package hub

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/gguf"
)

// SaveAdapterGGUF writes a as one file, in F32, for llama.cpp's option --lora. In
// llama.cpp all layers have the same α, and each layer's update is multiplied by α/r. The
// file has the α of the first layer; if another layer has another multiplier, the ratio is
// multiplied into its up factor. An adapter with anything that llama.cpp would ignore or
// refuse is an error.
func SaveAdapterGGUF(path string, a *Adapter) error {
	entries, alpha, exact, err := adapterEntries(a)
	if err != nil {
		return fmt.Errorf("llama.cpp cannot hold this adapter: %w", err)
	}
	arch, err := ggufArch(a.Base)
	if err != nil {
		return fmt.Errorf("llama.cpp cannot hold this adapter: %w", err)
	}
	pairs := []gguf.Pair{
		{Key: "general.architecture", Value: arch},
		{Key: "general.type", Value: "adapter"},
		{Key: "general.file_type", Value: ggufTypes[gguf.F32]},
		{Key: "adapter.type", Value: "lora"},
		{Key: "adapter.lora.alpha", Value: alpha},
	}
	if a.BaseName != "" {
		pairs = append(pairs, gguf.Pair{Key: "general.base_model.count", Value: uint32(1)}, gguf.Pair{Key: "general.base_model.0.name", Value: a.BaseName})
	}
	if a.BaseSHA256 != "" { // it is ours: LoadAdapterGGUF compares the base, and restores the shape
		pairs = append(pairs, gguf.Pair{Key: metaBase, Value: a.BaseSHA256})
		if shape, err := json.Marshal(a.Config); err == nil && exact {
			pairs = append(pairs, gguf.Pair{Key: metaAdapter, Value: string(shape)})
		}
	}
	return durable.WriteFile(path, func(w io.Writer) error { return gguf.Write(w, pairs, entries) })
}

// adapterEntries returns the tensors of the file, the α for which they are scaled, and
// whether that is exactly the α of all of them, so that none was multiplied or rounded.
func adapterEntries(a *Adapter) (es []gguf.Entry, alpha float32, exact bool, err error) {
	c := a.Config
	switch {
	case c.DoRA:
		return nil, 0, false, fmt.Errorf("it has no magnitudes (DoRA): merge it into its base, and export that")
	case len(c.Tokens) > 0:
		return nil, 0, false, fmt.Errorf("it has no rows of single tokens: merge it into its base, and export that")
	case c.Norms || c.Bias != "" && c.Bias != pedestrian.BiasNone:
		return nil, 0, false, fmt.Errorf("it has no biases and norms of its own, and this one trains them: merge it into its base, and export that")
	case slices.Contains(c.Targets, pedestrian.TargetLogits) && a.Base.Tied:
		return nil, 0, false, fmt.Errorf("the logits share the matrix of the embedding, and there they cannot be adapted apart: merge it into its base, and export that")
	}
	if err := checkBase(a.Base); err != nil {
		return nil, 0, false, err
	}
	f, err := inModules(foldAdapter(a.Adapter), nil)
	if err != nil {
		return nil, 0, false, err
	}
	exact = true
	first := true
	for _, m := range modulesOf(a.Base) {
		l := f.LoRA(max(m.block, 0), m.target)
		if l.Down.V == nil {
			continue
		}
		r := float64(l.Down.Cols)
		if first {
			alpha, first = float32(l.Multiplier*r), false
		}
		factor := 1.0 // llama.cpp treats α = 0 as a multiplier of 1
		if l.Multiplier == 0 {
			factor = 0
		} else if alpha != 0 {
			factor = l.Multiplier * r / float64(alpha)
			if math.Abs(factor-1) < 1e-7 { // the rounding of α to float32
				factor = 1
			}
		} else {
			factor = l.Multiplier
		}
		exact = exact && factor == 1 && float64(alpha) == l.Multiplier*r
		name := m.llamaCPP + ".weight"
		down, up := transposed(l.Down), reordered(transposed(l.Up), ggufOrder(a.Base, m.part))
		for i, v := range up {
			up[i] = float32(float64(v) * factor)
		}
		for _, e := range []gguf.Entry{
			{Name: name + ".lora_a", Type: gguf.F32, Dims: []int{l.Down.Rows, l.Down.Cols}, Data: down},
			{Name: name + ".lora_b", Type: gguf.F32, Dims: []int{l.Down.Cols, l.Up.Cols}, Data: up},
		} {
			if slices.ContainsFunc(e.Data, func(v float32) bool { return v-v != 0 }) {
				return nil, 0, false, fmt.Errorf("%s is not finite: the adapter is broken", e.Name)
			}
			es = append(es, e)
		}
	}
	return es, alpha, exact, nil
}
