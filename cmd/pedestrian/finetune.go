package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A finetuneCommand holds the flags of finetune that are not settings.
type finetuneCommand struct {
	config, out, resume, base, adapter string
	json                               bool
}

func newFinetuneCmd() *cobra.Command {
	var t finetuneCommand
	o := train.TuningOptions("")
	cmd := &cobra.Command{
		Use:   "finetune BASE",
		Short: "Fine-tune a trained network on your data: an adapter, or all weights",
		Long: `Trains a LoRA adapter beside a trained network, which does not change; with --full
it trains the network itself. BASE is a run directory of "pedestrian train"
or one of its checkpoints, a model directory of Hugging Face, or the name of one,
such as openai-community/gpt2, which is taken from the cache or downloaded.

Data are examples in JSON Lines, a JSON list, CSV, TSV or Parquet: {"text": …},
{"prompt": …, "completion": …}, {"messages": [{"role": …, "content": …}]}, or the
formats of Alpaca and ShareGPT. The completions and the token that ends a text are
learnt. Data may also be a text file, which is learnt window by window, or document by
document if it has marks between them. "pedestrian data" shows what is learnt; @chats
are built-in examples.

You will see the base, the data, the trained parameters and the memory; then the same
as with "pedestrian train"; and at the end checks: every adapted layer has learnt, the
base has not changed, and the merged weights give the logits of base and adapter.
A run holds only the adapter; it finds its base by path and hash. Ctrl-C, SIGTERM and a
terminal that closes save the run and print how to continue; the exit code is then 128
plus the signal's number: 130, 143, 129. --resume takes a run or a checkpoint; with
--out DIR a new run begins from the checkpoint.

Settings come from a YAML file, then from flags.`,
		Example: "  pedestrian finetune openai-community/gpt2 --data chat.jsonl\n  pedestrian finetune runs/story-1 --data stories-spoken --rank 2 --lr 2e-2 --steps 1000\n  pedestrian finetune gpt2/ --data book.txt --targets q:4,v:4 --dora --out runs/book\n  pedestrian finetune --resume runs/book",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("finetune takes one base, not %d: see \"%s --help\"", len(args), cmd.CommandPath())
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&t.config, "config", "", "a YAML file of settings, such as \"rank: 16\"")
	f.StringVar(&t.out, "out", "", "the run directory (default runs/finetune-1, -2, …)")
	f.StringVar(&t.resume, "resume", "", resumeHelp)
	f.StringVar(&t.base, "base", "", "with --resume: where the base is now, if it was moved")
	f.StringVar(&t.adapter, "adapter", "", "continue this adapter: a directory of PEFT, a file in GGUF, or a run of finetune")
	f.BoolVar(&t.json, "json", false, "print events as JSON, one per line")
	addSettings(f, o.TuningSettings())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return t.run(cmd.Context(), args, f, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

func (t *finetuneCommand) run(ctx context.Context, args []string, f *pflag.FlagSet, stdout, stderr io.Writer) error {
	stdout, stderr, err := joinRanks(stdout, stderr)
	if err != nil {
		return err
	}
	var r *train.Run
	switch {
	case t.resume != "" && t.adapter != "":
		return usagef("--adapter begins a new run, and --resume continues one without changes: choose one")
	case t.resume != "" && len(args) > 0:
		return usagef("%q is given together with --resume: the run knows its base; if that was moved, say where with --base", args[0])
	case t.resume != "":
		r, err = t.goOn(ctx, f, stderr)
	case len(args) == 0:
		return usagef("finetune needs a base: a run directory, a model directory or a name such as openai-community/gpt2")
	case t.base != "":
		return usagef("--base goes with --resume; the base of a new run is the argument")
	default:
		r, err = t.begin(ctx, args[0], f, stderr)
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
func (t *finetuneCommand) begin(ctx context.Context, name string, f *pflag.FlagSet, stderr io.Writer) (*train.Run, error) {
	o, err := t.options(name, f)
	if err != nil {
		return nil, usageError{err}
	}
	atLeast := func(c pedestrian.Config, weights int64) error { // of the run, whatever the data are
		least := o.For(c)
		least.Batch = 1
		if a := least.Tuning.Adapter; len(a.Targets) > 0 {
			if err := a.ValidateFor(c); err != nil {
				return usageError{err}
			}
		}
		return fits(least, c, weights, 0)
	}
	open := model.Options{Adapter: t.adapter, Room: atLeast, Frozen: !o.Tuning.Full}
	if o.Tokenizer != train.BaseTokenizer {
		open.Tokenizer = o.Tokenizer
	}
	m, err := openModel(ctx, name, true, open, stderr)
	if err != nil {
		return nil, err
	}
	b, align := m.Base(), alignment(m)
	if b.Adapter != nil {
		from := cmp.Or(t.adapter, name)
		if err := goOnFrom(&o, b, from, name, f.Changed); err != nil {
			return nil, err
		}
	}
	if err := addTokens(&o, &b); err != nil {
		return nil, usageError{err}
	}
	o = o.For(b.Params.Config)
	if !f.Changed("align") && o.Align == corpus.AlignNone && align != "" && train.TellsStories(o.Data) {
		o.Align = align
	}
	if o.Window == 0 && o.Context > longContext {
		o.Window = defaultWindow
	}
	if err := o.Validate(); err != nil {
		return nil, usageError{err}
	}
	d, err := train.LoadTuningData(o, b.Tokenizer, b.Params.Config.Vocab)
	if err == nil && o.Tuning.Template == "" && b.Template != "" && d.Report != nil && d.Report.Kind == corpus.KindMessages {
		o.Tuning.Template = b.Template // conversations go on as the base learnt them
		d, err = train.LoadTuningData(o, b.Tokenizer, b.Params.Config.Vocab)
	}
	if err != nil {
		return nil, usageError{err}
	}
	planned, _ := o.Plan(d)
	if err := fits(planned, o.Config, b.Params.Bytes(), b.Params.Bytes()); err != nil {
		return nil, err
	}
	if t.out == "" {
		t.out = freeRun("finetune")
	}
	r, err := train.Finetune(o, b, d, rankDir(t.out))
	if err != nil {
		return nil, usageError{err}
	}
	return r, nil
}

// Rows have defaultWindow tokens where the context is longer than longContext: what
// attention costs grows with its square, and most examples are shorter.
const longContext, defaultWindow = 512, 256

// options are the defaults, the file and the flags, one over the other.
func (t *finetuneCommand) options(name string, f *pflag.FlagSet) (train.Options, error) {
	o := train.TuningOptions(name)
	var err error
	if t.config != "" {
		o, err = train.ReadTuning(t.config, o)
	}
	if err == nil {
		err = setFlags(&o, f)
	}
	if err != nil {
		return o, err
	}
	given, err := givenSettings(f, t.config)
	if err == nil {
		err = contradictedSettings("finetune", given, o.TuningSettings())
	}
	if err != nil {
		return o, err
	}
	if o.Tuning.Full && given["lr"] == "" {
		o.LR = train.FullRate
	}
	if o.Data == "" {
		return o, fmt.Errorf("finetune needs data: --data FILE, with documents in JSON Lines or a text")
	}
	for _, path := range []string{o.Data, o.Val} { // before a base is fetched for it
		if path == "" || train.TellsStories(path) {
			continue
		}
		if err := corpus.CheckPath(path); err != nil {
			return o, fmt.Errorf("the data: %w", err)
		}
	}
	return o, absolute(&o)
}

// goOn resumes a run.
func (t *finetuneCommand) goOn(ctx context.Context, f *pflag.FlagSet, stderr io.Writer) (*train.Run, error) {
	on, err := resumable(t.resume, t.out, f, stderr)
	if err != nil {
		return nil, err
	}
	c := on.from
	if c.Base == nil {
		return nil, usagef("%s is not a run of finetune: go on with \"pedestrian train --resume %s\"", t.resume, shellQuote(t.resume))
	}
	if c.State.Adapter != nil {
		if t.base != "" {
			if c.Base.Path, err = filepath.Abs(t.base); err != nil {
				return nil, usageError{err}
			}
		}
		if err := model.Attach(ctx, c, surroundings(model.Options{Frozen: true}, "", true, stderr)); err != nil {
			return nil, orNear(err)
		}
	}
	d, err := train.LoadTuningData(c.Options, c.Tokenizer, c.Network.Vocab)
	if err != nil {
		return nil, usageError{err}
	}
	weights, loaded := weightBytes(c)
	if err := fits(c.Options, c.Network, weights, loaded); err != nil {
		return nil, err
	}
	return on.resume(d)
}

// targetNames are the targets of an adapter, with ranks of their own.
func targetNames(o train.Options) string {
	for _, s := range o.TuningSettings() {
		if s.Name == "targets" {
			return strings.ReplaceAll(s.String(), ",", ", ")
		}
	}
	return ""
}
