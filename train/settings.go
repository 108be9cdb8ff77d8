package train

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
)

// A Setting is an option with a name, which a flag or a line of a YAML file sets.
type Setting struct {
	Name  string // as in YAML; a flag has hyphens instead of underscores
	About string
	value any // pointer into Options, or written
}

// A notation reads and writes a value of Options in a notation of its own.
type notation struct {
	get func() string
	set func(string) error
}

// Settings returns every setting of o, in the order of a help page. Setting one changes o.
func (o *Options) Settings() []Setting {
	return []Setting{
		{"data", `"stories" for the built-in stories, stories-silent or stories-spoken for those without or with dialogue, @shakespeare-excerpt, or the path of a text file or directory`, &o.Data},
		{"tokenizer", "what a token is: chars, bytes, gpt2, or the path of a tokenizer.json", &o.Tokenizer},
		{"story_chars", "characters of stories to tell, training and validation together", &o.StoryChars},
		{"val", "a text file or directory for validation; without it the end of data is kept", &o.Val},
		{"val_fraction", "share of the text, at its end, kept for validation; 0 = none", &o.ValFraction},
		{"align", "where a window may begin: anywhere, line or paragraph", &o.Align},
		{"begin", "the special token that stands before every document, or none; empty = the tokenizer's for the beginning or else the end of a text", &o.Begin},
		{"width", "d, features of a token", &o.Width},
		{"heads", "n_h, attention heads; divides the width unless head_dim is set", &o.Heads},
		{"blocks", "n_blocks, transformer blocks", &o.Blocks},
		{"context", "n_context, tokens of a window", &o.Context},
		{"vocab", "n_vocab; 0 = as many as the tokenizer has", &o.Vocab},
		{"key_dim", "d_ρ, features of one head's queries and keys; 0 = d/n_h", &o.KeyDim},
		{"hidden", "features after FC_expand; 0 = 4d", &o.Hidden},
		{"activation", "relu, gelu, gelu_tanh or silu", &o.Activation},
		{"eps", "ε inside the root of layer normalization", &o.Eps},
		{"bias", "biases in layer norms and FC layers", &o.Bias},
		{"logits_bias", "a bias on the logits", &o.LogitsBias},
		{"tied", "tie the logits to the token embedding", &o.Tied},
		{"unscaled", "scores of attention are not divided by √d_ρ", &o.Unscaled},
		{"scale_by_block", "scores of attention are divided by i+1 in block i, from 0", &o.ScaleByBlock},
		{"norm", "rmsnorm: the size of a token alone is taken out; empty = layer normalization", named(&o.Norm)},
		{"positions", "rotary: queries and keys turn with their position; none; empty = a table that is learnt", named(&o.Positions)},
		{"rotation", "how they turn: NAME=VALUE with commas between, of base, dims, scaling, factor, low, high, original, fast, slow, scale; empty = base=10000", rotationOf(&o.Rotation)},
		{"gated", "gate, up and down in the place of expand and contract; with silu it is SwiGLU", &o.Gated},
		{"kv_heads", "n_kv, heads of keys and values; divides heads; 0 = as many", &o.KVHeads},
		{"head_dim", "d_h, features of a head, whatever the width is; 0 = d/n_h", &o.HeadDim},
		{"qk_norm", "norms over each head of queries and keys", &o.QKNorm},
		{"sliding_window", "tokens that a token sees, itself among them; 0 = all before it", &o.SlidingWindow},
		{"qkv_bias", "biases of queries, keys and values, where bias is false", &o.QKVBias},
		{"att_proj_bias", "a bias of FC_attProj, where bias is false", &o.AttProjBias},
		{"mlp_bias", "biases of the layers of the MLP, where bias is false", &o.MLPBias},
		{"scale_embedding", "embeddings times √d", &o.ScaleEmbedding},
		{"steps", "updates", &o.Steps},
		{"window", "tokens of a row of a batch; 0 = the context", &o.Window},
		{"batch", "rows of a micro-batch", &o.Batch},
		{"accumulate", "micro-batches of an update", &o.Accumulate},
		{"leaves", "groups of micro-batches whose gradients are added along a tree, so that as many processes can share them; 2ᵏ or 3·2ᵏ, divides accumulate; 0 = 1", &o.Leaves},
		{"lr", "learning rate at the end of the warm-up", &o.LR},
		{"min_lr", "learning rate that the schedule falls to, just after the last step", &o.MinLR},
		{"warmup", "steps from 0 to lr", &o.Warmup},
		{"schedule", "after the warm-up: cosine, linear or constant", &o.Schedule},
		{"beta1", "AdamW, decay of the first moment", &o.Beta1},
		{"beta2", "AdamW, decay of the second moment", &o.Beta2},
		{"adam_eps", "AdamW, beside the root of the second moment", &o.AdamEps},
		{"decay", "AdamW, weight decay of matrices", &o.Decay},
		{"clip", "largest norm of the gradient; 0 = no limit", &o.Clip},
		{"dropout", "probability, on embeddings, attention and residual branches", &o.Dropout},
		{"on_spike", "when a batch's loss or gradient stands out by 6σ: warn, skip or rewind", &o.OnSpike},
		{"eval_every", "steps between evaluations", &o.EvalEvery},
		{"eval_batches", "batches of an evaluation; 0 = the whole validation split", &o.EvalBatches},
		{"patience", "evaluations without a new best before the run ends; 0 = never", &o.Patience},
		{"save_every", "steps between checkpoints; 0 = at every evaluation", &o.SaveEvery},
		{"keep", "newest checkpoints kept, besides the best", &o.Keep},
		{"sample_every", "steps between samples; 0 = none", &o.SampleEvery},
		{"sample_tokens", "length of a sample", &o.SampleTokens},
		{"tensorboard", "write event files for TensorBoard, too, beside metrics.jsonl", &o.TensorBoard},
		{"seed", "of weights, data order and dropout", &o.Seed},
		{"precision", "float32, or bf16 for the operands of large products (weights stay float32)", &o.Precision},
		{"threads", "0 = one a processor; the numbers do not depend on it", &o.Threads},
		{"recompute", "compute activations again in the backward pass: less memory, more time, the same numbers", &o.Recompute},
	}
}

// Flag returns the setting's name on the command line.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Name, "_", "-") }

// String returns the value as Set reads it.
func (s Setting) String() string {
	switch v := s.value.(type) {
	case *int:
		return strconv.Itoa(*v)
	case *uint64:
		return strconv.FormatUint(*v, 10)
	case *float64:
		return strconv.FormatFloat(*v, 'g', -1, 64)
	case *bool:
		return strconv.FormatBool(*v)
	case *string:
		return *v
	case *corpus.Align:
		return string(*v)
	case *pedestrian.Activation:
		return string(*v)
	case notation:
		return v.get()
	}
	return ""
}

// Type returns the kind of value for a help page: "int", "float", "bool" or "string".
func (s Setting) Type() string {
	switch s.value.(type) {
	case *int, *uint64:
		return "int"
	case *float64:
		return "float"
	case *bool:
		return "bool"
	}
	return "string"
}

// Set parses text and sets the value. It does not check ranges; Options.Validate does.
func (s Setting) Set(text string) error {
	var err error
	var wanted string
	switch v := s.value.(type) {
	case *int:
		*v, err = strconv.Atoi(text)
		wanted = "a whole number"
	case *uint64:
		*v, err = strconv.ParseUint(text, 10, 64)
		wanted = "a whole number that is not negative"
	case *float64:
		*v, err = strconv.ParseFloat(text, 64)
		wanted = "a number"
	case *bool:
		*v, err = strconv.ParseBool(text)
		wanted = "true or false"
	case *string:
		*v = text
	case *corpus.Align:
		*v = corpus.Align(text)
	case *pedestrian.Activation:
		*v = pedestrian.Activation(text)
	case notation:
		if err := v.set(text); err != nil {
			return fmt.Errorf("%s is %q: %w", s.Name, text, err)
		}
	}
	if err != nil {
		return fmt.Errorf("%s is %q: it must be %s", s.Name, text, wanted)
	}
	return nil
}

// Set sets the setting with the given name: one of TuningSettings in a run with a base, otherwise
// one of Settings.
func (o *Options) Set(name, text string) error {
	var names []string
	settings := o.Settings()
	if o.Tuning.hasBase() {
		settings = o.TuningSettings()
	}
	for _, s := range settings {
		if s.Name == name {
			return s.Set(text)
		}
		names = append(names, s.Name)
	}
	if n := nearest(name, names); n != "" {
		return fmt.Errorf("unknown setting %q: did you mean %q?", name, n)
	}
	return fmt.Errorf("unknown setting %q", name)
}

// nearest returns the nearest candidate within two edits of name, or "".
func nearest(name string, candidates []string) string {
	best, at := 3, ""
	for _, c := range candidates {
		if d := levenshtein.Distance(strings.ReplaceAll(name, "-", "_"), c, nil); d < best {
			best, at = d, c
		}
	}
	return at
}
