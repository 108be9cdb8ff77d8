package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// axe finds no violation on any screen, light and dark, on a telephone, a desk and a
// projector. It is fetched by npm ci in this folder.
func TestAccessible(t *testing.T) {
	const file = "node_modules/axe-core/axe.min.js"
	axe, err := os.ReadFile(file)
	if err != nil {
		if *required {
			t.Fatalf("%v: npm ci fetches it", err)
		}
		t.Logf("the rules of accessibility were not run: there is no %s; npm ci fetches it", file)
		return
	}
	for _, c := range []struct {
		scheme string
		width  int64
	}{{"light", 320}, {"light", 1280}, {"light", 1920}, {"dark", 1280}} { // in the dark the layout is the same
		t.Run(fmt.Sprintf("%s %d", c.scheme, c.width), func(t *testing.T) {
			p := open(t, serve(t), "")
			media := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
				_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: c.scheme}}})
				return err
			})
			if err := chromedp.Do(p.ctx, media, chromedp.EmulateViewport(c.width, 900)); err != nil {
				t.Fatal(err)
			}
			eval[bool](p, string(axe)+";true")
			for _, s := range visited() {
				p.to(s)
				violations(t, p, s)
			}
			eval[bool](p, "(document.querySelectorAll('#top details').forEach(d => d.open = true), true)")
			violations(t, p, "the menus")
		})
	}
}

// violations are what axe finds on the screen that is shown.
func violations(t *testing.T, p *page, screen string) {
	text := eval[string](p, `axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + (n.any[0]?.message ?? ""))}))))`)
	var all []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		t.Errorf("%s: %s: %s %s", screen, v.ID, v.Help, fmt.Sprint(v.Nodes))
	}
}
