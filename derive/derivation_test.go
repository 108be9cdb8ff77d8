package derive

import (
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// TestDerivations: every line of a shipped derivation is right, and each planted slip, in
// the place of its line, is found false.
func TestDerivations(t *testing.T) {
	for _, d := range Derivations {
		for _, v := range d.Check() {
			if v.Status != Right {
				t.Errorf("%s, line %d: %s: %s: %s", d.Eq, v.Line, v.Text, v.Status, v.Message)
			}
		}
		if len(d.Why) != len(d.Lines) {
			t.Errorf("%s has %d lines and %d reasons", d.Eq, len(d.Lines), len(d.Why))
		}
		for i, why := range d.Why {
			if !strings.HasSuffix(why, ".") || len(why) < 15 {
				t.Errorf("%s, line %d: the reason is no sentence: %q", d.Eq, i+1, why)
			}
		}
		for _, eq := range append([]string{d.Eq}, d.Also...) {
			if _, ok := paper.FindEquation(eq); !ok || DerivationOf(eq) != d {
				t.Errorf("%s: the derivation of (%s) is another, or there is no such equation", d.Eq, eq)
			}
		}
		if len(d.Slips) == 0 {
			t.Errorf("%s has no slip", d.Eq)
		}
		for _, s := range d.Slips {
			with := *d
			with.Lines = slices.Clone(d.Lines)
			with.Lines[s.Line-1] = s.False
			v := with.Check()[s.Line-1]
			if v.Status != Wrong || v.Residue < 1e-6 {
				t.Errorf("%s, line %d: %s is %s: %s", d.Eq, s.Line, s.False, v.Status, v.Message)
			}
			t.Logf("(%s) %s: %s", d.Eq, s.False, v.Message)
		}
	}
}

// TestCheckText: names are defined, lines continue the one above, and what is wrong is said
// at its place.
func TestCheckText(t *testing.T) {
	d, err := ParseDerivation(`
# the gradient of the value weights
world head
hold a_prev b_v

e := rho' @ D
frob(D, rho @ d(v)) == frob(e, d(v))
== frob(a_prev' @ e, d(w_v))
== frob(a_prev @ e, d(w_v))
e := D
frob(D, rho @ d(v)) == frob(e', d(v)')
frob(D, rho @ d(v)) == frob(rho @ D, d(v))
a_prev' @ D
d(d(v)) == 0
d(D) == 0
d(e) == d(rho)' @ D
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		status Status
		column int
		says   string
	}{
		{Right, 0, ""}, {Right, 0, ""}, {Right, 0, ""},
		{Refused, 16, "@ needs as many columns"},
		{Refused, 1, "has a meaning already"},
		{Right, 0, ""},
		{Wrong, 29, "On the right, rho must be transposed."},
		{Refused, 0, "two sides are equal"},
		{Refused, 3, "second differential"},
		{Right, 0, ""}, {Right, 0, ""},
	}
	for i, v := range d.Check() {
		if v.Status != want[i].status || want[i].column > 0 && v.Column != want[i].column || !strings.Contains(v.Message, want[i].says) {
			t.Errorf("line %d: %s: %+v, want %+v", v.Line, v.Text, v, want[i])
		}
	}
	for text, says := range map[string]string{
		"a == b":                "begins with its world",
		"world nowhere\na == b": "no world",
		"world head\nhold x\n":  "no such name",
		"world head\n" + strings.Repeat("a == a\n", 201): "at most 200 lines",
	} {
		if _, err := ParseDerivation(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzCheck: no derivation panics.
func FuzzCheck(f *testing.F) {
	for _, d := range Derivations {
		f.Add("world " + d.World + "\n" + strings.Join(d.Lines, "\n"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDerivation(text)
		if err != nil {
			return
		}
		d.Lines = d.Lines[:min(len(d.Lines), 6)]
		for _, v := range d.Check() {
			if v.Status != Right && v.Message == "" {
				t.Fatalf("%q: %+v", text, v)
			}
		}
	})
}

// TestGoesOn: == goes on from the line above, also where that is false, and from no other one
// where it cannot be read.
func TestGoesOn(t *testing.T) {
	d := &Derivation{World: "head", Lines: []string{
		"== rho",
		"sum_features(rho) == 1",
		"rho @ D ==",
		"== 1",
		"sum_features(rho) == rho",
		"== rho",
		"sum_features(rho) == 2",
		"e := rho' @ D",
		"== 1 + 1",
		"rho",
		"== rho",
	}}
	want := []Status{Refused, Right, Refused, Refused, Refused, Refused, Wrong, Right, Right, Refused, Refused}
	for i, v := range d.Check() {
		if v.Status != want[i] || want[i] == Refused && strings.HasPrefix(v.Text, "==") && !strings.Contains(v.Message, "line above") {
			t.Errorf("line %d, %s, is %s: %s", v.Line, v.Text, v.Status, v.Message)
		}
	}
	if _, err := ParseDerivation("world head\n# nothing\n"); err == nil || !strings.Contains(err.Error(), "no line to check") {
		t.Errorf("a derivation without lines: %v", err)
	}
	for eq, in := range map[string]string{"23": "22", "25": "25", "46": "45"} {
		if d := DerivationOf(eq); d == nil || d.Eq != in {
			t.Errorf("(%s) is derived in %v, want (%s)", eq, d, in)
		}
	}
	for _, d := range Derivations {
		for _, eq := range append([]string{d.Eq}, d.Also...) {
			if _, ok := paper.FindEquation(eq); !ok {
				t.Errorf("%s: there is no equation %s", d.Title, eq)
			}
		}
	}
}

// TestSmallestCounterexample: the instance that is shown is the smallest, also where the left
// side is a number.
func TestSmallestCounterexample(t *testing.T) {
	for _, line := range []string{"1 == sum_features(rho) * 2", "sum_features(rho) * 2 == 1"} {
		d := &Derivation{World: "softmax", Lines: []string{line}} // of which the fourth instance is the smallest
		if v := d.Check()[0]; v.Status != Wrong || !strings.Contains(v.Message, "T = 4,") {
			t.Errorf("%s: %s", line, v.Message)
		}
	}
}

// TestBlankLikeItsNeighbour: an answer that reads like another part of the formula is marked
// in the blank alone.
func TestBlankLikeItsNeighbour(t *testing.T) {
	x := &Exercise{Template: "a' @ ____ @ k"}
	e, err := x.parse("k")
	if err != nil {
		t.Fatal(err)
	}
	var placed int
	e.walk(func(e *Expr) {
		if e.pos > 0 {
			placed++
		}
	})
	if placed != 1 {
		t.Errorf("%d parts of %s have columns, want 1", placed, e)
	}
}
