package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// The adapter of the address is shown with the core's numbers; its rank, α and steps are turned
// by keys, and stand in the address.
func TestLoRA(t *testing.T) {
	var core studio.Core
	p := open(t, serve(t), "#/lora?v=1&rank=3&alpha=1.5&steps=20")
	type adapter struct {
		Rank, Steps int
		Alpha       float64
		Panels      []struct{ Rows, Cols, At int }
		Claims      []struct{ OK bool }
	}
	look := func(rank, steps int, alpha float64) {
		t.Helper()
		h, numbers := answer[adapter](t, &core, fmt.Sprintf(`{"op":"adapter","state":{"rank":%d},"steps":%d,"alpha":%g}`, rank, steps, alpha))
		var want []float64
		for _, x := range h.Panels {
			want = append(want, numbers[x.At:x.At+x.Rows*x.Cols]...)
		}
		sameCells(t, p, "lora", "#lora-panels td[data-v]", want)
		if n := eval[int](p, "[...document.querySelectorAll('#lora-claims tbody tr')].filter(r => r.textContent.includes('✓')).length"); n != len(h.Claims) {
			t.Errorf("%d claims hold on the page, the core has %d", n, len(h.Claims))
		}
		if got := eval[string](p, "['rank', 'alpha', 'steps'].map(k => document.getElementById(k).value).join(' ')"); got != fmt.Sprintf("%d %g %d", rank, alpha, steps) {
			t.Errorf("the sliders stand at %s", got)
		}
	}
	look(3, 20, 1.5)
	press := func(id, key, wanted string) {
		t.Helper()
		eval[bool](p, "(document.getElementById('"+id+"').focus(), true)")
		p.keys(key)
		p.wait("location.hash.includes('" + wanted + "') && document.documentElement.dataset.ready === location.hash && !document.querySelector('main.stale')")
	}
	press("rank", kb.ArrowRight, "rank=4")
	look(4, 20, 1.5)
	press("alpha", kb.ArrowLeft, "alpha=1.25")
	press("steps", kb.ArrowRight, "steps=25")
	look(4, 25, 1.25)
	p.keys("p")
	if got := eval[string](p, "document.activeElement.id"); got != "steps" {
		t.Errorf("the focus is at %q", got)
	}
	if s := eval[string](p, "document.querySelector('#lora-draw').getAttribute('aria-label')"); !strings.Contains(s, "rank 4") || !strings.Contains(s, "Errors:") {
		t.Errorf("the drawing is called %q", s)
	}
	if c := p.complaints(); len(c) > 0 {
		t.Errorf("the page complained: %s", strings.Join(c, "; "))
	}
}

func init() { screens = append(screens, "#/lora", "#/lora?v=1&rank=8&steps=0&model=paper") }
