package sheet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
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

// hasEquation says whether the registry has an equation; "" lists all.
func hasEquation(_ *Sheet, number string) error {
	if _, ok := paper.FindEquation(number); number != "" && !ok {
		return fmt.Errorf("there is no equation %q: the screen \"equations\" lists them", number)
	}
	return nil
}

// printEquations prints the registry, or one equation with its derivation.
func (s *Sheet) printEquations(p *printer, number string) error {
	var r struct {
		Equations []struct {
			Number     string   `json:"number"`
			Title      string   `json:"title"`
			MathML     string   `json:"math"`
			ASCII      string   `json:"ascii"`
			Shapes     string   `json:"shapes"`
			Func       string   `json:"func"`
			Check      string   `json:"check"`
			Identities []string `json:"identities"`
			Derivation string   `json:"derivation"`
			Errata     []string `json:"errata"`
			Exercises  []string `json:"exercises"`
		} `json:"equations"`
	}
	if _, err := s.ask(studio.Request{Op: "registry"}, &r); err != nil {
		return err
	}
	if number == "" {
		p.line("%s", p.in(bold, fmt.Sprintf("All %d equations", len(r.Equations))))
		for _, e := range r.Equations {
			p.line("")
			p.prose(0, p.in(bold, "("+e.Number+")")+" "+e.Title)
			for _, part := range broken(Plain(e.MathML), p.Width-4) {
				p.line("    %s", part)
			}
		}
		return nil
	}
	number = strings.Trim(number, "()")
	for _, e := range r.Equations {
		if e.Number != number {
			continue
		}
		p.line("%s", p.in(bold, "("+e.Number+") "+e.Title))
		for _, part := range broken(Plain(e.MathML), p.Width-4) {
			p.line("    %s", part)
		}
		for _, f := range [][2]string{{"in ASCII", e.ASCII}, {"shapes", e.Shapes}, {"code", e.Func}, {"test", e.Check}, {"identities", strings.Join(e.Identities, ", ")}, {"derived in", e.Derivation}, {"errata", strings.Join(e.Errata, ", ")}, {"exercises", strings.Join(e.Exercises, ", ")}} {
			for k, part := range broken(f[1], p.Width-14) {
				p.fact(map[bool]string{true: f[0]}[k == 0], part)
			}
		}
		var here []string
		for _, n := range s.Nodes() {
			if n.Eq == e.Number {
				here = append(here, n.ID)
			}
		}
		if len(here) > 0 {
			p.prose(2, "In this network: "+strings.Join(here, ", "))
		}
	}
	var d struct {
		Passages []passage `json:"passages"`
	}
	if _, err := s.ask(studio.Request{Op: "derivation", ID: number}, &d); err != nil {
		return err
	}
	p.line("")
	p.passages(d.Passages)
	return nil
}

// hasErratum says whether there is an erratum of that code; "" is all.
func hasErratum(s *Sheet, code string) error {
	if code == "" {
		return nil
	}
	all, err := s.chapter("errata")
	if err == nil && from(all, strings.ToLower(code)) == nil {
		return fmt.Errorf("there is no erratum %q: the screen \"errata\" lists them", code)
	}
	return err
}

// printErrata prints the errata, or one of them, each with its counter-example, computed now.
func (s *Sheet) printErrata(p *printer, code string) error {
	all, err := s.chapter("errata")
	if err != nil {
		return err
	}
	if code != "" {
		all = from(all, strings.ToLower(code))
	}
	for i, x := range all {
		if i > 0 {
			p.line("")
		}
		p.passages([]passage{x})
		k := slices.IndexFunc(x.Anchors, func(a string) bool { return erratum(a) })
		if x.Kind != "h" || k < 0 {
			continue
		}
		var e gradcheck.Identity
		if _, err := s.ask(studio.Request{Op: "counterexample", ID: strings.ToUpper(x.Anchors[k])}, &e); err != nil {
			return err
		}
		p.line("The counter-example, computed now:")
		p.claims(e.Claims)
	}
	return nil
}

// erratum says whether an anchor is the code of an erratum with a counter-example: s1, s2, …
func erratum(anchor string) bool {
	digits, ok := strings.CutPrefix(anchor, "s")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

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
