package studio

import (
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/docs"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// Every equation has its derivation, and nothing of it is left in Markdown or in TeX.
func TestDerivations(t *testing.T) {
	code, formulas := 0, 0
	for _, e := range paper.Equations {
		all := derivation(e)
		if len(all) == 0 {
			t.Errorf("(%s): %s is empty", e.Number, e.Derivation)
		}
		for _, p := range all {
			whole(t, e.Number, p)
			switch p.Kind {
			case "code":
				code++
			case "math":
				formulas++
			}
		}
	}
	if code < 5 || formulas < 60 {
		t.Errorf("%d pieces of code and %d formulas are few", code, formulas)
	}
}

// The whole of every chapter can be read.
func TestChapters(t *testing.T) {
	files, err := docs.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := docs.Files.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range passages(string(b)) {
			whole(t, f.Name(), p)
		}
	}
}

func whole(t *testing.T, where string, p passage) {
	t.Helper()
	check := func(spans []span) {
		for _, s := range spans {
			if s.Text == "" || s.Kind != "code" && s.Kind != "math" && strings.ContainsAny(s.Text, "$`") {
				t.Errorf("%s: %q of kind %q is not read whole", where, s.Text, s.Kind)
			}
		}
	}
	check(p.Spans)
	for _, r := range p.Rows {
		for _, c := range r {
			check(c)
		}
	}
	if (p.Kind == "math" || p.Kind == "code") && p.Text == "" {
		t.Errorf("%s: an empty %s", where, p.Kind)
	}
}
