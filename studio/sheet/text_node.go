package sheet

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// printNode prints a tensor beside its partner, and what is known of its equation.
func (s *Sheet) printNode(p *printer, n *studio.Node) {
	p.line("%s  %s", p.in(hue(n.Kind), p.in(bold, Plain(n.MathML))), cut(n.Title+" · "+n.At, p.Width-2-columns(Plain(n.MathML))))
	p.fact("shape", fmt.Sprintf("%d × %d", n.Rows, n.Cols))
	p.fact("norm", s.norm(n.ID, 4))
	value, err := n.ID, n.Partner
	if partner := s.Node(n.Partner); partner != nil {
		what := map[studio.Kind]string{studio.Value: "its error", studio.Error: "error on", studio.Parameter: "its gradient", studio.Gradient: "gradient of"}[n.Kind]
		p.fact(what, p.in(hue(partner.Kind), Plain(partner.MathML))+"  "+partner.ID)
		if backward(n.Kind) {
			value, err = n.Partner, n.ID
		}
	}
	if c, ok := s.checked(n.ID); ok {
		p.fact("check", checkText(c))
	}
	if e, ok := paper.FindEquation(n.Eq); ok {
		p.fact("("+e.Number+")", e.Title)
		if m, err := studio.MathML(e.TeX); err == nil {
			for i, part := range broken(Plain(m), p.Width-14) {
				p.fact(map[bool]string{true: "formula"}[i == 0], part)
			}
		}
		p.fact("shapes", e.Shapes)
		p.fact("code", e.Func)
		p.fact("test", e.Check)
		p.fact("identities", strings.Join(e.Identities, ", "))
		p.fact("derived in", e.Derivation)
		p.fact("more", "pedestrian explain "+e.Number)
	}
	p.line("")
	s.printDigits(p, value, err)
	s.printLegend(p)
}

// fact prints one line of a list, if there is something to say.
func (p *printer) fact(name, text string) {
	if text != "" {
		p.line("  %s%s", p.in(faint, left(name, 12)), text)
	}
}

// broken divides text at blanks into parts of at most n columns.
func broken(text string, n int) (parts []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && columns(line)+1+columns(word) > n {
			parts, line = append(parts, line), ""
		}
		line += map[bool]string{true: " "}[line != ""] + word
	}
	return append(parts, line)
}

func checkText(c studio.Check) string {
	if c.Cells == 0 {
		return c.Why
	}
	out := "✓ agrees with differences of the loss"
	if !c.OK {
		out = "≠ " + c.Why
	}
	worst := "not a number"
	if c.Worst != nil {
		worst = significant(*c.Worst, 2)
	}
	return fmt.Sprintf("%s: %d cells, worst deviation %s", out, c.Cells, worst)
}

// printCell prints what one cell and its partner are made of, and what the loss does when the
// value is nudged.
func (s *Sheet) printCell(p *printer, id string, i, j int) {
	n := s.Node(id)
	ids := []string{id}
	if n.Partner != "" {
		if ids = append(ids, n.Partner); backward(n.Kind) {
			ids[0], ids[1] = ids[1], ids[0]
		}
	}
	for k, id := range ids {
		if k > 0 {
			p.line("")
		}
		s.printMicroscope(p, id, i, j)
	}
	first := s.Node(ids[0])
	if len(ids) < 2 || first.Kind != studio.Value && first.Kind != studio.Parameter {
		return
	}
	p.line("")
	p.line("%s", p.in(bold, "Nudge the value by ε"))
	p.line("%s", p.in(faint, right("ε", 10)+right("predicted ΔL", 18)+right("actual ΔL", 18)))
	for _, epsilon := range []float64{.1, .01, .001} {
		u, err := s.Nudge(ids[0], i, j, epsilon)
		if err != nil {
			return // it has no error of its own
		}
		text := func(x *float64) string {
			if x == nil {
				return "not a number"
			}
			return significant(*x, 4)
		}
		p.line("%s%s%s", right(significant(epsilon, 1), 10), right(text(u.Predicted), 18), right(text(u.Actual), 18))
	}
}

func (s *Sheet) printMicroscope(p *printer, id string, i, j int) {
	n := s.Node(id)
	m, err := s.Look(id, i, j)
	if err != nil {
		panic(err) // Has knows the cell
	}
	p.line("%s  %s · %s", p.in(hue(n.Kind), p.in(bold, Plain(n.MathML))), s.place(n, i, j), n.At)
	for _, f := range []string{m.Formula, m.Numbers} {
		for _, part := range broken(Plain(f), p.Width-2) {
			p.line("  %s", part)
		}
	}
	if m.Terms != nil {
		s.printTerms(p, m.Terms)
	}
	if m.Says != "" {
		p.prose(2, m.Says)
	}
	if len(m.Feeds) > 0 {
		p.prose(2, "Read by: "+strings.Join(m.Feeds, ", "))
	}
}

// place names a cell: its row and its column, with the words that they stand for.
func (s *Sheet) place(n *studio.Node, i, j int) string {
	name := func(what string, k int, word string) string {
		if word == "" || word == fmt.Sprint(k+1) {
			return fmt.Sprintf("%s %d", what, k+1)
		}
		return fmt.Sprintf("%s %d “%s”", what, k+1, word)
	}
	return name("row", i, s.rowName(n, i)) + ", " + name("column", j, s.columnName(n, j))
}

// printTerms prints the terms of a sum, as many columns at a time as there is room for.
func (s *Sheet) printTerms(p *printer, t *studio.Terms) {
	label := 0
	for _, r := range t.Rows {
		label = max(label, columns(Plain(r.Label)))
	}
	label = min(label, 24)
	const cell = 9
	step := max(1, (p.Width-4-label-cell)/cell)
	text := func(x *float64) string {
		if x == nil {
			return "−∞"
		}
		return significant(*x, 3)
	}
	for from := 0; from < len(t.Head); from += step {
		to := min(len(t.Head), from+step)
		line := strings.Repeat(" ", label)
		for k := from; k < to; k++ {
			name := cut(t.Head[k], cell-2)
			if k == t.Hot {
				name = "[" + cut(t.Head[k], cell-4) + "]"
			}
			line += right(name, cell)
		}
		if to == len(t.Head) {
			line += right("Σ", cell)
		}
		p.line("  %s", p.in(faint, line))
		for _, r := range t.Rows {
			line := p.in(hue(r.Kind), left(cut(Plain(r.Label), label), label))
			for k := from; k < to && k < len(r.V); k++ {
				line += right(text(r.V[k]), cell)
			}
			if to == len(t.Head) && r.Total != nil {
				line += right(text(r.Total), cell)
			}
			p.line("  %s", line)
		}
	}
}
