package derive

import (
	"fmt"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// TestExercises: every accepted form is right, every planted wrong one is wrong and has
// the diagnosis that is expected.
func TestExercises(t *testing.T) {
	seen := map[string]bool{}
	if all := len(lossExercises) + len(attentionExercises) + len(layerNormExercises) + len(loraExercises) + len(networkExercises) + len(llamaExercises) + len(fillExercises) + len(predictExercises); all != len(Exercises) {
		t.Errorf("%d exercises are on the path, of %d", len(Exercises), all)
	}
	for _, x := range Exercises {
		if seen[x.ID] {
			t.Errorf("%s is there twice", x.ID)
		}
		seen[x.ID] = true
		if _, ok := paper.FindEquation(x.Eq); !ok || x.Ask == "" || x.Title == "" || FindWorld(x.World) == nil {
			t.Errorf("%s lacks a title, a question, a world or an equation", x.ID)
		}
		var forms []*Expr
		for _, a := range x.Accepted {
			if v := x.Grade(a); v.Status != Right {
				t.Errorf("%s: %s is %s: %s", x.ID, a, v.Status, v.Message)
			}
			e, err := x.parse(a)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range forms {
				if f.same(e) {
					t.Errorf("%s: two forms are the same tree, %s", x.ID, e)
				}
			}
			forms = append(forms, e)
		}
		if x.Level == Predict {
			right := 0
			for i, c := range x.Choices {
				if v := x.Grade(fmt.Sprint(" ", i+1)); (v.Status == Right) != c.Right || c.Reply == "" || v.Status == Refused {
					t.Errorf("%s: choice %d is %s", x.ID, i+1, v.Status)
				}
				if c.Right {
					right++
				}
			}
			if right != 1 || len(x.Shows) == 0 {
				t.Errorf("%s: %d choices are right, and %d lines show it", x.ID, right, len(x.Shows))
			}
			if v := x.Grade("D"); v.Status != Refused {
				t.Errorf("%s: a formula is %s", x.ID, v.Status)
			}
			for _, l := range (&Derivation{World: x.World, Lines: x.Shows}).Check() {
				if l.Status != Right {
					t.Errorf("%s shows %s, which is %s: %s", x.ID, l.Text, l.Status, l.Message)
				}
			}
			continue
		}
		if len(x.Accepted) < 2 || len(x.Mistakes) < 2 {
			t.Errorf("%s has %d right forms and %d wrong ones", x.ID, len(x.Accepted), len(x.Mistakes))
		}
		for _, m := range x.Mistakes {
			if v := x.Grade(m.Answer); v.Status == Right || v.ID != m.ID {
				t.Errorf("%s: %s is %s, %s: %s; want %s", x.ID, m.Answer, v.Status, v.ID, v.Message, m.ID)
			}
		}
	}
}
