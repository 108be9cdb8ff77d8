package lesson

import (
	"regexp"
	"strings"

	"github.com/pedestrian-ml/pedestrian/docs"
)

// An erratum is an entry of the page of errata.
type erratum struct {
	code, title string
	text        string // Markdown
}

var (
	erratumSection = regexp.MustCompile(`(?m)^## (S\d+) · (.+)$`)
	erratumItem    = regexp.MustCompile(`(?m)^(?:<a id="[a-z]\d+"></a>|- )?\*\*([A-Z]\d*)\.\*\* (.+)$`)
)

// errata reads the page: sections of their own, and one paragraph each.
func errata() (all []erratum) {
	b, err := docs.Files.ReadFile("errata.md")
	if err != nil {
		panic("lesson: " + err.Error()) // it is embedded
	}
	page := string(b)
	for _, m := range erratumSection.FindAllStringSubmatchIndex(page, -1) {
		text := page[m[1]:]
		if i := strings.Index(text, "\n<a id"); i >= 0 {
			text = text[:i]
		}
		if i := strings.Index(text, "\n# "); i >= 0 {
			text = text[:i]
		}
		all = append(all, erratum{page[m[2]:m[3]], unMark(page[m[4]:m[5]]), strings.TrimSpace(text)})
	}
	for _, m := range erratumItem.FindAllStringSubmatch(page, -1) {
		all = append(all, erratum{m[1], firstSentence(unMark(m[2])), m[2]})
	}
	return all
}

// firstSentence is a text up to the first point, colon or semicolon that ends a clause.
func firstSentence(text string) string {
	for i := 1; i < len(text)-1; i++ {
		if strings.ContainsRune(".:;", rune(text[i])) && text[i+1] == ' ' && i > 20 {
			return text[:i]
		}
	}
	return strings.TrimRight(text, ".")
}
