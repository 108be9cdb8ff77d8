package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/parity"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A tour goes through the whole house once.
type tour struct {
	steps, threads int
	lora           bool
	out            string
	w              io.Writer
	p              painter
}

func newTourCmd() *cobra.Command {
	var t tour
	cmd := &cobra.Command{
		Use:   "tour",
		Short: "Everything once: verify, train, write a story, look inside",
		Long: `The tour needs no files, no network and no Python. In two to four minutes on 2 cores
you will see

  1  every gradient of the paper's own network checked, and 48 planted bugs caught
  2  a small GPT that learns the built-in stories; its loss comes close to a floor,
     which is known because the stories' grammar is known
  3  a story that the GPT writes
  4  where one of its attention heads looks, and beside it the error on its scores,
     computed by the paper's equations
  5  one of its gradients, computed in three independent ways

The run is kept in runs/, where "pedestrian sample" finds it. Ctrl-C during training
saves the run and prints how to continue.

--lora is the tour of fine-tuning, and takes as long: a GPT learns the stories in which
nobody speaks, and an adapter of 2 % of its size learns those in which somebody does. You
will see the losses of both on both halves, before and after, and merged.`,
		Example: "  pedestrian tour\n  pedestrian tour --lora\n  pedestrian tour --steps 300",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("steps") && t.steps < 1 {
				return usagef("--steps is %d: it must be at least 1; leave it out for the story preset's", t.steps)
			}
			t.w, t.p = cmd.OutOrStdout(), newPainter(cmd.OutOrStdout())
			if t.lora {
				return t.runLoRA(cmd.Context(), cmd.ErrOrStderr())
			}
			return t.run(cmd.Context(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&t.lora, "lora", false, "the tour of fine-tuning")
	f.IntVar(&t.steps, "steps", 0, "steps to train; fewer are faster and end further from the floor (default the story preset's)")
	f.IntVar(&t.threads, "threads", 0, "0 = one a processor; the numbers do not depend on it")
	f.StringVar(&t.out, "out", "", "the run directory (default runs/tour-1, -2, …; with --lora runs/tour-lora-1, -2, …)")
	return cmd
}

// say writes lines; those of a paragraph are broken where the screen ends.
func (t *tour) say(format string, args ...any) {
	fmt.Fprintln(t.w, unfill(fmt.Sprintf(format, args...)))
}

func (t *tour) chapter(n int, title string) {
	t.say("%s", t.p.bold(fmt.Sprintf("%d  %s", n, title)))
}

func (t *tour) run(ctx context.Context, stderr io.Writer) error {
	o, err := train.PresetOptions("story")
	if err != nil {
		return err
	}
	o.Threads, o.SampleEvery = t.threads, 0
	if t.steps != 0 {
		o.Steps = t.steps
		o.Warmup = min(o.Warmup, o.Steps)
		o.EvalEvery = min(o.EvalEvery, max(1, o.Steps))
	}
	if err := o.Validate(); err != nil {
		return usageError{err}
	}
	if t.out == "" {
		t.out = freeRun("tour")
	} else if err := vacant(t.out); err != nil {
		return err
	}

	t.chapter(1, "The paper, verified")
	if err := t.verify(ctx, stderr); err != nil {
		return err
	}
	t.chapter(2, "A GPT learns")
	d, err := train.LoadData(o)
	if err != nil {
		return err
	}
	r, err := train.Start(o, d, t.out)
	if err != nil {
		return usageError{err}
	}
	if err := t.train(ctx, r); err != nil {
		return err
	}
	t.say("The floor is not an estimate: it is what the ideal predictor, which knows the stories'\ngrammar, loses on the same windows.")

	c, _, err := train.LoadBest(t.out)
	if err != nil {
		return err
	}
	t.say("")
	t.chapter(3, "It writes")
	if err := t.story(ctx, c); err != nil {
		return err
	}
	l, err := newLook(c, d)
	if err != nil {
		return err
	}
	t.chapter(4, "Where it looks, and how the loss answers")
	if err := l.attention(t); err != nil {
		return err
	}
	t.chapter(5, "One of its gradients, three ways")
	l.gradient(t)
	t.next()
	return nil
}

// train trains r and shows how, without what needs to be explained first.
func (t *tour) train(ctx context.Context, r *train.Run) error {
	s := newTextScreen(t.w, r)
	s.tour = true
	return runShown(ctx, r, s)
}

// vacant refuses a run directory that cannot be made or is in use, before anything
// else takes its time.
func vacant(dir string) error {
	switch entries, err := os.ReadDir(dir); {
	case len(entries) > 0:
		return usagef("%s holds a run already, or other files: choose another directory with --out", dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return usagef("%s is not a directory to write to: choose another with --out", dir)
	}
	return nil
}

// verify checks the paper's case and says in a few lines what came out.
func (t *tour) verify(ctx context.Context, stderr io.Writer) error {
	c, _ := gradcheck.Find("paper")
	began := time.Now()
	o, finish := parity.Options{Options: gradcheck.Options{Threads: t.threads}}, func() {}
	if isTerminal(stderr) {
		o.Progress, finish = countdown(stderr)
	}
	r, err := parity.Run(ctx, c, o)
	finish()
	if err != nil {
		return fmt.Errorf("verifying: %w", err)
	}
	worst := gradcheck.Number(0)
	for _, rows := range [][]gradcheck.Row{r.Parameters, r.Signals} {
		for _, row := range rows {
			worst = max(worst, row.Differences.Error)
		}
	}
	caught, holds, numeric := 0, 0, 0
	for _, m := range r.Mutants {
		if m.Caught() {
			caught++
		}
	}
	for _, i := range r.Identities {
		if i.Numeric() {
			numeric++
			if i.OK {
				holds++
			}
		}
	}
	t.say("%s. L is the %s of the losses of its tokens; every gradient is ∂L/∂ of a parameter.", c.Title, map[paper.Reduction]string{paper.Sum: "sum", paper.Mean: "mean"}[c.Reduction])
	t.say("%s of %s gradients agree with finite differences (worst error %.0e), and so do\n%d error signals; %d of %d identities hold; %d of %d planted bugs are caught. %.1f s.",
		commas(r.Checked), commas(r.Total), float64(worst), len(r.Signals), holds, numeric, caught, len(r.Mutants), time.Since(began).Seconds())
	if !r.Pass {
		return fmt.Errorf("%s did not verify: \"pedestrian verify\" shows what is wrong", strings.Join(r.Failed(), ", "))
	}
	t.say("%s\n", t.p.good("PASS"))
	return nil
}

// story lets the network tell one story.
func (t *tour) story(ctx context.Context, c *train.Checkpoint) error {
	net := engine.New(c.State.Params, c.State.Adapter, engine.Options{Threads: t.threads})
	defer net.Close()
	w := c.Writer(net)
	s := generate.Sampling{Temperature: 0.7, MaxTokens: 600, Stop: []string{"\n"}, Seed: 4}
	story, err := w.Write(ctx, w.DefaultPrompt(), s, nil)
	if err != nil {
		return fmt.Errorf("writing a story: %w", err)
	}
	for _, line := range wrap(strings.TrimSpace(story.Text), min(terminalWidth(t.w), 80)-4) {
		t.say("    %s", line)
	}
	t.say("")
	return nil
}

func (t *tour) next() {
	t.say("%s", t.p.bold("Where to go from here"))
	for _, n := range [][2]string{
		{"pedestrian sample --temperature 1 -n 3", "more of its stories"},
		{"pedestrian verify", "every gradient in a table"},
		{"pedestrian explain 25", "one equation: softmax"},
		{"pedestrian look " + t.out + " \"One day\"", "both passes of a text of yours"},
		{"pedestrian train --data book.txt --preset char", "a network on your own text"},
		{"pedestrian params", "where GPT-2's parameters are"},
	} {
		t.say("  %-48s %s", n[0], n[1])
	}
	t.say("Without the binary on the path, write \"go run ./cmd/pedestrian\" for \"pedestrian\".")
}
