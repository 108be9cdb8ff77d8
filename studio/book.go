package studio

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/pedestrian-ml/pedestrian/docs"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A bookChapter is a chapter of docs, and the equations that it derives.
type bookChapter struct {
	File      string         `json:"file"` // without ".md"
	Title     string         `json:"title"`
	Equations []bookEquation `json:"equations"`
}

// A bookEquation is an equation, and its place in its chapter.
type bookEquation struct {
	Number string `json:"number"`
	Title  string `json:"title"`
	Anchor string `json:"anchor"`
}

// book lists the chapters as they are to be read: what is needed before, the numbered ones, and
// the symbols.
var book = sync.OnceValue(func() (all []bookChapter) {
	files, err := fs.Glob(docs.Files, "[0-9]*.md")
	if err != nil {
		panic(err) // the pattern is right
	}
	for _, file := range slices.Concat([]string{"prerequisites.md"}, files, []string{"notation.md"}) {
		text, err := docs.Files.ReadFile(file)
		if err != nil {
			panic(err) // it is embedded
		}
		title, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
		c := bookChapter{File: strings.TrimSuffix(file, ".md"), Title: title, Equations: []bookEquation{}}
		for _, e := range paper.Equations {
			if at, anchor, _ := strings.Cut(strings.TrimPrefix(e.Derivation, "docs/"), "#"); at == file {
				c.Equations = append(c.Equations, bookEquation{e.Number, e.Title, anchor})
			}
		}
		order := func(e bookEquation) int { return strings.Index(string(text), `<a id="`+e.Anchor+`"`) }
		slices.SortStableFunc(c.Equations, func(a, b bookEquation) int { return order(a) - order(b) })
		all = append(all, c)
	}
	return all
})

// A shownChapter is a chapter, taken apart.
type shownChapter struct {
	Revision int       `json:"rev"`
	Passages []passage `json:"passages"`
}

// chapter answers "chapter".
func chapter(r Request) (shownChapter, error) {
	for _, c := range append(book(), bookChapter{File: "errata"}) { // which is a screen of its own
		if c.File == r.ID {
			text, err := docs.Files.ReadFile(c.File + ".md")
			if err != nil {
				return shownChapter{}, fmt.Errorf("reading a chapter: %w", err)
			}
			return shownChapter{r.Revision, passages(string(text))}, nil
		}
	}
	return shownChapter{}, fmt.Errorf("the book has no chapter %q", clip(r.ID))
}

// A hit is a place of the book that has what was looked for.
type hit struct {
	File   string `json:"file"`
	Title  string `json:"title"`  // of the chapter
	Anchor string `json:"anchor"` // the nearest before it, "" at the beginning of the chapter
	Before string `json:"before"` // of the line, without its marks
	Found  string `json:"found"`
	After  string `json:"after"`
}

// maxHits is how many places a search shows.
const maxHits = 40

var (
	markdown  = regexp.MustCompile("!?\\[([^\\]]*)\\]\\([^)]*\\)|<a id=\"[^\"]*\"></a>|<!--.*?-->|\\*\\*|[`|]|^#+ |\\\\(?:mathrm|mathbf|thinspace|widetilde|left|right|frac)|\\\\")
	anchorTag = regexp.MustCompile(`<a id="([^"]+)"></a>`)
)

// search looks for a text in the book, whatever its case.
func search(text string) (hits []hit, err error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if n := len([]rune(text)); n < 2 || n > 60 {
		return nil, fmt.Errorf("a search is for 2 to 60 letters")
	}
	hits = []hit{}
	for _, c := range book() {
		page, err := docs.Files.ReadFile(c.File + ".md")
		if err != nil {
			return nil, fmt.Errorf("reading a chapter: %w", err)
		}
		anchor := ""
		for line := range strings.Lines(string(page)) {
			if m := anchorTag.FindAllStringSubmatch(line, -1); m != nil {
				anchor = m[len(m)-1][1]
			} else if strings.HasPrefix(line, "#") {
				anchor = slug(strings.TrimLeft(strings.TrimSpace(line), "# "))
			}
			plain := strings.Join(strings.Fields(markdown.ReplaceAllString(strings.TrimSpace(line), "$1 ")), " ")
			at := strings.Index(strings.ToLower(plain), text)
			if at < 0 || at+len(text) > len(plain) { // a letter whose lower case is longer
				continue
			}
			before, after := []rune(plain[:at]), []rune(plain[at+len(text):])
			h := hit{File: c.File, Title: c.Title, Anchor: anchor, Before: string(before), Found: plain[at : at+len(text)], After: string(after)}
			if len(before) > 60 {
				h.Before = "…" + string(before[len(before)-60:])
			}
			if len(after) > 90 {
				h.After = string(after[:90]) + "…"
			}
			if hits = append(hits, h); len(hits) == maxHits {
				return hits, nil
			}
		}
	}
	return hits, nil
}

// slug is the anchor of a heading: lower case, hyphens for blanks.
func slug(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(anchorTag.ReplaceAllString(heading, "")) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// drawing is a picture of docs as a URL of its own, "" if there is none.
func drawing(file string) string {
	b, err := docs.Drawings.ReadFile(file)
	if err != nil {
		return ""
	}
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(b)
}
