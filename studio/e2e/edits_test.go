package e2e

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// An editor changes a network at random, by the keys and lists of the page, and knows from its
// own state what Go makes of it.
type editor struct {
	*page
	r     *rand.Rand
	state studio.State
	core  *studio.Core
	limit float64 // by how much a number may differ, relative; 0: it has Go's bits
	worst float64
	cells int
}

// session is what Go says of the state.
func (e *editor) session() *studio.Session {
	e.t.Helper()
	s, err := e.core.Session(e.state)
	if err != nil {
		e.t.Fatal(err)
	}
	return s
}

// within goes to a place of the page that is open, which keeps its edits.
func (e *editor) within(path, query string) {
	e.t.Helper()
	e.settle(fmt.Sprintf(`location.hash = %q + location.hash.replace(/^[^?]*\??(v=1)?/, "").replace(/&(row|cell|head)=[^&]*/g, "") + %q`, "#/"+path+"?v=1", query))
}

// settle runs a script that changes the place, and waits until the page shows it.
func (e *editor) settle(script string) {
	e.t.Helper()
	eval[bool](e.page, `new Promise(done => {
		const root = document.documentElement, shown = () => { if (root.dataset.ready === location.hash) { seen.disconnect(); done(true); } };
		const seen = new MutationObserver(shown);
		seen.observe(root, { attributes: true, attributeFilter: ["data-ready"] });
		const before = location.hash; `+script+`; if (location.hash === before) shown();
	})`)
}

// value types a number into a cell of a tensor.
func (e *editor) value(n *studio.Node) string {
	i, j := e.r.IntN(n.Rows), e.r.IntN(n.Cols)
	x := math.Round(1e4*e.r.NormFloat64()) / 1e4
	e.within("node/"+n.ID, fmt.Sprintf("&cell=%d,%d", i+1, j+1))
	at := fmt.Sprintf(`document.querySelector('.grid[data-id="%s"] td[data-ij="%d,%d"]')`, n.ID, i, j)
	eval[bool](e.page, "("+at+".focus(), true)")
	e.keys("e")
	if !eval[bool](e.page, at+".querySelector('input.cell') === document.activeElement") {
		e.t.Fatalf("%s: cell %d,%d cannot be typed into", n.ID, i+1, j+1)
	}
	eval[bool](e.page, fmt.Sprintf("(document.activeElement.value = '%v', true)", x))
	before := e.hash()
	e.keys("\r")
	e.put(studio.Edit{ID: n.ID, Row: i, Col: j, Value: &x})
	if e.hash() == before {
		e.t.Fatalf("%s: cell %d,%d: what was typed changed nothing", n.ID, i+1, j+1)
	}
	e.settle("")
	return fmt.Sprintf("cell %d,%d of %s = %v", i+1, j+1, n.ID, x)
}

func (e *editor) hash() string { return eval[string](e.page, "location.hash") }

// put is an edit in the state: the last one of a cell counts.
func (e *editor) put(edit studio.Edit) {
	var others []studio.Edit
	for _, x := range e.state.Edits {
		if x.ID != edit.ID || x.Row != edit.Row || x.Col != edit.Col {
			others = append(others, x)
		}
	}
	e.state.Edits = append(others, edit)
}

// mask lets a token be seen, or hides it: never itself, so that each sees something.
func (e *editor) mask(n *studio.Node) string {
	i, j := e.r.IntN(n.Rows), e.r.IntN(n.Cols-1)
	if j >= i {
		j++
	}
	var v *float64
	if math.IsInf(e.session().Values(n.ID).At(i, j), -1) {
		v = new(float64)
	}
	e.within("table/1", "&row=mask&head="+strings.TrimSuffix(n.ID[strings.Index(n.ID, ".h")+2:], ".m")+fmt.Sprintf("&cell=%d,%d", i+1, j+1))
	eval[bool](e.page, fmt.Sprintf(`(document.querySelector('.open .grid[data-id="%s"] td[data-ij="%d,%d"]').focus(), true)`, strings.TrimSuffix(n.ID, "m")+"rho_causal", i, j))
	e.keys("x")
	e.put(studio.Edit{ID: n.ID, Row: i, Col: j, Value: v})
	e.settle("")
	return fmt.Sprintf("mask %d,%d of %s", i+1, j+1, n.ID)
}

// word chooses a token in the sentence.
func (e *editor) word() string {
	s := e.session()
	tokens := append([]int(nil), s.Tokens()...)
	at, to := e.r.IntN(len(tokens)), e.r.IntN(s.Model.Config.Vocab-1)
	if to >= tokens[at] {
		to++
	}
	tokens[at] = to
	e.within("", "")
	e.settle(fmt.Sprintf(`const s = document.querySelectorAll("#sentence select")[%d]; s.value = %d; s.dispatchEvent(new Event("change"))`, at, to))
	e.state.Tokens = tokens
	return fmt.Sprintf("token %d is %d", at+1, to)
}

// holds compares every number of the tensors that the page shows with Go's.
func (e *editor) holds(after string) {
	e.t.Helper()
	s := e.session()
	shown := eval[map[string][]string](e.page, `Object.fromEntries([...document.querySelectorAll(".grid[data-id]")].map(g => [g.dataset.id, [...g.querySelectorAll("td[data-v]")].map(td => td.dataset.v)]))`)
	for id, cells := range shown {
		want := s.Values(id)
		if len(cells) != len(want.V) {
			e.t.Fatalf("after %s: %s has %d cells, shown are %d", after, id, len(want.V), len(cells))
		}
		for k, text := range cells {
			x, err := strconv.ParseFloat(text, 64)
			if err != nil {
				e.t.Fatalf("after %s: cell %d of %s is %q", after, k, id, text)
			}
			e.cells++
			if x == want.V[k] || math.IsNaN(x) && math.IsNaN(want.V[k]) {
				continue
			}
			off := math.Abs(x-want.V[k]) / max(1, math.Abs(want.V[k]))
			e.worst = max(e.worst, off)
			if !(off <= e.limit) {
				e.t.Fatalf("after %s: cell %d of %s is %v on the page, %v in Go; the page is at %s", after, k, id, x, want.V[k], e.hash())
			}
		}
	}
	loss := eval[string](e.page, "document.querySelector('.state').textContent")
	if want := fmt.Sprintf("L %.3f", s.Loss); !strings.Contains(loss, want) && e.limit == 0 {
		e.t.Fatalf("after %s: the page says %q, the loss is %s", after, loss, want)
	}
}

// Two hundred numbers, tokens and entries of masks are changed by hand, one upon the other:
// the tensor that was changed, its partner, and a value and its error at random show what Go says.
func TestRandomEdits(t *testing.T) {
	for _, c := range []struct {
		name  string
		edits int
		at    func(testing.TB) string
		limit float64
	}{{"server", 200, func(t testing.TB) string { return serve(t) }, 0}, {"wasm", 40, static, 1e-12}} {
		t.Run(c.name, func(t *testing.T) {
			e := &editor{page: open(t, c.at(t), ""), r: rand.New(rand.NewPCG(14, 2)), core: &studio.Core{}, limit: c.limit}
			kinds := map[string]int{}
			for k := range c.edits {
				if k%20 == 0 { // or a sentence is long forgotten below its edits
					e.settle(`location.hash = "#/"`)
					e.state = studio.State{}
				}
				nodes := e.session().Nodes()
				var what string
				switch n := &nodes[e.r.IntN(len(nodes))]; {
				case k%10 == 3:
					what = e.word()
					kinds["token"]++
				case k%10 == 7:
					what = e.mask(e.session().Node(fmt.Sprintf("b0.h%d.m", e.r.IntN(2))))
					kinds["mask"]++
				default:
					for n.Kind == studio.Mask || n.ID == "a_0" || strings.HasSuffix(n.ID, "ohe") || n.Hidden != "" {
						n = &nodes[e.r.IntN(len(nodes))]
					}
					what = e.value(n)
					kinds[string(n.Kind)]++
				}
				e.holds(what)
				n := &nodes[e.r.IntN(len(nodes))]
				for n.Kind != studio.Value && n.Kind != studio.Error || n.Partner == "" {
					n = &nodes[e.r.IntN(len(nodes))]
				}
				e.within("node/"+n.ID, "")
				e.holds(what)
			}
			t.Logf("%v; %d numbers compared, the largest difference is %g", kinds, e.cells, e.worst)
			if c := e.complaints(); len(c) > 0 {
				t.Errorf("the page complained: %s", strings.Join(c, "; "))
			}
		})
	}
}
