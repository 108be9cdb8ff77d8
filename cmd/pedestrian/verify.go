package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/parity"
)

// errNotVerified ends a run whose report says why: exit code 1.
var errNotVerified = errors.New("FAIL: a gradient is wrong, or a planted bug got away; the report above names it")

// verifyFlags are the flags of pedestrian verify.
type verifyFlags struct {
	cases             string
	options           parity.Options
	mutants, asJSON   bool
	verbose           bool
	literalMask       bool
	missingFrozenPath bool
}

func newVerifyCmd() *cobra.Command {
	f := verifyFlags{options: parity.Options{Options: gradcheck.Options{Seed: 1, Step: gradcheck.DefaultStep}}}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every gradient of the paper, three ways",
		Long: `Checks every parameter of table 3 and every error signal of tables 1 and 2, at a
point where no gain is one and no bias zero:

  differences   central differences of the loss in float64, every entry
  engine64      against the fast implementation in float64
  engine32      the same in float32, the precision that trains

then the identities that the gradients satisfy, and 48 known bugs, planted one at a
time, each in the case that has what it breaks, whatever --case is: each must be caught.

With --bf16 it checks only the engine as train --precision bf16 runs it: the loss, every
gradient and every stored step of table 2, forward and backward. They are compared with
the same equations, with the operands of the large products rounded to bf16 and sums in
float64. Only the order of sums in float32 may make a difference. The column "unrounded"
has the difference from the equations without rounding. 26 wrong roundings are planted,
one at a time, and 31 in networks of the Llama family.

You will see one line for each row: name, shape, equation, the three largest relative
errors, how many numbers were checked, and ok or FAIL. A failure shows its worst
entry, both numbers and, if the pattern is known, the likely cause.

Cases (--case):
` + caseList() + `
Exit codes: 0 PASS, 1 FAIL, 2 wrong use. The two flags that check a wrong
reading of the paper are expected to end with FAIL.`,
		Example: "  pedestrian verify\n  pedestrian verify --case all\n  pedestrian verify --only w_q -v\n  pedestrian verify --only R13\n  pedestrian verify --mutants\n  pedestrian verify --paper-literal-mask\n  pedestrian verify --bf16 --case all",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd) },
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.cases, "case", "paper", "what to check: a case by name, or all")
	fl.StringVar(&f.options.Only, "only", "", "only rows whose name, parameter or (equation) contains this, such as w_q, logits.w, Δ_7 or '(25)'; or one identity, such as R13")
	fl.Uint64Var(&f.options.Seed, "seed", 1, "of the point at which gradients are compared, from 1")
	fl.Float64Var(&f.options.Step, "h", gradcheck.DefaultStep, "step of the central differences")
	fl.BoolVar(&f.mutants, "mutants", false, "list the planted bugs and what caught each")
	fl.BoolVar(&f.options.Float32, "float32", false, "differentiate the float32 engine instead, to see what such a check is worth")
	fl.BoolVar(&f.options.BF16, "bf16", false, "check the engine at bf16 instead, against equations that round the same operands")
	fl.BoolVar(&f.literalMask, "paper-literal-mask", false, "check the causal mask as (13) prints it, 0/1 before the softmax (errata S1)")
	fl.BoolVar(&f.missingFrozenPath, "missing-frozen-path", false, "check LoRA's error signal as §7 prints it, without the frozen layer (errata S2)")
	fl.BoolVar(&f.asJSON, "json", false, "print the reports as JSON")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "every place of every error signal, every claim of every identity, more digits")
	return cmd
}

func caseList() string {
	var b strings.Builder
	for _, c := range gradcheck.Cases() {
		for i, line := range wrap(c.Title, 69) {
			name := c.Name
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(&b, "  %-8s %s\n", name, line)
		}
	}
	return b.String()
}

// chosen returns the cases that the flags ask for, and settles the variant.
func (f *verifyFlags) chosen(cmd *cobra.Command) ([]gradcheck.Case, error) {
	o := &f.options
	if f.literalMask && f.missingFrozenPath {
		return nil, usagef("--paper-literal-mask and --missing-frozen-path are two errors: choose one at a time")
	}
	if f.literalMask {
		o.Variant = gradcheck.LiteralMask
	}
	if f.missingFrozenPath {
		o.Variant = gradcheck.MissingFrozenPath
		if !cmd.Flags().Changed("case") {
			f.cases = "lora"
		}
	}
	if o.BF16 && (o.Float32 || o.Variant != "" || cmd.Flags().Changed("h")) {
		return nil, usagef("--bf16 takes no differences, and checks neither float32 nor a wrong reading: leave out --h, --float32 and the wrong readings")
	}
	if o.Float32 && o.Variant != "" {
		return nil, usagef("--float32 checks the engine, which has no wrong reading to check: leave one of the two flags out")
	}
	if f.mutants && (o.Only != "" || o.Float32 || o.Variant != "") {
		return nil, usagef("--mutants are planted beside a whole check: leave out --only, --float32 and the wrong readings")
	}
	if o.Step == 0 { // to gradcheck it means the default
		return nil, usagef("--h is 0: it must be above 0 and at most 0.1")
	}
	if o.Seed == 0 {
		return nil, usagef("--seed is 0: seeds count from 1")
	}
	if o.Float32 && !cmd.Flags().Changed("h") {
		o.Step = gradcheck.Float32Step
	}
	if f.cases == "all" {
		return gradcheck.Cases(), nil
	}
	c, ok := gradcheck.Find(f.cases)
	if !ok {
		var names []string
		for _, c := range gradcheck.Cases() {
			names = append(names, c.Name)
		}
		return nil, usagef("unknown case %q: choose %s or all", f.cases, strings.Join(names, ", "))
	}
	return []gradcheck.Case{c}, nil
}

func (f *verifyFlags) run(cmd *cobra.Command) error {
	cases, err := f.chosen(cmd)
	if err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // differences make much short-lived garbage: a fifth less time
	ctx, stop := interruptible(cmd.Context(), func() {})
	defer stop()
	out := cmd.OutOrStdout()
	var reports []*gradcheck.Report
	pass := true
	for i, c := range cases {
		o := f.options
		o.NoMutants = i > 0 && !o.BF16 // in float64 they have cases of their own: once is enough
		began := time.Now()
		r, err := f.check(ctx, cmd, c, o)
		if err != nil {
			return err
		}
		pass = pass && r.Pass
		reports = append(reports, r)
		if !f.asJSON {
			if i > 0 {
				fmt.Fprintln(out)
			}
			f.print(out, r, time.Since(began))
		}
	}
	if f.asJSON {
		var v any = reports
		if len(reports) == 1 && f.cases != "all" {
			v = reports[0]
		}
		if err := writeJSON(out, v); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	} else if len(reports) > 1 {
		checked, total, passed := 0, 0, 0
		for _, r := range reports {
			checked, total = checked+r.Checked, total+r.Total
			if r.Pass {
				passed++
			}
		}
		verdict := newPainter(out).good("PASS")
		if !pass {
			verdict = newPainter(out).bad("FAIL")
		}
		fmt.Fprintf(out, "\n%s of %s parameters checked, %d of %d cases. %s\n", commas(checked), commas(total), passed, len(reports), verdict)
	}
	if !pass {
		return errNotVerified
	}
	return nil
}

// check runs one case, with a count of what is done on a terminal.
func (f *verifyFlags) check(ctx context.Context, cmd *cobra.Command, c gradcheck.Case, o parity.Options) (*gradcheck.Report, error) {
	finish := func() {}
	if e := cmd.ErrOrStderr(); isTerminal(e) && !f.asJSON {
		o.Progress, finish = countdown(e)
	}
	r, err := parity.Run(ctx, c, o)
	finish()
	switch {
	case errors.Is(err, context.Canceled):
		return nil, stopped(ctx, fmt.Errorf("verifying %s: interrupted before the end: nothing was established", c.Name))
	case err != nil:
		return nil, usagef("verifying %s: %w", c.Name, err)
	}
	return r, nil
}

// countdown shows how far the differences are, on one line that is wiped in the
// end, and only when they take longer than a second.
func countdown(w io.Writer) (progress func(done, total int), finish func()) {
	var done, total atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		began, shown := time.Now(), false
		for {
			select {
			case <-stop:
				if shown {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			case <-tick.C:
				n, of, spent := done.Load(), total.Load(), time.Since(began)
				if spent < time.Second || n == 0 {
					continue
				}
				left := spent.Seconds() * float64(of-n) / float64(n)
				fmt.Fprintf(w, "\r\x1b[Kdifferentiating: %s of %s numbers, %.0f s to go", commas(int(n)), commas(int(of)), left)
				shown = true
			}
		}
	}()
	progress = func(n, of int) { done.Store(int64(n)); total.Store(int64(of)) }
	return progress, func() { close(stop); <-stopped }
}
