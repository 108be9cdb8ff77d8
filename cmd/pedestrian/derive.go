package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A verdictError is an exit code after all was said.
type verdictError int

func (e verdictError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// codes are the exit codes of answers.
var codes = map[derive.Status]int{derive.Right: 0, derive.Wrong: 1, derive.Refused: 2}

func newDeriveCmd() *cobra.Command {
	var asJSON, repair, noLog bool
	var as string
	cmd := &cobra.Command{
		Use:         "derive [EXERCISE [ANSWER]]",
		Annotations: map[string]string{takesArguments: "yes"},
		Short:       "Type a gradient, have it understood: exercises from one bias to a Llama block",
		Long: `Exercises in backpropagation: you type a gradient as a formula, and are told whether it is
right, why, and where it went wrong. It is compared with differences of the loss at five random
points, so every right form counts.

Without an argument: the path, a course of about two hours, with what you have done. With an
exercise: the question, hints, and as many tries as you like. With an answer too: one verdict.
In a formula ' is a transpose, @ a matrix product, * entry by entry, and ~v repeats a vector;
D is the error signal on the output.

Exit codes of an answer: 0 right, 1 wrong, 2 it cannot be read, or its shapes do not fit.
Attempts are kept in $XDG_STATE_HOME/pedestrian/derive.jsonl (~/.local/state), on this machine alone.`,
		Example: "  pedestrian derive\n  pedestrian derive fc_b\n  pedestrian derive w_q \"a_prev' @ D_raw @ k\"\n  pedestrian derive w_q \"a_prev' @ D_raw @ q\" --json\n" +
			"  pedestrian derive bug 1\n  pedestrian derive check proof.txt\n  pedestrian derive grade --rubric rubric.json attempts.jsonl",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return usagef("derive takes an exercise and one answer: put the answer in quotes, \"a_prev' @ D\"")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			w := cmd.OutOrStdout()
			log := attemptLog{path: statePath(), off: noLog}
			if len(args) < 2 && (repair || as != "") {
				return usagef("--repair and --as are about an answer: pedestrian derive %s \"a formula\"", append(args, "EXERCISE")[0])
			}
			if as != "" && (repair || asJSON) {
				return usagef("--as writes the answer in another form and does not grade it: leave out --repair and --json")
			}
			if len(args) == 0 {
				return listExercises(w, log, asJSON)
			}
			x := derive.FindExercise(args[0])
			if x == nil {
				return usagef("there is no exercise %q%s; \"pedestrian derive\" lists them", args[0], nearExercise(args[0]))
			}
			if len(args) == 1 {
				if asJSON {
					return usagef("--json is for a list or for one answer: pedestrian derive %s \"a formula\" --json", x.ID)
				}
				return play(cmd.InOrStdin(), w, cmd.ErrOrStderr(), x, log)
			}
			if as != "" {
				text, err := x.As(args[1], derive.Form(as))
				if err != nil {
					return usagef("%s: %v", args[1], err)
				}
				fmt.Fprintln(verbatim(w), text)
				return nil
			}
			v := x.Grade(args[1])
			log.add(x.ID, args[1], v, 0, cmd.ErrOrStderr())
			if !repair {
				v.Repair = ""
			}
			if asJSON {
				if err := writeJSON(w, v); err != nil {
					return err
				}
			} else {
				printVerdict(w, x, args[1], v, true)
			}
			if code := codes[v.Status]; code != 0 {
				return verdictError(code)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print JSON: the path, or the verdict")
	f.BoolVar(&repair, "repair", false, "show the repaired formula too, where there is one")
	f.StringVar(&as, "as", "", "do not grade: write the answer as tex, mathml, numpy or go")
	f.BoolVar(&noLog, "no-log", false, "do not write the attempt down")
	cmd.AddCommand(newDeriveBugCmd(), newDeriveCheckCmd(), newDeriveGradeCmd())
	return cmd
}

// nearExercise suggests an exercise: one that is called so but for underscores, or else one
// whose id has the typed text in it.
func nearExercise(typed string) string {
	bare := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "") }
	for _, near := range []func(id string) bool{
		func(id string) bool { return id == bare(typed) },
		func(id string) bool { return len(typed) > 1 && strings.Contains(id, bare(typed)) },
		func(id string) bool { return strings.Contains(bare(typed), id) },
	} {
		for _, x := range derive.Exercises {
			if near(bare(x.ID)) {
				return fmt.Sprintf(" (did you mean %q?)", x.ID)
			}
		}
	}
	return ""
}

// listExercises is the path, by sections, with what is done.
func listExercises(w io.Writer, log attemptLog, asJSON bool) error {
	done := log.done()
	if asJSON {
		var all []entry
		for _, x := range derive.Exercises {
			all = append(all, entry{x.ID, x.Title, x.Section, string(x.Level), x.Eq, x.Ask, done[x.ID]})
		}
		return writeJSON(w, append(all, bugEntries(done)...))
	}
	p := newPainter(w)
	section, count, next := "", 0, ""
	for _, x := range derive.Exercises {
		if x.Section != section {
			section = x.Section
			fmt.Fprintf(w, "\n%s\n", p.bold(section))
		}
		mark := " "
		if done[x.ID] {
			mark = p.good("x")
			count++
		} else if next == "" {
			next = x.ID
		}
		fmt.Fprintf(w, "  [%s] %-12s %s\n", mark, x.ID, x.Title)
	}
	count += listBugs(w, done)
	if next == "" && count < len(derive.Exercises)+gradcheck.Hunts() {
		next = bugID(nextBug(done))
	}
	fmt.Fprintf(w, "\n%d of %d done.", count, len(derive.Exercises)+gradcheck.Hunts())
	if next != "" {
		fmt.Fprintf(w, " Next: pedestrian derive %s", next)
	}
	fmt.Fprintln(w)
	return nil
}

// printVerdict underlines the place in what was typed, where typed is shown, and says what is the matter.
func printVerdict(w io.Writer, x *derive.Exercise, typed string, v derive.Verdict, show bool) {
	p := newPainter(w)
	if show {
		fmt.Fprintf(w, "  %s\n", typed)
	}
	if v.Column > 0 && show {
		fmt.Fprintf(w, "  %s%s\n", strings.Repeat(" ", v.Column-1), p.bad(strings.Repeat("^", max(1, min(v.End-v.Column, len([]rune(typed))-v.Column+1)))))
	}
	paint := p.bad
	if v.Status == derive.Right {
		paint = p.good
	}
	word := map[derive.Status]string{derive.Right: "right", derive.Wrong: "wrong", derive.Refused: "not yet"}[v.Status]
	message := v.Message
	if rest, ok := strings.CutPrefix(message, "Right"); ok && v.Status == derive.Right {
		message = strings.TrimLeft(rest, ". ,")
	}
	fmt.Fprintf(w, "%s\n", strings.TrimRight(paint(word)+": "+message, ": "))
	if v.Status == derive.Right {
		for _, line := range x.Shows {
			fmt.Fprintf(w, "  %s\n", line)
		}
		if e, ok := paper.FindEquation(x.Eq); ok {
			says := e.ASCII
			if strings.Count(says, " = ") > 1 { // the others may be asked for next
				says = e.Title
			}
			fmt.Fprintf(w, "That is (%s), %s: pedestrian explain %s\n", e.Number, says, e.Number)
		}
	}
	if v.Repair != "" {
		fmt.Fprintf(w, "A right form: %s\n", v.Repair)
	}
}

func newDeriveCheckCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE|EQUATION",
		Short: "Check a derivation line by line",
		Long: `Checks a derivation: each line is an equation, such as
"frob(D, d(rho @ v)) == frob(D @ v', d(rho)) + frob(rho' @ D, d(v))", evaluated at five random points.
d(x) is the differential of x. A line that begins with == goes on from the line above;
g := D * ~w gives a name. The first line says what it is about, "world head"; "hold a_prev"
keeps a name fixed; lines that begin with # are left out. FILE - is standard input. With the number
of an equation, such as 25, its derivation of ours is shown and checked.

Exit codes: 0 every line is true, 1 a line is false, 2 a line cannot be read.`,
		Example: "  pedestrian derive check proof.txt\n  pedestrian derive check 25",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("derive check takes one file or equation: see \"%s --help\"", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			w := cmd.OutOrStdout()
			d := shipped(args[0])
			if d == nil {
				text, err := readSmall(cmd.InOrStdin(), args[0])
				if e, ok := paper.FindEquation(strings.Trim(args[0], "()")); ok && errors.Is(err, fs.ErrNotExist) {
					return usagef("(%s) has no derivation of ours; these have: %s", e.Number, strings.Join(derived(), ", "))
				}
				if err != nil {
					return err
				}
				if d, err = derive.ParseDerivation(text); err != nil {
					return usagef("%s: %v", args[0], err)
				}
			} else if !asJSON {
				fmt.Fprintf(w, "%s\nworld %s\n", newPainter(w).bold("("+strings.Join(append([]string{d.Eq}, d.Also...), ", ")+") "+d.Title), d.World)
				if len(d.Hold) > 0 {
					fmt.Fprintf(w, "hold %s\n", strings.Join(d.Hold, " "))
				}
			}
			lines := d.Check()
			if asJSON {
				if err := writeJSON(w, lines); err != nil {
					return err
				}
			} else {
				printLines(w, lines)
			}
			worst := 0
			for _, l := range lines {
				worst = max(worst, codes[l.Status])
			}
			if slices.ContainsFunc(lines, func(l derive.LineVerdict) bool { return l.Status == derive.Wrong }) {
				worst = 1
			}
			if worst != 0 {
				return verdictError(worst)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: one verdict a line")
	return cmd
}

// derived lists the numbers of the equations that have a derivation.
func derived() (numbers []string) {
	for _, d := range derive.Derivations {
		numbers = append(append(numbers, d.Eq), d.Also...)
	}
	return numbers
}

// shipped is the derivation of an equation, where arg is a number that has one and not a file.
func shipped(arg string) *derive.Derivation {
	if _, err := os.Stat(arg); err == nil {
		return nil
	}
	if e, ok := paper.FindEquation(strings.Trim(arg, "()")); ok {
		return derive.DerivationOf(e.Number)
	}
	return nil
}

// printLines prints each line with its verdict, and the place of a slip below it.
func printLines(w io.Writer, lines []derive.LineVerdict) {
	p := newPainter(w)
	right := 0
	for _, l := range lines {
		mark := p.good("true ")
		switch l.Status {
		case derive.Wrong:
			mark = p.bad("false")
		case derive.Refused:
			mark = p.bad("?    ")
		default:
			right++
		}
		fmt.Fprintf(w, "%3d %s  %s\n", l.Line, mark, l.Text)
		if l.Status == derive.Right {
			continue
		}
		if l.Column > 0 && l.Column <= len([]rune(l.Text)) && len(l.Text) < 68 {
			fmt.Fprintf(w, "           %s%s\n", strings.Repeat(" ", l.Column-1), p.bad(strings.Repeat("^", max(1, min(l.End-l.Column, len([]rune(l.Text))-l.Column+1)))))
		}
		fmt.Fprintf(w, "           %s\n", l.Message)
	}
	fmt.Fprintf(w, "%d of %d lines are true\n", right, len(lines))
}

// readSmall reads a text of at most 1 MB; "-" is standard input.
func readSmall(in io.Reader, name string) (string, error) {
	const most = 1 << 20
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", usageError{fmt.Errorf("opening it: %w", err)}
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	if len(b) > most {
		return "", usagef("%s is longer than %d bytes", name, most)
	}
	return string(b), nil
}
