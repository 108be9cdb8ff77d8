package e2e

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// numbers are the numbers of one tensor, by the core.
func numbers(t *testing.T, core *studio.Core, state, id string) []float64 {
	t.Helper()
	b, ok := core.Handle([]byte(`{"op":"trace","state":` + state + `,"want":["` + id + `"]}`))
	header, numbers, err := studio.Decode(b)
	if !ok || err != nil {
		t.Fatalf("%s: %s %v", id, header, err)
	}
	return numbers
}

// All 52 rows of the four tables can be opened, and every cell of their values and errors has
// the bits that Go computed.
func TestRows(t *testing.T) {
	var core studio.Core
	p := open(t, serve(t), "#/table/1?v=1&rank=2")
	rows, cells := 0, 0
	for _, table := range studio.Tables {
		p.to("#/table/" + table.Key + "?v=1&rank=2")
		if got := eval[int](p, "document.querySelectorAll('.t1 .row').length"); got != len(table.Rows) {
			t.Errorf("table %s shows %d rows, it has %d", table.Key, got, len(table.Rows))
		}
		for _, r := range table.Rows {
			p.to("#/table/" + table.Key + "?v=1&rank=2&row=" + r.Key)
			if got := eval[bool](p, `document.querySelector('.row[data-k="`+r.Key+`"]').getAttribute('aria-expanded') === 'true'`); !got {
				t.Errorf("table %s, %s is not open", table.Key, r.Key)
				continue
			}
			rows++
			for _, id := range []string{r.Value, r.Error} {
				if id == "" {
					continue
				}
				id = strings.NewReplacer("{b}", "0", "{h}", "1").Replace(id)
				got := eval[[]string](p, `[...document.querySelectorAll('.open .grid[data-id="`+id+`"] td[data-v]')].map(td => td.dataset.v)`)
				want := numbers(t, &core, `{"rank":2}`, id)
				if len(got) != len(want) {
					t.Errorf("table %s, %s: %s has %d cells, shown are %d", table.Key, r.Key, id, len(want), len(got))
					continue
				}
				for k, s := range got {
					x, err := strconv.ParseFloat(s, 64)
					if err != nil || math.Float64bits(x) != math.Float64bits(want[k]) && !(x == 0 && want[k] == 0) {
						t.Fatalf("table %s, %s: cell %d of %s is %s on the page, %v in Go", table.Key, r.Key, k, id, s, want[k])
					}
					cells++
				}
			}
		}
	}
	if rows != 52 {
		t.Errorf("%d of 52 rows were shown", rows)
	}
	t.Logf("%d rows, %d cells", rows, cells)
	if c := p.complaints(); len(c) > 0 {
		t.Errorf("the page complained: %s", strings.Join(c, "; "))
	}
}

// Every entry of the registry has a place on the page, with its formula.
func TestRegistryIsReachable(t *testing.T) {
	p := open(t, serve(t), "#/equations")
	links := eval[[]string](p, "[...document.querySelectorAll('.eqs a')].map(a => a.getAttribute('href'))")
	formulas := eval[int](p, "document.querySelectorAll('.eqs math').length")
	if len(links) != len(paper.Equations) || formulas != len(links) {
		t.Fatalf("%d links and %d formulas for %d equations", len(links), formulas, len(paper.Equations))
	}
	for _, link := range links {
		p.to(link)
		if eval[string](p, "document.querySelector('main h1').textContent") == "There is nothing here" || eval[int](p, "document.querySelectorAll('.bigmath math').length") != 1 {
			t.Errorf("%s shows no equation", link)
		}
	}
}

// An edit that is typed into a cell changes both passes to what Go says.
func TestEdit(t *testing.T) {
	var core studio.Core
	p := open(t, serve(t), "#/table/1?v=1&row=softmax&cell=5,2")
	eval[bool](p, `(document.querySelector('[data-side="value"] td[tabindex="0"]').focus(), true)`)
	p.keys("e")
	p.wait("document.activeElement.matches('input.cell')")
	eval[bool](p, "(document.activeElement.value = '', true)")
	p.keys("0.25\r")
	p.wait(`location.hash.includes('edit=') && document.documentElement.dataset.ready === location.hash && !!document.querySelector('td.edited')`)
	state := `{"edits":[{"id":"b0.h1.rho","i":4,"j":1,"v":0.25}]}`
	for _, id := range []string{"b0.h1.rho", "b0.h1.D_causal"} {
		got := eval[[]string](p, `[...document.querySelectorAll('.open .grid[data-id="`+id+`"] td[data-v]')].map(td => td.dataset.v)`)
		for k, want := range numbers(t, &core, state, id) {
			if x, _ := strconv.ParseFloat(got[k], 64); x != want {
				t.Fatalf("after the edit cell %d of %s is %s, in Go %v", k, id, got[k], want)
			}
		}
	}
	if focus := eval[string](p, "document.activeElement.dataset.ij || ''"); focus != "4,1" {
		t.Errorf("after the edit the focus is at %q", focus)
	}
	p.keys("r")
	p.wait(`!location.hash.includes('edit=') && !document.querySelector('td.edited')`)
}

// From the first page to a right answer with the keyboard alone.
func TestKeyboardAlone(t *testing.T) {
	p := open(t, serve(t), "")
	for range 40 {
		p.keys("\t")
		if eval[string](p, "document.activeElement.textContent") == "Derive" {
			break
		}
	}
	p.keys("\r")
	p.wait("location.hash === '#/derive' && document.querySelectorAll('.sections a').length > 40")
	for range 80 {
		p.keys("\t")
		if strings.HasSuffix(eval[string](p, "document.activeElement.getAttribute('href') || ''"), "/fc_b") {
			break
		}
	}
	p.keys("\r")
	p.wait("!!document.querySelector('#answer')")
	for range 80 {
		p.keys("\t")
		if eval[string](p, "document.activeElement.id") == "answer" {
			break
		}
	}
	p.keys("sum_tokens(D)\r")
	p.wait("!!document.querySelector('.verdict.right #next')")
	if says := eval[string](p, "document.querySelector('#verdict').innerText"); !strings.Contains(says, "Right") {
		t.Errorf("the right answer is answered by %q", says)
	}
}
