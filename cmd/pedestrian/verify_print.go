package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

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
	if v.alone() {
		for _, i := range r.Identities {
			v.identity(i)
		}
		v.line("\n%s", v.passOrFail())
		return
	}
	v.parameters()
	v.signals()
	v.suspects()
	v.identities()
	v.errata()
	v.mutants(f.mutants)
	v.verdict(took)
}

func (v verifyPrinter) line(format string, args ...any) { fmt.Fprintf(v.w, format+"\n", args...) }

// alone says whether the report is of one identity.
func (v verifyPrinter) alone() bool { return len(v.r.Parameters)+len(v.r.Signals) == 0 }

func (v verifyPrinter) passOrFail() string {
	if v.r.Pass {
		return v.p.good("PASS")
	}
	return v.p.bad("FAIL")
}

func (v verifyPrinter) head() {
	r := v.r
	v.line("%s", v.p.bold("case "+r.Case.Name+": "+r.Case.Title))
	switch {
	case r.BF16:
		v.line("seed %d: a generic point, gains ~N(1, 0.3), a quarter of the weights between two numbers of bf16", r.Seed)
	case v.alone():
		v.line("seed %d: a generic point, gains ~N(1, 0.3), no bias 0", r.Seed)
	default:
		v.line("seed %d: a generic point, gains ~N(1, 0.3), no bias 0; central differences with h = %.3g", r.Seed, float64(r.Step))
	}
	switch {
	case v.alone():
	case r.BF16:
		v.line("the engine at bf16 against equations with rounded operands and sums in float64;\n"+
			"errors: |a-n| over the largest of the tensor, limit %s; unrounded: without rounding", v.number(r.LossBF16.Tolerance))
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
	if r.Ties > 0 && v.verbose {
		v.line("%d operands lie so near the middle between two numbers of bf16 that both are right: the engine's were taken", r.Ties)
	}
	v.line("")
}

// shownIdentities are those whose residuals the summary quotes.
var shownIdentities = []string{"R16", "R20", "X3", "X7", "Y1", "Y5", "Y16"}

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
	hint, where := " (--mutants lists them)", ", each in a case that has what it breaks"
	if v.r.BF16 {
		hint, where = " (--bf16 --mutants lists them)", "" // they are planted in this case
	}
	if each {
		hint = ""
	}
	v.line("mutants: %d of %d planted bugs caught%s%s", caught, len(ms), where, hint)
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
	refused := ""
	if r.Refused > 0 {
		refused = fmt.Sprintf(" (%d refused, at a kink)", r.Refused)
	}
	var parts []string
	if r.Total > 0 {
		parts = append(parts, fmt.Sprintf("%s of %s parameters%s", commas(r.Checked), commas(r.Total), refused))
	}
	if signalTotal > 0 {
		what := "error-signal entries"
		if r.BF16 {
			what = "entries of both passes"
		}
		parts = append(parts, fmt.Sprintf("%s of %s %s", commas(signals), commas(signalTotal), what))
	}
	v.line("%s checked in %.1f s. %s", strings.Join(parts, " and "), took.Seconds(), v.passOrFail())
}
