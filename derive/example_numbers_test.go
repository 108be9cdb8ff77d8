package derive

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// TestExamples: every equation that the language can say is shown in numbers, and these are
// true: both sides agree, and gradients agree with differences of the loss.
func TestExamples(t *testing.T) {
	checks := 0
	for _, e := range paper.Equations {
		x, err := ExampleOf(e.Number)
		if err != nil {
			t.Error(err)
			continue
		}
		if x == nil {
			if len(e.Expr) > 0 {
				t.Errorf("(%s) has no example", e.Number)
			}
			continue
		}
		if len(x.Lines) != len(e.Expr) {
			t.Errorf("(%s): %d lines, want %d", e.Number, len(x.Lines), len(e.Expr))
		}
		for _, l := range x.Lines {
			if l.Apart > 1e-12 {
				t.Errorf("(%s) %s: the sides are %g apart", e.Number, l.Line, l.Apart)
			}
			gradient := strings.HasPrefix(l.Line, "dL/d") || strings.HasPrefix(l.Line, "D_") && !strings.HasPrefix(l.Line, "D_6")
			if (l.Check != nil) != gradient {
				t.Errorf("(%s) %s: compared with differences: %v", e.Number, l.Line, l.Check != nil)
			}
			if c := l.Check; c != nil {
				checks++
				if c.Apart > 1e-11 || math.Abs(c.Slope-c.Formula) > 1e-3 || c.Cells == 0 {
					t.Errorf("(%s) %s: %+v", e.Number, l.Line, c)
				}
				if row := l.Value.Rows[c.Row-1]; float64(row[c.Column-1]) != c.Formula {
					t.Errorf("(%s) %s: the cell shown is not in the numbers: %+v", e.Number, l.Line, c)
				}
			}
			zero := true
			for _, row := range l.Value.Rows {
				for _, v := range row {
					if zero = zero && v == 0; math.IsNaN(float64(v)) {
						t.Errorf("(%s) %s has a NaN", e.Number, l.Line)
					}
				}
			}
			if zero && !slices.Contains([]string{"26", "29", "32.b"}, e.Number) && !strings.Contains(l.Line, "== 0") {
				t.Errorf("(%s) %s: all numbers are 0, which shows nothing", e.Number, l.Line)
			}
		}
		if _, err := json.Marshal(x); err != nil {
			t.Errorf("(%s): %v", e.Number, err)
		}
	}
	if checks < 40 {
		t.Errorf("only %d gradients were compared", checks)
	}
}

// TestExampleFindsSlips: with another formula in its place, the comparison fails.
func TestExampleFindsSlips(t *testing.T) {
	w := WorldOf("31.a")
	p := w.program()
	in := p.small()
	c := &checked{world: w, scope: p.scope, at: []*Instance{in}}
	e, err := Parse("a_prev' @ D_raw @ q")
	if err != nil {
		t.Fatal(err)
	}
	l, _, err := c.sides(e, nil)
	if err != nil {
		t.Fatal(err)
	}
	in.values["dL/dw_q"] = in.evaluate(l, false).v
	if d := p.checkByDifferences(in, "dL/dw_q", "w_q", nil); d.Apart < 0.01 {
		t.Errorf("q in the place of k is %g from the differences", d.Apart)
	}
}

// TestExampleWorlds: what those worlds call an error signal is the gradient of their loss, at
// sizes that all differ.
func TestExampleWorlds(t *testing.T) {
	for _, w := range exampleWorlds {
		p := w.program()
		in := p.instance(0)
		for _, s := range p.steps {
			if of, hold := w.nudged(s.name); of != "" && s.t != nil {
				g, noise := p.gradient(in, of, hold)
				for i, x := range g.V {
					if d := math.Abs(x - in.values[s.name].V[i]); d > 1e-10+100*noise {
						t.Fatalf("%s: %s is not the gradient with respect to %s: %g apart", w.ID, s.name, of, d)
					}
				}
			}
		}
	}
}
