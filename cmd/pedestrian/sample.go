package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A sampleCommand holds the flags of sample.
type sampleCommand struct {
	train.Sampling
	prompt                    string
	message, system, template string // of a conversation
	talks                     bool   // there is a message
	manner                    string // in which it is answered, a sentence
	n, threads                int
	kv                        string
	tokenizer                 string
	newest, json              bool
}

func newSampleCmd() *cobra.Command {
	t := sampleCommand{Sampling: train.Sampling{Temperature: 0.8, Tokens: 400, Seed: 1}}
	cmd := &cobra.Command{
		Use:   "sample [MODEL]",
		Short: "Let a trained model write",
		Long: `Lets a network go on from a prompt, token by token: that of a run directory (the
checkpoint with the lowest validation loss), of a checkpoint, of a GPT-2 directory of
Hugging Face, of its cache by name, or a model file of llm.c. Without one: the latest
run in runs/.

You will see which model writes and what to expect of it (on standard error), and
the text as it comes (on standard output). The same seed gives the same text.

With --message a network that was fine-tuned on conversations answers it: what the
template of its training writes around messages is written around this one, and the
text is the answer alone.

A network sees no more tokens than its context. When the window is full, the older
half is forgotten and the rest is read again as the beginning of a new one.

With --kv off every token is computed from the whole window; the text must be the
same as with the cache, which is checked, and both times are shown.`,
		Example: "  pedestrian sample\n  pedestrian sample runs/story-1 --prompt \"One day\" --temperature 0.5 -n 3\n  pedestrian sample ./gpt2 --prompt \"Once upon a time\"\n  pedestrian sample runs/chat --message \"Who are you?\"\n  pedestrian sample --kv off --tokens 100",
		Args:    atMostOneModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			t.talks = cmd.Flags().Changed("message")
			return t.run(cmd.Context(), args, cmd.Flags().Changed("prompt"), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&t.prompt, "prompt", "", "what the text begins with (default a paragraph's end)")
	f.StringVar(&t.message, "message", "", "what you say to a network that learnt conversations; it answers")
	f.StringVar(&t.system, "system", "", "with --message: what the system says before")
	f.StringVar(&t.template, "template", "", "with --message: "+strings.Join(corpus.Templates(), ", ")+", or a file (default that of the training)")
	f.IntVarP(&t.n, "n", "n", 1, "texts; the seeds count up")
	f.IntVar(&t.Tokens, "tokens", t.Tokens, "tokens of a text, at most")
	f.Float64Var(&t.Temperature, "temperature", t.Temperature, "0 = always the likeliest token, 1 = as the network says")
	f.IntVar(&t.TopK, "top-k", 0, "only the k likeliest tokens (0 = all)")
	f.Float64Var(&t.TopP, "top-p", 0, "only the likeliest tokens that together have this probability (0 = all)")
	f.Uint64Var(&t.Seed, "seed", t.Seed, "of the choices")
	f.StringVar(&t.Stop, "stop", "", "end the text before this string")
	f.StringVar(&t.tokenizer, "tokenizer", "", "gpt2, bytes, or a tokenizer's path, in the place of the model's own")
	f.StringVar(&t.kv, "kv", "on", "on: keys and values are cached; off: computed anew, and compared")
	f.BoolVar(&t.newest, "newest", false, "the newest checkpoint instead of the best")
	f.IntVar(&t.threads, "threads", 0, "0 = one a processor; the text does not depend on it")
	f.BoolVar(&t.json, "json", false, "print one JSON object a text")
	return cmd
}

func (t *sampleCommand) run(ctx context.Context, args []string, prompted bool, stdout, stderr io.Writer) error {
	if t.kv != "on" && t.kv != "off" {
		return usagef("--kv is %q: choose on or off", t.kv)
	}
	if t.n < 1 || t.threads < 0 {
		return usagef("-n is %d and --threads %d: at least one text, and threads that are not negative", t.n, t.threads)
	}
	if t.talks && prompted {
		return usagef("--message and --prompt: a text is an answer, or goes on")
	}
	if !t.talks && t.system+t.template != "" {
		return usagef("--system and --template belong to --message")
	}
	if err := t.Validate(); err != nil {
		return usageError{err}
	}
	path, err := orLatest(args)
	if err != nil {
		return err
	}
	m, err := openModel(ctx, path, modelOptions{newest: t.newest, tokenizer: t.tokenizer}, stderr)
	if err != nil {
		return err
	}
	if m.Tokenizer == nil {
		return usagef("%s has no tokenizer, without which there is no text: name one with --tokenizer", path)
	}
	net := engine.New(m.Params, m.Adapter, engine.Options{Threads: t.threads})
	defer net.Close()
	w := m.writer(net)
	var text writing
	if t.talks {
		text, err = t.answer(m, w)
	} else {
		text, err = t.goOn(w, prompted)
	}
	if err != nil {
		return usageError{err}
	}
	if !t.json {
		fmt.Fprintf(stderr, "%s\n\n", strings.TrimSpace(header(m)+" "+t.manner))
	}
	ctx, stop := interruptible(ctx, func() {})
	defer stop()
	for i := range t.n {
		s := t.Sampling
		s.Seed += uint64(i)
		if err := t.write(ctx, text, s, i, m.Path, stdout, stderr); err != nil {
			return err
		}
	}
	return nil
}

// header says which model writes and what to expect of it.
func header(m *model) string {
	count := commas(m.Params.Config.Ledger().Total())
	if c := m.Checkpoint; c == nil || imported(c) {
		return strings.Join(append([]string{fmt.Sprintf("%s: %s, %s parameters.", m.Name, m.Kind, count)}, m.Notes...), " ")
	}
	c := m.Checkpoint
	p := c.State.Progress
	loss := "not evaluated"
	if p.Evaluations > 0 {
		loss = "validation loss " + three(p.Last.Loss)
	}
	return fmt.Sprintf("%s: %s parameters, %s, after %s tokens. %s", c.Dir, count, loss, short(float64(p.Tokens)), expectation(c))
}

// expectation is a sentence on what a loss means.
func expectation(c *train.Checkpoint) string {
	loss, d := c.State.Last.Loss, c.Data
	switch {
	case c.Base != nil && c.State.Evaluations > 0:
		return fmt.Sprintf("The base's was %s.", three(c.State.First.Loss))
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

// write writes text number i.
func (t *sampleCommand) write(ctx context.Context, write writing, s train.Sampling, i int, dir string, stdout, stderr io.Writer) error {
	emit := func(piece string) { io.WriteString(stdout, piece) }
	if isTerminal(stdout) {
		emit = func(piece string) { io.WriteString(stdout, visible(piece)) }
	}
	if t.json {
		emit = nil
	} else {
		if i > 0 {
			io.WriteString(stdout, "\n----\n")
		}
		emit(strings.TrimLeft(t.prompt, "\n"))
	}
	s.NoCache = t.kv == "off"
	began := time.Now()
	text, err := write(ctx, s, emit)
	took := time.Since(began)
	if !t.json {
		io.WriteString(stdout, "\n")
	}
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	if err != nil {
		return err
	}
	var cached time.Duration
	if s.NoCache {
		s.NoCache = false
		began = time.Now()
		again, err := write(ctx, s, nil)
		if err != nil {
			return err
		}
		cached = time.Since(began)
		if again.Text != text.Text {
			return fmt.Errorf("the text with the KV cache differs from the text without it: %q and %q", again.Text, text.Text)
		}
	}
	if t.json {
		v := map[string]any{"checkpoint": dir, "text": text.Text, "tokens": text.Tokens, "stopped": text.Stopped,
			"seed": s.Seed, "seconds": took.Seconds()}
		if t.talks {
			v["message"] = t.message
		} else {
			v["prompt"] = t.prompt
		}
		if cached > 0 {
			v["seconds_with_cache"] = cached.Seconds()
		}
		return writeLine(stdout, v)
	}
	if cached > 0 {
		fmt.Fprintf(stderr, "\nThe same text both ways: %s without the KV cache, %s with it (%s tokens).\n",
			took.Round(time.Millisecond), cached.Round(time.Millisecond), commas(text.Tokens))
	}
	return nil
}
