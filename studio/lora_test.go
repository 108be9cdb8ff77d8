package studio

import (
	"fmt"
	"math"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// What is claimed of the adapter holds at every rank, α and number of steps; the numbers are
// written out from d, u and the recorded passes.
func TestAdapter(t *testing.T) {
	var c Core
	for _, state := range []string{`{"rank":%d}`, `{"rank":%d,"model":"paper","seed":5}`, `{"rank":%d,"mean":true,"tokens":[1,3,5]}`} {
		for _, at := range []struct {
			rank, steps int
			alpha       float64
		}{{1, 40, 1}, {2, 0, 1}, {3, 25, 2.5}, {8, 60, .5}, {2, 10, 0}} {
			request := fmt.Sprintf(`{"op":"adapter","state":`+state+`,"steps":%d,"alpha":%g}`, at.rank, at.steps, at.alpha)
			h, numbers := ask[shownAdapter](t, &c, request)
			for _, claim := range h.Claims {
				if !claim.OK {
					t.Errorf("%s: %s: %g, limit %g", request, claim.What, float64(claim.Value), float64(claim.Limit))
				}
			}
			m := func(key string) paper.Mat {
				for _, p := range h.Panels {
					if p.Key == key {
						return paper.Mat{N: p.Rows, D: p.Cols, V: numbers[p.At : p.At+p.Rows*p.Cols]}
					}
				}
				t.Fatalf("there is no panel %s", key)
				return paper.Mat{}
			}
			d, u, a, up := m("d"), m("u"), m("a"), m("D")
			if d.D != at.rank || u.N != at.rank || len(h.Losses) != at.steps+1 {
				t.Fatalf("%s: d is %d×%d, u %d×%d, %d losses", request, d.N, d.D, u.N, u.D, len(h.Losses))
			}
			for i := range d.N {
				for j := range u.D {
					sum := 0.0
					for k := range at.rank {
						sum += at.alpha * d.At(i, k) * u.At(k, j)
					}
					near(t, request+": α d u", m("product").At(i, j), sum, 1e-12)
					near(t, request+": merged", m("merged").At(i, j), m("w").At(i, j)+sum, 1e-12)
					g := 0.0
					for token := range a.N {
						g += a.At(token, i) * up.At(token, j)
					}
					near(t, request+": ∂w", m("dw").At(i, j), g, 1e-12)
				}
			}
			for k := range at.rank { // (45) at one row
				g := 0.0
				for token := range a.N {
					for j := range u.D {
						g += at.alpha * a.At(token, 0) * up.At(token, j) * u.At(k, j)
					}
				}
				near(t, request+": ∂d", m("dd").At(0, k), g, 1e-12)
			}
			if first, last := *h.Losses[0], *h.Losses[at.steps]; at.steps > 0 && at.alpha > 0 && !(last < first) {
				t.Errorf("%s: the loss went from %g to %g", request, first, last)
			}
			if product := h.Ranks[0]; at.steps > 0 && at.alpha > 0 && (product.Rank == 0 || math.Abs(product.Kept-1) > 1e-12) || product.Rank > at.rank {
				t.Errorf("%s: α d u has rank %d, of its squares %g", request, product.Rank, product.Kept)
			}
		}
	}
	// At the start u is zero: the adapter says nothing, and only u can move.
	h, numbers := ask[shownAdapter](t, &c, `{"op":"adapter","steps":0}`)
	for _, p := range h.Panels {
		zero := largestOf(numbers[p.At:p.At+p.Rows*p.Cols]) == 0
		if want := p.Key == "u" || p.Key == "product" || p.Key == "adapter" || p.Key == "dd" || p.Key == "Dadapter"; zero != want {
			t.Errorf("before the first step %s is zero: %v", p.Key, zero)
		}
	}
	if h.Rank != 2 || h.Frozen != 8*12 || h.Trained != 2*(8+12) {
		t.Errorf("rank %d, %d numbers frozen and %d trained", h.Rank, h.Frozen, h.Trained)
	}
}

func near(t *testing.T, what string, got, want, limit float64) {
	t.Helper()
	if !(math.Abs(got-want) <= limit) {
		t.Fatalf("%s: %.17g, want %.17g", what, got, want)
	}
}

// The ledger and the adapter are about every network that the studio opens.
func TestAdapterOfOtherNetworks(t *testing.T) {
	c := pedestrian.Config{Vocab: 7, Context: 9, Width: 6, Heads: 3, Blocks: 2, Activation: pedestrian.GELU, Eps: 1e-5, Tied: true}
	biased := c
	biased.Tied, biased.Bias, biased.ScaleByBlock = false, true, true
	for _, c := range []pedestrian.Config{c, biased} {
		core := Core{More: []*Model{other(c)}}
		h, _ := ask[shownAdapter](t, &core, `{"op":"adapter","state":{"model":"run","seed":3},"steps":10}`)
		for _, claim := range h.Claims {
			if !claim.OK {
				t.Errorf("adapter: %s: %g, limit %g", claim.What, float64(claim.Value), float64(claim.Limit))
			}
		}
		if n, _ := ask[counted](t, &core, `{"op":"params","state":{"model":"run"}}`); n.Total != n.InMemory || n.Total != c.Ledger().Total() {
			t.Errorf("%d parameters by the ledger, %d in memory", n.Total, n.InMemory)
		}
	}
}
