package lesson

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pedestrian-ml/pedestrian/docs"
)

// A Block is a part of a text for a terminal: its kind, and its lines. A paragraph is one line
// however long.
type Block struct {
	Kind  BlockKind `json:"kind"`  // how to set the lines
	Lines []string  `json:"lines"` // without TeX and Markdown
}

// A BlockKind says how the lines of a [Block] are to be set.
type BlockKind string

const (
	Prose   BlockKind = "prose"   // to be folded between words
	Formula BlockKind = "formula" // to be indented
	Table   BlockKind = "table"   // cells with tabs between; the first line is the head
	Verbose BlockKind = "code"    // as it is
	Heading BlockKind = "heading"
)

// Section is the text of a chapter from an anchor, such as "docs/03-attention.md#eq-25", to
// the next anchor or part, without TeX and Markdown.
func Section(at string) ([]Block, error) {
	file, anchor := place(at)
	text, err := docs.Files.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the section %s: %w", at, err)
	}
	_, after, ok := strings.Cut(string(text), `<a id="`+anchor+`"></a>`)
	if !ok {
		return nil, fmt.Errorf("reading the section %s: the chapter has no such place", at)
	}
	var section strings.Builder
	begun := false
	for line := range strings.Lines(strings.TrimLeft(after, "\n")) {
		if begun && (strings.HasPrefix(line, "# ") || strings.HasPrefix(line, "## ") || strings.HasPrefix(line, `<a id="`)) {
			break
		}
		if strings.HasPrefix(line, `<a id="`) {
			continue
		}
		begun = begun || strings.TrimSpace(line) != ""
		section.WriteString(line)
	}
	return blocks(section.String()), nil
}

var (
	links    = regexp.MustCompile(`\[([^\]]+)\]\([^)]*\)`)
	anchors  = regexp.MustCompile(`<a id="[^"]*"></a>`)
	comments = regexp.MustCompile(`<!--.*?-->`)
	inline   = regexp.MustCompile("`[^`]*`|\\$[^$]+\\$|\\*\\*?[^*]+\\*\\*?")
)

// blocks divides Markdown.
func blocks(text string) (all []Block) {
	text = anchors.ReplaceAllString(comments.ReplaceAllString(text, ""), "")
	var paragraph []string
	add := func(k BlockKind, lines ...string) { all = append(all, Block{k, lines}) }
	flush := func() {
		if len(paragraph) > 0 {
			add(Prose, unMark(strings.Join(paragraph, " ")))
			paragraph = nil
		}
	}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], " ")
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "!["): // a terminal has no pictures
			flush()
		case strings.HasPrefix(line, "```"):
			flush()
			var code []string
			for i++; i < len(lines) && !strings.HasPrefix(lines[i], "```"); i++ {
				code = append(code, lines[i])
			}
			add(Verbose, code...)
		case strings.HasPrefix(line, "#"):
			flush()
			add(Heading, unMark(strings.TrimLeft(line, "# ")))
		case strings.HasPrefix(line, "$$"):
			flush()
			for !strings.HasSuffix(strings.TrimRight(line, " "), "$$") || len(line) < 3 {
				i++
				line += " " + lines[i]
			}
			add(Formula, unTeX(strings.Trim(line, "$ "))...)
		case strings.HasPrefix(line, "|"):
			flush()
			var rows []string
			for ; i < len(lines) && strings.HasPrefix(lines[i], "|"); i++ {
				cells := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(lines[i]), "|"), "|")
				if strings.Trim(cells, "-:| ") != "" {
					rows = append(rows, tableRow(cells))
				}
			}
			i--
			add(Table, rows...)
		case strings.HasPrefix(line, "- ") || numbered.MatchString(line):
			flush()
			paragraph = []string{line}
		default:
			paragraph = append(paragraph, strings.TrimSpace(line))
		}
	}
	flush()
	return all
}

var numbered = regexp.MustCompile(`^\d+\. `)

// tableRow divides a row at the bars that are in no formula and in no code.
func tableRow(row string) string {
	var cells []string
	cell, inside := "", rune(0)
	for _, r := range row {
		switch {
		case (r == '`' || r == '$') && (inside == 0 || inside == r):
			inside = map[rune]rune{0: r}[inside]
		case r == '|' && inside == 0 && !strings.HasSuffix(cell, `\`):
			cells, cell = append(cells, unMark(strings.TrimSpace(cell))), ""
			continue
		}
		cell += string(r)
	}
	return strings.Join(append(cells, unMark(strings.TrimSpace(cell))), "\t")
}

// unMark is Markdown of one paragraph without its marks: links are their texts, formulas are
// without TeX.
func unMark(text string) string {
	text = links.ReplaceAllString(anchors.ReplaceAllString(text, ""), "$1")
	return inline.ReplaceAllStringFunc(text, func(m string) string {
		switch m[0] {
		case '`':
			return strings.Trim(m, "`")
		case '$':
			return strings.Join(unTeX(strings.Trim(m, "$")), "; ")
		}
		return unMark(strings.Trim(m, "*"))
	})
}
