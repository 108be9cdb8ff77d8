package e2e

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// answer is what the core answers to a request.
func answer[T any](t *testing.T, core *studio.Core, request string) (h T, numbers []float64) {
	t.Helper()
	b, ok := core.Handle([]byte(request))
	header, numbers, err := studio.Decode(b)
	if !ok || err != nil {
		t.Fatalf("%s: %s %v", request, header, err)
	}
	if err := json.Unmarshal(header, &h); err != nil {
		t.Fatal(err)
	}
	return h, numbers
}

// sameCells compares the cells of the page, as their digits say them, with numbers of the core.
func sameCells(t *testing.T, p *page, what, cells string, want []float64) {
	t.Helper()
	got := eval[[]string](p, `[...document.querySelectorAll('`+cells+`')].map(e => e.dataset.v)`)
	if len(got) != len(want) {
		t.Errorf("%s: %d cells are shown, the core has %d", what, len(got), len(want))
		return
	}
	for k, s := range got {
		x, err := strconv.ParseFloat(strings.Replace(s, "Infinity", "Inf", 1), 64)
		if err != nil || math.Float64bits(x) != math.Float64bits(want[k]) && !(x == 0 && want[k] == 0) {
			t.Errorf("%s: cell %d is %s on the page, %v in Go", what, k, s, want[k])
			return
		}
	}
}

// Every law shows the core's numbers, holds, is broken by a key and mended by it, and what is
// turned stands in the address.
func TestLaws(t *testing.T) {
	var core studio.Core
	p := open(t, serve(t), "#/laws")
	if n := eval[int](p, "document.querySelectorAll('.laws li').length"); n != len(studio.Laws) {
		t.Errorf("%d laws are listed, there are %d", n, len(studio.Laws))
	}
	p.wait("/^61 of 61 evaluated, \\d+ claims: all hold/.test(document.querySelector('#sum').textContent)")
	type shown struct {
		Holds  bool
		Panels []struct{ Rows, Cols, At int }
		Claims []struct{ What string }
	}
	look := func(l studio.Law, request string) {
		h, numbers := answer[shown](t, &core, request)
		verdict := eval[string](p, "document.querySelector('#law-verdict h2').textContent")
		if want := map[bool]string{true: "It holds.", false: "It is broken."}[h.Holds]; verdict != want {
			t.Errorf("%s: the page says %q, want %q", l.ID, verdict, want)
		}
		if n := eval[int](p, "document.querySelectorAll('table.claims tbody tr').length"); n != len(h.Claims) {
			t.Errorf("%s: %d claims are shown, the core has %d", l.ID, n, len(h.Claims))
		}
		var want []float64
		for _, x := range h.Panels {
			if x.Cols <= 16 && x.Rows <= 16 { // else it is a map
				want = append(want, numbers[x.At:x.At+x.Rows*x.Cols]...)
			}
		}
		sameCells(t, p, l.ID, ".panels td[data-v]", want)
	}
	for _, l := range studio.Laws {
		p.to("#/laws/" + l.ID)
		look(l, `{"op":"law","id":"`+l.ID+`","head":1}`)
		p.keys("b")
		p.wait("location.hash.includes('broken=1') && document.documentElement.dataset.ready === location.hash")
		look(l, `{"op":"law","id":"`+l.ID+`","head":1,"broken":true}`)
		p.keys("b")
		p.wait("!location.hash.includes('broken') && document.documentElement.dataset.ready === location.hash")
		eval[bool](p, "(document.querySelector('#knob').focus(), true)")
		p.keys(kb.ArrowRight)
		p.wait("location.hash.includes('knob=') && document.documentElement.dataset.ready === location.hash")
		knob := eval[string](p, "document.querySelector('#knob').value")
		look(l, `{"op":"law","id":"`+l.ID+`","head":1,"knob":`+knob+`}`)
	}
	p.to("#/laws/rank?v=1&knob=2&broken=1") // a link that somebody sent
	if s := eval[string](p, "document.querySelector('#reading').textContent"); !strings.Contains(s, "the cat") || !strings.Contains(s, " and ") {
		t.Errorf("the link shows the texts %q", s)
	}
	if c := p.complaints(); len(c) > 0 {
		t.Errorf("the page complained: %s", strings.Join(c, "; "))
	}
}
