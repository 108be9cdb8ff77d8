package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/live"
)

// screens are one of each kind.
var screens = []string{"#/", "#/table/1?v=1&row=softmax&cell=4,2", "#/table/mha?v=1&row=head", "#/table/2?v=1&row=a7", "#/table/3?v=1&row=wk", "#/node/b0.h1.D_causal", "#/node/w_tok", "#/cell/b0.h1.rho/4,2",
	"#/derive", "#/derive/w_q?v=1&answer=a_prev'%20@%20D_raw%20@%20q", "#/derive/which_bias", "#/derive/check", "#/derive/check?v=1&row=40", "#/laws", "#/laws/mask", "#/laws/rank?v=1&broken=1", "#/laws/adam", "#/params?v=1&rank=2", "#/params?v=1&net=50257,1024,768,12,12,r16,qkv,logits", "#/check", "#/check/b0.h1.D_causal?v=1&cell=4,2", "#/bug", "#/bug/1", "#/teach", "#/teach/path", "#/teach/present/8?v=1&row=1", "#/teach/sheet/all", "#/equations", "#/equations/25", "#/nosuch", "#/?v=1&model=paper&seed=3", "#/table/1?v=1&model=paper&row=mask", "#/?v=1&diff=1&tok=0.3.4.6.0.8"}

// Nothing is asked of another origin, the policy has nothing to report, and no screen fails.
func TestNothingLeavesTheOrigin(t *testing.T) {
	base := serve(t)
	p := open(t, base, "")
	eval[bool](p, "(window.reports = [], document.addEventListener('securitypolicyviolation', e => window.reports.push(e.violatedDirective + ' ' + e.blockedURI)), true)")
	for _, s := range visited() {
		p.to(s)
		if text := eval[string](p, "document.querySelector('main').innerText"); strings.Contains(text, "cannot be computed") || len(text) < 20 {
			t.Errorf("%s shows %q", s, text)
		}
		if over := eval[int](p, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("%s is %d pixels wider than the window", s, over)
		}
	}
	reports := eval[[]string](p, "window.reports || []") // before the lock, which what listens to the page waits for
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.requests) < len(visited()) {
		t.Errorf("only %d requests were seen", len(p.requests))
	}
	for _, r := range p.requests {
		if !strings.HasPrefix(r, base) && !strings.HasPrefix(r, "data:") {
			t.Errorf("the page asked for %s", r)
		}
	}
	if len(reports) > 0 {
		t.Errorf("the policy reports %v", reports)
	}
	if len(p.complaint) > 0 {
		t.Errorf("the page complained: %s", strings.Join(p.complaint, "; "))
	}
}

// A page of another name that points at this machine is refused.
func TestForeignHost(t *testing.T) {
	base := serve(t)
	for _, host := range []string{"evil.test", "localhost.evil.test:80", "0.0.0.0"} {
		r, err := http.NewRequest("POST", base+"api", strings.NewReader(`{"op":"open"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		w.Body.Close()
		if w.StatusCode != http.StatusForbidden {
			t.Errorf("host %s: %d", host, w.StatusCode)
		}
	}
}

// No screen is wider than a telephone.
func TestNarrow(t *testing.T) {
	p := open(t, serve(t), "")
	for _, width := range []int64{320, 390, 768, 1920} {
		if err := chromedp.Do(p.ctx, chromedp.EmulateViewport(width, 900)); err != nil {
			t.Fatal(err)
		}
		for _, s := range visited() {
			p.to(s)
			if over := eval[int](p, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
				wide := eval[string](p, "[...document.querySelectorAll('main *, header *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, .f, math, .echo')).map(e => e.tagName + '.' + e.className).slice(0, 5).join(' ')")
				t.Errorf("%s at %d is %d pixels too wide: %s", s, width, over, wide)
			}
		}
	}
}

// The exported folder works behind a plain file server, and its core, in WebAssembly, answers
// with the bytes of the server's.
func TestExport(t *testing.T) {
	p := open(t, static(t), "#/table/1?v=1&row=softmax")
	if n := eval[int](p, "document.querySelectorAll('.open .grid td[data-v]').length"); n != 72 {
		t.Errorf("the open row has %d cells", n)
	}
	var core studio.Core
	worst := 0.0
	for _, request := range []string{`{"op":"open"}`, `{"op":"trace","want":["*"]}`, `{"op":"trace","state":{"model":"paper","seed":4},"want":["*"]}`, `{"op":"trace","state":{"edits":[{"id":"b0.h1.rho","i":4,"j":1,"v":0.5}]},"want":["*"]}`,
		`{"op":"look","id":"b0.h1.D_causal","i":3,"j":1}`, `{"op":"check","id":"b0.D_5"}`, `{"op":"grade","id":"w_q","answer":"a_prev' @ D_raw @ q"}`} {
		here, _ := core.Handle([]byte(request))
		text := eval[string](p, `(async () => { const w = new Worker("worker.js"); const b = await new Promise((y, n) => { w.onmessage = e => e.data.response ? y(e.data.response) : n(e.data.error); w.postMessage({ id: 1, body: `+"`"+request+"`"+` }); }); w.terminate(); let s = ""; for (const x of new Uint8Array(b)) s += String.fromCharCode(x); return btoa(s); })()`)
		there, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(here, there) {
			continue
		}
		_, a, _ := studio.Decode(here)
		_, b, err := studio.Decode(there)
		if err != nil || len(a) != len(b) {
			t.Errorf("%s: %d numbers natively, %d in WebAssembly, %v", request, len(a), len(b), err)
			continue
		}
		for i := range a {
			if a[i] != b[i] {
				worst = max(worst, abs(a[i]-b[i]))
			}
		}
	}
	if worst > 1e-12 {
		t.Errorf("WebAssembly differs by %g", worst)
	}
	t.Logf("largest difference %g", worst)

	// The picker has the networks that the server's has, and the one that trains is loaded when it
	// is chosen.
	whole, err := live.NewCore()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := whole.Handle([]byte(`{"op":"open"}`))
	header, _, err := studio.Decode(b)
	var opened struct {
		Models []struct{ Name, Title string } `json:"models"`
	}
	if err == nil {
		err = json.Unmarshal(header, &opened)
	}
	if err != nil || len(opened.Models) < 3 {
		t.Fatalf("%d models, %v", len(opened.Models), err)
	}
	var want []string
	for _, m := range opened.Models {
		want = append(want, m.Name+": "+m.Title)
	}
	p.to("#/")
	if have := eval[[]string](p, "[...document.querySelector('select[aria-label=model]').options].map(o => o.value + ': ' + o.textContent)"); !slices.Equal(have, want) {
		t.Errorf("the picker of the exported page has %q, the server's %q", have, want)
	}
	eval[bool](p, "(s => (s.value = 'story', s.dispatchEvent(new Event('change')), true))(document.querySelector('select[aria-label=model]'))")
	p.wait("location.hash.includes('model=story') && document.documentElement.dataset.ready === location.hash && document.querySelector('main').innerText.includes('One block')")
	if c := p.complaints(); len(c) > 0 {
		t.Errorf("the page complained: %s", strings.Join(c, "; "))
	}
}

func abs(x float64) float64 { return max(x, -x) }
