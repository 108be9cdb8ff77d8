package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// saved is the file that an entry of the menu Save hands to the browser, chosen by keys.
func (p *page) saved(entry string) []byte {
	p.t.Helper()
	eval[bool](p, `(window.handed = null, window.handsOut ??= (URL.createObjectURL = b => { window.handed = b; return ""; }, HTMLAnchorElement.prototype.click = () => {}), [...document.querySelectorAll("#top summary")].find(s => s.textContent === "Save").focus(), true)`)
	p.keys("\r")
	for range 6 {
		p.keys("\t")
		if eval[string](p, "document.activeElement.textContent") == entry {
			break
		}
	}
	p.keys("\r")
	p.wait("!!window.handed")
	text := eval[string](p, `(async () => { let s = ""; for (const x of new Uint8Array(await window.handed.arrayBuffer())) s += String.fromCharCode(x); return btoa(s); })()`)
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		p.t.Fatal(err)
	}
	if focus := eval[string](p, "document.activeElement.textContent"); focus != "Save" {
		p.t.Errorf("after %s the focus is at %q", entry, focus)
	}
	return b
}

// A figure of what is on the screen is SVG with its numbers as text, and when it is drawn it
// looks as the screen does; PNG has its pixels twice.
func TestFigures(t *testing.T) {
	p := open(t, serve(t), "")
	for _, c := range []struct{ at, figure string }{
		{"#/", "#draw"}, {"#/table/1?v=1&row=softmax&cell=5,2", "#t1"}, {"#/node/b0.h1.rho?v=1", ".pair"}, {"#/cell/b0.h1.rho/5,2", ".cellgrid"}, {"#/table/2", "#t1"},
	} {
		p.to(c.at)
		if eval[int](p, "document.querySelectorAll('"+c.figure+"').length") != 1 {
			t.Fatalf("%s shows no %s", c.at, c.figure)
		}
		p.wait("[...document.querySelectorAll('.micro')].every(m => m.childElementCount > 0)")
		digits := eval[[]string](p, "[...document.querySelectorAll('"+c.figure+" td[data-v]')].map(td => td.textContent).filter(Boolean)")
		size := eval[[]float64](p, "(r => [r.width, r.height])(document.querySelector('"+c.figure+"').getBoundingClientRect())")
		svg := p.saved("Figure as SVG")
		var words []string
		shapes := map[string]int{}
		for d, name := xml.NewDecoder(bytes.NewReader(svg)), ""; ; {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", c.at, err)
			}
			switch token := token.(type) {
			case xml.StartElement:
				name = token.Name.Local
				shapes[name]++
			case xml.CharData:
				if s := strings.TrimSpace(string(token)); name == "text" && s != "" {
					words = append(words, s)
				}
			}
		}
		for _, x := range digits {
			if !slices.Contains(words, x) {
				t.Errorf("%s: the figure does not have the number %s", c.at, x)
			}
		}
		if canvases := eval[int](p, "[...document.querySelectorAll('"+c.figure+" canvas')].reduce((n, c) => n + (c.width > 0 ? 1 : 0), 0)"); shapes["rect"] < 20*canvases {
			t.Errorf("%s: %d maps are %d rectangles", c.at, canvases, shapes["rect"])
		}
		picture, err := png.Decode(bytes.NewReader(p.saved("Figure as PNG")))
		if err != nil {
			t.Fatalf("%s: %v", c.at, err)
		}
		if w, h := float64(picture.Bounds().Dx()), float64(picture.Bounds().Dy()); math.Abs(w-2*size[0]-32) > 4 || math.Abs(h-2*size[1]-32) > 4 {
			t.Errorf("%s: the picture has %v × %v pixels, the figure %v", c.at, w, h, size)
		}
		if off := p.unlike(picture, c.figure); off > .03 {
			t.Errorf("%s: %.1f %% of the picture are not as on the screen", c.at, 100*off)
		} else {
			t.Logf("%s: %d bytes of SVG, %v, %d words; %.2f %% of the pixels are not as on the screen", c.at, len(svg), shapes, len(words), 100*off)
		}
		if dir := os.Getenv("FIGURES"); dir != "" {
			name := strings.NewReplacer("#", "", "/", "-", "?", "-").Replace(c.at)
			_ = os.WriteFile(filepath.Join(dir, name+".svg"), svg, 0o644)
		}
	}
	if c := p.complaints(); len(c) > 0 {
		t.Errorf("the page complained: %s", strings.Join(c, "; "))
	}
}

// unlike says which part of a picture differs clearly from the element on the screen, in means
// of squares of 8 pixels: a letter may stand a pixel further.
func (p *page) unlike(picture image.Image, figure string) float64 {
	p.t.Helper()
	eval[bool](p, "(document.activeElement.blur(), document.querySelectorAll('details').forEach(d => d.open = false), document.querySelector('"+figure+"').scrollIntoView({ block: 'start' }), true)")
	b, err := chromedp.Run(p.ctx, chromedp.ScreenshotScale(figure, 1))
	if err != nil {
		p.t.Fatal(err)
	}
	screen, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		p.t.Fatal(err)
	}
	const side = 8
	mean := func(m image.Image, x, y, scale int) (v [3]float64) {
		for i := range side * scale {
			for j := range side * scale {
				r, g, b, _ := m.At(x*scale+i, y*scale+j).RGBA()
				v[0], v[1], v[2] = v[0]+float64(r>>8), v[1]+float64(g>>8), v[2]+float64(b>>8)
			}
		}
		for i := range v {
			v[i] /= float64(side * side * scale * scale)
		}
		return v
	}
	squares, off := 0, 0
	for x := 0; x+side <= screen.Bounds().Dx(); x += side {
		for y := 0; y+side <= screen.Bounds().Dy(); y += side {
			a, b := mean(screen, x, y, 1), mean(picture, x+8, y+8, 2)
			squares++
			if math.Abs(a[0]-b[0])+math.Abs(a[1]-b[1])+math.Abs(a[2]-b[2]) > 90 {
				off++
			}
		}
	}
	return float64(off) / float64(squares)
}

// A session that was saved is opened in another tab with the same bits; one of another network
// says so, and what is no session too.
func TestSession(t *testing.T) {
	base := serve(t)
	const at = "#/node/b0.h1.rho?v=1&tok=0.3.4.6.0.8&mean=1&edit=b0.h1.rho:5,2=0.1;w_11:1,2=-0.30000000000000004;b0.h0.m:1,3=0&cell=5,2&diff=1"
	p := open(t, base, at)
	file := filepath.Join(t.TempDir(), "session.json")
	b := p.saved("Session as JSON")
	var s struct {
		Format  string
		Version int
		Address string
		State   studio.State
		Loss    float64
	}
	if err := json.Unmarshal(b, &s); err != nil || s.Version != 1 || s.Address != at {
		t.Fatalf("the session is %s, %v", b, err)
	}
	x, err := studio.Open(s.State)
	if err != nil || x.Loss != s.Loss {
		t.Fatalf("Go opens the session with loss %v, %v; the page had %v", x.Loss, err, s.Loss)
	}
	numbers := "[...document.querySelectorAll('.grid td[data-v]')].map(td => td.dataset.v).join()"
	want := eval[string](p, numbers)
	q := open(t, base, "#/")
	give := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
		err := chromedp.Do(q.ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			object, err := cdp.Call(ctx, tab, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.querySelector('input[type=file]')"})
			if err != nil {
				return err
			}
			_, err = cdp.Call(ctx, tab, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{file}, ObjectID: object.Result.ObjectID})
			return err
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
	give(b)
	q.wait("location.hash === " + strconv.Quote(at) + " && document.documentElement.dataset.ready === location.hash")
	if got := eval[string](q, numbers); got != want || !strings.Contains(got, ",") {
		t.Errorf("the session has other numbers when it is opened")
	}
	note := "document.querySelector('#note:not([hidden])')?.textContent ?? ''"
	if says := eval[string](q, note); says != "" {
		t.Errorf("of its own session the page says %q", says)
	}
	give(bytes.Replace(b, []byte(`"loss": `), []byte(`"loss": 1`), 1))
	q.wait("(" + note + ").includes('was of another network')")
	for _, wrong := range []string{"", "{", "null", "[]", `{"format":"pedestrian studio session","version":2,"address":"#/"}`, `{"format":"pedestrian studio session","version":1,"address":"https://example.org/"}`} {
		give([]byte(wrong))
		q.wait("(" + note + ").includes('not a session')")
		if hash := eval[string](q, "location.hash"); hash != at {
			t.Errorf("after the file %q the page is at %s", wrong, hash)
		}
		eval[bool](q, "(document.querySelector('#note').textContent = '', true)")
	}
	if c := q.complaints(); len(c) > 0 {
		t.Errorf("the page complained: %s", strings.Join(c, "; "))
	}
}
