package e2e

import (
	"slices"
	"testing"
)

// From an edited number to both passes drawn anew: the core's answer, the grids, the maps and
// the frame. It is measured, and no limit of time is a test's.
func BenchmarkEdit(b *testing.B) {
	p := open(b, serve(b), "#/table/1?v=1&row=softmax")
	var took []float64
	for b.Loop() {
		took = append(took, eval[float64](p, `new Promise(done => {
			const from = performance.now(), x = Math.random().toFixed(3);
			const seen = new MutationObserver(() => {
				if (document.documentElement.dataset.ready !== location.hash || !document.querySelector("td.edited")) return;
				seen.disconnect();
				requestAnimationFrame(() => setTimeout(() => done(performance.now() - from)));
			});
			seen.observe(document.documentElement, { attributes: true, attributeFilter: ["data-ready"] });
			location.hash = "#/table/1?v=1&row=softmax&edit=b0.h1.rho:5,2=" + x;
		})`))
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "ms/median")
	b.ReportMetric(took[len(took)*95/100], "ms/p95")
}
