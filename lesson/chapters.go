package lesson

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/pedestrian-ml/pedestrian/docs"
)

// A Chapter is a part of the list of everything: a chapter of docs with its equations.
type Chapter struct {
	File    string  `json:"file"`  // under docs
	Title   string  `json:"title"` // such as "3 · One head of self-attention"
	Entries []Entry `json:"entries"`
}

// Chapters lists the chapters that derive equations, in their order, each with its equations in
// the order of the registry.
func Chapters() (all []Chapter) {
	files, err := fs.Glob(docs.Files, "[0-9]*.md")
	if err != nil {
		panic("lesson: " + err.Error()) // the pattern is right
	}
	for _, file := range files {
		text, err := docs.Files.ReadFile(file)
		if err != nil {
			panic("lesson: " + err.Error()) // it is embedded
		}
		title, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
		c := Chapter{File: file, Title: title}
		for _, e := range entries() {
			if e.Kind == Equation && e.Chapter == file {
				c.Entries = append(c.Entries, e)
			}
		}
		if c.Entries != nil {
			all = append(all, c)
		}
	}
	return all
}

// Span is the codes of a kind as a list of ranges: "R1 to R30, X1 to X13".
func Span(k Kind) string {
	var parts []string
	first, last, letter := "", "", ""
	end := func() {
		switch {
		case first == "":
		case first == last:
			parts = append(parts, first)
		default:
			parts = append(parts, fmt.Sprintf("%s to %s", first, last))
		}
	}
	for _, e := range ofKind(k) {
		if l := strings.TrimRight(e.Code, "0123456789"); l != letter || first == "" {
			end()
			first, letter = e.Code, l
		}
		last = e.Code
	}
	end()
	return strings.Join(parts, ", ")
}
