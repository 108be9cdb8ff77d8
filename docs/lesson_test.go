package docs_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/derive"
)

func readPage(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// blocks are the texts of the blocks of a page whose first line is this.
func blocks(page, first string) (all []string) {
	for _, m := range regexp.MustCompile("(?ms)^```"+first+"\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		all = append(all, m[1])
	}
	return all
}

// files are the derivations of a page: blocks whose first line has the name of a file.
func files(t *testing.T, page string) map[string]*derive.Derivation {
	t.Helper()
	all := map[string]*derive.Derivation{}
	for _, m := range regexp.MustCompile("(?ms)^``` (\\w+\\.txt)\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		d, err := derive.ParseDerivation(m[2])
		if err != nil {
			t.Fatalf("%s: %v", m[1], err)
		}
		all[m[1]] = d
	}
	return all
}

// named finds an exercise.
func named(t *testing.T, id string) *derive.Exercise {
	t.Helper()
	x := derive.FindExercise(id)
	if x == nil {
		t.Fatalf("there is no exercise %s", id)
	}
	return x
}

// rows are the cells of the rows of a page's tables.
func rows(page string) (all [][]string) {
	for line := range strings.Lines(page) {
		if cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | "); strings.HasPrefix(line, "|") && len(cells) > 1 {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			all = append(all, cells)
		}
	}
	return all
}

// solved are the answers of the solutions' page that begin with first, by exercise.
func solved(t *testing.T, first string) (ids []string, answers map[string][]string) {
	t.Helper()
	answers = map[string][]string{}
	for _, b := range blocks(readPage(t, "worksheet-solutions.md"), first) {
		for line := range strings.Lines(b) {
			id, answer, _ := strings.Cut(strings.TrimSpace(line), " ")
			if answers[id] == nil {
				ids = append(ids, id)
			}
			answers[id] = append(answers[id], strings.TrimSpace(answer))
		}
	}
	return ids, answers
}

// TestWorksheetsAreSolved: each exercise of the first two worksheets has solutions, which are
// right; its blank is that of the exercise; the shapes are those that are asked for.
func TestWorksheetsAreSolved(t *testing.T) {
	var asked []string
	for _, name := range []string{"worksheet-1.md", "worksheet-2.md"} {
		for _, cells := range rows(readPage(t, name)) {
			if len(cells) < 4 || !regexp.MustCompile(`^\d+$`).MatchString(cells[0]) {
				continue
			}
			x := named(t, cells[1])
			asked = append(asked, x.ID)
			if x.Template != "" && !strings.Contains(cells[3], "`"+x.Template+"`") {
				t.Errorf("%s: %s has the blank %s, and not %s", name, x.ID, x.Template, cells[3])
			}
		}
	}
	ids, answers := solved(t, "answers")
	if !slices.Equal(ids, asked) || len(ids) != 12 {
		t.Errorf("asked are %v, solved %v", asked, ids)
	}
	for _, id := range ids {
		for _, a := range answers[id] {
			if v := named(t, id).Grade(a); v.Status != derive.Right {
				t.Errorf("%s: %s is %s: %s", id, a, v.Status, v.Message)
			}
		}
	}
	if n := worked(t, "worksheet-solutions.md", readPage(t, "worksheet-solutions.md")); n < 8 {
		t.Errorf("%d equalities were compared", n)
	}
	for file, d := range files(t, readPage(t, "worksheet-solutions.md")) {
		for _, l := range d.Check() {
			if l.Status != derive.Right {
				t.Errorf("%s: %s is %s: %s", file, l.Text, l.Status, l.Message)
			}
		}
	}
}

// TestWrongLines: each derivation of the third worksheet has one line that is false, where
// the solutions say, and their line mends it.
func TestWrongLines(t *testing.T) {
	mended := map[string]int{}
	solutions := rows(readPage(t, "worksheet-solutions.md"))
	for file, d := range files(t, readPage(t, "worksheet-3.md")) {
		line, mend := 0, ""
		for _, cells := range solutions {
			if cells[0] == file {
				_, err := fmt.Sscan(cells[1], &line)
				if err != nil {
					t.Fatal(err)
				}
				mend = strings.Trim(cells[2], "`")
			}
		}
		if line < 1 || line > len(d.Lines) {
			t.Errorf("%s has no solution", file)
			continue
		}
		for _, l := range d.Check() {
			if want := map[bool]derive.Status{true: derive.Wrong, false: derive.Right}[l.Line == line]; l.Status != want {
				t.Errorf("%s, line %d: %s is %s: %s", file, l.Line, l.Text, l.Status, l.Message)
			}
		}
		d.Lines[line-1] = mend
		for _, l := range d.Check() {
			if l.Status != derive.Right {
				t.Errorf("%s mended, line %d: %s is %s: %s", file, l.Line, l.Text, l.Status, l.Message)
			}
		}
		mended[file] = line
	}
	if len(mended) != 4 {
		t.Errorf("%d derivations were looked at", len(mended))
	}
}

// TestPredictions: the fourth worksheet asks what the exercises ask, and the solutions name
// the right statement; its shapes are those of derive.
func TestPredictions(t *testing.T) {
	page := readPage(t, "worksheet-4.md")
	ids, answers := solved(t, "choices")
	if len(ids) != 5 {
		t.Errorf("%d predictions are solved", len(ids))
	}
	for i, id := range ids {
		x := named(t, id)
		text := fmt.Sprintf("**%d. `%s`** %s\n\n", i+1, id, x.Ask)
		for k, c := range x.Choices {
			text += fmt.Sprintf("%d. %s\n", k+1, c.Text)
		}
		if !strings.Contains(page, text) {
			t.Errorf("the worksheet lacks\n%s", text)
		}
		if v := x.Grade(answers[id][0]); v.Status != derive.Right {
			t.Errorf("%s: %s is %s: %s", id, answers[id][0], v.Status, v.Message)
		}
	}
	shapes := 0
	for _, cells := range rows(readPage(t, "worksheet-solutions.md")) {
		if len(cells) != 2 || !strings.HasPrefix(cells[0], "`") {
			continue
		}
		shapes++
		shape, err := named(t, "w_q").Look(strings.Trim(cells[0], "`"))
		if err != nil || !strings.HasPrefix(shape, cells[1]) || !strings.Contains(page, cells[0]) {
			t.Errorf("%s is %s, %v; the solutions say %s", cells[0], shape, err, cells[1])
		}
	}
	if shapes != 3 {
		t.Errorf("%d shapes were looked at", shapes)
	}
}

// TestWorksheetsFitAPage: each is one page, of some 50 lines of text.
func TestWorksheetsFitAPage(t *testing.T) {
	for i := range 4 {
		name := fmt.Sprintf("worksheet-%d.md", i+1)
		height := 0
		for line := range strings.Lines(readPage(t, name)) {
			height += 1 + len([]rune(line))/110
			if strings.TrimSpace(line) == "" {
				height--
			}
		}
		if height > 50 {
			t.Errorf("%s has %d lines", name, height)
		}
	}
}

// TestLessonPlan: the parts of the lesson fill 90 minutes, and what students fail at is
// wrong, or not readable, indeed.
func TestLessonPlan(t *testing.T) {
	page := readPage(t, "lesson.md")
	at := 0
	for _, m := range regexp.MustCompile(`(?m)^## (\d+)–(\d+) · `).FindAllStringSubmatch(page, -1) {
		var from, to int
		fmt.Sscan(m[1], &from)
		fmt.Sscan(m[2], &to)
		if from != at || to <= from {
			t.Errorf("minute %d follows %d", from, at)
		}
		at = to
	}
	if at != 90 {
		t.Errorf("the lesson takes %d minutes", at)
	}
	slips := 0
	for _, cells := range rows(page) {
		if len(cells) != 3 || !strings.HasPrefix(cells[0], "`") {
			continue
		}
		slips++
		v := named(t, strings.Trim(cells[0], "`")).Grade(strings.Trim(cells[1], "`"))
		if v.Status == derive.Right {
			t.Errorf("%s: %s is right", cells[0], cells[1])
		}
	}
	if slips < 12 {
		t.Errorf("%d slips were looked at", slips)
	}
}
