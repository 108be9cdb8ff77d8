package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/docs"
	"github.com/pedestrian-ml/pedestrian/paper"
)

func newExplainCmd() *cobra.Command {
	var full, asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [EQUATION]",
		Short: "One equation: what it says, where it is, how it is checked",
		Long: `Shows one equation of the paper by its number, such as 25 or 31.a. Equations without
a number in the paper have a short name, such as T2 or DoRA. Those of the Llama family,
which are not in the paper, are L1 to L25. Without an argument it lists all of them.

You will see the equation in ASCII and in TeX, its shapes, the function that
computes it, the test and the identities that check it, its errata, and where it is
derived; with --full the derivation too.`,
		Example: "  pedestrian explain\n  pedestrian explain 25\n  pedestrian explain 31.a --full\n  pedestrian explain L3 --full\n  pedestrian explain 40 --json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("explain takes one equation, not %d: see \"%s --help\"", len(args), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			w := cmd.OutOrStdout()
			if len(args) == 0 {
				if asJSON {
					return writeJSON(w, paper.Equations)
				}
				listEquations(w)
				return nil
			}
			number := strings.Trim(args[0], "(). ")
			if rest, ok := strings.CutPrefix(strings.ToLower(number), "eq"); ok {
				number = strings.TrimLeft(rest, "(). ")
			}
			e, ok := paper.FindEquation(number)
			if !ok {
				return usagef("there is no equation %q: the numbers go from 1 to 55.b and from L1 to L25, some have a name such as T2, and \"pedestrian explain\" lists them%s", args[0], parts(number))
			}
			if asJSON {
				return writeJSON(w, e)
			}
			card(w, e)
			if full {
				section, err := derivation(e.Derivation)
				if err != nil {
					return err
				}
				fmt.Fprintf(w, "\n%s", section)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&full, "full", false, "print the derivation too, as Markdown with TeX")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// parts suggests the lettered parts of a number that has only those: 31 is 31.a and 31.b.
func parts(number string) string {
	var found []string
	for _, e := range paper.Equations {
		if strings.HasPrefix(strings.ToLower(e.Number), strings.ToLower(number)+".") {
			found = append(found, e.Number)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(found, " or ") + "?"
}

// listEquations names all of them, and the function that computes each or why there is none.
func listEquations(w io.Writer) {
	t := plainTable(w)
	t.AppendHeader(table.Row{"equation", "what it is, and where"})
	for _, e := range paper.Equations {
		where := e.Func
		if where == "" {
			where = string(e.Status)
		}
		t.AppendRow(table.Row{"(" + e.Number + ")", e.Title + ": " + where})
	}
	t.Render()
}

// card prints everything that the registry knows of an equation.
func card(w io.Writer, e paper.Equation) {
	p := newPainter(w)
	fmt.Fprintf(w, "%s\n\n    %s\n\n", p.bold("("+e.Number+")  "+e.Title), e.ASCII)
	t := plainTable(w)
	row := func(name, value string) {
		if value != "" {
			t.AppendRow(table.Row{name, value})
		}
	}
	row("shape", e.Shapes)
	row("TeX", e.TeX)
	row("status", string(e.Status))
	row("why", e.Why)
	row("code", e.Func)
	row("test", e.Check)
	row("identities", strings.Join(e.Identities, ", "))
	errata := ""
	if len(e.Errata) > 0 {
		errata = strings.Join(e.Errata, ", ") + " in docs/errata.md"
	}
	row("errata", errata)
	row("derivation", e.Derivation)
	t.Render()
}

// derivation is the section of a chapter that begins at an anchor, such as
// "docs/03-attention.md#eq-25", up to the next anchor or heading of a chapter's part.
func derivation(at string) (string, error) {
	file, anchor, _ := strings.Cut(strings.TrimPrefix(at, "docs/"), "#")
	text, err := docs.Files.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading the derivation %s: %w", at, err)
	}
	_, after, ok := strings.Cut(string(text), `<a id="`+anchor+`"></a>`)
	if !ok {
		return "", fmt.Errorf("reading the derivation %s: the chapter has no such place", at)
	}
	var section strings.Builder
	for line := range strings.Lines(strings.TrimLeft(after, "\n")) {
		if strings.HasPrefix(line, "# ") || strings.HasPrefix(line, "## ") && section.Len() > 0 {
			break
		}
		if strings.HasPrefix(line, `<a id="`) {
			if strings.TrimSpace(section.String()) != "" {
				break
			}
			continue
		}
		section.WriteString(line)
	}
	return strings.TrimRight(section.String(), "\n") + "\n", nil
}
