package studio

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/docs"
)

// Every erratum of substance has its place on the page and a counter-example that runs; two of
// their figures are those that the page quotes.
func TestErrata(t *testing.T) {
	var c Core
	page, _ := ask[shownChapter](t, &c, `{"op":"chapter","id":"errata"}`)
	places := map[string]bool{}
	for _, p := range page.Passages {
		for _, a := range p.Anchors {
			places[a] = true
		}
	}
	text, err := docs.Files.ReadFile("errata.md")
	if err != nil {
		t.Fatal(err)
	}
	n := strings.Count(string(text), "\n## S")
	for i := range n {
		code := fmt.Sprintf("S%d", i+1)
		h, _ := ask[evaluatedIdentity](t, &c, `{"op":"counterexample","id":"`+code+`"}`)
		if !h.OK || len(h.Claims) == 0 || !places[strings.ToLower(code)] {
			t.Errorf("%s: %d claims, right %v, a place on the page: %v", code, len(h.Claims), h.OK, places[strings.ToLower(code)])
		}
		if code != "S1" && code != "S6" {
			continue
		}
		for _, claim := range h.Claims {
			if quote := fmt.Sprintf("\n%s: %.2g\n", claim.What, float64(claim.Value)); claim.Above && !strings.Contains(string(text), quote) {
				t.Errorf("%s: the page does not quote %q", code, quote)
			}
		}
	}
	if n != 10 {
		t.Errorf("the page has %d errata of substance", n)
	}
}
