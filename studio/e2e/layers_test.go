package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// Table 3 shows a gradient as a sum over tokens, plays from the bottom up, and N and P step
// along the backward pass.
func TestLayers(t *testing.T) {
	p := open(t, serve(t), "#/table/3?v=1&row=w11")
	p.wait("document.querySelectorAll('.layers li').length === 7")
	l, _ := asked[struct{ Norms []float64 }](t, new(studio.Core), `{"op":"layers","id":"dw_11"}`)
	labels := eval[[]string](p, "[...document.querySelectorAll('.layers canvas')].map(c => c.getAttribute('aria-label'))")
	for i, norm := range l.Norms {
		if want := fmt.Sprintf("%.3g", norm); !strings.Contains(labels[i], want) {
			t.Errorf("layer %d is %q, its norm is %s", i, labels[i], want)
		}
	}
	accessible(t, p, "#/table/3?v=1&row=w11")
	p.keys("N") // the backward pass goes up
	p.wait("location.hash.includes('row=b10')")
	p.keys("P")
	p.wait("location.hash.includes('row=w11')")
	p.to("#/table/3")
	eval[bool](p, "(document.querySelector('#play').click(), true)")
	p.wait("location.hash.includes('row=b11')") // without an adapter the lowest row
	p.wait("location.hash.includes('row=w11')")
	eval[bool](p, "(document.querySelector('#play').click(), true)")
	if s := eval[string](p, "document.querySelector('#play').textContent"); s != "Play upwards" {
		t.Errorf("after a pause the button says %q", s)
	}
	p.to("#/?v=1")
	p.keys("N")
	p.wait("document.querySelector('#detail').textContent.includes('Δ')")
	if err := chromedp.Do(p.ctx, chromedp.EmulateViewport(390, 900)); err != nil {
		t.Fatal(err)
	}
	p.to("#/table/3?v=1&row=w6")
	p.wait("document.querySelectorAll('.layers li').length === 7")
	if over := eval[int](p, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
		t.Errorf("%d pixels too wide", over)
	}
}
