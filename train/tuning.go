package train

import (
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
)

// BaseTokenizer is the value of Options.Tokenizer that means that of the base.
const BaseTokenizer = "base"

// Values of Tuning.Loss, Format and Packing; "" is the first of each.
const (
	LossCompletions = "completions" // of a document with a prompt, or with messages, what answers
	LossAll         = "all"         // every token

	FormatDocuments = "documents" // from JSON Lines, or from a text at each separator
	FormatWindows   = "windows"   // of a text, wherever a document ends

	PackingOn  = "on"  // as many documents in a row as fit, none of which sees another
	PackingOff = "off" // one document in a row, and padding
)

// Tuning says how a run goes on from a base. The zero value is a run that begins with
// random weights.
type Tuning struct {
	Base string `json:"base"` // as it was asked for: a path or a name

	// From is the adapter that the run's goes on from, as it was asked for; its numbers are
	// Base.Adapter when the run begins. "" = one that changes nothing yet.
	From string `json:"from,omitempty"`

	// AddTokens are tokens that the base does not have, see Base.AddTokens.
	AddTokens []string `json:"add_tokens,omitempty"`

	// Full trains all parameters of the base; the adapter does not count then.
	Full bool `json:"full,omitempty"`

	Adapter  pedestrian.AdapterConfig `json:"adapter,omitzero"`
	Init     AdapterInit              `json:"init,omitempty"`
	LoRAPlus float64                  `json:"lora_plus,omitempty"` // u learns this many times as fast as d; 0 = as fast

	Epochs    float64        `json:"epochs,omitempty"`    // passes over the data, where Options.Steps is 0
	Format    string         `json:"format,omitempty"`    // FormatDocuments or FormatWindows; "" = documents if they are in JSON Lines or a text has marks between them
	Map       corpus.Columns `json:"map,omitempty"`       // of documents: from which column a field is read
	Separator string         `json:"separator,omitempty"` // of documents in a text; "" = the end-of-text mark
	Template  string         `json:"template,omitempty"`  // how messages become a text
	End       string         `json:"end,omitempty"`       // what ends a document; "" = the tokenizer's end-of-text token
	Loss      string         `json:"loss,omitempty"`
	Packing   string         `json:"packing,omitempty"`
	Long      string         `json:"long,omitempty"` // what happens to documents longer than a row, as corpus.Long
}

// on says whether there is a base.
func (t Tuning) on() bool { return t.Base != "" }

// adapts says whether an adapter is trained.
func (t Tuning) adapts() bool { return t.on() && !t.Full }

// Adapter is the adapter that o trains, nil when it trains all parameters.
func (o Options) Adapter() *pedestrian.AdapterConfig {
	if !o.Tuning.adapts() {
		return nil
	}
	return &o.Tuning.Adapter
}

// validate reports the first thing wrong with t.
func (t Tuning) validate() error {
	if !t.on() {
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

// TuningOptions are the options that a fine-tuning run of base starts from: an adapter
// of rank 8 beside every layer of every block, three epochs.
func TuningOptions(base string) Options {
	o := Options{
		Preset: "finetune", Tokenizer: BaseTokenizer, StoryChars: 1_000_000, ValFraction: 0.1, Align: corpus.AlignNone, Reading: ReadingDocuments,
		Tuning:  Tuning{Base: base, Init: Kaiming, Loss: LossCompletions, Packing: PackingOn, Long: string(corpus.LongCut)},
		OnSpike: SpikeWarn, SampleEvery: 100, SampleTokens: 60, Seed: 1,
	}.filled(true)
	o.Config = pedestrian.Config{} // the base's
	return o
}
