package pedestrian

import (
	"fmt"
	"math"
	"slices"
)

// Activation names the nonlinearity g between FC_expand and FC_contract.
type Activation string

const (
	ReLU     Activation = "relu"      // max(0, x), the choice of the paper's own check
	GELU     Activation = "gelu"      // x Φ(x) with the exact Φ (erf), as in nanoGPT
	GELUTanh Activation = "gelu_tanh" // the tanh form that GPT-2 was trained with ("gelu_new")
	SiLU     Activation = "silu"      // x/(1 + e^-x), also called swish (L13); that of the Llama family
)

// Activations lists the known activations.
var Activations = []Activation{ReLU, GELU, GELUTanh, SiLU}

// Norm names what normalizes a token before attention, before the feed-forward layers and
// before the logits.
type Norm string

const (
	LayerNorm Norm = ""        // mean and variance of the features, a gain and a bias
	RMSNorm   Norm = "rmsnorm" // the root of their mean square and a gain (L1, L2); it has no bias
)

// Positions names how a network knows where a token stands.
type Positions string

const (
	Learned     Positions = ""       // a table with a row for each position, added to the embeddings
	Rotary      Positions = "rotary" // queries and keys are turned in pairs of columns (L8); see Config.Rotation
	NoPositions Positions = "none"   // only the causal mask tells an order
)

// Config is the shape of a transformer that predicts text: table 2 of the paper with its
// letters spelled out, and the choices in which other networks differ from it. The zero
// value of a choice is GPT-2's. The zero value of KeyDim and Hidden means the usual size.
type Config struct {
	Vocab   int `json:"vocab" yaml:"vocab"`     // n_vocab, distinct tokens
	Context int `json:"context" yaml:"context"` // n_context, longest sequence
	Width   int `json:"width" yaml:"width"`     // d, features of a token
	Heads   int `json:"heads" yaml:"heads"`     // n_h, heads of queries; divides Width unless HeadDim is set
	Blocks  int `json:"blocks" yaml:"blocks"`   // n_blocks, the starred part of table 2 repeated

	KeyDim int `json:"key_dim,omitempty" yaml:"key_dim,omitempty"` // d_ρ, queries and keys of one head; 0 = d_h
	Hidden int `json:"hidden,omitempty" yaml:"hidden,omitempty"`   // features between FC_expand and FC_contract, or of gate and up; 0 = 4 d

	Activation Activation `json:"activation" yaml:"activation"`   // g
	Eps        float64    `json:"eps" yaml:"eps"`                 // ε inside the root of a normalization; the paper has 0, GPT-2 1e-5
	Bias       bool       `json:"bias" yaml:"bias"`               // biases in layer norms and in all FC layers of the blocks
	LogitsBias bool       `json:"logits_bias" yaml:"logits_bias"` // b_11; the paper has one, GPT-2 does not
	Tied       bool       `json:"tied" yaml:"tied"`               // w_11 = w_tokᵗ: one matrix, two gradient contributions

	// What multiplies the scores in (12); both may be set. False is the paper's and
	// GPT-2's: division by √d_ρ and nothing else.
	Unscaled     bool `json:"unscaled,omitempty" yaml:"unscaled,omitempty"`             // no division by √d_ρ; scale_attn_weights false in transformers
	ScaleByBlock bool `json:"scale_by_block,omitempty" yaml:"scale_by_block,omitempty"` // division by i+1 in block i, the first of which is 0; scale_attn_by_inverse_layer_idx in transformers

	// The Llama family's choices (L1 to L25).
	Norm      Norm      `json:"norm,omitempty" yaml:"norm,omitempty"`           // what normalizes; "" = LayerNorm
	Positions Positions `json:"positions,omitempty" yaml:"positions,omitempty"` // "" = Learned, a table
	Rotation  Rotation  `json:"rotation,omitzero" yaml:"rotation,omitempty"`    // how queries and keys turn; for Rotary positions alone
	Gated     bool      `json:"gated,omitempty" yaml:"gated,omitempty"`         // h = g(z) ∘ u of two layers, gate and up, then down (L14), in the place of FC_expand, g and FC_contract

	KVHeads int  `json:"kv_heads,omitempty" yaml:"kv_heads,omitempty"` // n_kv, heads of keys and values; divides Heads; 0 = n_h
	HeadDim int  `json:"head_dim,omitempty" yaml:"head_dim,omitempty"` // d_h, features of a head's values, whatever Width is; 0 = Width/Heads
	QKNorm  bool `json:"qk_norm,omitempty" yaml:"qk_norm,omitempty"`   // an RMS norm over each head of queries and of keys, before they turn; a gain each, which the heads share

	SlidingWindow int `json:"sliding_window,omitempty" yaml:"sliding_window,omitempty"` // W, tokens that a token sees, itself among them (L20); 0 = all before it

	// Biases of single layers, where Bias is false.
	QKVBias     bool `json:"qkv_bias,omitempty" yaml:"qkv_bias,omitempty"`           // of queries, keys and values; Qwen2's
	AttProjBias bool `json:"att_proj_bias,omitempty" yaml:"att_proj_bias,omitempty"` // of FC_attProj; with QKVBias it is attention_bias in transformers
	MLPBias     bool `json:"mlp_bias,omitempty" yaml:"mlp_bias,omitempty"`           // of expand and contract, or of gate, up and down

	ScaleEmbedding bool `json:"scale_embedding,omitempty" yaml:"scale_embedding,omitempty"` // a_1 = √d E[a_0] (L23); Gemma's
}

// ScoreScale is the number that multiplies the raw scores of a block in (12) and their
// error in (28): 1/√d_ρ, unless the configuration says otherwise.
func (c Config) ScoreScale(block int) float64 {
	s := 1.0
	if !c.Unscaled {
		s = 1 / math.Sqrt(float64(c.QueryDim()))
	}
	if c.ScaleByBlock {
		s /= float64(block + 1)
	}
	return s
}

// ValueDim is d_h, the features of one head's values.
func (c Config) ValueDim() int {
	if c.HeadDim > 0 {
		return c.HeadDim
	}
	return c.Width / c.Heads
}

// KeyHeads is n_kv, the number of heads of keys and of values. Head h of the queries reads
// number ⌊h·n_kv/n_h⌋ of them.
func (c Config) KeyHeads() int {
	if c.KVHeads > 0 {
		return c.KVHeads
	}
	return c.Heads
}

// QueryDim is d_ρ, the features of one head's queries and keys.
func (c Config) QueryDim() int {
	if c.KeyDim > 0 {
		return c.KeyDim
	}
	return c.ValueDim()
}

// HiddenDim is the number of features between FC_expand and FC_contract.
func (c Config) HiddenDim() int {
	if c.Hidden > 0 {
		return c.Hidden
	}
	return 4 * c.Width
}

// AttentionDim is the number of features of all heads' outputs side by side, n_h·d_h.
func (c Config) AttentionDim() int { return c.Heads * c.ValueDim() }

// QKVDim is the number of columns of the fused matrix [w_q | w_k | w_v]: the
// queries of all heads, then their keys, then their values.
func (c Config) QKVDim() int {
	return c.Heads*c.QueryDim() + c.KeyHeads()*(c.QueryDim()+c.ValueDim())
}

// BeyondGPT2 names what c has and GPT-2 does not, such as "norm rmsnorm": formats and
// programs that know GPT-2 alone cannot take such a network. It is empty where c is a GPT-2.
func (c Config) BeyondGPT2() (all []string) {
	for _, f := range []struct {
		has  bool
		name string
	}{
		{c.Norm != LayerNorm, "norm " + string(c.Norm)},
		{c.Positions != Learned, "positions " + string(c.Positions)},
		{c.Gated, "gated"},
		{c.KVHeads > 0 && c.KVHeads != c.Heads, fmt.Sprintf("kv_heads %d", c.KVHeads)},
		{c.HeadDim > 0 && c.HeadDim*c.Heads != c.Width, fmt.Sprintf("head_dim %d", c.HeadDim)},
		{c.QKNorm, "qk_norm"},
		{c.SlidingWindow > 0, fmt.Sprintf("sliding_window %d", c.SlidingWindow)},
		{c.QKVBias, "qkv_bias"},
		{c.AttProjBias, "att_proj_bias"},
		{c.MLPBias, "mlp_bias"},
		{c.ScaleEmbedding, "scale_embedding"},
	} {
		if f.has {
			all = append(all, f.name)
		}
	}
	return all
}

// maxParams bounds a network so that sizes cannot overflow on the way to memory.
const maxParams = 1 << 40

// Validate reports the first thing wrong with c: a name, its value and what to do.
func (c Config) Validate() error {
	for _, f := range []struct {
		name  string
		value int
	}{{"vocab", c.Vocab}, {"context", c.Context}, {"width", c.Width}, {"heads", c.Heads}, {"blocks", c.Blocks}} {
		if f.value < 1 {
			return fmt.Errorf("%s is %d: it must be at least 1", f.name, f.value)
		}
		if f.value > math.MaxInt32 {
			return fmt.Errorf("%s is %d: more than any network has", f.name, f.value)
		}
	}
	if c.KeyDim < 0 || c.Hidden < 0 || c.KeyDim > math.MaxInt32 || c.Hidden > math.MaxInt32 {
		return fmt.Errorf("key_dim is %d and hidden %d: neither may be negative or more than any network has; 0 is the usual size", c.KeyDim, c.Hidden)
	}
	if c.HeadDim == 0 && c.Width%c.Heads != 0 {
		return fmt.Errorf("%d heads do not divide the width %d: choose a width that is a multiple of the heads, or set head_dim", c.Heads, c.Width)
	}
	if !slices.Contains(Activations, c.Activation) {
		return fmt.Errorf("unknown activation %q: choose one of %v", c.Activation, Activations)
	}
	if !(c.Eps >= 0) || math.IsInf(c.Eps, 0) {
		return fmt.Errorf("eps is %g: it must be a number ≥ 0", c.Eps)
	}
	if err := c.validateChoices(); err != nil {
		return err
	}
	if n := c.approxParams(); n > maxParams {
		return fmt.Errorf("the network would have %.3g parameters: more than %.3g cannot be held", n, float64(maxParams))
	}
	return nil
}

// validateChoices reports the first thing wrong with what differs from GPT-2.
func (c Config) validateChoices() error {
	switch widest := float64(c.Heads) * float64(max(c.QueryDim(), c.ValueDim())); {
	case c.HeadDim < 0 || widest > math.MaxInt32:
		return fmt.Errorf("head_dim is %d, for %d heads: it must be at least 1, or 0 for the width divided by the heads, and all heads together at most %d wide", c.HeadDim, c.Heads, math.MaxInt32)
	case c.KVHeads < 0 || c.Heads%c.KeyHeads() != 0:
		return fmt.Errorf("kv_heads is %d: it must divide the %d heads of queries; 0 is as many", c.KVHeads, c.Heads)
	case c.Norm != LayerNorm && c.Norm != RMSNorm:
		return fmt.Errorf("unknown norm %q: choose %q, or none for layer normalization", c.Norm, RMSNorm)
	case c.Positions != Learned && c.Positions != Rotary && c.Positions != NoPositions:
		return fmt.Errorf("unknown positions %q: choose %q or %q, or none for a table of them", c.Positions, Rotary, NoPositions)
	case c.Positions != Rotary && c.Rotation != Rotation{}:
		return fmt.Errorf("rotation is set, and positions is %q: only %q positions turn", c.Positions, Rotary)
	case c.SlidingWindow < 0:
		return fmt.Errorf("sliding_window is %d: it must be at least 1 token, or 0 for none", c.SlidingWindow)
	case c.Bias && (c.QKVBias || c.AttProjBias || c.MLPBias):
		return fmt.Errorf("bias is true, which means all biases: leave out qkv_bias, att_proj_bias and mlp_bias")
	}
	if c.Positions == Rotary {
		return c.Rotation.validate(c.QueryDim())
	}
	return nil
}

// approxParams counts in float64, where no size can overflow.
func (c Config) approxParams() (n float64) {
	below, block, above := c.layers()
	count := func(layers []layer, times int) {
		for _, l := range layers {
			n += float64(times) * float64(max(l.in.n, 1)) * float64(l.out.n)
		}
	}
	count(below, 1)
	count(block, c.Blocks)
	count(above, 1)
	return n
}
