package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/lesson"
)

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
