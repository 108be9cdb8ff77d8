package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// The ledger is that of the network of the page, of the sizes in the address, and of those that
// are typed; sizes that no network has are refused in words.
func TestParams(t *testing.T) {
	p := open(t, serve(t), "#/params?v=1&rank=2")
	total := func() string { return eval[string](p, "document.querySelector('#total').textContent") }
	if got := total(); got != "1 140" {
		t.Errorf("the lesson has %q parameters", got)
	}
	if s := eval[string](p, "document.querySelector('.total').textContent"); !strings.Contains(s, "✓") {
		t.Errorf("the numbers in memory are not those of the ledger: %s", s)
	}
	if n := eval[int](p, "[...document.querySelectorAll('.tensors tbody tr')].reduce((s, r) => s + Number(r.children[4].textContent), 0)"); n != 1140+2*(8+12) {
		t.Errorf("the tensors that are listed have %d numbers", n)
	}
	p.to("#/params?v=1&net=50257,1024,768,12,12,r16,q,k,v,attProj,expand,contract,logits")
	sums := eval[[]string](p, "[...document.querySelectorAll('[data-sum]')].map(e => e.dataset.sum)")
	if got := total(); got != "163 087 441" || strings.Join(sums, " ") != "163087441 3470608" {
		t.Errorf("the network of §7 has %q parameters, sums %v", got, sums)
	}
	eval[bool](p, "(document.querySelector('#size-heads').focus(), document.querySelector('#size-heads').select(), true)")
	p.keys("7" + kb.Enter)
	p.wait("document.querySelector('#params-error').textContent.includes('do not divide')")
	if got := total(); got != "163 087 441" || !eval[bool](p, "document.querySelector('#ledger').classList.contains('pale')") {
		t.Errorf("sizes that no network has show %q, and not pale", got)
	}
	eval[bool](p, "(document.querySelector('#size-heads').select(), true)")
	p.keys("12" + kb.Enter)
	p.wait("document.querySelector('#params-error').textContent === ''")
	eval[bool](p, "(document.querySelector('#size-tied').focus(), true)")
	p.keys(" ")
	p.wait("location.hash.includes(',tied') && document.querySelector('#total').textContent === '124 439 808'")
	p.to("#/params?v=1&net=1,2,x")
	if s := eval[string](p, "document.querySelector('#params-error').textContent"); !strings.Contains(s, "no sizes") {
		t.Errorf("a net of letters is answered by %q", s)
	}
	if c := p.complaints(); len(c) > 1 || len(c) == 1 && !strings.Contains(c[0], "400") { // the refusal
		t.Errorf("the page complained: %s", strings.Join(c, "; "))
	}
}
