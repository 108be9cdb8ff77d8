package lesson

import (
	"io/fs"
	"regexp"
	"sync"

	"github.com/pedestrian-ml/pedestrian/docs"
)

var inChapters = regexp.MustCompile(`^\d\d-.*\.md$`)

// mentions are the paragraphs of the chapters that speak of a code, as in "(identity R13)".
func mentions(code string) (all []Block) {
	word := regexp.MustCompile(`\b` + code + `\b`)
	for _, b := range paragraphs() {
		if word.MatchString(b.Lines[0]) {
			all = append(all, b)
		}
	}
	return all
}

// paragraphs are those of all chapters.
var paragraphs = sync.OnceValue(func() (all []Block) {
	files, err := fs.Glob(docs.Files, "*.md")
	if err != nil {
		panic("lesson: " + err.Error()) // the pattern is right
	}
	for _, file := range files {
		if !inChapters.MatchString(file) {
			continue
		}
		text, err := docs.Files.ReadFile(file)
		if err != nil {
			panic("lesson: " + err.Error()) // it is embedded
		}
		for _, b := range blocks(string(text)) {
			if b.Kind == Prose {
				all = append(all, b)
			}
		}
	}
	return all
})
