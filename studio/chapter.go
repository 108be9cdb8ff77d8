package studio

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/docs"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A passage is a paragraph, a formula, a list, a table, a heading or a piece of code of a chapter.
type passage struct {
	Kind  string     `json:"kind"`            // "p", "h", "math", "code", "list", "table", "drawing"
	Spans []span     `json:"spans,omitempty"` // of a paragraph or a heading
	Rows  [][][]span `json:"rows,omitempty"`  // of a list, one cell each; of a table, its head first
	Text  string     `json:"text,omitempty"`  // code, or a formula, typeset; of a drawing what it shows
	Image string     `json:"image,omitempty"` // of a drawing, as a URL
	Start int        `json:"start,omitempty"` // of a list with numbers: the first

	Anchors []string `json:"anchors,omitempty"` // names of this place, for links
}

// A span is text of one kind within a line.
type span struct {
	Kind string `json:"kind,omitempty"` // "" for plain text, "math", "code", "strong", "em", "link"
	Text string `json:"text"`           // of a formula, typeset
	To   string `json:"to,omitempty"`   // of a link: the number of an equation

	Book   string `json:"book,omitempty"`   // of a link: a chapter, "" is the same
	Anchor string `json:"anchor,omitempty"` // and the place in it
}

// derivation is the place of a chapter where an equation is derived, taken apart; nil where the
// chapter has no such place.
func derivation(e paper.Equation) []passage {
	file, anchor, _ := strings.Cut(strings.TrimPrefix(e.Derivation, "docs/"), "#")
	text, err := docs.Files.ReadFile(file)
	if err != nil {
		return nil
	}
	_, after, ok := strings.Cut(string(text), `<a id="`+anchor+`"></a>`)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(passages(untilNext(after)), func(p passage) bool { return p.Kind == "drawing" }) // the page has pictures of its own
}

// untilNext is the text up to the next anchor, or the next heading of a chapter's part.
func untilNext(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimLeft(text, "\n")) {
		begun := strings.TrimSpace(b.String()) != ""
		if begun && (strings.HasPrefix(line, "# ") || strings.HasPrefix(line, "## ") || strings.HasPrefix(line, `<a id="`)) {
			break
		}
		if strings.HasPrefix(line, `<a id="`) {
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}

// passages reads the part of Markdown that the chapters are written in.
func passages(text string) (all []passage) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	var anchors []string // of what comes next
	for i, n := 0, 0; i < len(lines); {
		for _, m := range anchorTag.FindAllStringSubmatch(lines[i], -1) {
			anchors = append(anchors, m[1])
		}
		line := strings.TrimSpace(anchorTag.ReplaceAllString(lines[i], ""))
		switch {
		case line == "" || strings.HasPrefix(line, "<!--"):
			i++
		case picture.MatchString(line):
			m := picture.FindStringSubmatch(line)
			if url := drawing(m[2]); url != "" { // else it is a screenshot of this page
				all = append(all, passage{Kind: "drawing", Text: m[1], Image: url})
			}
			i++
		case strings.HasPrefix(line, "```"):
			language := strings.TrimPrefix(line, "```")
			from := i + 1
			for i++; i < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[i]), "```"); i++ {
			}
			body := strings.Join(lines[from:min(i, len(lines))], "\n")
			i++
			if language == "math" {
				m, _ := displayML(body) // TestDerivations
				all = append(all, passage{Kind: "math", Text: m})
			} else {
				all = append(all, passage{Kind: "code", Text: body})
			}
		case strings.HasPrefix(line, "$$"):
			body := strings.TrimPrefix(line, "$$")
			for !strings.HasSuffix(body, "$$") && i+1 < len(lines) {
				i++
				body += "\n" + strings.TrimSpace(lines[i])
			}
			i++
			m, _ := displayML(strings.TrimSuffix(body, "$$"))
			all = append(all, passage{Kind: "math", Text: m})
		case strings.HasPrefix(line, "#"):
			heading := strings.TrimLeft(line, "# ")
			anchors = append(anchors, slug(heading))
			all = append(all, passage{Kind: "h", Spans: spans(heading)})
			i++
		case strings.HasPrefix(line, "|"):
			p := passage{Kind: "table"}
			for ; i < len(lines) && strings.HasPrefix(lines[i], "|"); i++ {
				if strings.Trim(lines[i], "|-: ") == "" {
					continue
				}
				var row [][]span
				for _, cell := range cells(lines[i]) {
					row = append(row, spans(cell))
				}
				p.Rows = append(p.Rows, row)
			}
			all = append(all, p)
		case item.MatchString(line):
			p := passage{Kind: "list"}
			p.Start, _ = strconv.Atoi(line[:max(0, strings.IndexByte(line, '.'))]) // 0 of a list without numbers
			for i < len(lines) && item.MatchString(lines[i]) {
				text := item.ReplaceAllString(lines[i], "")
				for i++; i < len(lines) && strings.HasPrefix(lines[i], "  "); i++ {
					text += " " + strings.TrimSpace(lines[i])
				}
				p.Rows = append(p.Rows, [][]span{spans(text)})
			}
			all = append(all, p)
		default:
			text := line
			for i++; i < len(lines) && strings.TrimSpace(lines[i]) != "" && !strings.HasPrefix(lines[i], "```") && !strings.HasPrefix(lines[i], "$$") && !strings.HasPrefix(lines[i], "|"); i++ {
				text += " " + strings.TrimSpace(lines[i])
			}
			all = append(all, passage{Kind: "p", Spans: spans(text)})
		}
		if len(all) > n {
			all[n].Anchors, anchors, n = anchors, nil, len(all)
		}
	}
	return all
}

var picture = regexp.MustCompile(`^!\[([^\]]*)\]\(([^)]*)\)$`)

var item = regexp.MustCompile(`^\s*(?:-|\*|\d+\.) +`)

// cells cuts a row of a table at its bars; those within code or a formula are not bars.
func cells(row string) (all []string) {
	row = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(row), "|"), "|")
	from, within := 0, byte(0)
	for i := range len(row) {
		switch c := row[i]; {
		case within == 0 && (c == '`' || c == '$'):
			within = c
		case c == within:
			within = 0
		case c == '|' && within == 0 && (i == 0 || row[i-1] != '\\'):
			all, from = append(all, strings.TrimSpace(row[from:i])), i+1
		}
	}
	return append(all, strings.TrimSpace(row[from:]))
}

// inline finds what is not plain text in a line. A formula is first: it may have stars in it.
var inline = regexp.MustCompile("`([^`]+)`|\\$([^$]+)\\$|\\*\\*(.+?)\\*\\*|\\*([^*\\s][^*]*)\\*|\\[([^\\]]+)\\]\\(([^)]+)\\)")

func spans(text string) (all []span) {
	plain := func(s string) {
		if s != "" {
			all = append(all, span{Text: s})
		}
	}
	from := 0
	for _, m := range inline.FindAllStringSubmatchIndex(text, -1) {
		plain(text[from:m[0]])
		from = m[1]
		part := func(i int) string { return text[m[2*i]:m[2*i+1]] }
		switch {
		case m[2] >= 0:
			all = append(all, span{Kind: "code", Text: part(1)})
		case m[4] >= 0:
			f, _ := mathML(part(2))
			all = append(all, span{Kind: "math", Text: f})
		case m[6] >= 0:
			all = append(all, within("strong", part(3))...)
		case m[8] >= 0:
			all = append(all, within("em", part(4))...)
		default:
			to := linked(part(6))
			file, anchor, _ := strings.Cut(part(6), "#")
			file, chapter := strings.CutSuffix(file, ".md")
			for _, s := range spans(part(5)) {
				if s.Kind == "" && (to != "" || chapter && !strings.Contains(file, "/") || file == "") {
					s.Kind, s.To, s.Book, s.Anchor = "link", to, file, anchor
				}
				all = append(all, s)
			}
		}
	}
	plain(text[from:])
	return all
}

// within marks the plain text of a part of a line.
func within(kind, text string) []span {
	all := spans(text)
	for i := range all {
		if all[i].Kind == "" {
			all[i].Kind = kind
		}
	}
	return all
}

// linked is the number of the equation that is derived where a link leads, or "".
func linked(to string) string {
	_, anchor, ok := strings.Cut(to, "#")
	for _, e := range paper.Equations {
		if ok && strings.HasSuffix(e.Derivation, "#"+anchor) {
			return e.Number
		}
	}
	return ""
}
