package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/train"
)

// runsDir is where runs go and where sample looks for the latest.
const runsDir = "runs"

// A trainCommand holds the flags of train that are not settings.
type trainCommand struct {
	preset, config, out, resume string
	json                        bool
}

func newTrainCmd() *cobra.Command {
	var t trainCommand
	story, _ := train.PresetOptions("story")
	var about strings.Builder
	for _, p := range train.Presets() {
		fmt.Fprintf(&about, "  %-6s %s\n", p.Name, p.About)
	}
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a GPT on the built-in stories or on your text",
		Long: `Trains a network and saves it in a run directory. Without flags it trains on the
built-in stories, for one to three minutes on 2 cores.

You will see the plan (text, parameters, memory, the losses of simple predictors
without a network), one line with the progress, evaluations and samples of generated
text from time to time, the loss curve at the end, and the next command. Ctrl-C,
SIGTERM and a terminal that closes (SIGHUP) finish the step, save, and print how to
continue; the exit code is then 128 plus the signal's number: 130, 143, 129. A second
Ctrl-C exits at once.

--resume takes a run and continues from its newest checkpoint that is whole; or it
takes that checkpoint. With an older checkpoint, or one of another run, give --out DIR:
a new run begins there, and the old run does not change.

Settings come from a preset, then from a YAML file, then from flags; the last one
wins. Presets:
` + about.String(),
		Example: "  pedestrian train\n  pedestrian train --data book.txt --preset char\n  pedestrian train --config small.yaml --steps 5000 --out runs/small\n  pedestrian train --resume runs/small\n  pedestrian train --resume runs/small/step-001000 --out runs/other",
		Args:    noArgs,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&t.preset, "preset", "", "the settings to start from (default story)")
	f.StringVar(&t.config, "config", "", "a YAML file of settings, such as \"width: 128\"")
	f.StringVar(&t.out, "out", "", "the run directory (default runs/PRESET-1, -2, …); with --resume CHECKPOINT, of the new run")
	f.StringVar(&t.resume, "resume", "", resumeHelp)
	f.BoolVar(&t.json, "json", false, "print events as JSON, one per line")
	addSettings(f, story.Settings())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return t.run(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// addSettings makes a flag of each of settings.
func addSettings(f *pflag.FlagSet, settings []train.Setting) {
	for _, s := range settings {
		flag := f.VarPF(&settingFlag{s}, s.Flag(), "", s.About)
		if s.Type() == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
}

// A settingFlag makes a flag of a setting.
type settingFlag struct{ train.Setting }

func (f *settingFlag) Set(text string) error {
	if err := f.Setting.Set(text); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), f.Name+" is "))
	}
	return nil
}

// run is the command: it prepares a run and hands it to runTraining.
func (t *trainCommand) run(ctx context.Context, f *pflag.FlagSet, stdout, stderr io.Writer) error {
	stdout, stderr, err := joinRanks(stdout, stderr)
	if err != nil {
		return err
	}
	var r *train.Run
	if t.resume != "" {
		r, err = t.goOn(f, stderr)
	} else {
		r, err = t.begin(f)
	}
	if err == nil {
		err = shareRun(r)
	}
	if err != nil {
		return err
	}
	return runTraining(ctx, r, t.json, stdout, stderr)
}

// begin starts a new run.
func (t *trainCommand) begin(f *pflag.FlagSet) (*train.Run, error) {
	o, err := t.options(f)
	if err != nil {
		return nil, usageError{err}
	}
	d, err := train.LoadData(o)
	if err != nil {
		return nil, usageError{err}
	}
	if err := fits(o, vocabOf(o, d), 0, 0); err != nil {
		return nil, err
	}
	if t.out == "" {
		t.out = freeRun(o.Preset)
	}
	r, err := train.Start(o, d, rankDir(t.out))
	if err != nil {
		return nil, usageError{err}
	}
	return r, nil
}

// options are the preset, the file and the flags, one over the other.
func (t *trainCommand) options(f *pflag.FlagSet) (o train.Options, err error) {
	switch {
	case t.config != "":
		o, err = train.ReadOptions(t.config, t.preset)
	case t.preset != "":
		o, err = train.PresetOptions(t.preset)
	default:
		o, err = train.PresetOptions("story")
	}
	if err == nil {
		err = setFlags(&o, f)
	}
	var given map[string]string
	if err == nil {
		given, err = givenSettings(f, t.config)
	}
	if err == nil {
		err = contradictedSettings("train", given, o.Settings())
	}
	if err == nil && !train.TellsStories(o.Data) && o.Preset == "story" {
		ownText(&o, given)
	}
	if err == nil {
		err = absolute(&o)
	}
	if err == nil {
		err = o.Validate()
	}
	return o, err
}

// absolute makes paths of texts absolute: whoever resumes the run may stand elsewhere.
func absolute(o *train.Options) (err error) {
	for _, path := range []*string{&o.Data, &o.Val} {
		if err == nil && !train.TellsStories(*path) && !corpus.IsSample(*path) && *path != "" {
			*path, err = filepath.Abs(*path)
		}
	}
	return err
}

// ownText takes back what the story preset chose for the sake of the stories: a text
// of the user's need not have paragraphs, nor be as long. What was given stays.
func ownText(o *train.Options, given map[string]string) {
	if given["align"] == "" {
		o.Align = corpus.AlignNone
	}
	if given["val-fraction"] == "" {
		o.ValFraction = 0.1
	}
}

// setFlags sets what the command line sets.
func setFlags(o *train.Options, f *pflag.FlagSet) (err error) {
	f.Visit(func(fl *pflag.Flag) {
		if s, ok := fl.Value.(*settingFlag); ok && err == nil {
			err = o.Set(s.Name, s.String())
		}
	})
	return err
}

// goOn resumes a run.
func (t *trainCommand) goOn(f *pflag.FlagSet, stderr io.Writer) (*train.Run, error) {
	on, err := resumable(t.resume, t.out, f, stderr)
	if err != nil {
		return nil, err
	}
	c := on.from
	if c.Base != nil {
		return nil, usagef("%s is a run of finetune: go on with \"pedestrian finetune --resume %s\"", t.resume, shellQuote(t.resume))
	}
	d, err := train.LoadData(c.Options)
	if err != nil {
		return nil, usageError{err}
	}
	weights, loaded := weightBytes(c)
	if err := fits(c.Options, c.Network, weights, loaded); err != nil {
		return nil, err
	}
	return on.resume(d)
}

// freeRun is the first of runs/name-1, runs/name-2, … that does not exist.
func freeRun(name string) string {
	for i := 1; ; i++ {
		dir := filepath.Join(runsDir, fmt.Sprintf("%s-%d", name, i))
		if _, err := os.Stat(dir); err != nil {
			return dir
		}
	}
}
