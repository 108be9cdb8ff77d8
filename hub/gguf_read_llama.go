package hub

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian"
)

// llama reads what the architectures of the Llama family have beside GPT-2's sizes.
func (g *GGUF) llama() (err error) {
	n := &g.Network
	n.Norm, n.Positions, n.Gated, n.Activation = pedestrian.RMSNorm, pedestrian.Rotary, true, pedestrian.SiLU
	if v, err := g.whole(g.arch+".expert_count", 0); err != nil {
		return err
	} else if v > 0 {
		return fmt.Errorf("%s.expert_count is %d: a mixture of experts is not computed here", g.arch, v)
	}
	if n.Eps, err = g.number(g.arch+".attention.layer_norm_rms_epsilon", math.NaN()); err != nil {
		return err
	}
	if n.Heads == 0 {
		return fmt.Errorf("%s.attention.head_count is 0", g.arch)
	}
	usually := int64(n.Width / n.Heads)
	sizes := map[string]int64{"attention.head_count_kv": int64(n.Heads), "attention.key_length": usually, "attention.value_length": usually, "attention.sliding_window": 0}
	for key, fallback := range sizes {
		if sizes[key], err = g.whole(g.arch+"."+key, fallback); err != nil {
			return err
		}
	}
	n.KVHeads, n.HeadDim, n.SlidingWindow = int(sizes["attention.head_count_kv"]), int(sizes["attention.value_length"]), int(sizes["attention.sliding_window"])
	if key := int(sizes["attention.key_length"]); key != n.HeadDim {
		return fmt.Errorf("%s.attention.key_length is %d and value_length %d: heads have one size here", g.arch, key, n.HeadDim)
	}
	width := n.HeadDim
	usual(n)
	if v, err := g.whole(g.arch+".rope.dimension_count", int64(width)); err != nil {
		return err
	} else if int(v) != width {
		return fmt.Errorf("%s.rope.dimension_count is %d, and a head has %d columns: all of them turn here", g.arch, v, width)
	}
	has := func(layer string) bool {
		_, ok := g.in.Tensor("blk.0." + layer)
		return ok
	}
	n.QKVBias, n.AttProjBias, n.MLPBias, n.QKNorm = has("attn_q.bias"), has("attn_output.bias"), has("ffn_down.bias"), has("attn_q_norm.weight")
	return g.rotation()
}

// rotation reads how queries and keys turn.
func (g *GGUF) rotation() (err error) {
	r := &g.Network.Rotation
	at := g.arch + ".rope."
	if r.Base, err = g.number(at+"freq_base", 10000); err != nil {
		return err
	}
	if r.Base == 10000 {
		r.Base = 0
	}
	kind, err := g.text(at + "scaling.type")
	if err != nil {
		return err
	}
	if err := g.llama3(); err != nil || r.Scaling != "" {
		return err
	}
	switch kind {
	case "", "none":
		return nil
	case "linear":
		r.Scaling = pedestrian.LinearScaling
	case "yarn":
		r.Scaling = pedestrian.YarnScaling
		original, err := g.whole(at+"scaling.original_context_length", int64(g.Network.Context))
		if err != nil {
			return err
		}
		r.Original = int(original)
		for _, key := range []string{"attn_factor", "yarn_log_multiplier", "yarn_ext_factor", "yarn_attn_factor", "yarn_beta_fast", "yarn_beta_slow"} {
			if v, ok := g.in.Lookup(at + "scaling." + key); ok {
				return fmt.Errorf("%sscaling.%s is %v: yarn's usual ramp and scale are read", at, key, v)
			}
		}
	default:
		return fmt.Errorf("%sscaling.type is %.40q: none, linear and yarn are computed here", at, kind)
	}
	r.Factor, err = g.number(at+"scaling.factor", math.NaN())
	return err
}

// llama3 finds the settings of llama3 scaling with which the frequencies have the divisors
// that the file holds: those that this module wrote, or those of the models that Meta has
// published.
func (g *GGUF) llama3() error {
	t, ok := g.in.Tensor(ropeFreqs)
	if !ok {
		return nil
	}
	c := g.Network
	if len(t.Dims) != 1 || t.Dims[0] != uint64(c.QueryDim()/2) {
		return fmt.Errorf("tensor %s is %v: it must have a number for each of the %d pairs of columns", ropeFreqs, t.Dims, c.QueryDim()/2)
	}
	divisors := make([]float32, t.Dims[0])
	if err := g.in.DecodeAt(divisors, t, 0); err != nil {
		return err
	}
	c.Rotation.Scaling = pedestrian.Llama3Scaling
	r := &c.Rotation
	var err error
	for _, f := range []struct {
		key      string
		to       *float64
		fallback float64
	}{{ggufRopeFactor, &r.Factor, float64(divisors[len(divisors)-1])}, {ggufRopeLow, &r.Low, 1}, {ggufRopeHigh, &r.High, 4}} {
		if *f.to, err = g.number(f.key, f.fallback); err != nil {
			return err
		}
	}
	original, err := g.whole(ggufRopeOriginal, 8192)
	if err != nil {
		return err
	}
	r.Original = int(original)
	for i, want := range ropeFactors(c) {
		if !(math.Abs(float64(divisors[i]-want)) <= 1e-4*math.Abs(float64(want))) {
			return fmt.Errorf("tensor %s divides the frequency of pair %d by %g, and llama3 scaling of %d tokens by %g divides it by %g: another scaling is not read", ropeFreqs, i, divisors[i], r.Original, r.Factor, want)
		}
	}
	g.Network.Rotation = c.Rotation
	return nil
}
