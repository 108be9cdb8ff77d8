package e2e

import (
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

func init() { screens = append(screens, "#/book", "#/book/03-attention", "#/book/05-layernorm/eq-40") }

// Every equation of the registry has a link in the book, every chapter can be read, with what its
// equations make here beside it; what is looked for is found and leads to its place.
func TestBook(t *testing.T) {
	p := open(t, serve(t), "#/book")
	equations := eval[[]string](p, "[...document.querySelectorAll('[data-eq]')].map(a => a.dataset.eq)")
	if len(equations) != len(paper.Equations) {
		t.Errorf("%d equations have a place, there are %d", len(equations), len(paper.Equations))
	}
	links := eval[[]string](p, "[...document.querySelectorAll('[data-eq]')].map(a => a.getAttribute('href'))")
	chapters := eval[[]string](p, "[...document.querySelectorAll('#chapters h2 a')].map(a => a.getAttribute('href'))")
	anchors := map[string]bool{}
	maps := 0
	for _, c := range chapters {
		p.to(c)
		for _, a := range eval[[]string](p, "[...document.querySelectorAll('.anchor')].map(e => e.id)") {
			anchors[strings.TrimPrefix(c, "#/book/")+"/"+strings.TrimPrefix(a, "at-")] = true
		}
		if wrong := eval[int](p, "[...document.querySelectorAll('.drawing img')].filter(i => !i.complete || !i.naturalWidth).length"); wrong > 0 {
			t.Errorf("%s: %d pictures are not shown", c, wrong)
		}
		maps += eval[int](p, "document.querySelectorAll('.livemap canvas').length")
		if dead := eval[[]string](p, "[...document.querySelectorAll('article a')].map(a => a.getAttribute('href')).filter(h => !h || h.length < 3)"); len(dead) > 0 {
			t.Errorf("%s has links to nothing: %v", c, dead)
		}
	}
	for _, l := range links {
		if !anchors[strings.TrimPrefix(l, "#/book/")] {
			t.Errorf("%s leads to no place", l)
		}
	}
	if maps < 40 {
		t.Errorf("%d tensors are shown beside their equations", maps)
	}
	p.to("#/book/03-attention/eq-25")
	if top := eval[float64](p, "new Promise(r => setTimeout(() => r(document.getElementById('at-eq-25').getBoundingClientRect().top), 200))"); top < -5 || top > 60 {
		t.Errorf("the place of (25) is %g pixels from the top", top)
	}
	p.keys("n")
	p.wait("location.hash === '#/book/04-multihead' && document.documentElement.dataset.ready === location.hash")
	p.to("#/book")
	eval[bool](p, "(document.querySelector('#search').focus(), true)")
	p.keys("rules for the dot")
	p.wait("document.querySelectorAll('.hits a').length > 0 && location.hash.includes('answer=')")
	p.to(eval[string](p, "document.querySelector('.hits a').getAttribute('href')"))
	if s := eval[string](p, "document.querySelector('article').innerText"); !strings.Contains(strings.ToLower(s), "rules for the dot") {
		t.Errorf("what was found leads to %.80q", s)
	}
	if c := p.complaints(); len(c) > 0 {
		t.Errorf("the page complained: %s", strings.Join(c, "; "))
	}
}
