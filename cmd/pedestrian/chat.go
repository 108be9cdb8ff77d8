package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
)

func newChatCmd() *cobra.Command {
	t := sampleCommand{Sampling: generate.Sampling{Temperature: 0.8, MaxTokens: 400, Seed: 1}, n: 1}
	cmd := &cobra.Command{
		Use:   "chat [MODEL]",
		Short: "Talk with a model that learnt conversations",
		Long: `Opens a conversation with a model: a run of finetune, a directory of Hugging Face, a
GGUF file, or a name on the hub; with --adapter, an adapter beside it. Without MODEL it
is the latest run in runs/. Turns are written in the template of the training, or that
of the model.

What you type is answered as it is written. Ctrl-C stops the answer; a second one
leaves. A network sees no more tokens than its context: when the conversation is
longer, its oldest turns leave, but never the system text, and that is said once.

  /reset        forget the conversation; the system text stays
  /save FILE    append the conversation to FILE, a line of JSON that finetune reads
  /help         these commands
  /exit         leave, as Ctrl-D does

A message that begins with a slash is written with two. In a pipe each line is a turn,
the answers are printed alone, and a wrong command ends the program; with --json each
answer is a JSON object on a line.`,
		Example: "  pedestrian chat runs/chat\n  pedestrian chat HuggingFaceTB/SmolLM2-135M-Instruct --adapter runs/chat --system \"Be brief.\"\n  printf 'Who are you?\\nWhy?\\n' | pedestrian chat runs/chat --temperature 0",
		Args:    atMostOneModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.chat(cmd.Context(), args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&t.system, "system", "", "what the system says before the conversation")
	f.StringVar(&t.template, "template", "", strings.Join(corpus.Templates(), ", ")+", or a file (default that of the training, or of the model)")
	t.addFlags(f)
	f.BoolVar(&t.json, "json", false, "print one JSON object an answer")
	return cmd
}

// chat opens the model and talks until the input ends.
func (t *sampleCommand) chat(ctx context.Context, args []string, in io.Reader, stdout, stderr io.Writer) error {
	if t.threads < 0 {
		return usagef("--threads is %d: it must not be negative", t.threads)
	}
	m, err := t.open(ctx, args, stderr)
	if err != nil {
		return err
	}
	template, err := t.templateOf(m)
	if err != nil {
		return usageError{err}
	}
	net := engine.New(m.Params, m.Adapter, engine.Options{Threads: t.threads, Precision: t.precision.products(), DecoderContext: generate.Context(m.Params.Config)})
	defer net.Close()
	c := &talk{sampleCommand: t, w: m.Writer(net), template: template, context: net.DecoderContext(), stdout: stdout, stderr: stderr}
	c.w.Reuse = true // of a conversation only what is new is read
	if f, ok := in.(*os.File); ok {
		c.person = term.IsTerminal(int(f.Fd()))
	}
	if t.system != "" {
		c.system = []corpus.Message{{Role: corpus.System, Content: t.system}}
	}
	if _, err := c.w.Conversation(template, c.with(corpus.Message{Role: corpus.User, Content: "?"})); err != nil {
		return usageError{err}
	}
	if !t.json {
		fmt.Fprintf(stderr, "%s\n", strings.TrimSpace(header(m)+" "+t.manner))
		if c.person {
			fmt.Fprintln(stderr, "/help lists what you can do; Ctrl-C stops an answer, Ctrl-D leaves.")
		}
		fmt.Fprintln(stderr)
	}
	return c.run(ctx, in)
}

// A talk is a conversation that goes on.
type talk struct {
	*sampleCommand
	w              *generate.Writer
	template       *corpus.Template
	context        int // tokens that the network sees
	person         bool
	stdout, stderr io.Writer

	system  []corpus.Message // at most one
	turns   []corpus.Message // of the user and the assistant, in turns
	left    int              // turns at the beginning that have left the window
	told    bool             // that they did
	answers uint64           // so far; the seeds count up
	signals chan os.Signal
	warned  bool // by the first Ctrl-C since the last line
}

// with is the conversation as the network is shown it, with more after it.
func (c *talk) with(more ...corpus.Message) []corpus.Message {
	ms := append([]corpus.Message(nil), c.system...)
	return append(append(ms, c.turns[c.left:]...), more...)
}

// run answers line by line.
func (c *talk) run(ctx context.Context, in io.Reader) error {
	c.signals = make(chan os.Signal, 4)
	signal.Notify(c.signals, stopSignals()...)
	defer signal.Stop(c.signals)
	done := make(chan struct{})
	defer close(done)
	lines := readTurns(in, done)
	for {
		if c.person {
			fmt.Fprint(verbatim(c.stderr), newPainter(c.stderr).bold("> "))
		}
		select {
		case l, more := <-lines:
			if !more {
				if c.person {
					fmt.Fprintln(c.stderr)
				}
				return nil
			}
			c.warned = false
			leave, err := c.turn(ctx, l)
			if leave || err != nil && (!c.person || errors.As(err, new(stopError))) {
				return err
			}
			if err != nil {
				fmt.Fprintf(c.stderr, "%s\n", oneLine(err))
			}
		case s := <-c.signals:
			if err := c.interrupted(s); err != nil {
				fmt.Fprintln(c.stderr)
				return err
			}
			fmt.Fprintln(c.stderr, "\nCtrl-C again leaves, as /exit does.")
		}
	}
}

// interrupted says whether s ends the program: the first Ctrl-C of a person does not.
func (c *talk) interrupted(s os.Signal) error {
	number, _ := s.(syscall.Signal)
	if s == os.Interrupt && c.person && !c.warned {
		c.warned = true
		return nil
	}
	return stopError{errors.New("interrupted"), signalled(number)}
}

// A line is what was read, or why nothing can be.
type line struct {
	text string
	err  error
}

// turn does what a line says.
func (c *talk) turn(ctx context.Context, l line) (leave bool, err error) {
	if l.err != nil {
		return true, l.err
	}
	text := strings.TrimSpace(l.text)
	switch command, about, _ := strings.Cut(text, " "); {
	case text == "":
		return false, nil
	case strings.HasPrefix(text, "//"):
		text = text[1:]
	case command == "/exit" && about == "":
		return true, nil
	case command == "/reset" && about == "":
		c.turns, c.left, c.told = nil, 0, false
		fmt.Fprintln(c.stderr, "The conversation is forgotten.")
		return false, nil
	case command == "/help" && about == "":
		fmt.Fprint(c.stderr, "/reset        forget the conversation; the system text stays\n/save FILE    append the conversation to FILE, as data for finetune\n/exit         leave\nCtrl-C stops an answer, and a second one leaves.\n")
		return false, nil
	case command == "/save":
		return false, c.save(strings.TrimSpace(about))
	case strings.HasPrefix(text, "/"):
		return false, usagef("there is no command %.40q: /help lists them; a message that begins with a slash is written with two", text)
	}
	return false, c.answer(ctx, text)
}

// save appends the conversation to a file.
func (c *talk) save(path string) error {
	if path == "" {
		return usagef("/save needs a file: /save chats.jsonl")
	}
	if len(c.turns) == 0 {
		return usagef("there is nothing to save yet")
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return usageError{err}
	}
	ms := append(append([]corpus.Message(nil), c.system...), c.turns...)
	if err := errors.Join(writeLine(f, map[string]any{"messages": ms}), f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(c.stderr, "Saved at the end of %s: %s.\n", path, count2(len(c.turns), "message"))
	return nil
}

// fit lets the oldest turns leave until the conversation fits with some room for an answer,
// and returns its tokens.
func (c *talk) fit(message corpus.Message) ([]int32, error) {
	room, before := min(c.MaxTokens, max(1, c.context/4)), c.left
	for {
		tokens, err := c.w.Conversation(c.template, c.with(message))
		if err != nil {
			c.left = before
			return nil, err
		}
		if len(tokens)+room <= c.context || c.left == len(c.turns) && len(tokens) < c.context {
			if c.left > before && !c.told {
				c.told = true
				fmt.Fprintf(c.stderr, "The conversation is longer than the %s tokens that the network sees: from now on its oldest turns leave.\n", commas(c.context))
			}
			return tokens, nil
		}
		if c.left == len(c.turns) { // a message that is not sent makes no turn leave
			c.left = before
			return nil, usagef("the message and what is written around it are %s tokens, and the network sees %s: make it shorter", commas(len(tokens)), commas(c.context))
		}
		c.left = min(len(c.turns), c.left+2)
	}
}

// answer answers a message, until it ends or Ctrl-C stops it.
func (c *talk) answer(ctx context.Context, text string) error {
	message := corpus.Message{Role: corpus.User, Content: text}
	tokens, err := c.fit(message)
	if err != nil {
		return err
	}
	s := c.Sampling
	s.Seed += c.answers
	s.MaxTokens = min(s.MaxTokens, c.context-len(tokens))
	c.answers++
	ctx, cancel := context.WithCancelCause(ctx)
	ended, watched := make(chan struct{}), make(chan struct{})
	var leaves error
	go func() {
		defer close(watched)
		for {
			select {
			case sig := <-c.signals:
				if err := c.interrupted(sig); err != nil && leaves == nil {
					leaves = err
				} else if err != nil && !isHangup(sig) {
					os.Exit(signalled(syscall.SIGINT).code()) // asked twice, and the answer does not end
				}
				cancel(errors.New("stopped"))
			case <-ended:
				return
			}
		}
	}()
	began := time.Now()
	said, shown := "", ""
	results, err := c.w.WriteAll(ctx, []generate.Request{{Sampling: s, Tokens: tokens, Emit: func(piece string) {
		said += piece
		if now := c.template.Answer(said); !c.json && strings.HasPrefix(now, shown) {
			c.show(now[len(shown):])
			shown = now
		}
	}}})
	close(ended)
	<-watched
	stopped := errors.Is(err, context.Canceled)
	cancel(nil)
	if err != nil && !stopped {
		return err
	}
	answer := c.template.Answer(results[0].Text)
	if !stopped || answer != "" {
		c.turns = append(c.turns, message, corpus.Message{Role: corpus.Assistant, Content: answer})
	}
	if c.json {
		err = writeLine(c.stdout, map[string]any{
			"message": text, "answer": answer, "tokens": len(results[0].Tokens), "prompt_tokens": len(tokens), "read_tokens": results[0].Read, "left_out": c.left,
			"stopped": results[0].Stopped, "interrupted": stopped, "seed": s.Seed, "seconds": time.Since(began).Seconds(),
		})
		return errors.Join(leaves, err)
	}
	c.show("\n")
	if stopped && leaves == nil {
		fmt.Fprintln(c.stderr, "(stopped)")
	}
	return leaves
}

// show prints a piece of an answer.
func (c *talk) show(piece string) {
	if isTerminal(c.stdout) {
		piece = visible(piece)
	}
	io.WriteString(verbatim(c.stdout), piece)
}
