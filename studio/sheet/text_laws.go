package sheet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// hasLaw says whether there is a law of that id; "" lists all.
func hasLaw(_ *Sheet, id string) error {
	if id == "" || slices.ContainsFunc(studio.Laws, func(l studio.Law) bool { return l.ID == id }) {
		return nil
	}
	var ids []string
	for _, l := range studio.Laws {
		ids = append(ids, l.ID)
	}
	return fmt.Errorf("there is no law %q: %s", id, strings.Join(ids, ", "))
}

// A shownLaw is the answer to "law".
type shownLaw struct {
	studio.Law
	At      float64           `json:"at"`
	Reading string            `json:"reading"`
	Claims  []gradcheck.Claim `json:"claims"`
	Holds   bool              `json:"holds"`
	Panels  []studio.Panel    `json:"panels"`
}

// printLaws prints the list of laws, or one of them at a setting of its knob.
func (s *Sheet) printLaws(p *printer, id string) error {
	if id == "" {
		return s.listLaws(p)
	}
	var l shownLaw
	numbers, err := s.ask(studio.Request{Op: "law", ID: id, Knob: s.Knob, Broken: s.Broken, Block: s.Block, Head: s.Head}, &l)
	if err != nil {
		return err
	}
	title := l.Title
	if l.Head {
		title += fmt.Sprintf(" · block %d, head %d", s.Block, s.Head)
	}
	p.line("%s", p.in(bold, title))
	p.prose(0, l.Says)
	p.prose(0, "Equations ("+strings.Join(l.Eqs, "), (")+"); identities "+strings.Join(l.Identities, ", ")+map[bool]string{true: "; erratum " + l.Erratum}[l.Erratum != ""]+".")
	p.line("")
	p.prose(0, fmt.Sprintf("%s: %s (from %s to %s by %s)", l.Knob.Label, setting(l.At), setting(l.Knob.Min), setting(l.Knob.Max), setting(l.Knob.Step)))
	if l.Reading != "" {
		p.prose(0, l.Reading)
	}
	switch {
	case l.Holds:
		p.line("%s", p.in(bold, "It holds."))
	case s.Broken:
		p.prose(0, "It is broken ("+l.Break+"). "+l.Law.Broken)
	default:
		p.prose(0, "It does not hold here: numbers that were edited by hand do not follow from the others.")
	}
	p.line("")
	p.claims(l.Claims)
	s.panels(p, l.Panels, numbers)
	p.line("")
	p.prose(0, "To turn the knob: pedestrian look '#/laws/"+id+"?knob="+fmt.Sprint(l.Knob.Max)+"'; to break it ("+l.Break+"): '#/laws/"+id+"?broken=1'.")
	return nil
}

// setting is a number that somebody chose: it has the digits that it needs.
func setting(x float64) string { return minus(strconv.FormatFloat(x, 'g', -1, 64)) }

// listLaws prints the demonstrations, and all identities, each evaluated.
func (s *Sheet) listLaws(p *printer) error {
	var all struct {
		Laws       []studio.Law         `json:"laws"`
		Identities []gradcheck.Identity `json:"identities"`
	}
	if _, err := s.ask(studio.Request{Op: "laws"}, &all); err != nil {
		return err
	}
	p.line("%s", p.in(bold, "Laws"))
	p.prose(0, "What both passes obey, whatever the numbers are. Each has a knob, with which it still holds, and a way to break it.")
	p.line("")
	rows := [][]string{{"law", "it says", "equations"}}
	for _, l := range all.Laws {
		rows = append(rows, []string{l.ID, l.Title, "(" + strings.Join(l.Eqs, ") (") + ")"})
	}
	p.table("lwl", rows)
	p.line("")
	p.line("%s", p.in(bold, fmt.Sprintf("All %d identities", len(all.Identities))))
	p.prose(0, "Each at the first of the networks of \"pedestrian verify\" that has the parts. R and X are the paper's, Y those of the Llama family.")
	p.line("")
	rows = [][]string{{"", "it says", "network", "claims", ""}}
	claims, fail := 0, []string{}
	for _, i := range all.Identities {
		var e struct {
			gradcheck.Identity
			Case string `json:"case"`
		}
		if _, err := s.ask(studio.Request{Op: "identity", ID: i.ID}, &e); err != nil {
			return err
		}
		says, verdict := e.Title, ""
		if e.Numeric() {
			claims += len(e.Claims)
			if verdict = yes(e.OK, "holds", "does not hold"); !e.OK {
				fail = append(fail, e.ID)
			}
		} else {
			says += ": " + e.Reason
		}
		rows = append(rows, []string{e.ID, says, e.Case, map[bool]string{true: fmt.Sprint(len(e.Claims))}[e.Numeric()], verdict})
	}
	p.table("lwlrl", rows)
	verdict := "all hold."
	if len(fail) > 0 {
		verdict = strings.Join(fail, ", ") + " do not hold."
	}
	p.line("")
	p.line("%d identities, %d claims: %s", len(all.Identities), claims, verdict)
	return nil
}
