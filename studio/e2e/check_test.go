package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// asked is what the core answers.
func asked[T any](t *testing.T, core *studio.Core, request string) (h T, numbers []float64) {
	t.Helper()
	b, ok := core.Handle([]byte(request))
	header, numbers, err := studio.Decode(b)
	if err == nil {
		err = json.Unmarshal(header, &h)
	}
	if !ok || err != nil {
		t.Fatalf("%s: %s %v", request, header, err)
	}
	return h, numbers
}

// accessible runs axe on what is shown, light; it says so where axe was not fetched.
func accessible(t *testing.T, p *page, screen string) {
	t.Helper()
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		if *required {
			t.Fatalf("%v: npm ci fetches it", err)
		}
		t.Logf("%s: the rules of accessibility were not run", screen)
		return
	}
	eval[bool](p, string(axe)+";true")
	violations(t, p, screen)
}

// Every error and gradient is checked on the screen, and all agree.
func TestCoverage(t *testing.T) {
	p := open(t, serve(t), "#/check")
	p.wait("document.querySelector('#sum').dataset.done === 'true'")
	all, _ := asked[struct {
		Nodes []struct{ Kind string }
	}](t, new(studio.Core), `{"op":"open"}`)
	errors, gradients := 0, 0
	for _, n := range all.Nodes {
		if n.Kind == "error" {
			errors++
		}
		if n.Kind == "gradient" {
			gradients++
		}
	}
	text := eval[string](p, "document.querySelector('#sum').textContent")
	if want := fmt.Sprintf("%d of %d error signals, %d of %d gradients", errors, errors, gradients, gradients); !strings.HasPrefix(text, want) || !strings.Contains(text, "all agree") {
		t.Errorf("%q, want %q", text, want)
	}
	if n := eval[int](p, "[...document.querySelectorAll('.checks tbody tr')].filter(r => r.lastChild.textContent === '✓ agrees').length"); n != errors+gradients {
		t.Errorf("%d rows agree, of %d", n, errors+gradients)
	}
	accessible(t, p, "#/check")
}

// The V of a cell is drawn from the core's numbers, its slider moves by keys, and a link has
// the step and the cell.
func TestCurve(t *testing.T) {
	c, v := asked[struct{ Default, Steps int }](t, new(studio.Core), `{"op":"curve","id":"b0.h1.D_causal","i":3,"j":1}`)
	p := open(t, serve(t), "#/check/b0.h1.D_causal?v=1&cell=4,2")
	shown := func() []string {
		return eval[[]string](p, "[...document.querySelectorAll('.steps tbody tr')].map(r => [...r.children].map(c => c.textContent).join('|'))")
	}
	at := func(k int) []string {
		return []string{fmt.Sprintf("%.9g", v[6*k+1]), fmt.Sprintf("%.9g", v[6*k+3])}
	}
	for i, want := range at(c.Default) {
		if got := shown()[i+1]; !strings.Contains(got, strings.TrimRight(want, "0")) {
			t.Errorf("%q, want %s", got, want)
		}
	}
	eval[bool](p, "(document.querySelector('#step').focus(), true)")
	p.keys(kb.ArrowLeft) // to the left: a smaller step
	p.wait("location.hash.includes('row=11')")
	p.keys(kb.ArrowLeft)
	p.wait("location.hash.includes('row=12')")
	if got := shown()[2]; !strings.Contains(got, "2⁻¹²") {
		t.Errorf("after a key: %q", got)
	}
	d := eval[string](p, "document.querySelector('#vcurve path.four').getAttribute('d')")
	if n := strings.Count(d, "M") + strings.Count(d, "L"); n != c.Steps {
		t.Errorf("the curve has %d points of %d", n, c.Steps)
	}
	accessible(t, p, "#/check/b0.h1.D_causal")
	p.to("#/check/b0.h1.D_causal?v=1&cell=4,2&edit=b0.D_5:1,1=9")
	if says := eval[string](p, "document.querySelector('#v-says').textContent"); !strings.Contains(says, "by hand") {
		t.Errorf("after an edit of an error: %q", says)
	}
	p.to("#/check?v=1&mean=1") // checks of others are on their way when its own is known
	p.wait("document.querySelector('tr[data-id=\"b0.h1.D_causal\"]').textContent.includes('✓')")
	p.to("#/check/b0.h1.D_causal?v=1&mean=1")
	eval[bool](p, "new Promise(r => setTimeout(() => r(true), 1000))")
	if text := eval[string](p, "document.querySelector('#check-text').textContent"); !strings.Contains(text, "36 of 36 cells") {
		t.Errorf("the check of a tensor of 36 cells is %q", text)
	}
	p.to("#/check/w_tok") // a parameter leads to its gradient
	if title := eval[string](p, "document.title"); !strings.Contains(title, "∂L/∂") {
		t.Errorf("title %q", title)
	}
}

// A bug is found by keys alone: a wrong line, a number, a hint, and the line.
func TestFindTheBug(t *testing.T) {
	p := open(t, serve(t), "#/bug/1")
	p.wait("!!document.querySelector('#hunt')")
	if n := eval[int](p, "[...document.querySelectorAll('#rows tbody tr')].filter(r => r.offsetParent).length"); n != eval[int](p, "document.querySelectorAll('#rows .fails').length") || n < 10 {
		t.Errorf("%d rows are shown", n)
	}
	focus := func(id string) { eval[bool](p, "(document.querySelector('"+id+"').focus(), true)") }
	focus("#answer")
	p.keys("27\r")
	p.wait("!!document.querySelector('#verdict.wrong')")
	focus("#cell-name")
	p.keys("D_raw")
	focus("#cell-row")
	p.keys(kb.ArrowUp + kb.ArrowUp)
	focus("#ask")
	p.keys("\r")
	p.wait("!!document.querySelector('#asked li')")
	n, _ := asked[struct{ Value, Slope float64 }](t, new(studio.Core), `{"op":"number","id":"1","name":"D_raw","i":3,"j":1}`)
	if text := eval[string](p, "document.querySelector('#asked li').textContent"); !strings.Contains(text, "[3, 1]") || !strings.Contains(text, "Differences, nudging") || n.Value == n.Slope {
		t.Errorf("%q, %v", text, n)
	}
	focus("#all-rows")
	p.keys("\r")
	if n := eval[int](p, "[...document.querySelectorAll('#rows tbody tr.holds')].filter(r => r.offsetParent).length"); n < 10 {
		t.Errorf("%d rows that agree are shown", n)
	}
	eval[bool](p, "(document.querySelector('#answer').value = '', true)")
	focus("#answer")
	p.keys("28 D_raw\r")
	p.wait("!!document.querySelector('#verdict.right')")
	if hash := eval[string](p, "location.hash"); !strings.Contains(hash, "answer=28") {
		t.Errorf("the link is %s", hash)
	}
	accessible(t, p, "#/bug/1")
	p.to("#/bug")
	if text := eval[string](p, "document.querySelector('.bug-list .done').textContent"); text != "1" {
		t.Errorf("found is %q", text)
	}
	accessible(t, p, "#/bug")
}

// Planted bugs are caught while the screen is open, and the open one comes first.
func TestPlantedBugs(t *testing.T) {
	p := open(t, serve(t), "#/check/bugs?v=1&row=M14")
	p.wait(`document.querySelector('tr[data-id="M14"]').textContent.includes('✓ caught')`)
	m, _ := asked[struct {
		Rows  []string
		Right int
	}](t, new(studio.Core), `{"op":"planted","id":"14"}`)
	text := eval[string](p, `document.querySelector('tr[data-id="M14"]').textContent + document.querySelector('.bug-open').textContent`)
	if want := fmt.Sprintf("%d of %d rows", len(m.Rows), len(m.Rows)+m.Right); !strings.Contains(text, want) || !strings.Contains(text, m.Rows[0]) {
		t.Errorf("%q, want %s and %s", text, want, m.Rows[0])
	}
	accessible(t, p, "#/check/bugs")
	if err := chromedp.Do(p.ctx, chromedp.EmulateViewport(320, 900)); err != nil {
		t.Fatal(err)
	}
	if over := eval[int](p, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
		t.Errorf("%d pixels too wide", over)
	}
}
