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
)

// Activations lists the known activations.
var Activations = []Activation{ReLU, GELU, GELUTanh}

// Config is the shape of a GPT-like network: table 2 of the paper with its
// letters spelled out. The zero value of KeyDim and Hidden means the usual choice.
type Config struct {
	Vocab   int `json:"vocab" yaml:"vocab"`     // n_vocab, distinct tokens
	Context int `json:"context" yaml:"context"` // n_context, longest sequence
	Width   int `json:"width" yaml:"width"`     // d, features of a token
	Heads   int `json:"heads" yaml:"heads"`     // n_h; divides Width, and d_h = Width/Heads
	Blocks  int `json:"blocks" yaml:"blocks"`   // n_blocks, the starred part of table 2 repeated

	KeyDim int `json:"key_dim,omitempty" yaml:"key_dim,omitempty"` // d_ρ, queries and keys of one head; 0 = d_h
	Hidden int `json:"hidden,omitempty" yaml:"hidden,omitempty"`   // features between FC_expand and FC_contract; 0 = 4 d

	Activation Activation `json:"activation" yaml:"activation"`   // g
	Eps        float64    `json:"eps" yaml:"eps"`                 // ε inside the root of layer normalization; the paper has 0, GPT-2 1e-5
	Bias       bool       `json:"bias" yaml:"bias"`               // biases in layer norms and FC layers of the blocks
	LogitsBias bool       `json:"logits_bias" yaml:"logits_bias"` // b_11; the paper has one, GPT-2 does not
	Tied       bool       `json:"tied" yaml:"tied"`               // w_11 = w_tokᵗ: one matrix, two gradient contributions

	// What multiplies the scores in (12); both may be set. False is the paper's and
	// GPT-2's: division by √d_ρ and nothing else.
	Unscaled     bool `json:"unscaled,omitempty" yaml:"unscaled,omitempty"`             // no division by √d_ρ; scale_attn_weights false in transformers
	ScaleByBlock bool `json:"scale_by_block,omitempty" yaml:"scale_by_block,omitempty"` // division by i+1 in block i, the first of which is 0; scale_attn_by_inverse_layer_idx in transformers
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
func (c Config) ValueDim() int { return c.Width / c.Heads }

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

// QKVDim is the number of columns of the fused matrix [w_q | w_k | w_v]: the
// queries of all heads, then their keys, then their values.
func (c Config) QKVDim() int { return 2*c.Heads*c.QueryDim() + c.Width }

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
	if c.Width%c.Heads != 0 {
		return fmt.Errorf("%d heads do not divide the width %d: choose a width that is a multiple of the heads", c.Heads, c.Width)
	}
	if !slices.Contains(Activations, c.Activation) {
		return fmt.Errorf("unknown activation %q: choose one of %v", c.Activation, Activations)
	}
	if !(c.Eps >= 0) || math.IsInf(c.Eps, 0) {
		return fmt.Errorf("eps is %g: it must be a number ≥ 0", c.Eps)
	}
	if n := c.approxParams(); n > maxParams {
		return fmt.Errorf("the network would have %.3g parameters: more than %.3g cannot be held", n, float64(maxParams))
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
