package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/eval"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/train"
)

// An evalCommand holds the flags of eval.
type evalCommand struct {
	eval.Options
	examples
	data            []string
	tokenizer       string
	adapter         string // beside the model
	newest, json    bool
	summary         bool
	stdout, stderr  io.Writer
	model           *model.Model
	began           time.Time
	last            time.Time
	progressed      bool
	reading         corpus.ExampleOptions
	precisionChosen readPrecision
}

func newEvalCmd() *cobra.Command {
	t := evalCommand{examples: newExamples()}
	cmd := &cobra.Command{
		Use:   "eval MODEL --data FILE",
		Short: "How well a model predicts texts, and answers questions",
		Long: `Measures how well a network predicts given texts: the loss in nats per token, the
perplexity, and the bits for each byte of the text, which can be compared between models
with different tokenizers. MODEL is anything that sample takes. --data may be given
several times; the table has a row for each file.

FILE is a text, or examples as finetune reads them, of which the tokens are scored that
training would learn. Each document begins like the texts of the model's training. A
file of questions, {"query", "choices", "gold"} in each line (the field names of
HellaSwag, ARC and MMLU work too), is scored as lm-evaluation-harness does: the choice
with the largest likelihood, in total, per character and per byte.

A text longer than the window is cut. Windows end --stride tokens apart, and each
scores the tokens that the windows before it did not score. With a stride below the
window every token has more tokens before it, and there is more work.

With --json there is one object per line: for each document the ids of its tokens, their
log-probabilities (null where nothing is scored) and ranks (0 is the likeliest token),
and at the end of each file a summary; --summary prints only the summaries.`,
		Example: "  pedestrian eval runs/story-1 --data book.txt --data other.txt\n  pedestrian eval gpt2/ --data test.jsonl --window 1024 --stride 512\n  pedestrian eval runs/chat --data hellaswag.jsonl --json --summary",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("eval takes one model, not %d: see \"%s --help\"", len(args), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			t.stdout, t.stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return t.run(cmd.Context(), args)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVar(&t.data, "data", nil, "a text, examples or questions; several are shown beside each other")
	f.IntVar(&t.Window, "window", 0, "tokens that are seen at once (0 = the context)")
	f.IntVar(&t.Stride, "stride", 0, "tokens between the ends of windows (0 = the window)")
	t.examples.addFlags(f)
	f.StringVar(&t.tokenizer, "tokenizer", "", "gpt2, bytes, or a path, in the place of the model's own")
	f.StringVar(&t.adapter, "adapter", "", "an adapter beside the model: a directory of PEFT, a file in GGUF, or a run of finetune")
	f.StringVar((*string)(&t.precisionChosen), "precision", string(engine.Float32), "float32, or bf16 or q8_0 for weights of a half or a quarter of the size")
	f.BoolVar(&t.newest, "newest", false, "the newest checkpoint instead of the best")
	f.IntVar(&t.Threads, "threads", 0, "0 = one a processor; the numbers do not depend on it")
	f.BoolVar(&t.json, "json", false, "print JSON, one object a line")
	f.BoolVar(&t.summary, "summary", false, "with --json: the summaries alone")
	return cmd
}

func (t *evalCommand) run(ctx context.Context, args []string) error {
	if err := t.precisionChosen.check(); err != nil {
		return err
	}
	switch t.Precision = t.precisionChosen.products(); {
	case len(t.data) == 0:
		return usagef("nothing to evaluate on: name a text, examples or questions with --data")
	case t.summary && !t.json:
		return usagef("--summary belongs to --json")
	case t.Threads < 0:
		return usagef("--threads is %d: it must not be negative", t.Threads)
	}
	path, err := orLatest(args)
	if err != nil {
		return err
	}
	if t.model, err = openModel(ctx, path, false, model.Options{Newest: t.newest, Tokenizer: t.tokenizer, Adapter: t.adapter, Frozen: true, Q8: t.precisionChosen == inBlocks}, t.stderr); err != nil {
		return err
	}
	if t.model.Tokenizer == nil {
		return usagef("%s has no tokenizer, without which a text is no tokens: name one with --tokenizer", path)
	}
	if t.reading, err = t.examples.options(tuning(t.model)); err != nil {
		return usageError{err}
	}
	t.reading.Begin, t.reading.Scored = t.model.Writer(nil).Begin, true
	s, err := eval.NewScorer(t.model.Params, t.model.Adapter, t.Options)
	if err != nil {
		return usageError{err}
	}
	defer s.Close()
	ctx, stop := interruptible(ctx, func() {})
	defer stop()
	if isTerminal(t.stderr) {
		s.Progress = t.progress
	}
	var results []evaluated
	for _, data := range t.data {
		t.began, t.progressed = time.Now(), false
		r, err := t.one(ctx, s, data)
		t.clear()
		switch {
		case ctx.Err() != nil:
			return stopped(ctx, errors.New("interrupted"))
		case err != nil:
			return fmt.Errorf("%s: %w", data, err)
		}
		results = append(results, r)
	}
	if !t.json {
		t.print(s, results)
	}
	return nil
}

// one evaluates one file.
func (t *evalCommand) one(ctx context.Context, s *eval.Scorer, path string) (r evaluated, err error) {
	r.Data, r.Window, r.Stride = path, s.Window, s.Stride
	if corpus.IsQuestions(path) {
		err = t.questions(ctx, s, &r)
	} else {
		err = t.texts(ctx, s, &r)
	}
	r.Seconds = time.Since(t.began).Seconds()
	if err == nil && t.json {
		err = writeLine(t.stdout, r.event())
	}
	return r, err
}

// progress shows on a terminal how far the work on a file is.
func (t *evalCommand) progress(done, total int) {
	now := time.Now()
	if now.Sub(t.last) < 200*time.Millisecond {
		return
	}
	t.last, t.progressed = now, true
	left := time.Duration(float64(now.Sub(t.began)) * float64(total-done) / float64(done))
	fmt.Fprintf(t.stderr, "\r%s\x1b[K", newPainter(t.stderr).dim(fmt.Sprintf("%s of %s windows, %s left", commas(done), commas(total), clock(left))))
}

func (t *evalCommand) clear() {
	if t.progressed {
		fmt.Fprint(t.stderr, "\r\x1b[K")
	}
}

// tuning is what a run of ours was told of its examples; nil of other models.
func tuning(m *model.Model) *train.Tuning {
	if m.Checkpoint == nil || m.Checkpoint.Base == nil {
		return nil
	}
	return &m.Checkpoint.Options.Tuning
}
