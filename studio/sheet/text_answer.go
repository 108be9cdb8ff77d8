package sheet

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// table prints rows, the first as the head. align has a letter for each column: l and r are set
// left and right, and one w takes the room that the others leave, in several lines if it must.
func (p *printer) table(align string, rows [][]string) {
	const gap = 2
	wide := make([]int, len(align))
	for _, row := range rows {
		for k, cell := range row {
			wide[k] = max(wide[k], columns(cell))
		}
	}
	if w := strings.IndexByte(align, 'w'); w >= 0 {
		room := p.Width - gap*(len(align)-1)
		for k, n := range wide {
			if k != w {
				room -= n
			}
		}
		wide[w] = max(8, min(wide[w], room))
	}
	for i, row := range rows {
		lines := [][]string{row}
		if w := strings.IndexByte(align, 'w'); w >= 0 && w < len(row) && columns(row[w]) > wide[w] {
			lines = nil
			for k, part := range broken(row[w], wide[w]) {
				line := make([]string, len(row))
				if k == 0 {
					copy(line, row)
				}
				line[w] = part
				lines = append(lines, line)
			}
		}
		for _, line := range lines {
			var cells []string
			for k, cell := range line {
				if align[k] == 'r' {
					cells = append(cells, right(cell, wide[k]))
				} else {
					cells = append(cells, left(cell, wide[k]))
				}
			}
			text := strings.Join(cells, strings.Repeat(" ", gap))
			if i == 0 {
				text = p.in(faint, text)
			}
			p.line("%s", text)
		}
	}
}

// claims prints what was claimed, and whether it holds.
func (p *printer) claims(all []gradcheck.Claim) {
	rows := [][]string{{"claim", "is", "limit", ""}}
	for _, c := range all {
		limit, verdict := "≤ "+significant(float64(c.Limit), 2), "✓ holds"
		switch {
		case c.Above:
			limit = "≥ " + significant(float64(c.Limit), 2)
		case c.Limit == 0:
			limit = "exactly 0"
		}
		if !c.OK {
			verdict = "≠ does not hold"
		}
		rows = append(rows, []string{c.What, significant(float64(c.Value), 2), limit, verdict})
	}
	p.table("wrrl", rows)
}

// panels prints the tensors of an answer.
func (s *Sheet) panels(p *printer, all []studio.Panel, numbers []float64) {
	for _, x := range all {
		p.line("")
		label := 0
		m := panelMap(x, numbers, p.Width)
		for i := range m.v.N {
			label = max(label, min(8, columns(s.row(m, i))))
		}
		s.printMap(p, panelMap(x, numbers, p.Width-label-1), label)
	}
	s.printLegend(p)
}

// yes is a tick, or that something is not so.
func yes(ok bool, good, bad string) string {
	if ok {
		return "✓ " + good
	}
	return "≠ " + bad
}

// recorded is what the core said to the requests of a screen.
func (s *Sheet) recorded(name string) ([]Answer, error) {
	s.record, s.answers = true, nil
	defer func() { s.record, s.answers = false, nil }()
	if err := s.Text(io.Discard, name, Terminal{}); err != nil {
		return nil, err
	}
	for i, a := range s.answers { // headers are filled with blanks up to the numbers
		s.answers[i].Header = json.RawMessage(strings.TrimSpace(string(a.Header)))
	}
	return s.answers, nil
}
