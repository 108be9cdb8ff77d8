// Package train trains a network on text. It draws windows or packs documents into rows,
// accumulates gradients, clips them, updates the weights with AdamW and a schedule, evaluates,
// and saves checkpoints. A run that is resumed from a checkpoint ends with the same bits as a
// run that was not stopped.
//
// State and Options hold everything that the rest of a run depends on; no random generator has
// a state of its own. The package prints nothing: an Observer is called when something happens.
package train

import (
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// Values of Options.Data that mean the built-in stories instead of a path.
const (
	Stories       = "stories"        // all of them
	SilentStories = "stories-silent" // those without dialogue
	SpokenStories = "stories-spoken" // those with dialogue
)

// grammar returns the grammar of the stories that data names; nil if data is a path.
func grammar(data string) *corpus.Grammar {
	switch data {
	case Stories:
		return corpus.Stories(corpus.AnyDialogue)
	case SilentStories:
		return corpus.Stories(corpus.NoDialogue)
	case SpokenStories:
		return corpus.Stories(corpus.OnlyDialogue)
	}
	return nil
}

// TellsStories says whether data names built-in stories, not a path.
func TellsStories(data string) bool { return grammar(data) != nil }

// Options are all choices of a run. A new run needs the sizes of a network and Steps; the rest
// may be zero. A zero that is not a valid value is replaced by a default when a run begins
// ([Start], [Finetune]) or its data are loaded:
//
//	Activation "": GELU, and then an Eps of 0 is 1e-5
//	Batch 12, Accumulate 1, EvalEvery a tenth of Steps, Keep 2, SampleTokens 120
//	AdamEps 0 means that nothing of AdamW was chosen: AdamEps 1e-8, and if they are 0,
//	    LR 1e-3, Beta1 0.9, Beta2 0.99, Clip 1; Schedule "": ScheduleCosine
//	StoryChars 2,000,000; Tokenizer "": characters, or those of the base
//
// and in a run with a base:
//
//	Batch, EvalEvery, Warmup: see Plan; Steps 0: Tuning.Epochs, or 3 epochs if that is 0
//	AdamEps 0: as above, with Beta2 0.999, and with LR FullRate if Tuning.Full
//	Tuning.Adapter with Scaling "": ScaleRank, and if they are zero,
//	    rank 8, an alpha of twice the rank, every layer of every block
//
// With data from memory ([TextData], [ExampleData]) Data, Val, Tokenizer, StoryChars and Reading
// are not used.
type Options struct {
	Preset string `json:"preset" yaml:"preset"` // the preset that these options started from

	Data        string       `json:"data" yaml:"data"`                 // Stories or a half of them, or the path of a text file or a directory of them
	Val         string       `json:"val,omitempty" yaml:"val"`         // the path of text or documents for validation; "" = a part of Data is kept
	Tokenizer   string       `json:"tokenizer" yaml:"tokenizer"`       // "chars", "bytes", "gpt2", or the path of a tokenizer.json or of a directory with one; with a base also "base"
	StoryChars  int          `json:"story_chars" yaml:"story_chars"`   // characters of generated stories, training and validation together
	ValFraction float64      `json:"val_fraction" yaml:"val_fraction"` // fraction of the text, at its end, that is kept for validation if Val is ""; 0 = none
	Align       corpus.Align `json:"align" yaml:"align"`               // where a window may begin
	Begin       string       `json:"begin,omitempty" yaml:"begin"`     // the special token before every document, or "none"; "" = the tokenizer's token that begins a text, otherwise the one that ends it
	Reading     int          `json:"reading,omitempty" yaml:"reading"` // not a setting: ReadingFormer or ReadingDocuments

	pedestrian.Config `yaml:",inline"` // the network; Vocab 0 means as many as the tokenizer has

	Window int `json:"window,omitempty" yaml:"window"` // tokens in a row of a batch; 0 = the context

	Batch      int     `json:"batch" yaml:"batch"`                 // rows of one micro-batch, B
	Accumulate int     `json:"accumulate" yaml:"accumulate"`       // micro-batches of one update
	Leaves     int     `json:"leaves,omitempty" yaml:"leaves"`     // groups of micro-batches whose gradients are added along a tree: 2ᵏ or 3·2ᵏ, a divisor of Accumulate; 0 = 1, all in order
	Steps      int     `json:"steps" yaml:"steps"`                 // updates
	LR         float64 `json:"lr" yaml:"lr"`                       // learning rate at the end of the warm-up
	MinLR      float64 `json:"min_lr" yaml:"min_lr"`               // learning rate to which Schedule falls, one step after the last
	Warmup     int     `json:"warmup" yaml:"warmup"`               // steps from 0 to LR
	Schedule   string  `json:"schedule,omitempty" yaml:"schedule"` // ScheduleCosine, ScheduleLinear or ScheduleConstant; "" = the schedule of older runs, see ScheduleCosine
	Beta1      float64 `json:"beta1" yaml:"beta1"`                 // AdamW, decay of the first moment
	Beta2      float64 `json:"beta2" yaml:"beta2"`                 // AdamW, decay of the second moment
	AdamEps    float64 `json:"adam_eps" yaml:"adam_eps"`           // AdamW, ε added to the root of the second moment
	Decay      float64 `json:"decay" yaml:"decay"`                 // AdamW, weight decay of matrices
	Clip       float64 `json:"clip" yaml:"clip"`                   // largest norm of the gradient; 0 = no limit
	Dropout    float64 `json:"dropout" yaml:"dropout"`             // probability, on embeddings, attention and residual branches

	OnSpike string `json:"on_spike,omitempty" yaml:"on_spike"` // what to do at a spike of the loss or the gradient: SpikeWarn (also ""), SpikeSkip or SpikeRewind

	EvalEvery    int `json:"eval_every" yaml:"eval_every"`       // steps between evaluations
	EvalBatches  int `json:"eval_batches" yaml:"eval_batches"`   // batches of an evaluation, evenly spread; 0 = the whole validation split
	Patience     int `json:"patience" yaml:"patience"`           // evaluations without a new best before the run ends; 0 = never
	SaveEvery    int `json:"save_every" yaml:"save_every"`       // steps between checkpoints; 0 = at evaluations
	Keep         int `json:"keep" yaml:"keep"`                   // number of newest checkpoints that are kept, in addition to the best
	SampleEvery  int `json:"sample_every" yaml:"sample_every"`   // steps between samples; 0 = none
	SampleTokens int `json:"sample_tokens" yaml:"sample_tokens"` // length of a sample

	TensorBoard bool `json:"tensorboard,omitempty" yaml:"tensorboard"` // event files beside metrics.jsonl

	Tuning Tuning `json:"tuning,omitzero" yaml:"tuning"` // of a run with a base

	Seed    uint64 `json:"seed" yaml:"seed"`       // of weights, data order and dropout
	Threads int    `json:"threads" yaml:"threads"` // 0 = one for each processor; no result depends on it

	// Precision is "float32", "bf16", mixed precision, or beside a base in bf16 "bf16x3", which
	// rounds nothing (engine.BF16x3); "" means float32.
	Precision string `json:"precision,omitempty" yaml:"precision"`

	// Recompute computes the activations of blocks again in the backward pass. It takes less
	// memory and more time; the numbers are the same.
	Recompute bool `json:"recompute" yaml:"recompute"`
}

// Length returns the number of tokens in a row of a batch, T.
func (o Options) Length() int {
	if o.Window > 0 {
		return o.Window
	}
	return o.Context
}

// Validate returns an error for the first invalid option, with its name, its value and what to
// do. A vocabulary of 0 is valid and means that of the tokenizer.
func (o Options) Validate() error {
	c := o.Config
	if c.Vocab == 0 {
		c.Vocab = 1
	}
	if err := c.Validate(); err != nil {
		return err
	}
	switch engine.Precision(o.Precision) {
	case "", engine.Float32, engine.BF16:
	case engine.BF16x3:
		if !o.Tuning.trainsAdapter() {
			return fmt.Errorf("precision %q is for an adapter beside a base that stays in bf16: choose %q or %q", engine.BF16x3, engine.Float32, engine.BF16)
		}
	default:
		return fmt.Errorf("unknown precision %q: choose %q, %q or %q", o.Precision, engine.Float32, engine.BF16x3, engine.BF16)
	}
	if o.Data != "" && !(o.Tuning.hasBase() && o.Tokenizer == BaseTokenizer) {
		if err := checkTokenizer(o.Tokenizer); err != nil {
			return err
		}
	}
	if o.Align != "" && o.Align != corpus.AlignNone && o.Align != corpus.AlignLine && o.Align != corpus.AlignParagraph {
		return fmt.Errorf("unknown align %q: choose %s, %s or %s", o.Align, corpus.AlignNone, corpus.AlignLine, corpus.AlignParagraph)
	}
	steps, evalEvery, batch := 1, 1, 1 // the minimum; 0 if Options.Plan sets it
	if o.Tuning.hasBase() {
		evalEvery, batch = 0, 0
	}
	if o.Tuning.hasBase() && o.Tuning.Epochs != 0 {
		steps = 0
	}
	chars := 0
	if TellsStories(o.Data) {
		chars = 1
	}
	for _, f := range []struct {
		name       string
		value, min int
	}{
		{"story_chars", o.StoryChars, chars}, {"batch", o.Batch, batch}, {"accumulate", o.Accumulate, 1}, {"steps", o.Steps, steps},
		{"warmup", o.Warmup, 0}, {"eval_every", o.EvalEvery, evalEvery}, {"eval_batches", o.EvalBatches, 0}, {"patience", o.Patience, 0},
		{"save_every", o.SaveEvery, 0}, {"keep", o.Keep, 1}, {"sample_every", o.SampleEvery, 0},
		{"sample_tokens", o.SampleTokens, 1}, {"threads", o.Threads, 0},
	} {
		if f.value < f.min || f.value > math.MaxInt32 {
			return fmt.Errorf("%s is %d: it must be between %d and %d", f.name, f.value, f.min, math.MaxInt32)
		}
	}
	if err := o.checkLeaves(); err != nil {
		return err
	}
	if tokens := float64(o.Batch) * float64(o.Length()); tokens > math.MaxInt32 {
		return fmt.Errorf("batch %d times context %d is %.3g tokens: more than a step can hold; use accumulate for larger batches", o.Batch, o.Length(), tokens)
	}
	for _, f := range []struct {
		name            string
		value, min, max float64
		open            bool // max itself is not allowed
	}{
		{"lr", o.LR, 0, 1e3, false}, {"min_lr", o.MinLR, 0, 1e3, false},
		{"beta1", o.Beta1, 0, 1, true}, {"beta2", o.Beta2, 0, 1, true}, {"adam_eps", o.AdamEps, 1e-15, 1, false},
		{"decay", o.Decay, 0, 1e3, false}, {"clip", o.Clip, 0, 1e30, false}, {"dropout", o.Dropout, 0, 1, true},
	} {
		if !(f.value >= f.min && f.value <= f.max) || f.open && f.value == f.max {
			than := "at most"
			if f.open {
				than = "below"
			}
			return fmt.Errorf("%s is %g: it must be at least %g and %s %g", f.name, f.value, f.min, than, f.max)
		}
	}
	if o.ValFraction != 0 && !(o.ValFraction >= 0.001 && o.ValFraction <= 0.5) {
		return fmt.Errorf("val_fraction is %g: it must be at least 0.001 and at most 0.5, or 0 for no validation split", o.ValFraction)
	}
	if o.Window < 0 || o.Window > o.Context {
		return fmt.Errorf("window is %d: it must be at most the context of %d, or 0 for all of it", o.Window, o.Context)
	}
	if !slices.Contains([]string{"", SpikeWarn, SpikeSkip, SpikeRewind}, o.OnSpike) {
		return fmt.Errorf("on_spike is %q: choose %s, %s or %s", o.OnSpike, SpikeWarn, SpikeSkip, SpikeRewind)
	}
	if err := o.checkReading(); err != nil {
		return err
	}
	if err := o.Tuning.validate(); err != nil {
		return err
	}
	if !slices.Contains([]string{"", ScheduleCosine, ScheduleLinear, ScheduleConstant}, o.Schedule) {
		return fmt.Errorf("schedule is %q: choose %s, %s or %s", o.Schedule, ScheduleCosine, ScheduleLinear, ScheduleConstant)
	}
	if o.MinLR > o.LR && o.Schedule != ScheduleConstant {
		return fmt.Errorf("min_lr %g is above lr %g: the rate falls from lr to min_lr", o.MinLR, o.LR)
	}
	return nil
}
