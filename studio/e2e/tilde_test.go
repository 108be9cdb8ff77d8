package e2e

import (
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A tilde is as wide as its operand, to two pixels, in every equation that has one.
func TestTildes(t *testing.T) {
	p := open(t, serve(t), "#/equations")
	p.wait("document.querySelectorAll('.eqs .wide-tilde').length > 0")
	want := 0
	for _, e := range paper.Equations {
		want += strings.Count(e.TeX, `\widetilde`) + strings.Count(e.TeX, `\tilde`)
	}
	off := eval[[]float64](p, `[...document.querySelectorAll('.eqs .wide-tilde')].map(e => {
		const box = e.getBoundingClientRect(), operand = e.firstElementChild.getBoundingClientRect();
		return e.children.length === 1 ? Math.max(Math.abs(box.left - operand.left), Math.abs(box.right - operand.right)) : 1e9;
	})`)
	if len(off) != want || want < 17 {
		t.Errorf("%d tildes are drawn, the registry has %d", len(off), want)
	}
	for i, x := range off {
		if x > 2 {
			t.Errorf("tilde %d is off its operand by %g pixels", i, x)
		}
	}
	if bare := eval[int](p, "[...document.querySelectorAll('.eqs .wide-tilde')].filter(e => getComputedStyle(e).backgroundImage === 'none').length"); bare > 0 {
		t.Errorf("%d tildes are not drawn", bare)
	}
}
