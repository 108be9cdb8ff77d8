package studio

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/derive"
)

// Every derivation of ours is true line by line, and reads the same when it is typed; a slip in
// it is seen at its line and at its place.
func TestLines(t *testing.T) {
	var c Core
	all, _ := ask[struct{ Derivations []derivationTitle }](t, &c, `{"op":"derivations"}`)
	if len(all.Derivations) != len(derive.Derivations) || len(all.Derivations) < 10 {
		t.Fatalf("%d derivations", len(all.Derivations))
	}
	for i, x := range all.Derivations {
		d, _ := ask[checkedDerivation](t, &c, `{"op":"lines","id":"`+x.Eq+`"}`)
		ours := derive.Derivations[i]
		if d.True != len(ours.Lines) || len(d.Lines) != d.True || d.Lines[0].Why != ours.Why[0] || d.Title != x.Title {
			t.Errorf("(%s): %d of %d lines are true", x.Eq, d.True, len(d.Lines))
		}
		back, err := derive.ParseDerivation(d.Text)
		if err != nil || strings.Join(back.Lines, "\n") != strings.Join(ours.Lines, "\n") || back.World != ours.World || strings.Join(back.Hold, " ") != strings.Join(ours.Hold, " ") {
			t.Errorf("(%s) reads otherwise when it is typed: %v", x.Eq, err)
		}
	}
	const typed = "world head\nfrob(D, d(rho @ v)) == frob(D @ v', d(rho)) + frob(rho' @ D, d(v))\nfrob(D, d(rho @ v)) == frob(D @ v', d(rho)) + frob(rho @ D, d(v))\nrho @"
	answer := func(repair bool) checkedDerivation {
		b, err := json.Marshal(Request{Op: "lines", Answer: typed, Repair: repair})
		if err != nil {
			t.Fatal(err)
		}
		d, _ := ask[checkedDerivation](t, &c, string(b))
		return d
	}
	d := answer(false)
	if d.True != 1 || len(d.Lines) != 3 || d.Lines[0].Status != derive.Right || d.Lines[1].Status != derive.Wrong || d.Lines[2].Status != derive.Refused {
		t.Fatalf("%+v", d)
	}
	if slip := d.Lines[1]; slip.Column == 0 || !strings.Contains(slip.Message, "rho'") && slip.Column < 40 || slip.Repair != "" || answer(true).Lines[1].Repair == "" {
		t.Errorf("the slip: %+v", slip)
	}
	for _, r := range []string{`{"op":"lines"}`, `{"op":"lines","id":"999"}`, `{"op":"lines","answer":"rho == rho"}`, `{"op":"lines","answer":"world nowhere\n1 == 1"}`} {
		if b, ok := c.Handle([]byte(r)); ok {
			t.Errorf("%s is answered: %.200q", r, b)
		}
	}
}
