package main

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/train"
)

// An examples holds the flags of a command that reads examples and does not train.
type examples struct {
	tuning train.Options // settings that finetune has, too
	format string
	flags  *pflag.FlagSet
}

func newExamples() examples { return examples{tuning: train.TuningOptions("")} }

// exampleSettings are those that say what a file's examples are.
var exampleSettings = []string{"map", "separator", "template", "end", "loss"}

func (t *examples) addFlags(f *pflag.FlagSet, more ...string) {
	t.flags = f
	f.StringVar(&t.format, "format", "", "text, jsonl, json, csv, tsv or parquet (default: as the content says)")
	for _, s := range t.tuning.TuningSettings() {
		if slices.Contains(exampleSettings, s.Name) || slices.Contains(more, s.Name) {
			addSettings(f, []train.Setting{s})
		}
	}
}

// allow refuses a flag whose value is neither of two.
func allow(flag, value, one, other string) error {
	if value != one && value != other {
		return fmt.Errorf("--%s is %q: choose %s or %s", flag, value, one, other)
	}
	return nil
}

// formatNamed is what --format says.
func formatNamed(name string) (corpus.Format, error) {
	if f := corpus.Format(name); f == corpus.FormatAuto || slices.Contains(corpus.Formats(), f) {
		return f, nil
	}
	return "", fmt.Errorf("--format is %q: choose text, jsonl, json, csv, tsv or parquet", name)
}

// options are what the flags say about reading, and where they say nothing, what a run
// was trained with, unless that is nil.
func (t *examples) options(trained *train.Tuning) (o corpus.ExampleOptions, err error) {
	u := t.tuning.Tuning
	if trained != nil {
		take := func(name string, set func()) {
			if !t.flags.Changed(name) {
				set()
			}
		}
		take("map", func() { u.Map = trained.Map })
		take("separator", func() { u.Separator = trained.Separator })
		take("template", func() { u.Template = trained.Template })
		take("end", func() { u.End = trained.End })
		take("loss", func() { u.Loss = trained.Loss })
	}
	if err := allow("loss", u.Loss, train.LossCompletions, train.LossAll); err != nil {
		return o, err
	}
	if o.Format, err = formatNamed(t.format); err != nil {
		return o, err
	}
	o.Separator, o.Columns = u.Separator, u.Map
	o.EncodeOptions = corpus.EncodeOptions{All: u.Loss == train.LossAll, End: u.End}
	if u.Template != "" {
		o.Template, err = corpus.LoadTemplate(u.Template)
	}
	return o, err
}
