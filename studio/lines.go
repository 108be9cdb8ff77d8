package studio

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/derive"
)

// A derivationTitle is a derivation of ours, in short.
type derivationTitle struct {
	Eq    string   `json:"eq"`
	Also  []string `json:"also,omitempty"` // other equations that it derives on the way
	Title string   `json:"title"`
}

// checkedDerivation answers "lines": a derivation with a verdict on each of its lines.
type checkedDerivation struct {
	Revision int           `json:"rev"`
	Title    string        `json:"title,omitempty"` // of one of ours
	Eq       string        `json:"eq,omitempty"`
	Text     string        `json:"text"` // as it is typed
	Lines    []checkedLine `json:"lines"`
	True     int           `json:"true"` // how many lines are
}

type checkedLine struct {
	derive.LineVerdict
	Why string `json:"why,omitempty"` // the reason, of a line of ours
}

// derivations lists ours, in the order of the registry's chapters.
func derivations() (all []derivationTitle) {
	for _, d := range derive.Derivations {
		all = append(all, derivationTitle{d.Eq, d.Also, d.Title})
	}
	return all
}

// checkLines checks the derivation that was typed, or ours of an equation.
func checkLines(r Request) (checkedDerivation, error) {
	out := checkedDerivation{Revision: r.Revision, Text: r.Answer}
	d := (*derive.Derivation)(nil)
	var why []string
	if r.Answer == "" {
		if d = derive.DerivationOf(r.ID); d == nil {
			return out, fmt.Errorf("there is no derivation of equation %q", clip(r.ID))
		}
		head := []string{"world " + d.World}
		if len(d.Hold) > 0 {
			head = append(head, "hold "+strings.Join(d.Hold, " "))
		}
		out.Title, out.Eq, out.Text, why = d.Title, d.Eq, strings.Join(slices.Concat(head, d.Lines), "\n"), d.Why
	} else {
		var err error
		if d, err = derive.ParseDerivation(r.Answer); err != nil {
			return out, err
		}
	}
	for i, v := range d.Check() {
		x := checkedLine{LineVerdict: v}
		if i < len(why) {
			x.Why = why[i]
		}
		if v.Status == derive.Right {
			out.True++
		}
		if !r.Repair {
			x.Repair = ""
		}
		out.Lines = append(out.Lines, x)
	}
	return out, nil
}
