package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/pedestrian-ml/pedestrian/eval"
)

// An evaluated is what eval found of one file.
type evaluated struct {
	Data           string
	Window, Stride int
	Seconds        float64
	Template       string
	Warnings       []string
	Text           *eval.Summary
	Questions      *eval.Accuracy
}

// event is the summary as --json prints it.
func (r evaluated) event() map[string]any {
	v := map[string]any{"event": "summary", "data": r.Data, "window": r.Window, "stride": r.Stride, "seconds": r.Seconds}
	if r.Template != "" {
		v["template"] = r.Template
	}
	if len(r.Warnings) > 0 {
		v["warnings"] = r.Warnings
	}
	if s := r.Text; s != nil {
		v["kind"], v["documents"], v["tokens"], v["scored"], v["first"] = "text", s.Documents, s.Tokens, s.Scored, s.First
		v["nats"], v["loss"], v["perplexity"] = s.Nats, s.Loss(), s.Perplexity()
		v["bytes"] = s.Bytes
		if s.Bytes > 0 {
			v["bits_per_byte"] = s.BitsPerByte()
		}
	}
	if s := r.Questions; s != nil {
		n := float64(s.Questions)
		v["kind"], v["questions"], v["chance"] = "questions", s.Questions, s.Chance()
		for _, m := range []struct {
			name  string
			right int
		}{{"acc", s.Likeliest}, {"acc_norm", s.PerChar}, {"acc_bytes", s.PerByte}} {
			v[m.name] = float64(m.right) / n
			if s.Questions > 1 {
				v[m.name+"_stderr"] = s.StdErr(m.right)
			}
		}
	}
	return v
}

// print is the report for people.
func (t *evalCommand) print(s *eval.Scorer, results []evaluated) {
	w, p := t.stdout, newPainter(t.stdout)
	windows := fmt.Sprintf("Windows of %s tokens, %s apart", commas(s.Window), commas(s.Stride))
	if s.Stride == s.Window {
		windows = fmt.Sprintf("Windows of %s tokens, one behind the other", commas(s.Window))
	}
	fmt.Fprintf(w, "%s: %s parameters. %s, %s.\n", p.bold(t.name()), commas(t.model.Params.Config.Ledger().Total()), windows, t.precisionChosen)
	texts, asked := plainTable(w), plainTable(w)
	texts.AppendHeader(table.Row{"text", "documents", "scored", "loss", "perplexity", "bits/byte", "first"})
	asked.AppendHeader(table.Row{"questions", "number", "likeliest", "per character", "per byte", "chance"})
	rightAlign(texts, 2, 3, 4, 5, 6, 7)
	rightAlign(asked, 2, 3, 4, 5, 6)
	for _, r := range results {
		if s := r.Text; s != nil {
			bits := "–"
			if s.Bytes > 0 {
				bits = fmt.Sprintf("%.4f", s.BitsPerByte())
			}
			texts.AppendRow(table.Row{shortName(r.Data), commas(s.Documents), commas(s.Scored), fmt.Sprintf("%.4f", s.Loss()), fmt.Sprintf("%.4g", s.Perplexity()), bits, fmt.Sprintf("%.1f %%", 100*float64(s.First)/float64(s.Scored))})
		}
		if s := r.Questions; s != nil {
			share := func(right int) string {
				if s.Questions < 2 {
					return fmt.Sprintf("%d of 1", right)
				}
				return fmt.Sprintf("%.1f ± %.1f %%", 100*float64(right)/float64(s.Questions), 100*s.StdErr(right))
			}
			asked.AppendRow(table.Row{shortName(r.Data), commas(s.Questions), share(s.Likeliest), share(s.PerChar), share(s.PerByte), fmt.Sprintf("%.1f %%", 100*s.Chance())})
		}
	}
	for _, rows := range []table.Writer{texts, asked} {
		if rows.Length() > 0 {
			fmt.Fprintln(w)
			rows.Render()
		}
	}
	var warnings []string
	for _, r := range results {
		for _, text := range r.Warnings {
			warnings = append(warnings, shortName(r.Data)+": "+text)
		}
	}
	if slices.ContainsFunc(results, func(r evaluated) bool { return r.Text != nil }) {
		fmt.Fprintf(w, "\nLoss in nats per token; first: what the model itself would have chosen.\n")
	}
	for _, text := range warnings {
		for i, line := range wrap(text, 76) {
			fmt.Fprintf(w, "%s %s\n", map[bool]string{true: p.bad("!"), false: " "}[i == 0], line)
		}
	}
}

// shortName is the end of a path that a table has room for.
func shortName(path string) string {
	const room = 20
	if len(path) <= room {
		return path
	}
	base := []rune(filepath.Base(path))
	if len(base) > room {
		return string(base[:room-1]) + "…"
	}
	return strings.TrimSpace(string(base))
}

// name is what the model is called.
func (t *evalCommand) name() string {
	if t.adapter != "" {
		return t.model.Name + " with the adapter " + t.adapter
	}
	return t.model.Name
}
