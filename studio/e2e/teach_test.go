package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	pg "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// printed is the screen that is shown as a PDF.
func printed(t *testing.T, p *page) []byte {
	t.Helper()
	var data []byte
	yes := true
	err := chromedp.Do(p.ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		r, err := cdp.Call(ctx, tab, pg.PrintToPDF, pg.PrintToPDFParams{PreferCSSPageSize: &yes})
		if err == nil {
			data = []byte(r.Data)
		}
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := base64.StdEncoding.DecodeString(string(data)); err == nil {
		data = b
	}
	if !bytes.HasPrefix(data, []byte("%PDF-")) {
		t.Fatalf("no PDF but %.20q", data)
	}
	return data
}

var pdfPage = regexp.MustCompile(`/Type\s*/Page\b`)

// A lesson is held by keys: what a command prints is hidden until it was predicted, the link
// has what is revealed, and the worksheets are printed a page each.
func TestTeach(t *testing.T) {
	p := open(t, serve(t), "#/teach")
	if n := eval[int](p, "document.querySelectorAll('.plan li').length"); n != 10 {
		t.Errorf("the plan has %d parts", n)
	}
	accessible(t, p, "#/teach")
	p.to("#/teach/present/8")
	hidden := func() int {
		return eval[int](p, "[...document.querySelectorAll('.reveal')].filter(e => !e.offsetParent).length")
	}
	text := "document.querySelector('#slide').innerText"
	if s := eval[string](p, text); hidden() != 2 || !strings.Contains(s, `pedestrian derive fc_b "D"`) || strings.Contains(s, "not yet") || strings.Contains(s, "right") {
		t.Errorf("%d are hidden on %q", hidden(), s)
	}
	p.keys(" ")
	p.wait("location.hash.includes('row=1')")
	if s := eval[string](p, text); hidden() != 1 || !strings.Contains(s, "not yet: The answer is T×g") || strings.Contains(s, "\nright") {
		t.Errorf("after Space %d are hidden on %q", hidden(), s)
	}
	accessible(t, p, "#/teach/present/8")
	p.keys(" ")
	p.wait("location.hash.includes('row=2')")
	p.keys(" ") // all is shown: the next slide
	p.wait("location.hash.includes('/present/9')")
	p.keys(kb.Backspace)
	p.wait("location.hash.includes('/present/8')")
	p.to("#/teach/present/8?v=1&row=2")
	if hidden() != 0 {
		t.Error("a link that has all hides something")
	}
	p.keys("n")
	p.wait("location.hash.includes('/present/9')")
	p.keys("p")
	p.wait("location.hash.includes('/present/8')")
	p.keys(kb.Escape)
	p.wait("location.hash === '#/teach' && !document.querySelector('#slide')")
	if !eval[bool](p, "document.querySelector('#top').offsetHeight > 0") {
		t.Error("after the lesson the head of the page is gone")
	}
	p.to("#/teach/present/99")
	if s := eval[string](p, "document.querySelector('main').innerText"); !strings.Contains(s, "nothing here") {
		t.Errorf("slide 99 shows %q", s)
	}
	p.to("#/teach/sheet/all")
	p.wait("document.querySelectorAll('.sheet').length === 4")
	accessible(t, p, "#/teach/sheet/all")
	if n := len(pdfPage.FindAll(printed(t, p), -1)); n != 4 {
		t.Errorf("four worksheets are printed on %d pages", n)
	}
}

// The path shows what was done in this browser.
func TestPath(t *testing.T) {
	p := open(t, serve(t), "#/derive/which_bias?v=1")
	p.wait("!!document.querySelector('.choices')")
	eval[bool](p, "(document.querySelectorAll('.choices button')[1].click(), true)")
	p.wait("!!document.querySelector('.verdict.right')")
	p.to("#/teach/path")
	if s := eval[string](p, "document.querySelector('#path-done').textContent"); !strings.HasPrefix(s, "1 of ") {
		t.Errorf("done is %q", s)
	}
	if s := eval[string](p, "document.querySelector('.path .done').textContent"); !strings.HasPrefix(s, "which bias") {
		t.Errorf("done is %q", s)
	}
	accessible(t, p, "#/teach/path")
}

// One of our derivations is true line by line; a slip that is typed into it is said, at its line,
// and the address has it. The keyboard alone suffices.
func TestLines(t *testing.T) {
	p := open(t, serve(t), "#/derive/check")
	p.wait("document.querySelectorAll('#checked .right').length > 3")
	if n := eval[int](p, "document.querySelectorAll('#checked .wrong, #checked .refused').length"); n != 0 {
		t.Errorf("%d lines of ours are false", n)
	}
	eval[bool](p, "(document.querySelector('#lines').focus(), document.querySelector('#lines').select(), true)")
	p.keys("world head\rfrob(D, d(rho @ v)) == frob(D @ v', d(rho)) + frob(rho @ D, d(v))")
	eval[bool](p, "document.querySelector('#check').focus(), true")
	p.keys("\r")
	p.wait("document.querySelectorAll('#checked .wrong').length === 1")
	if said := eval[string](p, "document.querySelector('#lines-said').innerText"); said != "0 of 1 lines are true." {
		t.Errorf("it says %q", said)
	}
	p.to(eval[string](p, "location.hash"))
	p.wait("document.querySelectorAll('#checked .wrong u').length === 1")
	eval[bool](p, "document.querySelector('#checked .noline button').click(), true")
	p.wait("document.querySelector('#checked .wrong').innerText.includes(\"rho' @ D\")")
	if c := p.complaints(); len(c) > 0 {
		t.Errorf("the page said %s", strings.Join(c, "; "))
	}
}
