package studio

import (
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/docs"
)

// The plan has all of docs/lesson.md: its minutes follow one another, every command stands
// apart from what it prints, and no text is lost.
func TestPlan(t *testing.T) {
	var c Core
	p, _ := ask[plan](t, &c, `{"op":"plan"}`)
	if len(p.Parts) != 10 || p.Title != "A lesson of 90 minutes" || len(p.Before) < 4 || len(p.Sheets) != 5 {
		t.Fatalf("%q with %d parts, %d passages before, %d sheets", p.Title, len(p.Parts), len(p.Before), len(p.Sheets))
	}
	at, commands := 0, []string{}
	var printed strings.Builder
	for _, part := range p.Parts {
		if part.From != at || part.To <= at || strings.Contains(part.Title, "–") {
			t.Errorf("%q is from %d to %d, and the part before ends at %d", part.Title, part.From, part.To, at)
		}
		at = part.To
		if part.Steps[0].Kind == "" {
			t.Errorf("%q begins with a step %q", part.Title, part.Steps[0].Kind)
		}
		for _, s := range part.Steps {
			for _, i := range s.Items {
				if i.Command != "" {
					commands = append(commands, i.Command)
					printed.WriteString("$ " + i.Command + "\n" + i.Output + "\n")
				}
				if (i.Passage == nil) == (i.Command == "") {
					t.Errorf("%q has an item that is not one thing: %+v", part.Title, i)
				}
				if i.ID != "" && i.Answer != "" && !strings.Contains(i.Output, "Type the number") {
					if v := derive.FindExercise(i.ID).Grade(i.Answer); (v.Status == derive.Right) != (strings.Contains("\n"+i.Output, "\nright")) {
						t.Errorf("%s: %q is %s, and the plan says %q", i.ID, i.Answer, v.Status, i.Output)
					}
				}
			}
		}
	}
	if at != 90 {
		t.Errorf("the lesson ends at minute %d", at)
	}
	b, err := docs.Files.ReadFile("lesson.md")
	if err != nil {
		t.Fatal(err)
	}
	want, lines := 0, 0
	inside := false
	for line := range strings.Lines(string(b)) {
		switch {
		case line == "```console\n":
			inside = true
		case strings.HasPrefix(line, "```"):
			inside = false
		case inside:
			if strings.HasPrefix(line, "$ ") {
				want++
			}
			if lines++; !strings.Contains(printed.String(), line) && strings.TrimSpace(line) != ">" {
				t.Errorf("lost: %q", line)
			}
		}
	}
	if len(commands) != want || want < 15 || lines < 50 {
		t.Errorf("%d of %d commands, %d lines", len(commands), want, lines)
	}
	kinds := map[string]int{}
	for _, part := range p.Parts {
		for _, s := range part.Steps {
			kinds[s.Kind]++
		}
	}
	for kind, word := range map[string]string{"say": "*Say.*", "students": "*Students.*", "fail": "*They fail at"} {
		if n := strings.Count(string(b), "\n"+word); kinds[kind] != n || n < 5 {
			t.Errorf("%d steps of kind %q, and the text has %d", kinds[kind], kind, n)
		}
	}
}

func TestWorksheets(t *testing.T) {
	var c Core
	for _, id := range worksheets {
		w, _ := ask[struct{ worksheet }](t, &c, `{"op":"sheet","id":"`+id+`"}`)
		if w.ID != id || w.Title == "" || len(w.Text) < 3 {
			t.Errorf("%s: %q, %d passages", id, w.Title, len(w.Text))
		}
	}
	w, _ := ask[struct{ worksheet }](t, &c, `{"op":"sheet","id":"1"}`)
	var starts []int
	for _, p := range w.Text {
		if p.Kind == "list" {
			starts = append(starts, p.Start, len(p.Rows))
		}
	}
	if !slices.Equal(starts, []int{1, 3, 4, 3}) { // three questions from 1, three from 4
		t.Errorf("the lists of worksheet 1 begin at, and have: %v", starts)
	}
	for _, id := range []string{"", "5", "../lesson", "1.md"} {
		if b, ok := c.Handle([]byte(`{"op":"sheet","id":"` + id + `"}`)); ok {
			t.Errorf("there is a worksheet %q: %.80q", id, b)
		}
	}
}
