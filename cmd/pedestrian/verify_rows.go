package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
)

// parameters prints table 3, one line a row.
func (v verifyPrinter) parameters() {
	if len(v.r.Parameters) == 0 {
		return
	}
	if v.r.BF16 {
		v.atBF16("table 3, upward", v.r.Parameters)
		return
	}
	t := plainTable(v.w)
	title := "table 3, upward"
	if v.r.Case.Config.Blocks > 1 {
		title = "block, table 3 upward"
	}
	t.AppendHeader(table.Row{title, "shape", "eq", "diff.", "engine64", "engine32", "checked", ""})
	for _, r := range v.r.Parameters {
		t.AppendRow(table.Row{rowName(r), r.Shape, "(" + r.Eq + ")", v.number(max(r.Differences.Error, r.Directions.Error)),
			v.number(r.Engine64.Error), v.number(r.Engine32.Error), fmt.Sprintf("%d/%d", r.Checked, r.Total), v.result(r)})
	}
	rightAlign(t, 4, 5, 6, 7)
	t.SetOutputMirror(&trimmer{w: v.w})
	t.Render()
	v.line("")
}

// rowName leaves room for eight columns in a line of 80 characters.
func rowName(r gradcheck.Row) string {
	name := strings.TrimPrefix(r.Name, "block ")
	if strings.Contains(name, "adapter's") {
		name, _, _ = strings.Cut(name, " (")
	}
	return name
}

// signals prints the error signals. One that occurs in several sequences or
// blocks has one line, unless verbose.
func (v verifyPrinter) signals() {
	if len(v.r.Signals) == 0 {
		return
	}
	if v.r.BF16 {
		v.atBF16("both passes", v.places())
		return
	}
	t := plainTable(v.w)
	t.AppendHeader(table.Row{"error signals", "shape", "eq", "differences", "checked", ""})
	for _, r := range v.places() {
		t.AppendRow(table.Row{r.Name, r.Shape, "(" + r.Eq + ")", v.number(max(r.Differences.Error, r.Directions.Error)),
			fmt.Sprintf("%d/%d", r.Checked, r.Total), v.result(r)})
	}
	rightAlign(t, 4, 5)
	t.SetOutputMirror(&trimmer{w: v.w})
	t.Render()
	v.line("")
}

// atBF16 prints rows of a report at bf16.
func (v verifyPrinter) atBF16(title string, rows []gradcheck.Row) {
	t := plainTable(v.w)
	t.AppendHeader(table.Row{title, "shape", "eq", "bf16", "unrounded", "checked", ""})
	for _, r := range rows {
		t.AppendRow(table.Row{r.Name, r.Shape, "(" + r.Eq + ")", v.number(r.BF16.Error), v.number(*r.Unrounded),
			fmt.Sprintf("%d/%d", r.Checked, r.Total), v.result(r)})
	}
	rightAlign(t, 4, 5, 6)
	t.SetOutputMirror(&trimmer{w: v.w})
	t.Render()
	v.line("")
}

// places joins the rows of one error signal at several places.
func (v verifyPrinter) places() (out []gradcheck.Row) {
	if v.verbose {
		out = slices.Clone(v.r.Signals)
		for i := range out {
			out[i].Name += " at " + out[i].At
		}
		return out
	}
	index, places := map[string]int{}, map[string]int{}
	for _, r := range v.r.Signals {
		places[r.Name]++
		i, seen := index[r.Name]
		if !seen {
			index[r.Name] = len(out)
			out = append(out, r)
			continue
		}
		m := &out[i]
		m.Total, m.Checked, m.Refused, m.OK = m.Total+r.Total, m.Checked+r.Checked, m.Refused+r.Refused, m.OK && r.OK
		m.Differences.Error = max(m.Differences.Error, r.Differences.Error)
		m.Directions.Error = max(m.Directions.Error, r.Directions.Error)
		if r.BF16 != nil {
			c, u := *m.BF16, max(*m.Unrounded, *r.Unrounded)
			c.Error = max(c.Error, r.BF16.Error)
			m.BF16, m.Unrounded = &c, &u
		}
	}
	for i := range out {
		if n := places[out[i].Name]; n > 1 {
			out[i].Shape = fmt.Sprintf("%d × %s", n, out[i].Shape)
		}
	}
	return out
}

func (v verifyPrinter) result(r gradcheck.Row) string {
	s := v.p.good("ok")
	if !r.OK {
		s = v.p.bad("FAIL")
	}
	if r.Theorem || v.verbose {
		s += "  " + v.p.dim(r.How)
	}
	return s
}

// number has two significant digits, four when verbose.
func (v verifyPrinter) number(n gradcheck.Number) string {
	switch {
	case n == 0:
		return "0"
	case v.verbose:
		return fmt.Sprintf("%.3e", float64(n))
	}
	return fmt.Sprintf("%.1e", float64(n))
}

// suspects shows the worst entry of the rows that failed, the likeliest place of
// the mistake first.
func (v verifyPrinter) suspects() {
	rows := v.r.Suspects()
	if len(rows) == 0 {
		return
	}
	const few = 6
	for i, r := range rows {
		if i == few && !v.verbose {
			v.line("and %d more rows (-v shows them)", len(rows)-few)
			break
		}
		place := r.Param
		if r.At != "" {
			place = r.At
		}
		for _, c := range r.Comparisons() {
			if c.OK {
				continue
			}
			what := fmt.Sprintf("entry [%d,%d]", c.Worst.Row, c.Worst.Col)
			if c.Name == "directions" {
				what = fmt.Sprintf("along random direction %d it", c.Worst.Row+1)
			}
			v.line("%s %s (%s) in %s: %s is %.12g; %s: %.12g; error %s, limit %s", v.p.bad("FAIL"), r.Name, r.Eq, place,
				what, float64(c.Worst.Analytic), c.Name, float64(c.Worst.Other), v.number(c.Error), v.number(c.Tolerance))
			break
		}
		if r.Diagnosis != "" {
			v.line("     %s", r.Diagnosis)
		}
	}
	v.line("")
}
