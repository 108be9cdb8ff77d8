package sheet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// hasEquation says whether the registry has an equation; "" lists all.
func hasEquation(_ *Sheet, number string) error {
	if _, ok := paper.FindEquation(number); number != "" && !ok {
		return fmt.Errorf("there is no equation %q: the screen \"equations\" lists them", number)
	}
	return nil
}

// printEquations prints the registry, or one equation with its derivation.
func (s *Sheet) printEquations(p *printer, number string) error {
	var r struct {
		Equations []struct {
			Number     string   `json:"number"`
			Title      string   `json:"title"`
			MathML     string   `json:"math"`
			ASCII      string   `json:"ascii"`
			Shapes     string   `json:"shapes"`
			Func       string   `json:"func"`
			Check      string   `json:"check"`
			Identities []string `json:"identities"`
			Derivation string   `json:"derivation"`
			Errata     []string `json:"errata"`
			Exercises  []string `json:"exercises"`
		} `json:"equations"`
	}
	if _, err := s.ask(studio.Request{Op: "registry"}, &r); err != nil {
		return err
	}
	if number == "" {
		p.line("%s", p.in(bold, fmt.Sprintf("All %d equations", len(r.Equations))))
		for _, e := range r.Equations {
			p.line("")
			p.prose(0, p.in(bold, "("+e.Number+")")+" "+e.Title)
			for _, part := range broken(Plain(e.MathML), p.Width-4) {
				p.line("    %s", part)
			}
		}
		return nil
	}
	number = strings.Trim(number, "()")
	for _, e := range r.Equations {
		if e.Number != number {
			continue
		}
		p.line("%s", p.in(bold, "("+e.Number+") "+e.Title))
		for _, part := range broken(Plain(e.MathML), p.Width-4) {
			p.line("    %s", part)
		}
		for _, f := range [][2]string{{"in ASCII", e.ASCII}, {"shapes", e.Shapes}, {"code", e.Func}, {"test", e.Check}, {"identities", strings.Join(e.Identities, ", ")}, {"derived in", e.Derivation}, {"errata", strings.Join(e.Errata, ", ")}, {"exercises", strings.Join(e.Exercises, ", ")}} {
			for k, part := range broken(f[1], p.Width-14) {
				p.fact(map[bool]string{true: f[0]}[k == 0], part)
			}
		}
		var here []string
		for _, n := range s.Nodes() {
			if n.Eq == e.Number {
				here = append(here, n.ID)
			}
		}
		if len(here) > 0 {
			p.prose(2, "In this network: "+strings.Join(here, ", "))
		}
	}
	var d struct {
		Passages []passage `json:"passages"`
	}
	if _, err := s.ask(studio.Request{Op: "derivation", ID: number}, &d); err != nil {
		return err
	}
	p.line("")
	p.passages(d.Passages)
	return nil
}

// hasErratum says whether there is an erratum of that code; "" is all.
func hasErratum(s *Sheet, code string) error {
	if code == "" {
		return nil
	}
	all, err := s.chapter("errata")
	if err == nil && from(all, strings.ToLower(code)) == nil {
		return fmt.Errorf("there is no erratum %q: the screen \"errata\" lists them", code)
	}
	return err
}

// printErrata prints the errata, or one of them, each with its counter-example, computed now.
func (s *Sheet) printErrata(p *printer, code string) error {
	all, err := s.chapter("errata")
	if err != nil {
		return err
	}
	if code != "" {
		all = from(all, strings.ToLower(code))
	}
	for i, x := range all {
		if i > 0 {
			p.line("")
		}
		p.passages([]passage{x})
		k := slices.IndexFunc(x.Anchors, func(a string) bool { return erratum(a) })
		if x.Kind != "h" || k < 0 {
			continue
		}
		var e gradcheck.Identity
		if _, err := s.ask(studio.Request{Op: "counterexample", ID: strings.ToUpper(x.Anchors[k])}, &e); err != nil {
			return err
		}
		p.line("The counter-example, computed now:")
		p.claims(e.Claims)
	}
	return nil
}

// erratum says whether an anchor is the code of an erratum with a counter-example: s1, s2, …
func erratum(anchor string) bool {
	digits, ok := strings.CutPrefix(anchor, "s")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}
