package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A sampleCommand holds the flags of sample.
type sampleCommand struct {
	generate.Sampling
	prompts                   []string
	message, system, template string // of a conversation
	talks                     bool   // there is a message
	manner                    string // in which it is answered, a sentence
	n, threads                int
	kv                        string
	precision                 readPrecision
	tokenizer, adapter        string
	newest, json              bool
}

func newSampleCmd() *cobra.Command {
	t := sampleCommand{Sampling: generate.Sampling{Temperature: 0.8, MaxTokens: 400, Seed: 1}}
	cmd := &cobra.Command{
		Use:   "sample [MODEL]",
		Short: "Let a trained model write",
		Long: `Lets a network continue a prompt, token by token. MODEL is a run directory (its
checkpoint with the lowest validation loss), a checkpoint, a model directory of Hugging
Face, a name in its cache, or a model file of GGUF or llm.c. Without MODEL it takes the
latest run in runs/.

You will see which model writes and what to expect of it (on standard error), and the
text while it is generated (on standard output). The same seed gives the same text.

With --message a network that was fine-tuned on conversations answers the message. The
message is put into the template of the training, and only the answer is printed.

A network sees no more tokens than its context. When the window is full, the older half
is dropped, and the rest is read again as the beginning of a new window.

Several texts, by -n or by several --prompt, are generated at the same time, so that
weights are read once for one token of every text. Each text is the same as if it were
generated alone. They are printed in order; the first unfinished one while it is
generated.

With --kv off every token is computed from the whole window. The command checks that the
text is the same as with the cache, and prints both times, one text after another.`,
		Example: "  pedestrian sample\n  pedestrian sample runs/story-1 --prompt \"One day\" --temperature 0.5 -n 3\n  pedestrian sample ./gpt2 --prompt \"Once upon a time\" --prompt \"Long ago\" --precision bf16\n  pedestrian sample runs/chat --message \"Who are you?\"\n  pedestrian sample --kv off --tokens 100",
		Args:    atMostOneModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			t.talks = cmd.Flags().Changed("message")
			return t.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVar(&t.prompts, "prompt", nil, "the beginning of the text (default the beginning of a document, or else of a paragraph); of several, -n texts each")
	f.StringVar(&t.message, "message", "", "a message to a network that was trained on conversations; it answers")
	f.StringVar(&t.system, "system", "", "with --message: the system message")
	f.StringVar(&t.template, "template", "", "with --message: "+strings.Join(corpus.Templates(), ", ")+", or a file (default that of the training)")
	f.IntVarP(&t.n, "n", "n", 1, "number of texts; each has the next seed")
	t.addFlags(f)
	f.StringVar(&t.kv, "kv", "on", "on: keys and values are cached; off: computed again for every token, and compared")
	f.BoolVar(&t.json, "json", false, "print one JSON object for each text")
	return cmd
}

// addFlags adds the flags that chat has, too.
func (t *sampleCommand) addFlags(f *pflag.FlagSet) {
	f.IntVar(&t.MaxTokens, "tokens", t.MaxTokens, "the most tokens of a text")
	f.Float64Var(&t.Temperature, "temperature", t.Temperature, "0 = always the likeliest token, 1 = the network's probabilities")
	f.IntVar(&t.TopK, "top-k", 0, "only the k likeliest tokens (0 = all)")
	f.Float64Var(&t.TopP, "top-p", 0, "only the likeliest tokens that together have this probability (0 = all)")
	f.Uint64Var(&t.Seed, "seed", t.Seed, "seed of the random choices")
	f.StringArrayVar(&t.Stop, "stop", nil, "end the text before this string; of several, before the one that comes first")
	f.StringVar(&t.tokenizer, "tokenizer", "", "gpt2, bytes, or a tokenizer's path, instead of the model's own")
	f.StringVar(&t.adapter, "adapter", "", "an adapter for the model: a directory of PEFT, a file in GGUF, or a run of finetune")
	f.StringVar((*string)(&t.precision), "precision", string(engine.Float32), "float32, or bf16 or q8_0 for weights of a half or a quarter of the size (faster, a different text)")
	f.BoolVar(&t.newest, "newest", false, "the newest checkpoint instead of the best")
	f.IntVar(&t.threads, "threads", 0, "0 = one for each processor; the text does not depend on it")
}

func (t *sampleCommand) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if t.kv != "on" && t.kv != "off" {
		return usagef("--kv is %q: choose on or off", t.kv)
	}
	if t.n < 1 || t.threads < 0 {
		return usagef("-n is %d and --threads %d: at least one text, and threads that are not negative", t.n, t.threads)
	}
	if t.talks && len(t.prompts) > 0 {
		return usagef("--message and --prompt: the text is an answer, or continues a prompt: choose one")
	}
	if !t.talks && t.system+t.template != "" {
		return usagef("--system and --template belong to --message")
	}
	m, err := t.open(ctx, args, stderr)
	if err != nil {
		return err
	}
	net := engine.New(m.Params, m.Adapter, engine.Options{Threads: t.threads, Precision: t.precision.products(), DecoderContext: generate.Context(m.Params.Config)})
	defer net.Close()
	w := m.Writer(net)
	var from []beginning
	if t.talks {
		from, err = t.conversation(m, w)
	} else {
		from, err = t.beginnings(w)
	}
	if err != nil {
		return usageError{err}
	}
	t.manner = strings.TrimSpace(t.manner + " " + t.precision.rounding())
	if !t.json {
		fmt.Fprintf(stderr, "%s\n\n", strings.TrimSpace(header(m)+" "+t.manner))
	}
	ctx, stop := interruptible(ctx, func() {})
	defer stop()
	return t.write(ctx, w, from, m.Path, stdout, stderr)
}

// open checks the flags of addFlags and opens the model that writes, which has a tokenizer.
func (t *sampleCommand) open(ctx context.Context, args []string, stderr io.Writer) (*model.Model, error) {
	if err := t.precision.check(); err != nil {
		return nil, err
	}
	if err := t.Validate(); err != nil {
		return nil, usageError{err}
	}
	if t.MaxTokens < 1 {
		return nil, usagef("the number of tokens is %d: it must be at least 1", t.MaxTokens)
	}
	path, err := orLatest(args)
	if err != nil {
		return nil, err
	}
	room := func(c pedestrian.Config, weights int64) error { return t.room(path, c, nil, weights) }
	m, err := openModel(ctx, path, false, model.Options{Newest: t.newest, Tokenizer: t.tokenizer, Adapter: t.adapter, Room: room, Frozen: true, Q8: t.precision == inBlocks}, stderr)
	if err != nil {
		return nil, err
	}
	var beside *pedestrian.AdapterConfig
	if m.Adapter != nil {
		beside = &m.Adapter.Config
	}
	if err := t.room(path, m.Params.Config, beside, 0); err != nil {
		return nil, err
	}
	if m.Tokenizer == nil {
		return nil, usagef("%s has no tokenizer, without which there is no text: name one with --tokenizer", path)
	}
	return m, nil
}

// room asks for what writing takes beside a network, and for more bytes.
func (t *sampleCommand) room(path string, c pedestrian.Config, l *pedestrian.AdapterConfig, more int64) error {
	texts := t.n
	if texts < 1<<20 {
		texts *= max(1, len(t.prompts))
	}
	need, err := generate.Memory(c, l, engine.Options{Threads: t.threads, Precision: t.precision.products()}, texts)
	if err != nil {
		return usageError{err}
	}
	return memory.Ask(need+more, fmt.Sprintf("%s: a network of %s parameters that writes needs", path, commas(c.Ledger().Total())), "take a smaller model, or free some")
}

// header says which model writes and what to expect of it.
func header(m *model.Model) string {
	count := commas(m.Params.Config.Ledger().Total())
	if c := m.Checkpoint; c == nil || c.Imported() {
		return strings.Join(append([]string{fmt.Sprintf("%s: %s, %s parameters.", m.Name, m.Kind, count)}, m.Notes...), " ")
	}
	c := m.Checkpoint
	p := c.State.Progress
	loss := "not evaluated"
	if p.Evaluations > 0 {
		loss = "validation loss " + three(p.Last.Loss)
	}
	return strings.Join(append([]string{fmt.Sprintf("%s: %s parameters, %s, after %s tokens. %s", c.Dir, count, loss, short(float64(p.Tokens)), expectation(c))}, m.Notes...), " ")
}

// expectation is a sentence on what a loss means.
func expectation(c *train.Checkpoint) string {
	loss, d := c.State.Last.Loss, c.Data
	switch {
	case c.Base != nil && c.State.Evaluations > 0 && c.Options.Tuning.From != "":
		return fmt.Sprintf("Before this run it was %s.", three(c.State.First.Loss))
	case c.Base != nil && c.State.Evaluations > 0:
		return fmt.Sprintf("The base's was %s.", three(c.State.First.Loss))
	case c.State.Evaluations == 0 && c.State.Step > 0 && !c.Options.Validates():
		return "Nothing was kept for validation: it may know its data by heart, and nothing else."
	case c.State.Evaluations == 0 || loss >= d.Unigram:
		return "Expect letters without order."
	case loss >= d.Bigram:
		return "Expect letters as frequent as in the text, and no words."
	case d.Floor > 0 && loss <= 1.05*d.Floor:
		return fmt.Sprintf("That is %s: expect text that keeps the rules of its source.", aboveFloor(loss, d.Floor))
	case d.Floor > 0 && loss <= 1.5*d.Floor:
		return fmt.Sprintf("That is %s: expect right words in sentences that go astray.", aboveFloor(loss, d.Floor))
	case loss >= 0.8*d.Bigram:
		return "Expect syllables, and short words now and then."
	}
	return "Expect words and lines that look right and mean little."
}
