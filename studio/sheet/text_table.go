package sheet

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// printPair prints a value and its error side by side, in the same cells, or one below the other
// where the screen is too narrow. "" is no error.
func (s *Sheet) printPair(p *printer, value, err string) {
	n := s.Node(value)
	label := 0
	for i := range n.Rows {
		label = max(label, min(8, columns(s.rowName(n, i))))
	}
	if err == "" {
		s.printMap(p, s.textMap(value, p.Width-label-1), label)
		return
	}
	const gap = 3
	room := (p.Width - label - 1 - gap) / 2
	a, b := s.textMap(value, room), s.textMap(err, room)
	if wa, wb := s.textMap(value, p.Width), s.textMap(err, p.Width); wa.digits && wb.digits && label+1+gap+wa.cell*wa.v.D+wb.cell*wb.v.D <= p.Width {
		a, b = wa, wb
	} else if a.digits != b.digits {
		a, b = s.shaded(a, room), s.shaded(b, room)
	}
	if a.cell*a.v.D > room+gap && label+1+gap+a.cell*a.v.D+b.cell*b.v.D > p.Width || a.v.N != b.v.N {
		s.printMap(p, s.textMap(value, p.Width-label-1), label)
		p.line("")
		s.printMap(p, s.textMap(err, p.Width-label-1), label)
		return
	}
	wide := max(a.cell*a.v.D, columns(p.caption(a)))
	if label+1+wide+gap+max(b.cell*b.v.D, columns(p.caption(b))) > p.Width {
		p.line("%*s %s", label, "", p.caption(a))
		p.line("%*s %s", label, "", p.caption(b))
		wide = a.cell * a.v.D
	} else {
		p.line("%*s %s%*s%s", label, "", left(p.caption(a), wide), gap, "", p.caption(b))
	}
	if a.cell > 1 || s.oneColumn(a) {
		p.line("%*s %s%*s%s", label, "", left(s.heads(p, a, 0, a.v.D), wide), gap, "", s.heads(p, b, 0, b.v.D))
	}
	for i := range a.v.N {
		p.line("%s %s%*s%s", right(cut(s.rowName(n, i), label), label), left(p.row(a, i, 0, a.v.D), wide), gap, "", p.row(b, i, 0, b.v.D))
	}
}

// printDigits prints a value and its error with all their digits, in parts where they are too wide.
func (s *Sheet) printDigits(p *printer, value, err string) {
	a := s.textMap(value, math.MaxInt)
	b := a
	if err != "" {
		if b = s.textMap(err, math.MaxInt); a.v.N == b.v.N && 12+a.cell*a.v.D+b.cell*b.v.D <= p.Width {
			s.printPair(p, value, err)
			return
		}
	}
	for k, m := range []textMap{a, b}[:map[bool]int{true: 1, false: 2}[err == ""]] {
		if k > 0 {
			p.line("")
		}
		label := 0
		for i := range m.v.N {
			label = max(label, min(8, columns(s.row(m, i))))
		}
		s.printMap(p, m, label)
	}
}

// shaded is a map without digits.
func (s *Sheet) shaded(m textMap, room int) textMap {
	if m.digits {
		m.digits, m.cell = false, 2
		if 2*m.v.D > room {
			m.cell = 1
		}
	}
	return m
}

// oneColumn says whether the name of every column takes one.
func (s *Sheet) oneColumn(m textMap) bool {
	for j := range m.v.D {
		if columns(s.column(m, j)) != 1 {
			return false
		}
	}
	return true
}

// heads are the names of columns.
func (s *Sheet) heads(p *printer, m textMap, from, to int) string {
	var b strings.Builder
	for j := from; j < to; j++ {
		name := s.column(m, j)
		if m.digits {
			b.WriteString(right(cut(name, m.cell-1), m.cell-1) + " ")
		} else {
			b.WriteString(left(cut(name, m.cell), m.cell))
		}
	}
	return p.in(faint, b.String())
}

// printMap prints one map with the names of its rows and columns; one that is too wide for its
// digits in parts, column by column.
func (s *Sheet) printMap(p *printer, m textMap, label int) {
	p.line("%*s %s", label, "", p.caption(m))
	room := p.Width - label - 1
	step := m.v.D
	if step*m.cell > room {
		step = max(1, room/m.cell)
	}
	for from := 0; from < m.v.D; from += step {
		to := min(m.v.D, from+step)
		if m.cell > 1 {
			p.line("%*s %s", label, "", s.heads(p, m, from, to))
		}
		for i := range m.v.N {
			p.line("%s %s", right(cut(s.row(m, i), label), label), p.row(m, i, from, to))
		}
	}
}

// mostRows is how many rows a map may have to be printed in a table.
const mostRows = 12

// printTable prints one of the paper's tables: each row with both formulas, both shapes and
// norms, the check of what is handed back, and the two maps.
func (s *Sheet) printTable(p *printer, t studio.Table) error {
	title := t.Title
	if t.Heads {
		title += fmt.Sprintf(" · block %d, head %d", s.Block, s.Head)
	} else if s.Model.Config.Blocks > 1 {
		title += fmt.Sprintf(" · block %d", s.Block)
	}
	p.line("%s", p.in(bold, title))
	p.prose(0, t.Lead)
	s.printLegend(p)
	for _, r := range t.Rows {
		value, err := s.here(r.Value), s.here(r.Error)
		p.line("")
		p.line("%s", p.in(bold, r.Name))
		if s.Node(value) == nil {
			p.prose(2, "There is no such tensor in this network.")
			continue
		}
		s.printSide(p, value, r.Forward, r.EqF)
		if s.Node(err) != nil {
			s.printSide(p, err, r.Backward, r.EqB)
		} else if err = ""; r.Note != "" {
			p.line("  %s", p.in(faint, cut("no error: "+r.Note, p.Width-2)))
		}
		p.prose(2, r.Says)
		if s.Node(value).Rows <= mostRows {
			s.printPair(p, value, err)
		}
		for _, id := range r.Extra {
			if id = s.here(id); s.Node(id) != nil {
				s.printSide(p, id, s.Node(id).MathML, s.Node(id).Eq)
			}
		}
		if t.Key == "3" && err != "" {
			if err := s.printLayers(p, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// printLayers says of a gradient of table 3 what each token adds to it.
func (s *Sheet) printLayers(p *printer, id string) error {
	var l studio.Layers
	if _, err := s.ask(studio.Request{Op: "layers", ID: id}, &l); err != nil {
		if refused := (*Refused)(nil); errors.As(err, &refused) {
			return nil // it is no such sum, or too large to be taken apart
		}
		return err
	}
	what := "A sum over tokens of " + Plain(l.Right)
	if l.Left != "" {
		what = "A sum over tokens of layers of rank one, " + Plain(l.Left) + " of the token times " + Plain(l.Right) + " of the token"
	}
	var parts []string
	for t, norm := range l.Norms {
		parts = append(parts, s.word(t)+" "+orNone(norm, 2))
	}
	p.prose(2, what+"; their norms: "+strings.Join(parts, ", ")+".")
	return nil
}

// orNone is a number, or what stands where there is none.
func orNone(x *float64, n int) string {
	if x == nil {
		return "not a number"
	}
	return significant(*x, n)
}

// printSide is a formula with its number, and what is known of the tensor that it makes.
func (s *Sheet) printSide(p *printer, id, formula, eq string) {
	n := s.Node(id)
	if eq != "" {
		eq = " (" + eq + ")"
	}
	facts := fmt.Sprintf("%s  %d×%d  %s", id, n.Rows, n.Cols, s.norm(id, 3))
	if c, ok := s.checked(id); ok {
		facts += "  " + mark(c)
	}
	f := p.in(hue(n.Kind), Plain(formula)) + eq
	if columns(f)+columns(facts)+4 <= p.Width {
		p.line("  %s%s", left(f, p.Width-2-columns(facts)), p.in(faint, facts))
		return
	}
	p.line("  %s", f)
	p.line("%s", right(p.in(faint, facts), p.Width))
}

// checked compares a tensor with differences of the loss, if that is wanted.
func (s *Sheet) checked(id string) (studio.Check, bool) {
	if !s.Checks {
		return studio.Check{}, false
	}
	return s.compared(id)
}

// compared compares a tensor with differences of the loss; ok is false where it is neither an
// error nor a gradient of its own.
func (s *Sheet) compared(id string) (c studio.Check, ok bool) {
	if !backward(s.Node(id).Kind) {
		return studio.Check{}, false
	}
	c, err := s.Check(id)
	return c, err == nil
}

// mark is the outcome of a check in short.
func mark(c studio.Check) string {
	worst := "?"
	if c.Worst != nil {
		worst = significant(*c.Worst, 1)
	}
	if c.OK {
		return "✓ " + worst
	}
	return "≠ " + worst
}

// printChecks compares every error and gradient of the block that is shown with differences.
func (s *Sheet) printChecks(p *printer) {
	p.prose(0, "Each cell is nudged up and down, and the difference of the losses is compared with the error or the gradient there. The worst deviation is relative.")
	p.line("")
	p.line("%s", p.in(faint, left("tensor", 22)+left("equation", 10)+right("cells", 10)+"  worst"))
	agree, all := 0, 0
	for i := range s.Nodes() {
		n := &s.Nodes()[i]
		c, ok := s.compared(n.ID)
		if !ok {
			continue
		}
		all++
		if c.OK {
			agree++
		}
		eq := ""
		if n.Eq != "" {
			eq = "(" + n.Eq + ")"
		}
		why := ""
		if c.Why != "" {
			why = "  " + c.Why
		}
		p.line("%s%s%s  %s%s", p.in(hue(n.Kind), left(n.ID, 22)), left(eq, 10), right(fmt.Sprintf("%d/%d", c.Cells, n.Rows*n.Cols), 10), mark(c), cut(why, max(10, p.Width-56)))
	}
	p.line("")
	p.line("%d of %d agree with differences of the loss.", agree, all)
}
