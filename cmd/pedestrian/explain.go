package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/lesson"
)

func newExplainCmd() *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain [CODE|WORD]",
		Short: "One equation, law, bug or word: a lesson with numbers, code and derivation",
		Long: `Explains one equation of the paper by its number, such as 25 or 31.a, and every other code
that a command prints: table 1 to 3 and names such as DoRA, equations of the Llama family (L1 to L25),
identities (R, X, Y), planted bugs (M, at bf16 B), errata of the paper (S, C, N), the cases of verify.
A range such as 36-42, a chapter such as "chapter 5", or a word such as softmax lists what has that
name; where only one thing has, it is explained. Capital and small letters are the same.
Without an argument it lists what there is.

You will see the formula, what its symbols mean and their shapes, where it is in the code, the
formula in numbers with a check by finite differences, and the derivation, each move with its reason.
On a terminal the moves come one at a time: Enter shows the next, q ends. In a pipe all is printed.`,
		Example: "  pedestrian explain\n  pedestrian explain 25\n  pedestrian explain softmax\n  pedestrian explain r13\n  pedestrian explain \"table 2\"\n  pedestrian explain L3 --full\n  pedestrian explain 40 --json",
		Args: func(cmd *cobra.Command, args []string) error {
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.in, o.w = cmd.InOrStdin(), cmd.OutOrStdout()
			return o.run(strings.Join(args, " "))
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.full, "full", false, "print the section of the chapter too")
	f.BoolVar(&o.all, "all", false, "on a terminal too, print all moves at once")
	f.BoolVar(&o.asJSON, "json", false, "print JSON: the lesson, or the list")
	return cmd
}

type explainOptions struct {
	full, all, asJSON bool
	in                io.Reader
	w                 io.Writer
}

func (o explainOptions) run(typed string) error {
	if typed == "" {
		if o.asJSON {
			return writeJSON(o.w, lesson.Entries())
		}
		listEverything(o.w)
		return nil
	}
	found := lesson.Find(typed)
	switch {
	case len(found) == 0:
		hint := ""
		if near := lesson.Nearest(typed); near != "" {
			hint = fmt.Sprintf(": did you mean %q?", near)
		}
		return usagef("there is nothing called %q to explain%s; \"pedestrian explain\" lists what there is", typed, hint)
	case len(found) > 1:
		if o.asJSON {
			return writeJSON(o.w, found)
		}
		listEntries(o.w, typed, found)
		return nil
	}
	l, err := lesson.Of(found[0])
	if err != nil {
		return err
	}
	if o.asJSON {
		return writeJSON(o.w, l)
	}
	t := lecturer{w: o.w, p: newPainter(o.w)}
	if !o.all {
		t.wait = waiter(o.in, o.w)
	}
	if err := t.teach(l); err != nil {
		return err
	}
	if o.full && l.Derived != "" { // else it was the moves
		section, err := lesson.Section(l.Registry.Derivation)
		if err != nil {
			return err
		}
		t.heading(l.Registry.Derivation)
		t.blocks(section)
	}
	return nil
}

// listEverything lists the equations by chapters, and what other codes there are.
func listEverything(w io.Writer) {
	p := newPainter(w)
	for _, c := range lesson.Chapters() {
		fmt.Fprintf(w, "%s\n", p.bold(c.Title))
		listLines(w, c.Entries)
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%s\n", p.bold("Other codes"))
	for _, k := range []struct {
		kind   lesson.Kind
		plural string
	}{{lesson.Identity, "identities"}, {lesson.Bug, "bugs"}, {lesson.Erratum, "errata"}, {lesson.Case, "cases"}, {lesson.Exercise, "exercises"}} {
		span := lesson.Span(k.kind)
		if k.kind == lesson.Exercise {
			span = "of derive"
		}
		fmt.Fprintf(w, "  %-12s %s: pedestrian explain %s\n", k.plural, span, k.plural)
	}
	fmt.Fprintf(w, "\n\"pedestrian explain 25\" explains one; so do a code, such as r13, and a word, such as softmax.\n")
}

// listEntries lists what a word names, by kinds.
func listEntries(w io.Writer, typed string, found []lesson.Entry) {
	p := newPainter(w)
	for _, k := range lesson.Kinds {
		var of []lesson.Entry
		for _, e := range found {
			if e.Kind == k {
				of = append(of, e)
			}
		}
		if of != nil {
			fmt.Fprintf(w, "%s\n", p.bold(kindsCalled(len(of), k)))
			listLines(w, of)
		}
	}
	e := found[0]
	fmt.Fprintf(w, "\n%d are called %q. One is explained by its code: pedestrian explain %s\n", len(found), typed, entryName(e))
}

// entryName is what explains just this entry.
func entryName(e lesson.Entry) string {
	name := e.Code
	if is := lesson.Find(name); len(is) != 1 || is[0].Kind != e.Kind {
		name = string(e.Kind) + " " + name
	}
	if strings.ContainsAny(name, " ()'") {
		return "\"" + name + "\""
	}
	return name
}

// kindsCalled is what several of a kind are called.
func kindsCalled(n int, k lesson.Kind) string {
	switch {
	case n == 1:
		return string(k)
	case k == lesson.Identity:
		return "identities"
	case k == lesson.Erratum:
		return "errata"
	}
	return string(k) + "s"
}

// listLines prints one line for each entry.
func listLines(w io.Writer, entries []lesson.Entry) {
	wide := 0
	for _, e := range entries {
		wide = max(wide, columns(e.Code))
	}
	for _, e := range entries {
		fmt.Fprintf(w, "  %s  %s\n", padded(e.Code, wide), e.Title)
	}
}
