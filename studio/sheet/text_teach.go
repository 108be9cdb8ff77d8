package sheet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// plan is the answer to "plan".
type plan struct {
	Title  string     `json:"title"`
	Before []passage  `json:"before"`
	Parts  []planPart `json:"parts"`
	After  []planPart `json:"after"`
	Sheets []struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	} `json:"sheets"`
}

type planPart struct {
	From  int    `json:"from"`
	To    int    `json:"to"`
	Title string `json:"title"`
	Steps []struct {
		Items []struct {
			Passage *passage `json:"passage"`
			Command string   `json:"command"`
			Output  string   `json:"output"`
		} `json:"items"`
	} `json:"steps"`
}

// hasLesson says whether the lesson has such a page: "", "path", or a worksheet.
func hasLesson(s *Sheet, at string) error {
	id, ok := strings.CutPrefix(at, "sheet/")
	switch {
	case at == "" || at == "path":
		return nil
	case ok:
		_, err := s.ask(studio.Request{Op: "sheet", ID: id}, new(struct{}))
		return err
	}
	return errNoScreen
}

// printTeach prints the plan of the lesson, the path of exercises, or a worksheet.
func (s *Sheet) printTeach(p *printer, at string) error {
	if at == "path" {
		return s.listExercises(p)
	}
	if id, ok := strings.CutPrefix(at, "sheet/"); ok {
		var w struct {
			Title string    `json:"title"`
			Text  []passage `json:"text"`
		}
		if _, err := s.ask(studio.Request{Op: "sheet", ID: id}, &w); err != nil {
			return err
		}
		p.line("%s", p.in(bold, w.Title))
		p.line("")
		p.passages(w.Text)
		return nil
	}
	var l plan
	if _, err := s.ask(studio.Request{Op: "plan"}, &l); err != nil {
		return err
	}
	p.line("%s", p.in(bold, l.Title))
	p.line("")
	p.passages(l.Before)
	for _, part := range slices.Concat(l.Parts, l.After) {
		p.line("")
		title := part.Title
		if part.To > 0 {
			title = fmt.Sprintf("%d–%d  %s", part.From, part.To, part.Title)
		}
		p.line("%s", p.in(bold, title))
		for _, step := range part.Steps {
			for _, item := range step.Items {
				p.line("")
				if item.Passage != nil {
					p.passages([]passage{*item.Passage})
					continue
				}
				p.line("$ %s", item.Command)
				p.line("%s", item.Output)
			}
		}
	}
	p.line("")
	for _, w := range l.Sheets {
		p.prose(0, w.Title+": pedestrian look --screen teach/sheet/"+w.ID)
	}
	return nil
}
