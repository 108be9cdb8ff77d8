package e2e

import (
	"strings"
	"testing"
)

func init() { screens = append(screens, "#/errata", "#/errata/S2") }

// The counter-examples run, all ten; a link leads to an erratum, also to one of notation.
func TestErrata(t *testing.T) {
	p := open(t, serve(t), "#/errata")
	p.wait("document.querySelectorAll('.counter table.claims').length === 10")
	if s := eval[string](p, "[...document.querySelectorAll('.counter')].map(e => e.innerText).join()"); strings.Contains(s, "does not hold") {
		t.Errorf("a counter-example is none: %s", s)
	}
	for _, code := range []string{"S5", "C3", "N6"} {
		p.to("#/errata/" + code)
		if s := eval[string](p, "document.querySelector('main h1').innerText"); s != "Errata" {
			t.Errorf("#/errata/%s shows %q", code, s)
		}
	}
	p.to("#/errata/S99")
	if s := eval[string](p, "document.querySelector('main h1').innerText"); s == "Errata" {
		t.Error("there is an erratum S99")
	}
	if c := p.complaints(); len(c) > 0 {
		t.Errorf("the page complained: %s", strings.Join(c, "; "))
	}
}
