package sheet

import (
	"fmt"
	"strings"
)

// A passage is a paragraph, a formula, a list, a table, a heading or code of a chapter.
type passage struct {
	Kind    string     `json:"kind"`
	Spans   []span     `json:"spans"`
	Rows    [][][]span `json:"rows"`
	Text    string     `json:"text"`
	Start   int        `json:"start"`
	Anchors []string   `json:"anchors"`
}

// A span is text of one kind within a line.
type span struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// words is a line of a chapter as text.
func words(all []span) string {
	var b strings.Builder
	for _, x := range all {
		switch x.Kind {
		case "math":
			b.WriteString(Plain(x.Text))
		case "code":
			b.WriteString("`" + x.Text + "`")
		default:
			b.WriteString(x.Text)
		}
	}
	return b.String()
}

// passages prints a part of a chapter.
func (p *printer) passages(all []passage) {
	for i, x := range all {
		if i > 0 {
			p.line("")
		}
		switch x.Kind {
		case "h":
			p.line("%s", p.in(bold, words(x.Spans)))
		case "p":
			p.prose(0, words(x.Spans))
		case "math":
			for _, part := range broken(Plain(x.Text), p.Width-4) {
				p.line("    %s", part)
			}
		case "code":
			for line := range strings.SplitSeq(x.Text, "\n") {
				p.line("    %s", line)
			}
		case "drawing":
			p.prose(0, "[Drawing: "+x.Text+"]")
		case "list":
			for k, row := range x.Rows {
				mark := "- "
				if x.Start > 0 {
					mark = fmt.Sprintf("%d. ", x.Start+k)
				}
				for n, part := range broken(words(row[0]), p.Width-4) {
					p.line("%s%s", right(map[bool]string{true: mark}[n == 0], 4), part)
				}
			}
		case "table":
			p.prosaicTable(x.Rows)
		}
	}
}

// prosaicTable prints a table of a chapter: its last column takes what room there is, and where
// that is too little each row is a paragraph.
func (p *printer) prosaicTable(rows [][][]span) {
	text := make([][]string, len(rows))
	wide := 0
	for i, row := range rows {
		for _, cell := range row {
			text[i] = append(text[i], words(cell))
		}
	}
	n := len(text[0])
	for k := range n - 1 {
		most := 0
		for _, row := range text {
			if k < len(row) {
				most = max(most, columns(row[k]))
			}
		}
		wide += most + 2
	}
	if wide+24 <= p.Width {
		p.table(strings.Repeat("l", n-1)+"w", text)
		return
	}
	for _, row := range text[1:] {
		for k, cell := range row {
			for i, part := range broken(cell, p.Width-4) {
				p.line("%s%s", map[bool]string{true: "- ", false: "    "}[k == 0 && i == 0], part)
			}
		}
	}
}
