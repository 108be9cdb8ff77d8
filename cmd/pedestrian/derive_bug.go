package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
)

// bugID is the name of a hunt in the log.
func bugID(n int) string { return fmt.Sprintf("bug %d", n) }

func newDeriveBugCmd() *cobra.Command {
	var asJSON, noLog bool
	cmd := &cobra.Command{
		Use:         "bug [NUMBER [ANSWER]]",
		Annotations: map[string]string{takesArguments: "yes"},
		Short:       "Find the bug: one of 48 is planted, and you name the line",
		Long: `Plants one of the bugs of "pedestrian verify --mutants" in a network and shows which rows of
verify fail. You ask for numbers, and name the line that does not compute what its equation says:
by the number of the equation, by what it computes, or both, such as 28, D_raw, or "T2 D_5".

Without a number: the bugs, with those that you have found. With an answer: one verdict.

Exit codes of an answer: 0 right, 1 wrong, 2 it names no line.`,
		Example: "  pedestrian derive bug\n  pedestrian derive bug 1\n  pedestrian derive bug 1 28",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return usagef("derive bug takes a number and one answer: put the answer in quotes, \"T2 D_5\"")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			w := cmd.OutOrStdout()
			log := attemptLog{path: statePath(), off: noLog}
			if len(args) == 0 {
				if asJSON {
					return writeJSON(w, bugEntries(log.done()))
				}
				listBugs(w, log.done())
				fmt.Fprintf(w, "\nOne of them is planted in a network: which line is it in? pedestrian derive bug %d\n", nextBug(log.done()))
				return nil
			}
			n, err := strconv.Atoi(args[0])
			if err != nil || n < 1 || n > gradcheck.Hunts() {
				return usagef("there is no bug %q: they are numbered from 1 to %d", args[0], gradcheck.Hunts())
			}
			h, err := gradcheck.NewHunt(cmd.Context(), n)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if asJSON {
					return writeJSON(w, h)
				}
				return hunt(cmd.InOrStdin(), w, cmd.ErrOrStderr(), h, log)
			}
			j := h.Judge(args[1])
			log.add(bugID(n), args[1], verdictOf(j), 0, cmd.ErrOrStderr())
			if asJSON {
				if err := writeJSON(w, j); err != nil {
					return err
				}
			} else {
				printJudgement(w, j)
			}
			if code := codes[verdictOf(j).Status]; code != 0 {
				return verdictError(code)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: the list, what can be seen of one bug, or the verdict")
	cmd.Flags().BoolVar(&noLog, "no-log", false, "do not write the attempt down")
	return cmd
}

// An entry is an exercise or a bug of the path, as JSON.
type entry struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Section string `json:"section"`
	Level   string `json:"level"`
	Eq      string `json:"equation,omitempty"`
	Ask     string `json:"ask"`
	Done    bool   `json:"done"`
}

func bugEntries(done map[string]bool) (all []entry) {
	for n := 1; n <= gradcheck.Hunts(); n++ {
		all = append(all, entry{bugID(n), fmt.Sprintf("find bug %d", n), bugSection, "bug", "", "Which line does not compute what its equation says?", done[bugID(n)]})
	}
	return all
}

// bugSection is the last section of the path.
const bugSection = "find the bug"

// nextBug is the first bug that was not found.
func nextBug(done map[string]bool) int {
	for n := 1; n <= gradcheck.Hunts(); n++ {
		if !done[bugID(n)] {
			return n
		}
	}
	return 1
}

// listBugs prints the numbers of all bugs, with a tick where one was found, and returns how
// many those are.
func listBugs(w io.Writer, done map[string]bool) (found int) {
	p := newPainter(w)
	fmt.Fprintf(w, "\n%s\n", p.bold(bugSection))
	for n := 1; n <= gradcheck.Hunts(); n++ {
		mark := " "
		if done[bugID(n)] {
			mark = p.good("x")
			found++
		}
		fmt.Fprintf(w, "  [%s] %2d", mark, n)
		if n%8 == 0 || n == gradcheck.Hunts() {
			fmt.Fprintln(w)
		}
	}
	return found
}

// hunt lets a learner look for a bug until it is found, or the input ends.
func hunt(in io.Reader, w, stderr io.Writer, h *gradcheck.Hunt, log attemptLog) error {
	p := newPainter(w)
	fmt.Fprintf(w, "%s\n%s\n\n", p.bold(fmt.Sprintf("bug %d in case %s", h.Number, h.Case.Name)), h.Case.Title)
	printRows(w, h, false)
	fmt.Fprint(w, huntHelp)
	read, restore := lineReader(in, w, nil, fmt.Sprintf("bug %d> ", h.Number))
	defer restore()
	hints, answered := 0, false
	for {
		line, err := read()
		line = strings.TrimSpace(line)
		if err != nil && line == "" {
			return leave(w, answered)
		}
		word, rest, _ := strings.Cut(line, " ")
		switch strings.ToLower(word) {
		case "":
			continue
		case "quit", "exit":
			return leave(w, answered)
		case "help", "?":
			fmt.Fprint(w, huntHelp)
			continue
		case "rows":
			printRows(w, h, true)
			continue
		case "lines":
			printHuntLines(w, h)
			continue
		case "cell":
			printCell(w, h, rest)
			continue
		case "hint":
			if hints == len(h.Hints) {
				fmt.Fprintln(w, "There are no more hints; solution names the line.")
				continue
			}
			fmt.Fprintf(w, "Hint %d of %d: %s\n", hints+1, len(h.Hints), h.Hints[hints])
			hints++
			continue
		case "solution":
			fmt.Fprintln(w, "The line: "+h.Solution())
			log.add(bugID(h.Number), "solution", verdictOf(gradcheck.Judgement{Status: "refused"}), hints, stderr)
			continue
		}
		j := h.Judge(line)
		v := verdictOf(j)
		log.add(bugID(h.Number), line, v, hints, stderr)
		printJudgement(w, j)
		answered = true
		if codes[v.Status] == 0 {
			if n := h.Number + 1; n <= gradcheck.Hunts() {
				fmt.Fprintf(w, "Next: pedestrian derive bug %d\n", n)
			}
			return nil
		}
	}
}

const huntHelp = `
rows    all rows of verify          cell D_raw 2 1    a number: row 2, column 1
lines   what can be named           cell D_raw 2 1 at head.1    of another place
hint    solution    quit            28, D_raw, T2 D_5    your answer: the line
`

// printRows prints the rows that fail, or all: the error signals in the order in which they are
// found on the way back, then the parameters. Heads, blocks and sequences share a line.
func printRows(w io.Writer, h *gradcheck.Hunt, all bool) {
	p := newPainter(w)
	fmt.Fprintf(w, "loss %.9g, of the equations %.9g\n", float64(h.Loss), float64(h.Equations))
	shown, right := 0, 0
	for _, rows := range [][]gradcheck.Row{h.Signals, h.Parameters} {
		for _, j := range gradcheck.Join(rows) {
			if j.Failed == 0 {
				if right++; !all {
					continue
				}
			}
			shown++
			verdict := p.good("ok")
			if j.Failed > 0 {
				verdict = p.bad("FAIL")
				if j.Places > 1 {
					verdict += fmt.Sprintf(" in %d of %d places", j.Failed, j.Places)
				}
			}
			off := max(j.Differences.Error, j.Directions.Error)
			fmt.Fprintf(w, "  %-26s %6s  off by %.1e  %s\n", rowName(j.Row), j.Shape, float64(off), verdict)
		}
	}
	if len(h.Laws) > 0 {
		fmt.Fprintln(w, "identities that do not hold: "+strings.Join(h.Laws, ", ")+" (pedestrian explain "+h.Laws[0]+")")
	}
	if !all {
		fmt.Fprintf(w, "rows that fail: %d; that are right: %d\n", shown, right)
	}
}

// printHuntLines lists the lines of the pass, by equation.
func printHuntLines(w io.Writer, h *gradcheck.Hunt) {
	for _, backward := range []bool{false, true} {
		fmt.Fprintln(w, map[bool]string{false: "forward", true: "backward"}[backward])
		var eqs []string
		byEq := map[string][]string{}
		for _, l := range h.Lines {
			if l.Backward != backward {
				continue
			}
			if !slices.Contains(eqs, l.Eq) {
				eqs = append(eqs, l.Eq)
			}
			byEq[l.Eq] = append(byEq[l.Eq], l.Name)
		}
		for _, eq := range eqs {
			number := "(" + eq + ")"
			if eq == "" {
				number = "-"
			}
			text := strings.Join(wrap(strings.Join(byEq[eq], ", "), 66), "\n")
			fmt.Fprintf(w, "  %-10s %s\n", number, strings.ReplaceAll(text, "\n", "\n             "))
		}
	}
}

// asked reads "D_raw 2 1 at head.1".
var asked = regexp.MustCompile(`^(.+?)\s+\[?(\d+)[\s,]+(\d+)\]?(?:\s+at\s+(\S+))?$`)

func printCell(w io.Writer, h *gradcheck.Hunt, text string) {
	m := asked.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		fmt.Fprintln(w, "A number is asked for by name, row and column: cell D_raw 2 1, or cell D_raw 2 1 at head.1")
		return
	}
	row, _ := strconv.Atoi(m[2])
	col, _ := strconv.Atoi(m[3])
	c, err := h.Cell(m[1], m[4], row, col)
	if err != nil {
		fmt.Fprintln(w, "No number: "+err.Error())
		return
	}
	fmt.Fprintf(w, "%s [%d, %d] at %s: %.9g\n", c.Name, row, col, c.At, float64(c.Value))
	switch {
	case c.Kink:
		fmt.Fprintln(w, "  a nudge crosses a kink of ReLU: differences say nothing here")
	case c.Is():
		fmt.Fprintf(w, "  differences, nudging %s: %.9g\n", c.Of, float64(c.Slope))
	case c.Nudged:
		fmt.Fprintf(w, "  the loss changes by %.9g for each unit of it, by differences\n", float64(c.Slope))
	default:
		fmt.Fprintln(w, "  it is no error signal: differences have nothing to compare with")
	}
	if c.Elsewhere > 0 {
		fmt.Fprintf(w, "  and in %d more places: add, for example, at block.0\n", c.Elsewhere)
	}
}

// verdictOf is a judgement as the log keeps it.
func verdictOf(j gradcheck.Judgement) derive.Verdict {
	status := map[string]derive.Status{"right": derive.Right, "wrong": derive.Wrong, "refused": derive.Refused}[j.Status]
	return derive.Verdict{Status: status, ID: j.Status}
}

func printJudgement(w io.Writer, j gradcheck.Judgement) {
	p := newPainter(w)
	word := map[string]string{"right": p.good("right"), "wrong": p.bad("wrong"), "refused": p.bad("not yet")}[j.Status]
	fmt.Fprintln(w, word+": "+j.Message)
}
