package sheet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// bookChapter is one of the answer to "book".
type bookChapter struct {
	File      string `json:"file"`
	Title     string `json:"title"`
	Equations []struct {
		Number string `json:"number"`
	} `json:"equations"`
}

// chapter is the chapter of that file, taken apart.
func (s *Sheet) chapter(file string) ([]passage, error) {
	var c struct {
		Passages []passage `json:"passages"`
	}
	_, err := s.ask(studio.Request{Op: "chapter", ID: file}, &c)
	return c.Passages, err
}

// hasChapter says whether the book has a chapter, and in it a place; "" lists all.
func hasChapter(s *Sheet, at string) error {
	if at == "" {
		return nil
	}
	file, anchor, _ := strings.Cut(at, "/")
	all, err := s.chapter(file)
	if err == nil && anchor != "" && from(all, anchor) == nil {
		return fmt.Errorf("chapter %s has no place %q", file, anchor)
	}
	return err
}

// from is what stands behind a place of a chapter, up to the next heading.
func from(all []passage, anchor string) []passage {
	i := slices.IndexFunc(all, func(x passage) bool { return slices.Contains(x.Anchors, anchor) })
	if i < 0 {
		return nil
	}
	n := slices.IndexFunc(all[i+1:], func(x passage) bool { return x.Kind == "h" })
	if n < 0 {
		return all[i:]
	}
	return all[i : i+1+n]
}

// printBook lists the chapters, or what a search finds in them, or prints one, or a place of it.
func (s *Sheet) printBook(p *printer, at string) error {
	if at != "" {
		file, anchor, _ := strings.Cut(at, "/")
		all, err := s.chapter(file)
		if err != nil {
			return err
		}
		if anchor != "" {
			all = from(all, anchor)
		}
		p.passages(all)
		return nil
	}
	if s.Answer != "" {
		return s.printFound(p)
	}
	var b struct {
		Chapters []bookChapter `json:"chapters"`
	}
	if _, err := s.ask(studio.Request{Op: "book"}, &b); err != nil {
		return err
	}
	p.line("%s", p.in(bold, "Book"))
	p.line("")
	rows := [][]string{{"chapter", "title", "equations"}}
	for _, c := range b.Chapters {
		rows = append(rows, []string{c.File, c.Title, fmt.Sprint(len(c.Equations))})
	}
	p.table("lwr", rows)
	p.line("")
	p.prose(0, "One of them: pedestrian look --screen book/"+b.Chapters[1].File+". A search: pedestrian look '#/book?answer=softmax'.")
	return nil
}

// printFound prints the places of the book that have a text.
func (s *Sheet) printFound(p *printer) error {
	var found struct {
		Hits []struct {
			File   string `json:"file"`
			Anchor string `json:"anchor"`
			Before string `json:"before"`
			Found  string `json:"found"`
			After  string `json:"after"`
		} `json:"hits"`
	}
	if _, err := s.ask(studio.Request{Op: "search", Answer: s.Answer}, &found); err != nil {
		return err
	}
	p.line("%s", p.in(bold, count(len(found.Hits), "place")))
	for _, h := range found.Hits {
		p.line("")
		p.line("book/%s", strings.TrimSuffix(h.File+"/"+h.Anchor, "/"))
		p.prose(2, h.Before+h.Found+h.After)
	}
	return nil
}
