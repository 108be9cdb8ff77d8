package derive

import "testing"

// TestExercises: every accepted form is right, every planted wrong one is wrong and has
// the diagnosis that is expected.
func TestExercises(t *testing.T) {
	seen := map[string]bool{}
	for _, x := range Exercises {
		if seen[x.ID] {
			t.Errorf("%s is there twice", x.ID)
		}
		seen[x.ID] = true
		var forms []*Expr
		for _, a := range x.Accepted {
			if v := x.Grade(a); v.Status != Right {
				t.Errorf("%s: %s is %s: %s", x.ID, a, v.Status, v.Message)
			}
			e, err := Parse(x.answer(a))
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
		for _, m := range x.Mistakes {
			if v := x.Grade(m.Answer); v.Status == Right || v.ID != m.ID {
				t.Errorf("%s: %s is %s, %s: %s; want %s", x.ID, m.Answer, v.Status, v.ID, v.Message, m.ID)
			}
		}
	}
}
