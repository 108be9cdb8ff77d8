package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
)

// print shows the inspection to people.
func (i *inspection) print(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n", i.Path, i.Kind)
	if i.Name != "" && i.Name != i.Path {
		fmt.Fprintf(w, "  called %s\n", i.Name)
	}
	if i.Network != nil {
		for _, line := range describe(*i.Network) {
			fmt.Fprintln(w, "  "+line)
		}
	}
	if i.Tokenizer != "" {
		fmt.Fprintln(w, "  tokenizer: "+i.Tokenizer)
	}
	if len(i.EOS) > 0 {
		fmt.Fprintf(w, "  a text ends with token %s\n", strings.Trim(fmt.Sprint(i.EOS), "[]"))
	}
	for _, note := range i.Notes {
		fmt.Fprintln(w, "  "+note)
	}
	if len(i.Unknown) > 0 {
		fmt.Fprintf(w, "  config.json says what is not known here, and was passed over: %s\n", strings.Join(i.Unknown, ", "))
	}
	if i.Ledger != nil {
		fmt.Fprintln(w)
		t := plainTable(w)
		t.AppendHeader(table.Row{"layer", "formula", "each", "times", "in all"})
		for _, row := range i.Ledger {
			t.AppendRow(table.Row{row.Name, row.Formula, commas(row.Count), row.Times, commas(row.Total())})
		}
		rightAlign(t, 3, 4, 5)
		t.Render()
	}
	if len(i.Settings) > 0 {
		fmt.Fprintln(w)
		for _, key := range slices.Sorted(maps.Keys(i.Settings)) {
			fmt.Fprintf(w, "%s = %s\n", key, brief(i.Settings[key]))
		}
	}
	for _, f := range i.Files {
		fmt.Fprintf(w, "\n%s: %s bytes\n", f.Name, commas(int(f.Bytes)))
		for _, key := range slices.Sorted(maps.Keys(f.Metadata)) {
			fmt.Fprintf(w, "  %s = %s\n", visible(key), brief(f.Metadata[key]))
		}
		t := plainTable(w)
		t.AppendHeader(table.Row{"tensor", "type", "shape", "read as"})
		for _, x := range i.Tensors {
			if x.File != f.Name {
				continue
			}
			as := x.Ours
			if x.Note != "" {
				as = "– " + x.Note
			}
			t.AppendRow(table.Row{visible(x.Name), x.DType, strings.Join(strings.Fields(strings.Trim(fmt.Sprint(x.Shape), "[]")), "×"), as})
		}
		if t.Length() > 0 {
			t.Render()
		}
	}
}

// brief is a value on one line, shortened; of a list its length.
func brief(v any) string {
	s := fmt.Sprint(v)
	if n := strings.Count(s, " "); strings.HasPrefix(s, "[") && n > 8 {
		return fmt.Sprintf("a list of about %s", commas(n+1))
	}
	s = visible(oneLine(fmt.Errorf("%s", s)))
	if r := []rune(s); len(r) > 100 {
		s = string(r[:100]) + "…"
	}
	return s
}
