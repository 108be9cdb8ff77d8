package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/pedestrian-ml/pedestrian/derive"
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
	width := min(terminalWidth(t.w), unfolded)
	margin := strings.Repeat(" ", indent)
	for i, part := range breakFormula(text, width-indent) {
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

// numbers prints the equation at a small instance.
func (t lecturer) numbers(l *lesson.Lesson) {
	x := l.Numbers
	t.heading("In numbers")
	t.quantities(x.Operands)
	said := map[string]bool{} // losses
	for i, line := range x.Lines {
		t.line("")
		t.formula(l.Formula[i], 2)
		if line.Right == nil {
			t.quantities([]derive.Quantity{line.Value})
		} else {
			left, right := line.Value, *line.Right
			left.Symbol, right.Symbol = "the left", "the right"
			t.quantities([]derive.Quantity{left, right})
			t.line("  The sides differ by at most %s.", small(line.Apart))
		}
		if c := line.Check; c != nil {
			t.check(c, line.Value, !said[c.Loss])
			said[c.Loss] = true
		}
	}
}

// check prints the comparison of a gradient with differences of the loss, and where withLoss
// what that is.
func (t lecturer) check(c *derive.DifferenceCheck, q derive.Quantity, withLoss bool) {
	loss := ""
	if s, err := derive.Typeset(c.Loss, nil); err == nil && withLoss {
		loss = ", with the loss L = " + s
	}
	of := derive.Symbol(c.Of, false)
	cell := fmt.Sprintf("%s[%d, %d]", of, c.Row, c.Column)
	if len(q.Rows) == 1 {
		cell = fmt.Sprintf("%s[%d]", of, c.Column)
	}
	held := ""
	for i, h := range c.Held {
		if held += map[bool]string{true: " and ", false: ", while "}[i > 0] + derive.Symbol(h, false); i == len(c.Held)-1 {
			held += map[bool]string{true: " stay", false: " stays"}[i > 0] + " as it is"
		}
	}
	t.line("  Check: nudge %s by ±%g%s%s:", cell, c.Nudge, held, loss)
	t.line("    (%.6f - %.6f) / %g = %s,  by the formula %s", c.Up, c.Down, 2*c.Nudge, five(c.Slope), five(c.Formula))
	t.line("  Of all %d cells, by differences in eight points: at most %s apart.", c.Cells, small(c.Apart))
}

// five has five digits behind the point, and no sign before a zero.
func five(x float64) string {
	s := strconv.FormatFloat(x, 'f', 5, 64)
	if strings.Trim(s, "-0.") == "" {
		return "0"
	}
	return s
}

func small(x float64) string {
	if x == 0 {
		return "0"
	}
	return fmt.Sprintf("%.0e", x)
}

// quantities prints matrices side by side, as many as the screen has room for.
func (t lecturer) quantities(all []derive.Quantity) {
	width := min(terminalWidth(t.w), 100) - 2
	var line []string
	flush := func() {
		for _, l := range line {
			t.line("  %s", strings.TrimRight(l, " "))
		}
		line = nil
	}
	for _, q := range all {
		b := matrixBlock(q)
		have := 0
		for _, l := range line {
			have = max(have, columns(l))
		}
		if line != nil && have+3+columns(b[0]) > width {
			flush()
			have = 0
		}
		if line == nil {
			line = b
			continue
		}
		for i := range max(len(line), len(b)) {
			if i == len(line) {
				line = append(line, "")
			}
			if i < len(b) {
				line[i] = padded(line[i], have) + "   " + b[i]
			}
		}
	}
	flush()
}

// matrixBlock is a matrix as lines of one width: its name and shape, then its rows.
func matrixBlock(q derive.Quantity) []string {
	digits := 0
	for _, row := range q.Rows {
		for _, x := range row {
			digits = max(digits, digitsOf(float64(x)))
		}
	}
	var cells [][]string
	wide := 0
	for _, row := range q.Rows {
		var c []string
		for _, x := range row {
			s := cellText(float64(x), digits)
			c, wide = append(c, s), max(wide, columns(s))
		}
		cells = append(cells, c)
	}
	head := q.Symbol
	if q.Shape != "number" {
		head += "  " + q.Shape
	}
	if q.Shape == "number" {
		return []string{head + " = " + cells[0][0]}
	}
	out := []string{head}
	for _, row := range cells {
		l := ""
		for _, c := range row {
			l += strings.Repeat(" ", wide-columns(c)) + c + "  "
		}
		out = append(out, strings.TrimRight(l, " "))
	}
	most := 0
	for _, l := range out {
		most = max(most, columns(l))
	}
	for i := range out {
		out[i] = padded(out[i], most)
	}
	return out
}

// digitsOf is how many digits behind the point a number needs, at most four.
func digitsOf(x float64) int {
	for n := range 4 {
		s := strconv.FormatFloat(x, 'f', n, 64)
		if y, err := strconv.ParseFloat(s, 64); err == nil && (x-y < 1e-9 && y-x < 1e-9 || x-x != 0) {
			return n
		}
	}
	return 4
}

func cellText(x float64, digits int) string {
	if x-x != 0 {
		return strings.NewReplacer("+Inf", "∞", "-Inf", "-∞").Replace(strconv.FormatFloat(x, 'f', 0, 64))
	}
	s := strconv.FormatFloat(x, 'f', digits, 64)
	if strings.Trim(s, "-0.") == "" {
		return "0"
	}
	return s
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

// moves prints the derivation, one move at a time where somebody waits. It says whether to go on.
func (t lecturer) moves(l *lesson.Lesson) (goOn bool, err error) {
	if len(l.Moves) == 0 {
		return true, nil
	}
	if l.Derived != "" {
		t.heading("The derivation: " + l.Derived)
	} else {
		t.heading("What " + l.Registry.Derivation + " says")
	}
	for i, m := range l.Moves {
		if i > 0 && t.wait != nil {
			if goOn, err := t.wait(); err != nil || !goOn {
				return false, err
			}
		}
		if m.Block != nil {
			if i > 0 {
				t.line("")
			}
			t.block(*m.Block)
			continue
		}
		number := fmt.Sprintf("%3d  ", i+1)
		for j, part := range breakFormula(m.Shown[0], terminalWidth(t.w)-9) {
			if j > 0 {
				number, part = "     ", "    "+part
			}
			t.line("%s%s", number, part)
		}
		for _, r := range wrap(m.Reason, terminalWidth(t.w)-5) {
			t.line("     %s", t.p.dim(r))
		}
	}
	return true, nil
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

// waiter is a function that waits for a key between two moves, nil where no person sits at
// both ends. Enter and the blank go on; q, Escape and the end of input end; Ctrl-C ends with its exit code.
func waiter(in io.Reader, w io.Writer) func() (bool, error) {
	keyboard, isFile := in.(*os.File)
	if !isFile || !term.IsTerminal(int(keyboard.Fd())) || !isTerminal(w) {
		return nil
	}
	p := newPainter(w)
	return func() (bool, error) {
		const ask = "     Enter: the next move, q: end"
		fmt.Fprint(w, p.dim(ask))
		old, err := term.MakeRaw(int(keyboard.Fd()))
		if err != nil {
			return false, fmt.Errorf("reading a key: %w", err)
		}
		key := make([]byte, 1)
		goOn, known := false, false
		for !known {
			n, readErr := keyboard.Read(key)
			if n == 0 || readErr != nil {
				break
			}
			goOn, known = pressed(key[0])
		}
		err = term.Restore(int(keyboard.Fd()), old)
		fmt.Fprint(w, "\r"+strings.Repeat(" ", len(ask))+"\r")
		if err == nil && key[0] == 3 {
			err = verdictError(130)
		}
		return goOn, err
	}
}

// pressed says what a key means between two moves, and whether it means anything.
func pressed(key byte) (goOn, known bool) {
	switch key {
	case '\r', '\n', ' ':
		return true, true
	case 'q', 'Q', 3, 4, 27:
		return false, true
	}
	return false, false
}
