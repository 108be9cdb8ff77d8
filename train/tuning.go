package train

import (
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
)

// BaseTokenizer is the value of Options.Tokenizer for the tokenizer of the base.
const BaseTokenizer = "base"

// Values of Tuning.Loss, Format and Packing; "" means the first of each.
const (
	LossCompletions = "completions" // the completion or the assistant's messages; of a text every token
	LossAll         = "all"         // every token

	FormatDocuments = "documents" // examples, or the parts of a text between separators
	FormatWindows   = "windows"   // windows of a text, also across the ends of documents

	PackingOn  = "on"  // several documents in a row, none of which sees another
	PackingOff = "off" // one document in a row, and padding
)

// Tuning has the options of a run that fine-tunes a base. The zero value means a run from random
// weights.
type Tuning struct {
	Base string `json:"base"` // the path or name that the user gave

	// From is the path or name of the adapter whose training continues; its numbers are in
	// Base.Adapter when the run begins. "" = a new adapter.
	From string `json:"from,omitempty"`

	// AddTokens are the texts of new tokens, see Base.AddTokens.
	AddTokens []string `json:"add_tokens,omitempty"`

	// Full trains all parameters of the base instead of an adapter; Adapter is not used then.
	Full bool `json:"full,omitempty"`

	Adapter  pedestrian.AdapterConfig `json:"adapter,omitzero"`
	Init     AdapterInit              `json:"init,omitempty"`
	LoRAPlus float64                  `json:"lora_plus,omitempty"` // the learning rate of u is this many times that of d; 0 means 1

	Epochs    float64        `json:"epochs,omitempty"`    // passes over the data, if Options.Steps is 0
	Format    string         `json:"format,omitempty"`    // FormatDocuments or FormatWindows; "" = documents for examples and for a text with marks between documents, otherwise windows
	Map       corpus.Columns `json:"map,omitempty"`       // of examples: the column of each field
	Separator string         `json:"separator,omitempty"` // between documents in a text; "" = the end-of-text mark
	Template  string         `json:"template,omitempty"`  // the name or path of the template for conversations
	End       string         `json:"end,omitempty"`       // the text or special token that ends a document; "" = the tokenizer's end-of-text token
	Loss      string         `json:"loss,omitempty"`
	Packing   string         `json:"packing,omitempty"`
	Long      string         `json:"long,omitempty"` // what happens to documents longer than a row, as corpus.Long
}

// hasBase says whether the run has a base.
func (t Tuning) hasBase() bool { return t.Base != "" }

// trainsAdapter says whether the run trains an adapter.
func (t Tuning) trainsAdapter() bool { return t.hasBase() && !t.Full }

// Adapter returns the configuration of the adapter that o trains; nil if it trains all parameters.
func (o Options) Adapter() *pedestrian.AdapterConfig {
	if !o.Tuning.trainsAdapter() {
		return nil
	}
	return &o.Tuning.Adapter
}

// validate returns an error for the first invalid option of t.
func (t Tuning) validate() error {
	if !t.hasBase() {
		return nil
	}
	for _, f := range []struct {
		name, value string
		choices     []string
	}{
		{"format", t.Format, []string{FormatDocuments, FormatWindows}},
		{"loss", t.Loss, []string{LossCompletions, LossAll}}, {"packing", t.Packing, []string{PackingOn, PackingOff}},
		{"long", t.Long, []string{string(corpus.LongCut), string(corpus.LongTruncate)}},
		{"init", string(t.Init), []string{string(Kaiming), string(Gaussian)}},
	} {
		if f.value != "" && !slices.Contains(f.choices, f.value) {
			return fmt.Errorf("%s is %q: choose %s or %s", f.name, f.value, f.choices[0], f.choices[1])
		}
	}
	if !(t.Epochs >= 0 && t.Epochs <= 1e6) {
		return fmt.Errorf("epochs is %g: it must be at least 0 and at most 1e6", t.Epochs)
	}
	if t.Full {
		return nil
	}
	if !(t.LoRAPlus == 0 || t.LoRAPlus >= 1e-3 && t.LoRAPlus <= 1e6) {
		return fmt.Errorf("lora_plus is %g: it must be between 0.001 and 1e6, such as 16, or 0 for one rate", t.LoRAPlus)
	}
	return t.Adapter.Validate()
}

// TuningOptions returns the default options for fine-tuning base: an adapter of rank 8 beside
// every layer of every block, three epochs.
func TuningOptions(base string) Options {
	o := Options{
		Preset: "finetune", Tokenizer: BaseTokenizer, StoryChars: 1_000_000, ValFraction: 0.1, Align: corpus.AlignNone, Reading: ReadingDocuments,
		Tuning:  Tuning{Base: base, Init: Kaiming, Loss: LossCompletions, Packing: PackingOn, Long: string(corpus.LongCut)},
		OnSpike: SpikeWarn, SampleEvery: 100, SampleTokens: 60, Seed: 1,
	}.withDefaults(true)
	o.Config = pedestrian.Config{} // that of the base is used
	return o
}
