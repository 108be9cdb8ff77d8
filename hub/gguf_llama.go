package hub

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
)

// ropeFreqs is a tensor with the divisors of the frequencies, one for each pair of columns.
const ropeFreqs = "rope_freqs.weight"

// Keys of this module with what llama.cpp needs no more, since it reads the divisors: the
// settings of llama3 scaling from which they were made.
const (
	ggufRopeLow      = "pedestrian.rope.low_freq_factor"
	ggufRopeHigh     = "pedestrian.rope.high_freq_factor"
	ggufRopeFactor   = "pedestrian.rope.factor"
	ggufRopeOriginal = "pedestrian.rope.original_context_length"
)

// checkGGUFLlama returns an error if the architecture of the Llama family cannot hold a
// network of configuration c.
func checkGGUFLlama(c pedestrian.Config, arch string) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("llama.cpp's %s cannot hold this network: %s", arch, fmt.Sprintf(format, args...))
	}
	r := c.Rotation
	switch {
	case c.Activation != pedestrian.SiLU:
		return refuse("its activation is %s, and there it is SiLU", c.Activation)
	case arch == typeQwen3 && (c.Bias || c.QKVBias):
		return refuse("its attention has biases, and there it has none")
	case r.Scaling == pedestrian.YarnScaling && (r.Fast != 0 || r.Slow != 0 || r.Scale != 0):
		return refuse("its rotation has another ramp or scale than yarn's usual ones (rotation.fast, slow, scale)")
	}
	return nil
}

// llamaPairs are the key-value pairs that the architectures of the Llama family have beside
// GPT-2's.
func llamaPairs(c pedestrian.Config, arch string) (pairs []gguf.Pair) {
	add := func(key string, value any) { pairs = append(pairs, gguf.Pair{Key: key, Value: value}) }
	r := c.Rotation.WithDefaults(c.QueryDim())
	add(arch+".attention.head_count_kv", uint32(c.KeyHeads()))
	add(arch+".attention.layer_norm_rms_epsilon", float32(c.Eps))
	add(arch+".attention.key_length", uint32(c.QueryDim()))
	add(arch+".attention.value_length", uint32(c.ValueDim()))
	if c.SlidingWindow > 0 {
		add(arch+".attention.sliding_window", uint32(c.SlidingWindow))
	}
	add(arch+".rope.dimension_count", uint32(r.Dims))
	add(arch+".rope.freq_base", float32(r.Base))
	switch r.Scaling {
	case pedestrian.LinearScaling:
		add(arch+".rope.scaling.type", "linear")
		add(arch+".rope.scaling.factor", float32(r.Factor))
	case pedestrian.YarnScaling:
		add(arch+".rope.scaling.type", "yarn")
		add(arch+".rope.scaling.factor", float32(r.Factor))
		add(arch+".rope.scaling.original_context_length", uint32(r.Original))
	case pedestrian.Llama3Scaling:
		add(ggufRopeFactor, r.Factor)
		add(ggufRopeLow, r.Low)
		add(ggufRopeHigh, r.High)
		add(ggufRopeOriginal, uint32(r.Original))
	}
	return pairs
}

// ggufOrder says where the columns of a part of the fused queries, keys and values are in a
// file for llama.cpp; nil if they are in the same order. Only its architecture "llama" has
// another order, of queries and keys.
func ggufOrder(c pedestrian.Config, part pedestrian.Target) []int {
	if arch, err := ggufArch(c); err != nil || arch != typeLlama {
		return nil
	}
	switch part {
	case pedestrian.TargetQ:
		return headsPermuted(c.Heads, c.QueryDim())
	case pedestrian.TargetK:
		return headsPermuted(c.KeyHeads(), c.QueryDim())
	}
	return nil
}

// reordered moves row i of rows to row order[i], in new memory. A nil order leaves them as
// they are.
func reordered(rows []float32, order []int) []float32 {
	if order == nil {
		return rows
	}
	out, n := make([]float32, len(rows)), len(rows)/len(order)
	for i, to := range order {
		copy(out[to*n:][:n], rows[i*n:][:n])
	}
	return out
}
