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
	p := open(t, serve(t), "")
	for _, scheme := range []string{"light", "dark"} {
		media := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			return err
		})
		if err := chromedp.Do(p.ctx, media); err != nil {
			t.Fatal(err)
		}
		widths := []int64{320, 1280, 1920}
		if scheme == "dark" { // the layout is the same
			widths = []int64{1280}
		}
		for _, width := range widths {
			if err := chromedp.Do(p.ctx, chromedp.EmulateViewport(width, 900)); err != nil {
				t.Fatal(err)
			}
			for _, s := range screens {
				p.to(s)
				eval[bool](p, string(axe)+";true")
				text := eval[string](p, `axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + (n.any[0]?.message ?? ""))}))))`)
				var all []struct {
					ID, Help string
					Nodes    []string
				}
				if err := json.Unmarshal([]byte(text), &all); err != nil {
					t.Fatal(err)
				}
				for _, v := range all {
					t.Errorf("%s, %s, %d px: %s: %s %s", s, scheme, width, v.ID, v.Help, fmt.Sprint(v.Nodes))
				}
			}
		}
	}
}
