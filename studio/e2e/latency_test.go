package e2e

import (
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// Times are measured, and are no test's: they are those of this machine and of a browser that
// draws without a graphics card.

// From Enter behind a number, or from another word, to both passes drawn anew: the core's
// answer, grids, maps, formulas, and the frame that has them. One edit follows the other at once.
func BenchmarkEdit(b *testing.B) {
	const cell = `
		document.querySelector('td[data-ij="4,1"]').dispatchEvent(new KeyboardEvent("keydown", { key: "e", bubbles: true, cancelable: true }));
		const input = document.querySelector("input.cell");
		input.value = Math.random().toFixed(3);
		await new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn)));
		from = performance.now();
		input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));`
	const word = `
		const input = document.querySelectorAll("#sentence select")[1];
		from = performance.now();
		input.selectedIndex = (input.selectedIndex + 1) % input.options.length;
		input.dispatchEvent(new Event("change"));`
	for _, core := range []struct {
		name string
		at   func(testing.TB) string
	}{{"server", func(t testing.TB) string { return serve(t) }}, {"wasm", static}} {
		base := core.at(b)
		for _, s := range []struct{ name, at, do string }{
			{"table1", "#/table/1?v=1&row=softmax&cell=5,2", cell},
			{"tensor", "#/node/b0.a_5?v=1&cell=5,2", cell},
			{"block", "#/", word},
		} {
			b.Run(core.name+"/"+s.name, func(b *testing.B) {
				p := open(b, base, s.at)
				do := `new Promise(async done => {
					let from = 0;` + s.do + `
					const seen = new MutationObserver(() => {
						if (document.documentElement.dataset.ready !== location.hash) return;
						seen.disconnect();
						requestAnimationFrame(() => setTimeout(() => done(performance.now() - from)));
					});
					seen.observe(document.documentElement, { attributes: true, attributeFilter: ["data-ready"] });
				})`
				var took []float64
				for b.Loop() {
					took = append(took, eval[float64](p, do))
				}
				report(b, took, "")
			})
		}
	}
}

// From an address to the first thing that is painted, and to both passes that can be changed.
func BenchmarkOpen(b *testing.B) {
	for _, core := range []struct {
		name string
		at   func(testing.TB) string
	}{{"server", func(t testing.TB) string { return serve(t) }}, {"wasm", static}} {
		b.Run(core.name, func(b *testing.B) {
			base := core.at(b)
			p := open(b, base, "")
			without(p, `new MutationObserver((_, o) => { if (document.documentElement.dataset.ready) { o.disconnect(); requestAnimationFrame(() => setTimeout(() => { window.opened = performance.now(); })); } }).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-ready"] })`)
			var painted, ready []float64
			for b.Loop() {
				if err := chromedp.Do(p.ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(base)); err != nil {
					b.Fatal(err)
				}
				p.wait("window.opened > 0 && performance.getEntriesByName('first-contentful-paint').length > 0")
				painted = append(painted, eval[float64](p, "performance.getEntriesByName('first-contentful-paint')[0].startTime"))
				ready = append(ready, eval[float64](p, "window.opened"))
			}
			report(b, painted, "-paint")
			report(b, ready, "-ready")
		})
	}
}

func report(b *testing.B, took []float64, of string) {
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "ms-median"+of)
	b.ReportMetric(took[len(took)*95/100], "ms-p95"+of)
}
