package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	pages "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/sheet"
)

var shoot = flag.String("shots", "", "take this picture of docs/08-studio.md again, such as studio-cell; all = every one")

// A shot is a picture of docs/08-studio.md: where the page is, what is done there, and how high
// the picture is.
type shot struct {
	name, hash string
	height     int64
	then       func(t *testing.T, p *page)
}

// shots are a stranger's first ten minutes.
var shots = []shot{
	{"studio-block", "", 880, func(t *testing.T, p *page) {
		p.wait("document.querySelector('#draw').textContent.split('✓').length > 12")
	}},
	{"studio-word", "#/?v=1&tok=0.3.4.6.0.8&diff=1", 880, nil},
	{"studio-table1", "#/table/1?v=1&row=softmax&cell=4,2", 1000, opened},
	{"studio-edit", "#/table/1?v=1&row=softmax&cell=4,2&edit=b0.h1.rho:4,2=.1&diff=1", 1000, opened},
	{"studio-cell", "#/cell/b0.h1.rho/4,2", 700, nil},
	{"studio-check", "#/check", 700, func(t *testing.T, p *page) {
		p.wait("document.querySelector('main').textContent.split('✓').length > 12")
	}},
	{"studio-derive", "#/derive/w_q", 700, func(t *testing.T, p *page) {
		typed(p, "a_prev' @ D_raw @ q")
		p.wait("document.querySelector('#verdict').textContent !== ''")
	}},
	{"studio-right", "#/derive/w_q", 700, func(t *testing.T, p *page) {
		typed(p, "a_prev' @ D_raw @ k")
		p.wait("!!document.querySelector('.verdict.right')")
	}},
}

// opened scrolls to the row that is open.
func opened(t *testing.T, p *page) {
	p.wait("!!document.querySelector('.open .micro table')")
	eval[bool](p, "document.querySelector('.row[aria-expanded=true]').scrollIntoView({block: 'start'}), scrollBy(0, -240), true")
}

// typed types an answer of an exercise and has it judged.
func typed(p *page, text string) {
	p.wait("!!document.querySelector('.field input')")
	eval[bool](p, "(document.querySelector('.field input').value = '', document.querySelector('.field input').focus(), true)")
	p.keys(text)
	p.keys("\r")
}

const (
	pictures   = "../../docs/img"
	mostBytes  = 150_000
	allBytes   = 1_000_000
	shotColumn = 1280
)

// TestShots: every picture of the chapter can be taken, and those that are committed are not too
// large. With -shots all they are taken again.
func TestShots(t *testing.T) {
	total := 0
	base := serve(t)
	for _, s := range shots {
		if *shoot != "" && *shoot != "all" && *shoot != s.name {
			continue
		}
		file := filepath.Join(pictures, s.name+".png")
		p := open(t, base, "")
		light := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
			return err
		})
		if err := chromedp.Do(p.ctx, light, chromedp.EmulateViewport(shotColumn, s.height)); err != nil {
			t.Fatal(err)
		}
		p.to(s.hash)
		p.wait("document.fonts.status === 'loaded'")
		if s.then != nil {
			s.then(t, p)
		}
		if c := p.complaints(); len(c) > 0 {
			t.Errorf("%s: the page said %s", s.name, strings.Join(c, "; "))
		}
		if *shoot == "all" || *shoot == s.name {
			p.wait("!document.querySelector('main.stale')")
			eval[bool](p, "new Promise(r => setTimeout(() => r(true), 700))") // checks arrive one by one
			if err := os.WriteFile(file, small(t, capture(t, p)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v: go test . -run Shots -shots %s takes it", err, s.name)
		}
		c, err := png.DecodeConfig(bytes.NewReader(b))
		if err != nil || c.Width != shotColumn || c.Height != int(s.height) {
			t.Errorf("%s: %d×%d, want %d×%d (%v)", file, c.Width, c.Height, shotColumn, s.height, err)
		}
		if len(b) > mostBytes {
			t.Errorf("%s has %d bytes, at most %d", file, len(b), mostBytes)
		}
		total += len(b)
	}
	if total > allBytes {
		t.Errorf("the pictures have %d bytes together, at most %d", total, allBytes)
	}
	chapter, err := os.ReadFile("../../docs/08-studio.md")
	if err != nil {
		t.Fatal(err)
	}
	committed, err := filepath.Glob(filepath.Join(pictures, "studio-*.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range committed {
		name := filepath.Base(file)
		if !slices.ContainsFunc(shots, func(s shot) bool { return s.name+".png" == name }) {
			t.Errorf("nothing takes %s", file)
		}
		if !bytes.Contains(chapter, []byte("img/"+name)) {
			t.Errorf("docs/08-studio.md does not show %s", name)
		}
	}
}

func capture(t *testing.T, p *page) image.Image {
	t.Helper()
	var data []byte
	take := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		r, err := cdp.Call(ctx, tab, pages.CaptureScreenshot, pages.CaptureScreenshotParams{})
		if err == nil {
			data = []byte(r.Data)
		}
		return err
	})
	if err := chromedp.Do(p.ctx, take); err != nil {
		t.Fatal(err)
	}
	if d, err := base64.StdEncoding.DecodeString(string(data)); err == nil {
		data = d
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// small is m as a PNG of 256 colours: the most frequent ones, at a distance from each other.
func small(t *testing.T, m image.Image) []byte {
	t.Helper()
	count := map[color.RGBA]int{}
	r := m.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			count[color.RGBAModel.Convert(m.At(x, y)).(color.RGBA)]++
		}
	}
	all := make([]color.RGBA, 0, len(count))
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		return int(a.R)<<16 + int(a.G)<<8 + int(a.B) - int(b.R)<<16 - int(b.G)<<8 - int(b.B)
	})
	var palette color.Palette
	far := func(c color.RGBA, least int) bool {
		for _, q := range palette {
			o := q.(color.RGBA)
			dr, dg, db := int(c.R)-int(o.R), int(c.G)-int(o.G), int(c.B)-int(o.B)
			if dr*dr+dg*dg+db*db < least {
				return false
			}
		}
		return true
	}
	for _, least := range []int{150, 40, 1} {
		for _, c := range all {
			if len(palette) < 256 && far(c, least) {
				palette = append(palette, c)
			}
		}
	}
	out := image.NewPaletted(r, palette)
	draw.Draw(out, r, m, r.Min, draw.Src)
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The page that "pedestrian look --html" writes is shown from disk, asks for nothing, and is
// accessible: its tables can be read without a script.
func TestSheet(t *testing.T) {
	s, err := studio.Open(studio.State{})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cat.html")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := sheet.New(s).Page(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil && *required {
		t.Fatalf("%v: npm ci fetches it", err)
	}
	p := open(t, serve(t), "")
	address := "file://" + filepath.ToSlash(file)
	for _, width := range []int64{320, 1280} {
		if err := chromedp.Do(p.ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(address)); err != nil {
			t.Fatal(err)
		}
		p.wait("document.readyState === 'complete' && location.protocol === 'file:'")
		if wide := eval[int64](p, "document.documentElement.scrollWidth"); wide > width {
			t.Errorf("at %d pixels the page is %d wide", width, wide)
		}
		p.mu.Lock()
		for _, r := range p.requests {
			if strings.HasPrefix(r, "file:") && r != address || strings.HasPrefix(r, "http") && !strings.HasPrefix(r, p.base) {
				t.Errorf("the page asked for %s", r)
			}
		}
		p.mu.Unlock()
		if c := p.complaints(); len(c) > 0 {
			t.Errorf("the page said %s", strings.Join(c, "; "))
		}
		if axe != nil {
			eval[bool](p, "document.querySelectorAll('details').forEach(d => d.open = true), true")
			eval[bool](p, string(axe)+";true")
			violations(t, p, "look --html")
		}
	}
}
