package lesson

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// TestEveryLesson: there is a lesson for everything, and it has what belongs to one.
func TestEveryLesson(t *testing.T) {
	for _, e := range Entries() {
		l, err := Of(e)
		if err != nil {
			t.Errorf("%s: %v", e, err)
			continue
		}
		for _, c := range complaints(l) {
			t.Errorf("%s: %s", e, c)
		}
	}
}

var notForTerminals = regexp.MustCompile(`\\|\$|<a |<!--|\*\*|\x{E000}`)

// complaints lists what is wrong with a lesson.
func complaints(l *Lesson) (all []string) {
	say := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	say(len(l.Next) == 0, "nothing to do next")
	shown := slices.Clone(l.Formula)
	for _, b := range l.Text {
		if b.Kind != Verbose {
			shown = append(shown, b.Lines...)
		}
	}
	for _, m := range l.Moves {
		shown = append(append(shown, m.Shown...), m.Reason)
		say(m.Block == nil && m.Reason == "", "a move without a reason: %s", m.Line)
	}
	for _, m := range l.Legend {
		shown = append(shown, m.Symbol, m.Meaning, m.Shape)
		say(m.Meaning == "", "%s has no meaning", m.Symbol)
	}
	for _, s := range shown {
		say(notForTerminals.MatchString(s), "marks that are not for a terminal: %s", s)
	}
	if _, err := json.Marshal(l); err != nil {
		say(true, "as JSON: %v", err)
	}
	switch l.Kind {
	case Identity:
		say(l.Claims == nil && l.Code != "", "it is evaluated nowhere")
		say(l.Claims != nil && !l.Claims.OK, "it does not hold: %+v", l.Claims)
	case Erratum, Case, Exercise, Bug:
		say(len(l.Text) == 0, "it says nothing")
	case Equation:
		say(len(l.Formula) == 0, "no formula")
		say(len(l.Moves) == 0, "no derivation and no reason")
		say((l.Place != nil) != (l.Registry.Func != ""), "code %v, and the function %q", l.Place, l.Registry.Func)
		for _, src := range l.Registry.Expr {
			names, err := derive.Names(src)
			say(err != nil, "%v", err)
			for _, n := range names {
				if symbol := derive.Symbol(n, ofLayer(*l.Registry)); !slices.Contains([]string{"J", "I", "ones", "zeros"}, n) {
					say(!slices.ContainsFunc(l.Legend, func(m Meaning) bool { return m.Symbol == symbol }), "the legend has no %s", symbol)
				}
			}
		}
	}
	return all
}

// TestPlaces: the code that is shown is the code that is there.
func TestPlaces(t *testing.T) {
	marked := 0
	for _, e := range paper.Equations {
		p := placeOf(e)
		if p == nil {
			continue
		}
		text, err := os.ReadFile("../" + p.File)
		if err != nil {
			t.Errorf("(%s): %v", e.Number, err)
			continue
		}
		lines := strings.Split(string(text), "\n")
		if got := lines[p.From-1 : p.From-1+len(p.Lines)]; !slices.Equal(got, p.Lines) {
			t.Errorf("(%s): %s:%d is not\n%s", e.Number, p.File, p.From, strings.Join(p.Lines, "\n"))
		}
		for _, m := range p.Marks {
			marked++
			if !records(lines[m-1], e.Number) || m < p.From || m >= p.From+len(p.Lines) {
				t.Errorf("(%s): line %d of %s, %q, does not record it, or is not shown", e.Number, m, p.File, lines[m-1])
			}
		}
	}
	if marked < 60 {
		t.Errorf("only %d lines are marked", marked)
	}
}

// TestSourceIsWhole: every file of package paper that has a function of the registry is
// embedded, as it is on the disk.
func TestSourceIsWhole(t *testing.T) {
	for _, e := range paper.Equations {
		if e.Func != "" && placeOf(e) == nil {
			t.Errorf("(%s): %s is in no embedded file", e.Number, e.Func)
		}
	}
}

func TestLegend(t *testing.T) {
	e, _ := paper.FindEquation("31.a")
	have := map[string]Meaning{}
	l, err := Of(mustFind(t, "31.a"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range l.Legend {
		have[m.Symbol] = m
	}
	for symbol, want := range map[string]Meaning{
		"∂L/∂w_q": {"∂L/∂w_q", "gradient of the loss with respect to w_q", "d×d_ρ"},
		"aᵢ₋₁":    {"aᵢ₋₁", "input of the head", "n_T×d"},
		"Δ^raw":   {"Δ^raw", "error signal on ρ^raw", "n_T×n_T"},
		"aᵗ":      {"aᵗ", "transpose", ""},
	} {
		if have[symbol] != want {
			t.Errorf("(%s) %s: %+v, want %+v", e.Number, symbol, have[symbol], want)
		}
	}
	for _, absent := range []string{"a ∘ b", "a ⊖ b", "b̃, ~b", "softmax", "v", "ρ"} {
		if _, ok := have[absent]; ok {
			t.Errorf("(31.a) has no %s, and its legend has", absent)
		}
	}
}

func mustFind(t *testing.T, typed string) Entry {
	t.Helper()
	found := Find(typed)
	if len(found) != 1 {
		t.Fatalf("%q is %v", typed, found)
	}
	return found[0]
}

// TestMoves: a worked derivation where there is one, of an equation on its way too; else the
// section of the chapter.
func TestMoves(t *testing.T) {
	for code, want := range map[string]string{"25": "through the softmax", "23": "the three readers of a head's output", "L3": "RMS normalization", "4": "", "12": ""} {
		l, err := Of(mustFind(t, code))
		if err != nil || l.Derived != want || len(l.Moves) < 2 {
			t.Errorf("(%s): the derivation %q with %d moves, %v; want %q", code, l.Derived, len(l.Moves), err, want)
		}
	}
}
