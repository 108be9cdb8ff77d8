package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
)

// A verifyPrinter writes one report.
type verifyPrinter struct {
	w       io.Writer
	p       painter
	r       *gradcheck.Report
	verbose bool
}

func (f *verifyFlags) print(w io.Writer, r *gradcheck.Report, took time.Duration) {
	v := verifyPrinter{w, newPainter(w), r, f.verbose}
	v.head()
	v.parameters()
	v.signals()
	v.suspects()
	v.identities()
	v.errata()
	v.mutants(f.mutants)
	v.verdict(took)
}

func (v verifyPrinter) line(format string, args ...any) { fmt.Fprintf(v.w, format+"\n", args...) }

func (v verifyPrinter) head() {
	r := v.r
	v.line("%s", v.p.bold("case "+r.Case.Name+": "+r.Case.Title))
	v.line("seed %d: a generic point, gains ~N(1, 0.3), no bias 0; central differences with h = %.3g", r.Seed, float64(r.Step))
	switch {
	case r.Float32:
		v.line("of the float32 loss. It has 24 bits, so a difference of two losses keeps two or three\n" +
			"digits: an error of 1e-3 proves nothing either way. The check that counts is in float64.")
	default:
		v.line("errors: |a-n|/max(1e-4, |a|+|n|) for differences; |a-n| over the tensor's largest for engines")
	}
	switch r.Variant {
	case gradcheck.LiteralMask:
		v.line("%s", v.p.bad("CHECKING (13) as it is printed: a 0/1 mask multiplied before the softmax (errata S1)"))
	case gradcheck.MissingFrozenPath:
		v.line("%s", v.p.bad("CHECKING Δ_{i-1} = α Δ_i (d u)ᵗ as §7 prints it, without the frozen layer (errata S2)"))
	}
	if r.Moved > 0 && v.verbose {
		v.line("%d times a bias b_6 was moved, so that no ReLU lies within 10 h of its kink", r.Moved)
	}
	if r.Near > 0 {
		v.line("%d inputs of ReLU lie within 10 h of its kink; entries whose nudge crosses it are refused", r.Near)
	}
	v.line("")
}

// parameters prints table 3, one line a row.
func (v verifyPrinter) parameters() {
	if len(v.r.Parameters) == 0 {
		return
	}
	t := plainTable(v.w)
	t.AppendHeader(table.Row{"table 3, upward", "shape", "eq", "differences", "engine64", "engine32", "checked", ""})
	for _, r := range v.r.Parameters {
		t.AppendRow(table.Row{r.Name, r.Shape, "(" + r.Eq + ")", v.number(max(r.Differences.Error, r.Directions.Error)),
			v.number(r.Engine64.Error), v.number(r.Engine32.Error), fmt.Sprintf("%d/%d", r.Checked, r.Total), v.result(r)})
	}
	rightAlign(t, 4, 5, 6, 7)
	t.Render()
	v.line("")
}

// signals prints the error signals. One that occurs in several sequences or
// blocks has one line, unless verbose.
func (v verifyPrinter) signals() {
	if len(v.r.Signals) == 0 {
		return
	}
	t := plainTable(v.w)
	t.AppendHeader(table.Row{"error signals", "shape", "eq", "differences", "checked", ""})
	for _, r := range v.places() {
		t.AppendRow(table.Row{r.Name, r.Shape, "(" + r.Eq + ")", v.number(max(r.Differences.Error, r.Directions.Error)),
			fmt.Sprintf("%d/%d", r.Checked, r.Total), v.result(r)})
	}
	rightAlign(t, 4, 5)
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
			v.line("%s %s (%s) in %s: %s is %.10g; %s: %.10g; error %s, limit %s", v.p.bad("FAIL"), r.Name, r.Eq, place,
				what, float64(c.Worst.Analytic), c.Name, float64(c.Worst.Other), v.number(c.Error), v.number(c.Tolerance))
			break
		}
		if r.Diagnosis != "" {
			v.line("     %s", r.Diagnosis)
		}
	}
	v.line("")
}

// shownIdentities are those whose residuals the summary quotes.
var shownIdentities = []string{"R16", "R20", "X3", "X7"}

// identities prints how many hold and, with -v, each claim.
func (v verifyPrinter) identities() {
	numeric, hold := 0, 0
	var quoted []string
	for _, i := range v.r.Identities {
		if !i.Numeric() {
			continue
		}
		numeric++
		if !i.OK {
			continue
		}
		hold++
		if c := i.Residual(); slices.Contains(shownIdentities, i.ID) {
			quoted = append(quoted, fmt.Sprintf("%s %s: %s", i.ID, c.What, v.number(c.Value)))
		}
	}
	if numeric == 0 {
		return
	}
	v.line("identities: %d of %d hold (-v lists them), such as", hold, numeric)
	for _, q := range quoted {
		v.line("  %s", q)
	}
	for _, i := range v.r.Identities {
		if v.verbose || (i.Numeric() && !i.OK) {
			v.identity(i)
		}
	}
}

// identity prints one, claim by claim.
func (v verifyPrinter) identity(i gradcheck.Identity) {
	verdict := v.p.good("ok")
	switch {
	case !i.Numeric():
		verdict = v.p.dim("--")
	case !i.OK:
		verdict = v.p.bad("FAIL")
	}
	v.line("  %-4s %s  %s %s", i.ID, verdict, i.Title, v.p.dim("("+i.Eqs+")"))
	if i.Reason != "" {
		v.line("         %s", i.Reason)
	}
	for _, c := range i.Claims {
		sign, mark := "≤", ""
		if c.Above {
			sign = "≥"
		}
		if !c.OK {
			mark = v.p.bad("  FAIL")
		}
		v.line("         %s: %s (%s %s)%s", c.What, v.number(c.Value), sign, v.number(c.Limit), mark)
	}
}

// errata prints the paper's two substantive errors in formulas with their figures.
func (v verifyPrinter) errata() {
	for _, e := range v.r.Errata {
		v.line("errata %s: %s", e.ID, e.Title)
		for _, c := range e.Claims {
			v.line("  %s: %.2g", c.What, float64(c.Value))
		}
	}
}

// mutants prints how many were caught, or each of them.
func (v verifyPrinter) mutants(each bool) {
	ms := v.r.Mutants
	if len(ms) == 0 {
		return
	}
	caught := 0
	for _, m := range ms {
		if m.Caught() {
			caught++
		}
	}
	hint := " (--mutants lists them)"
	if each {
		hint = ""
	}
	v.line("mutants: %d of %d planted bugs caught%s", caught, len(ms), hint)
	for _, m := range ms {
		switch {
		case !m.Caught():
			v.line("  %-4s %s %s: no check noticed", m.ID, v.p.bad("GOT AWAY"), m.Title)
		case each:
			v.line("  %-4s %s: %s", m.ID, m.Title, v.p.dim(m.Where))
			v.line("       caught by %s", strings.Join(m.By(), "; "))
			if m.Diagnosis != "" {
				v.line("       %s", m.Diagnosis)
			}
		}
	}
}

func (v verifyPrinter) verdict(took time.Duration) {
	r := v.r
	signals, signalTotal := 0, 0
	for _, s := range r.Signals {
		signals, signalTotal = signals+s.Checked, signalTotal+s.Total
	}
	verdict := v.p.good("PASS")
	if !r.Pass {
		verdict = v.p.bad("FAIL")
	}
	refused := ""
	if r.Refused > 0 {
		refused = fmt.Sprintf(" (%d refused, at a kink)", r.Refused)
	}
	var parts []string
	if r.Total > 0 {
		parts = append(parts, fmt.Sprintf("%s of %s parameters%s", commas(r.Checked), commas(r.Total), refused))
	}
	if signalTotal > 0 {
		parts = append(parts, fmt.Sprintf("%s of %s error-signal entries", commas(signals), commas(signalTotal)))
	}
	v.line("%s checked in %.1f s. %s", strings.Join(parts, " and "), took.Seconds(), verdict)
}
