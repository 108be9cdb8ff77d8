package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/lesson"
)

// A lecturer prints a lesson. wait, where it is set, is called before each move but the first,
// and says whether to go on.
type lecturer struct {
	w    io.Writer
	p    painter
	wait func() (goOn bool, err error)
}

func (t lecturer) line(format string, args ...any) { fmt.Fprintf(t.w, format+"\n", args...) }

func (t lecturer) heading(text string) { t.line("\n%s", t.p.bold(text)) }

func (t lecturer) teach(l *lesson.Lesson) error {
	name := l.Code
	if l.Kind == lesson.Equation {
		name = "(" + name + ")"
	} else {
		name = string(l.Kind) + " " + name
	}
	if len(l.Text) == 0 || !strings.HasPrefix(strings.ToLower(l.Text[0].Lines[0]), strings.ToLower(l.Title)) {
		name += "  " + l.Title
	}
	t.line("%s", t.p.bold(name))
	if l.Formula != nil {
		t.line("")
	}
	for _, f := range l.Formula {
		t.formula(f, 4)
	}
	if l.Shape != "" {
		t.line("\n  shape   %s", l.Shape)
	}
	if l.Legend != nil {
		t.heading("What the symbols mean")
		t.legend(l.Legend)
	}
	if l.Text != nil {
		t.line("")
		t.blocks(l.Text)
	}
	if l.Place != nil {
		t.place(l.Place)
	}
	if l.Numbers != nil {
		t.numbers(l)
	}
	if l.Claims != nil {
		t.claims(l)
	}
	goOn, err := t.moves(l)
	if err != nil || !goOn {
		return err
	}
	t.end(l)
	return nil
}

// formula prints a formula, broken before its signs where it is too long.
func (t lecturer) formula(text string, indent int) {
	margin := strings.Repeat(" ", indent)
	for i, part := range breakFormula(text, terminalWidth(t.w)-indent) {
		if i > 0 {
			part = "    " + part
		}
		t.line("%s%s", margin, part)
	}
}

// breakFormula divides a formula before its signs, those first that are in no parentheses, so
// that each part fits the width, the later ones with four columns less.
func breakFormula(text string, width int) (parts []string) {
	for columns(text) > width {
		at, best := -1, -1
		depth, col := 0, 0
		for i, r := range text {
			switch r {
			case '(', '[':
				depth++
			case ')', ']':
				depth--
			}
			if col += columns(string(r)); col > width {
				break
			}
			if r != ' ' || i == 0 || strings.TrimSpace(text[:i]) == "" {
				continue
			}
			rank := 0
			for j, sign := range []string{" · ", " ∘ ", " - ", " + ", " = ", "   ", "  where"} {
				if strings.HasPrefix(text[i:], sign) {
					rank = j + 1
				}
			}
			if rank = rank - 10*depth; at < 0 || rank >= best {
				at, best = i, rank
			}
		}
		if at < 0 {
			break
		}
		parts = append(parts, strings.TrimRight(text[:at], " "))
		text = strings.TrimLeft(text[at:], " ")
		if len(parts) == 1 {
			width -= 4
		}
	}
	return append(parts, text)
}

func (t lecturer) legend(all []lesson.Meaning) {
	symbols, shapes := 0, 0
	for _, m := range all {
		symbols, shapes = max(symbols, columns(m.Symbol)), max(shapes, columns(m.Shape))
	}
	for _, m := range all {
		t.line("  %s  %s  %s", padded(m.Symbol, symbols), padded(m.Shape, shapes), m.Meaning)
	}
}

func padded(s string, width int) string { return s + strings.Repeat(" ", max(0, width-columns(s))) }

// blocks prints parts of a text.
func (t lecturer) blocks(all []lesson.Block) {
	for i, b := range all {
		if i > 0 {
			t.line("")
		}
		t.block(b)
	}
}

func (t lecturer) block(b lesson.Block) {
	switch b.Kind {
	case lesson.Formula:
		for _, f := range b.Lines {
			t.formula(f, 4)
		}
	case lesson.Verbose:
		for _, l := range b.Lines {
			fmt.Fprintln(verbatim(t.w), strings.ReplaceAll(l, "\t", "    "))
		}
	case lesson.Table:
		t.table(b.Lines)
	case lesson.Heading:
		t.line("%s", t.p.bold(b.Lines[0]))
	default:
		t.line("%s", b.Lines[0])
	}
}

// table prints rows; where they are wider than the screen, each cell on a line of its own
// below the first of its row.
func (t lecturer) table(rows []string) {
	var cells [][]string
	var wide []int
	for _, r := range rows {
		row := strings.Split(r, "\t")
		cells = append(cells, row)
		for i, c := range row {
			if i == len(wide) {
				wide = append(wide, 0)
			}
			wide[i] = max(wide[i], columns(c))
		}
	}
	total := 0
	for _, n := range wide {
		total += n + 2
	}
	if total > terminalWidth(t.w) {
		for _, row := range cells[1:] {
			t.line("  %s", row[0])
			for i, c := range row[1:] {
				if c != "" && i+1 < len(cells[0]) {
					t.line("      %s", strings.TrimSpace(cells[0][i+1]+"  "+c))
				}
			}
		}
		return
	}
	for i, row := range cells {
		line := "  "
		for j, c := range row {
			line += padded(c, wide[j]) + "  "
		}
		if line = strings.TrimRight(line, " "); i == 0 {
			line = t.p.dim(line)
		}
		t.line("%s", line)
	}
}

// place prints where the code is, and the lines.
func (t lecturer) place(p *lesson.Place) {
	t.heading("The code")
	t.line("%s:%d, %s", p.File, p.Line, p.Func)
	for i, l := range p.Lines {
		n := p.From + i
		mark := "  "
		if slices.Contains(p.Marks, n) {
			mark = "> "
		}
		text := fmt.Sprintf("%s%4d  %s", mark, n, strings.ReplaceAll(l, "\t", "  "))
		if mark == "> " {
			text = t.p.bold(text)
		}
		t.line("%s", text)
	}
}

// claims prints the identity as it was evaluated.
func (t lecturer) claims(l *lesson.Lesson) {
	t.heading("Evaluated, in the case " + l.On)
	for _, c := range l.Claims.Claims {
		sign := "≤"
		if c.Above {
			sign = "≥"
		}
		verdict := t.p.good("ok")
		if !c.OK {
			verdict = t.p.bad("FAIL")
		}
		t.line("  %s  %s: %.2g (%s %.2g)", verdict, c.What, float64(c.Value), sign, float64(c.Limit))
	}
}

// end prints what checks it, what belongs to it, and what to do next.
func (t lecturer) end(l *lesson.Lesson) {
	if l.Test != "" || l.Related != nil {
		t.heading("What belongs to it")
		if l.Test != "" {
			t.line("  %-12s %s, in package paper", "test", l.Test)
		}
		t.related(l.Related)
	}
	t.heading("Next")
	wide := 0
	for _, c := range l.Next {
		wide = max(wide, columns(c.Line))
	}
	for _, c := range l.Next {
		if wide > 44 {
			t.line("  %s\n      %s", c.Line, c.What)
			continue
		}
		t.line("  %s  %s", padded(c.Line, wide), c.What)
	}
}

// related prints one line for each entry, with its kind.
func (t lecturer) related(all []lesson.Entry) {
	wide := 0
	for _, e := range all {
		wide = max(wide, columns(e.Code))
	}
	for _, e := range all {
		t.line("  %-12s %s  %s", e.Kind, padded(e.Code, wide), e.Title)
	}
}
