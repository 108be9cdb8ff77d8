package e2e

import (
	"strconv"
	"testing"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// A value becomes a constant with a button of its page: its error and what stands before it are
// as Go says, the button keeps the focus, and the header takes it back.
func TestHold(t *testing.T) {
	var core studio.Core
	p := open(t, serve(t), "#/node/b0.a_4?v=1&edit=w_tok:3,2=2")
	for _, c := range []struct{ button, hash, state string }{
		{"detached", "held=b0.a_4", `{"held":[{"id":"b0.a_4"}],"edits":[{"id":"w_tok","i":2,"j":1,"v":2}]}`},
		{"frozen", "held=b0.a_4*", `{"held":[{"id":"b0.a_4","frozen":true}],"edits":[{"id":"w_tok","i":2,"j":1,"v":2}]}`},
	} {
		eval[bool](p, `([...document.querySelectorAll('.facts button')].find(b => b.textContent === '`+c.button+`').focus(), true)`)
		p.keys("\r")
		p.wait(`location.hash.endsWith('` + c.hash + `') && document.documentElement.dataset.ready === location.hash && document.querySelector('.facts button[aria-pressed="true"]').textContent === '` + c.button + `'`)
		for _, id := range []string{"b0.a_4", "b0.D_4"} {
			got := eval[[]string](p, `[...document.querySelectorAll('.grid[data-id="`+id+`"] td[data-v]')].map(td => td.dataset.v)`)
			want := numbers(t, &core, c.state, id)
			if len(got) != len(want) {
				t.Fatalf("%s: %d cells of %d", id, len(got), len(want))
			}
			for k := range want {
				if x, _ := strconv.ParseFloat(got[k], 64); x != want[k] {
					t.Fatalf("%s: cell %d of %s is %s, in Go %v", c.button, k, id, got[k], want[k])
				}
			}
		}
		if focus := eval[string](p, "document.activeElement.textContent"); focus != c.button {
			t.Errorf("after %s the focus is on %q", c.button, focus)
		}
	}
	p.keys("r")
	p.wait(`!location.hash.includes('held=') && document.querySelector('.facts button[aria-pressed="true"]').textContent === 'no'`)
	if c := p.complaints(); len(c) > 0 {
		t.Errorf("the page complained: %q", c)
	}
}
