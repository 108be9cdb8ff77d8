package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	pg "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/pedestrian-ml/pedestrian/studio/site"
)

// without runs a script before any of the page's, which takes something from the browser.
func without(p *page, script string) {
	p.t.Helper()
	add := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, pg.AddScriptToEvaluateOnNewDocument, pg.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	})
	if err := chromedp.Do(p.ctx, add, chromedp.Navigate("about:blank")); err != nil {
		p.t.Fatal(err)
	}
}

// noMathML lays out formulas as elements that are not known.
const noMathML = `{ const s = new CSSStyleSheet(); s.replaceSync("math, math * { display: contents !important }"); addEventListener("DOMContentLoaded", () => document.adoptedStyleSheets = [s]); }`

// A browser without MathML says so, and shows the numbers; one that has it says nothing.
func TestWithoutMathML(t *testing.T) {
	base := serve(t)
	note := `document.querySelector("#note") && !document.querySelector("#note").hidden ? document.querySelector("#note").textContent : ""`
	p := open(t, base, "#/table/1?v=1&row=softmax")
	if s := eval[string](p, note); s != "" {
		t.Errorf("with MathML the page says %q", s)
	}
	without(p, noMathML)
	p.to("#/table/1?v=1&row=softmax")
	if s := eval[string](p, note); !strings.Contains(s, "does not set formulas (MathML)") {
		t.Errorf("without MathML the page says %q", s)
	}
	if n := eval[int](p, "document.querySelectorAll('.open .grid td[data-v]').length"); n != 72 {
		t.Errorf("without MathML the open row has %d cells", n)
	}
}

// The exported page says what is missing: a browser without WebAssembly, a core that is
// damaged, empty, or not there, and wasm_exec.js that is not there.
func TestDamagedExport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "studio")
	if err := site.Write(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	files := http.FileServer(http.Dir(dir))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // a browser keeps files for a while that have no word about it
		files.ServeHTTP(w, r)
	}))
	defer s.Close()
	p := open(t, s.URL+"/", "#/table/1")
	says := func(want string) {
		t.Helper()
		without(p, "")
		p.to("#/table/1")
		if text := eval[string](p, "document.querySelector('main').innerText"); !strings.Contains(text, "cannot be computed") || !strings.Contains(text, want) {
			t.Errorf("the page says %q, want %q", text, want)
		}
	}
	core := filepath.Join(dir, "studio.wasm")
	whole, err := os.ReadFile(core)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{whole[:len(whole)/2], {}, []byte("not a program")} {
		if err := os.WriteFile(core, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		says("tudio.wasm is damaged")
	}
	if err := os.Remove(core); err != nil {
		t.Fatal(err)
	}
	says("tudio.wasm: 404")
	if err := os.Remove(filepath.Join(dir, "wasm_exec.js")); err != nil {
		t.Fatal(err)
	}
	says("could not be loaded")
	without(p, "delete window.WebAssembly")
	says("This browser has no WebAssembly")
}
