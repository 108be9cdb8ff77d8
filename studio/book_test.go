package studio

import (
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/docs"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// Every equation of the registry has one place in the book, and it is there; every link of a
// chapter leads to a place; every picture is shown.
func TestBook(t *testing.T) {
	var c Core
	h, _ := ask[struct{ Chapters []bookChapter }](t, &c, `{"op":"book"}`)
	places, seen, links, pictures := map[string]map[string]bool{}, map[string]int{}, 0, 0
	read := map[string][]passage{}
	for _, b := range h.Chapters {
		s, _ := ask[shownChapter](t, &c, `{"op":"chapter","id":"`+b.File+`"}`)
		read[b.File], places[b.File] = s.Passages, map[string]bool{"": true}
		for _, p := range s.Passages {
			for _, a := range p.Anchors {
				places[b.File][a] = true
			}
			if p.Kind == "drawing" {
				pictures++
				if !strings.HasPrefix(p.Image, "data:image/svg+xml;base64,") || p.Text == "" {
					t.Errorf("%s: a picture of %q is not shown", b.File, p.Text)
				}
			}
		}
		text, err := docs.Files.ReadFile(b.File + ".md")
		if err != nil || len(s.Passages) < 5 || !strings.HasPrefix(string(text), "# "+b.Title+"\n") {
			t.Errorf("%s: %q, %d passages, %v", b.File, b.Title, len(s.Passages), err)
		}
		for _, e := range b.Equations {
			seen[e.Number]++
			if !places[b.File][e.Anchor] {
				t.Errorf("(%s) is at %s#%s, which is no place of it", e.Number, b.File, e.Anchor)
			}
		}
	}
	for _, e := range paper.Equations {
		if seen[e.Number] != 1 {
			t.Errorf("(%s) has %d places in the book", e.Number, seen[e.Number])
		}
	}
	for file, passages := range read {
		for _, p := range passages {
			all := [][]span{p.Spans}
			for _, row := range p.Rows {
				all = append(all, row...)
			}
			for _, spans := range all {
				for _, s := range spans {
					book := s.Book
					if book == "" {
						book = file
					}
					if s.Kind != "link" || places[book] == nil { // other pages of docs
						continue
					}
					if links++; !places[book][s.Anchor] {
						t.Errorf("%s: %q leads to %s#%s, which there is not", file, s.Text, book, s.Anchor)
					}
				}
			}
		}
	}
	if links < 40 || pictures < 5 {
		t.Errorf("%d links and %d pictures are few", links, pictures)
	}
}

// What stands in a chapter is found in it, at its place, whatever the case of letters.
func TestSearch(t *testing.T) {
	var c Core
	h, _ := ask[struct{ Hits []hit }](t, &c, `{"op":"search","answer":"  BLOCK-DIAGONAL "}`)
	for _, x := range h.Hits {
		if !strings.EqualFold(x.Found, "block-diagonal") {
			t.Errorf("found %q", x.Found)
		}
	}
	h, _ = ask[struct{ Hits []hit }](t, &c, `{"op":"search","answer":"rules for the dot"}`)
	found := false
	for _, x := range h.Hits {
		found = found || x.File == "02-loss-embedding" && x.Anchor == "rules-for-the-dot"
	}
	if !found {
		t.Errorf("the rules for the dot are not found: %+v", h.Hits)
	}
	if h, _ := ask[struct{ Hits []hit }](t, &c, `{"op":"search","answer":"no such words"}`); h.Hits == nil || len(h.Hits) != 0 {
		t.Errorf("found %+v", h.Hits)
	}
	if h, _ := ask[struct{ Hits []hit }](t, &c, `{"op":"search","answer":"the"}`); len(h.Hits) != maxHits {
		t.Errorf("%d places have a word that is everywhere", len(h.Hits))
	}
}
