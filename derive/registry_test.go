package derive

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A place is a generic point of some layer of package paper: its names are bound to what the
// layer was given and to the steps that its trace recorded.
type place struct {
	t     *testing.T
	what  string
	scope *Scope
	in    *Instance
	r     *rand.Rand
}

func newPlace(t *testing.T, what string, sizes map[string]int) *place {
	p := &place{t: t, what: what, r: rand.New(rand.NewPCG(7, 11)),
		scope: &Scope{types: map[string]Type{}, parts: map[string][]string{}, sizes: map[string]int{"1": 1}, least: sizes, differentials: true},
		in:    &Instance{sizes: map[string]int{"1": 1}, parts: map[string][]string{}, values: map[string]paper.Mat{}, tangents: map[string]paper.Mat{}}}
	for l, n := range sizes {
		p.scope.sizes[l], p.in.sizes[l] = n, n
	}
	parts := map[string][]string{}
	p.scope.parts, p.in.parts = parts, parts
	return p
}

// random is a matrix of a type, bound to a name.
func (p *place) random(name, typ string, size, around float64) paper.Mat {
	t := parseType(typ)
	m := paper.Zeros(p.in.sizes[t.Rows], p.in.sizes[t.Cols])
	for i := range m.V {
		m.V[i] = around + size*p.r.NormFloat64()
	}
	p.put(name, typ, m)
	return m
}

func (p *place) put(name, typ string, m paper.Mat) {
	p.t.Helper()
	t := parseType(typ)
	rows, cols := p.in.sizes[t.Rows], p.in.sizes[t.Cols]
	if t.Kind == Tokens && m.N == 1 {
		m = m.T()
	}
	if m.N != rows || m.D != cols {
		p.t.Fatalf("%s: %s is %d×%d, not %s", p.what, name, m.N, m.D, typ)
	}
	p.scope.types[name], p.in.values[name] = t, m
	if !slices.Contains(p.scope.order, name) {
		p.scope.order = append(p.scope.order, name)
	}
}

func (p *place) number(name string, x float64) { p.put(name, "", number1(x)) }

// steps binds names to recorded steps: name, type, step, and where.
func (p *place) steps(tr *paper.Trace, at string, bind ...string) {
	p.t.Helper()
	for i := 0; i < len(bind); i += 3 {
		s, ok := tr.Find(at, bind[i+2])
		if !ok {
			var have []string
			for _, s := range tr.Steps {
				have = append(have, s.At+":"+s.Name)
			}
			p.t.Fatalf("%s: there is no step %q at %q; there are %v", p.what, bind[i+2], at, have)
		}
		p.put(bind[i], bind[i+1], s.V)
	}
}

// hold holds the lines of equations against what is bound: each is true, and a line that
// begins with a recorded step is false when that step is changed.
func (p *place) hold(done map[string]bool, numbers ...string) {
	p.t.Helper()
	for _, number := range numbers {
		e, ok := paper.FindEquation(number)
		if !ok || e.Expr == nil {
			p.t.Errorf("%s: (%s) has no Expr", p.what, number)
			continue
		}
		for _, src := range e.Expr {
			done[number+": "+src] = p.line(number, src)
		}
	}
}

// some holds the lines that begin with one of these names.
func (p *place) some(done map[string]bool, number string, names ...string) {
	p.t.Helper()
	e, _ := paper.FindEquation(number)
	for _, src := range e.Expr {
		if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(src, n+" == ") }) {
			done[number+": "+src] = p.line(number, src)
		}
	}
}

func (p *place) line(number, src string) bool {
	p.t.Helper()
	c := &checked{world: FindWorld("matrices"), scope: p.scope, at: []*Instance{p.in}}
	v := c.line(src)
	if v.Status != Right {
		p.t.Errorf("%s: (%s) %s is %s: %s", p.what, number, src, v.Status, v.Message)
		return false
	}
	name, _, _ := strings.Cut(src, " == ")
	if m, ok := p.in.values[name]; ok { // a step that is changed a little must be seen
		changed := paper.Mat{N: m.N, D: m.D, V: slices.Clone(m.V)}
		for i, x := range changed.V {
			if !math.IsInf(x, 0) {
				changed.V[i] += 1e-6 * (1 + math.Abs(x))
				break
			}
		}
		p.in.values[name] = changed
		if v := c.line(src); v.Status != Wrong {
			p.t.Errorf("%s: (%s) %s is %s with another %s", p.what, number, src, v.Status, name)
		}
		p.in.values[name] = m
	}
	return true
}

func vec(m paper.Mat) paper.Vec { return m.V }

// TestRegistryHolds: every line of the registry is true of the steps that package paper
// records, at a generic point.
func TestRegistryHolds(t *testing.T) {
	done := map[string]bool{}
	for _, hold := range []func(*testing.T, map[string]bool){holdLoss, holdHead, holdHeads, holdCaches, holdNorms, holdAdapters, holdNetwork, holdMatrices, holdLlamaLayers, holdGroups, holdLlamaNetwork} {
		hold(t, done)
	}
	for _, e := range paper.Equations {
		for _, src := range e.Expr {
			if !done[e.Number+": "+src] {
				t.Errorf("(%s) %s is held against nothing", e.Number, src)
			}
		}
	}
}

func holdLoss(t *testing.T, done map[string]bool) {
	p := newPlace(t, "loss", map[string]int{"T": 5, "V": 7})
	tr := &paper.Trace{}
	logits := p.random("a", "T×V", 1, 0)
	_, back := paper.Loss(tr, logits, []int{2, 4, 0, 6, 2}, 0.25)
	back()
	p.steps(tr, "", "y_gt", "T×V", "y_gt", "y_pred", "T×V", "y_pred", "l", ":T", "ℓ")
	p.hold(done, "loss") // what an ignored token would lose is recorded, and not counted
	_, back = paper.Loss(tr, logits, []int{2, paper.Ignored, 0, 6, 2}, 0.25)
	back()
	p.steps(tr, "", "y_gt", "T×V", "y_gt", "y_pred", "T×V", "y_pred", "l", ":T", "ℓ", "L", "", "L", "D_12", "T×V", "Δ_{logits}")
	p.put("c", ":T", column(paper.Vec{0.25, 0, 0.25, 0.25, 0.25}))
	p.hold(done, "L", "delta12")

	p = newPlace(t, "embedding", map[string]int{"T": 5, "V": 7, "d": 3})
	tr = &paper.Trace{}
	w := p.random("w_emb", "V×d", 1, 0)
	ids := []int{2, 2, 6, 0, 1}
	_, backW, backInput := paper.Embedding(tr, ids, w)
	D := p.random("D", "T×d", 1, 0)
	backW(D)
	backInput(D)
	p.put("a_prev", ":T", column(paper.Vec{2, 2, 6, 0, 1}))
	p.steps(tr, "", "a", "T×d", "a_i", "dL/dw_emb", "V×d", "∂L/∂w_emb", "D_ohe", "T×V", "Δ_ohe")
	p.hold(done, "2", "3", "3.input")
}

// head is a head at a generic point with its parameters bound.
func (p *place) head(suffix string) paper.Head {
	return paper.Head{
		Wq: p.random("w_q"+suffix, "d×d_rho", 0.5, 0), Wk: p.random("w_k"+suffix, "d×d_rho", 0.5, 0), Wv: p.random("w_v"+suffix, "d×d_h", 0.5, 0),
		Bq: vec(p.random("b_q"+suffix, ":d_rho", 0.5, 0)), Bk: vec(p.random("b_k"+suffix, ":d_rho", 0.5, 0)), Bv: vec(p.random("b_v"+suffix, ":d_h", 0.5, 0)),
	}
}

func holdHead(t *testing.T, done map[string]bool) {
	sizes := map[string]int{"T": 5, "d": 7, "d_rho": 3, "d_h": 4}
	for _, causal := range []bool{true, false} {
		p := newPlace(t, fmt.Sprint("head, causal ", causal), sizes)
		tr := &paper.Trace{}
		a := p.random("a_prev", "T×d", 1, 0)
		head := p.head("")
		m := paper.Causal(5)
		if !causal {
			m = paper.Unmasked(5)
		}
		_, back := paper.Attention(tr, a, head, m)
		back(p.random("D", "T×d_h", 1, 0))
		p.put("m", "T×T", m)
		p.number("d_rho", 3)
		p.steps(tr, "", "v", "T×d_h", "v_h", "q", "T×d_rho", "q_h", "k", "T×d_rho", "k_h", "rho_raw", "T×T", "ρ^raw", "rho_scaled", "T×T", "ρ^scaled",
			"rho_causal", "T×T", "ρ^causal", "rho", "T×T", "ρ", "a", "T×d_h", "a_i^h", "D_v", "T×d", "Δ_{v_h}", "dL/dw_v", "d×d_h", "∂L/∂w_{v_h}", "dL/db_v", ":d_h", "∂L/∂b_{v_h}",
			"D_causal", "T×T", "Δ^causal", "D_scaled", "T×T", "Δ^scaled", "D_raw", "T×T", "Δ^raw", "D_q", "T×d", "Δ_{q_h}", "D_k", "T×d", "Δ_{k_h}",
			"dL/dw_q", "d×d_rho", "∂L/∂w_{q_h}", "dL/dw_k", "d×d_rho", "∂L/∂w_{k_h}", "dL/db_q", ":d_rho", "∂L/∂b_{q_h}", "dL/db_k", ":d_rho", "∂L/∂b_{k_h}", "D_prev", "T×d", "Δ_{i-1}^h")
		p.hold(done, "4", "6", "7", "9.a", "9.b", "10", "11", "12", "13", "14", "15", "16", "18", "19", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30.a", "30.b", "31.a", "31.b", "32.a", "32.b", "33")
		if causal {
			p.hold(done, "5.a", "5.b", "5.c", "48", "47")
			continue
		}
		perm := paper.Zeros(5, 5)
		for i, j := range []int{3, 0, 4, 1, 2} {
			perm.Row(i)[j] = 1
		}
		p.put("P", "T×T", perm)
		p.hold(done, "permutation")
	}

	p := newPlace(t, "two heads on each other", map[string]int{"T": 5, "d": 7, "e": 6, "f": 4})
	a := p.random("a_prev", "T×d", 1, 0)
	w1, w2 := p.random("w_v1", "d×e", 0.5, 0), p.random("w_v2", "e×f", 0.5, 0)
	weight := func(n, d int) paper.Mat {
		m := paper.Zeros(n, d)
		for i := range m.V {
			m.V[i] = p.r.NormFloat64() / 2
		}
		return m
	}
	tr1, tr2 := &paper.Trace{}, &paper.Trace{}
	a1, _ := paper.Attention(tr1, a, paper.Head{Wq: weight(7, 3), Wk: weight(7, 3), Wv: w1}, paper.Causal(5))
	paper.Attention(tr2, a1, paper.Head{Wq: weight(6, 2), Wk: weight(6, 2), Wv: w2}, paper.Causal(5))
	p.steps(tr1, "", "rho_1", "T×T", "ρ")
	p.steps(tr2, "", "rho_2", "T×T", "ρ", "a_2", "T×f", "a_i^h")
	p.hold(done, "20")
}

func holdHeads(t *testing.T, done map[string]bool) {
	p := newPlace(t, "heads", map[string]int{"T": 5, "d_in": 6, "d_1": 3, "d_2": 4, "d": 7})
	p.scope.parts["d"] = []string{"d_1", "d_2"}
	weight := func(n, d int) paper.Mat {
		m := paper.Zeros(n, d)
		for i := range m.V {
			m.V[i] = p.r.NormFloat64() / 2
		}
		return m
	}
	tr := &paper.Trace{}
	_, back := paper.MultiHead(tr, p.random("a_prev", "T×d_in", 1, 0), []paper.Head{
		{Wq: weight(6, 2), Wk: weight(6, 2), Wv: weight(6, 3)}, {Wq: weight(6, 5), Wk: weight(6, 5), Wv: weight(6, 4)}}, paper.Causal(5))
	back(p.random("D", "T×d", 1, 0))
	p.steps(tr, "head.0", "a_1", "T×d_1", "a_i^h", "D_1", "T×d_1", "Δ_i^h", "D_prev_1", "T×d_in", "Δ_{i-1}^h")
	p.steps(tr, "head.1", "a_2", "T×d_2", "a_i^h", "D_2", "T×d_2", "Δ_i^h", "D_prev_2", "T×d_in", "Δ_{i-1}^h")
	p.steps(tr, "", "a", "T×d", "a_i", "D_prev", "T×d_in", "Δ_{i-1}")
	p.hold(done, "34", "35")
}

func holdCaches(t *testing.T, done map[string]bool) {
	p := newPlace(t, "cache", map[string]int{"T": 4, "d": 7, "d_rho": 3, "d_h": 5, "n": 5})
	p.scope.parts["n"] = []string{"T", "1"}
	head := p.head("")
	var c paper.HeadCache
	for range 4 {
		c.Next(nil, p.random("x", ":d", 1, 0), head)
	}
	p.put("k_cache", "T×d_rho", c.K)
	p.put("v_cache", "T×d_h", c.V)
	tr := &paper.Trace{}
	c.Next(tr, p.random("x", ":d", 1, 0), head)
	p.number("d_rho", 3)
	p.steps(tr, "", "q_new", ":d_rho", "q_h", "k_new", ":d_rho", "k_h", "v_new", ":d_h", "v_h", "rho_new", ":n", "ρ", "a_new", ":d_h", "a_i^h")
	p.hold(done, "KV.a", "KV.b")

	p = newPlace(t, "grouped cache", map[string]int{"T": 4, "d_rho": 6, "d_h": 5, "n": 5})
	p.scope.parts["n"] = []string{"T", "1"}
	g := paper.Grouped{Heads: 1, KVHeads: 1, Scale: 0.4, Rotation: paper.Rotation{Freqs: paper.Frequencies(6, 100)}}
	var gc paper.GroupedCache
	next := func(tr *paper.Trace) {
		gc.Next(tr, p.random("q", ":d_rho", 1, 0), p.random("k", ":d_rho", 1, 0), p.random("v_new", ":d_h", 1, 0), g)
	}
	for range 4 {
		next(nil)
	}
	p.put("k_cache", "T×d_rho", gc.K[0])
	p.put("v_cache", "T×d_h", gc.V[0])
	tr = &paper.Trace{}
	next(tr)
	p.number("s", 0.4)
	p.steps(tr, "head.0", "q_new", ":d_rho", "q'_h", "a_new", ":d_h", "a_i^h")
	p.steps(tr, "kv.0", "k_new", ":d_rho", "k'_h")
	p.hold(done, "L21")
}

func holdNorms(t *testing.T, done map[string]bool) {
	const eps = 0.03
	p := newPlace(t, "layer normalization", map[string]int{"T": 5, "d": 6})
	tr := &paper.Trace{}
	a := p.random("a_prev", "T×d", 1.5, 0.3)
	p.put("a", "T×d", a)
	p.number("d", 6)
	p.hold(done, "39", "L6")
	w, b := p.random("w", ":d", 0.3, 1), p.random("b", ":d", 0.3, 0)
	_, back := paper.LayerNorm(tr, a, w.V, b.V, eps)
	back(p.random("D", "T×d", 1, 0))
	mu, _ := paper.Moments(a, eps)
	p.put("mu", ":T", column(mu))
	p.number("d", 6)
	p.number("eps", eps)
	p.steps(tr, "", "sigma", ":T", "σ", "abar", "T×d", "ā_{i-1}", "a", "T×d", "a_i", "D_prev", "T×d", "Δ_{i-1}", "dL/dw", ":d", "∂L/∂w", "dL/db", ":d", "∂L/∂b")
	p.hold(done, "36", "37", "38", "40", "41", "42")

	p = newPlace(t, "batch normalization", map[string]int{"T": 5, "d": 6})
	tr = &paper.Trace{}
	a = p.random("a_prev", "T×d", 1.5, 0.3)
	w, b = p.random("w", ":d", 0.3, 1), p.random("b", ":d", 0.3, 0)
	_, back = paper.BatchNorm(tr, a, w.V, b.V, eps)
	back(p.random("D", "T×d", 1, 0))
	mu, _ = paper.Moments(a.T(), eps)
	p.put("mu", ":d", row(mu))
	p.number("m", 5)
	p.steps(tr, "", "sigma", ":d", "σ", "abar", "T×d", "ā_{i-1}", "a", "T×d", "a_i", "D_prev", "T×d", "Δ_{i-1}")
	p.hold(done, "BN")

	p = newPlace(t, "RMS normalization", map[string]int{"T": 5, "d": 6})
	tr = &paper.Trace{}
	a = p.random("a_prev", "T×d", 1.5, 0.3)
	w = p.random("w", ":d", 0.3, 1)
	_, backRMS := paper.RMSNorm(tr, a, w.V, eps)
	backRMS(p.random("D", "T×d", 1, 0))
	p.number("d", 6)
	p.number("eps", eps)
	p.steps(tr, "", "sigma", ":T", "σ", "abar", "T×d", "ā_{i-1}", "a", "T×d", "a_i", "D_prev", "T×d", "Δ_{i-1}", "dL/dw", ":d", "∂L/∂w")
	p.hold(done, "L1", "L2", "L3", "L4", "L5")
}

func holdAdapters(t *testing.T, done map[string]bool) {
	sizes := map[string]int{"T": 5, "f": 6, "r": 2, "g": 7}
	p := newPlace(t, "FC", sizes)
	tr := &paper.Trace{}
	a, w, b := p.random("a_prev", "T×f", 1, 0), p.random("w", "f×g", 0.5, 0), p.random("b", ":g", 0.5, 0)
	_, back := paper.FC(tr, a, w, b.V)
	back(p.random("D", "T×g", 1, 0))
	p.steps(tr, "", "a", "T×g", "a_i", "D_prev", "T×f", "Δ_{i-1}", "dL/dw", "f×g", "∂L/∂w", "dL/db", ":g", "∂L/∂b")
	p.hold(done, "FC")
	// Tangents of what it is given, and of a by running it a little further on.
	const h = 1.0 / 1024
	for _, n := range []string{"a_prev", "w", "b"} {
		dot := paper.Zeros(p.in.values[n].N, p.in.values[n].D)
		for i := range dot.V {
			dot.V[i] = p.r.NormFloat64()
		}
		p.in.tangents[n] = dot
	}
	at := func(x float64) paper.Mat {
		moved := func(n string) paper.Mat { return p.in.values[n].Add(p.in.tangents[n].Scale(x)) }
		out, _ := paper.FC(nil, moved("a_prev"), moved("w"), moved("b").V)
		return out
	}
	p.in.tangents["a"] = at(h).Sub(at(-h)).Scale(1 / (2 * h)) // exact: the layer is quadratic
	p.hold(done, "recursion")

	p = newPlace(t, "activation", map[string]int{"T": 5, "f": 6})
	tr = &paper.Trace{}
	_, backG := paper.Activate(tr, p.random("a_prev", "T×f", 1, 0), pedestrian.GELU)
	backG(p.random("D", "T×f", 1, 0))
	p.steps(tr, "", "a", "T×f", "a_i", "D_prev", "T×f", "Δ_{i-1}")
	p.hold(done, "g")

	p = newPlace(t, "LoRA", sizes)
	tr = &paper.Trace{}
	a = p.random("a_prev", "T×f", 1, 0)
	d, u := p.random("d", "f×r", 0.5, 0), p.random("u", "r×g", 0.5, 0)
	_, backLoRA := paper.LoRA(tr, a, d, u, 1.7)
	D := p.random("D", "T×g", 1, 0)
	backLoRA(D)
	p.number("alpha", 1.7)
	p.steps(tr, "", "a", "T×g", "a_i", "D_prev", "T×f", "Δ_{i-1}", "dL/dd", "f×r", "∂L/∂d", "dL/du", "r×g", "∂L/∂u")
	p.hold(done, "43", "44", "45", "46")

	w, b = p.random("w", "f×g", 0.5, 0), p.random("b", ":g", 0.5, 0)
	layer := paper.Layer{W: w, B: b.V, D: d, U: u, Alpha: 1.7}
	tr = &paper.Trace{}
	_, backLayer := paper.Adapted(tr, a, layer)
	backLayer(D)
	p.steps(tr, "", "a", "T×g", "a_i", "D_prev", "T×f", "Δ_{i-1}")
	p.hold(done, "FC+LoRA")

	layer.M, layer.Exact = p.random("m", ":g", 0.3, 1).V, true
	tr = &paper.Trace{}
	_, backLayer = paper.Adapted(tr, a, layer)
	backLayer(D)
	p.steps(tr, "", "v", "f×g", "v", "z", "T×g", "z", "a", "T×g", "a_i", "D_z", "T×g", "Δ_z", "D_prev", "T×f", "Δ_{i-1}", "dL/dm", ":g", "∂L/∂m", "N", "f×g", "N", "dL/dw", "f×g", "∂L/∂w", "dL/dd", "f×r", "∂L/∂d", "dL/du", "r×g", "∂L/∂u")
	p.hold(done, "DoRA", "DoRA-N")

	p = newPlace(t, "dropout", map[string]int{"T": 5, "f": 6})
	mask := p.random("mask", "T×f", 0, 1)
	for i := range mask.V {
		mask.V[i] = float64(i%4) / 3 * 4 / 3
	}
	tr = &paper.Trace{Rewrite: func(s paper.Step) paper.Mat {
		if s.Name == "mask" {
			return mask
		}
		return s.V
	}}
	_, backMask := paper.Dropout(tr, p.random("a_prev", "T×f", 1, 0))
	backMask(p.random("D", "T×f", 1, 0))
	p.steps(tr, "", "a", "T×f", "a_i∘mask", "D_prev", "T×f", "Δ_{i-1}∘mask")
	p.hold(done, "dropout")
}

// network runs a network at a generic point.
func network(c pedestrian.Config, tokens, targets []int) (*pedestrian.Params[float64], *pedestrian.Params[float64], *paper.Trace) {
	p := pedestrian.NewParams[float64](c)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range p.Slab {
		p.Slab[i] = 0.5 * r.NormFloat64()
	}
	tr := &paper.Trace{}
	_, back := paper.Network(tr, p, nil, []paper.Sequence{{Tokens: tokens, Targets: targets}}, paper.Sum)
	dp, _ := back()
	return p, dp, tr
}

func tensor(t pedestrian.Tensor[float64]) paper.Mat { return paper.Mat{N: t.Rows, D: t.Cols, V: t.V} }

func holdNetwork(t *testing.T, done map[string]bool) {
	tokens, targets := []int{2, 5, 2, 1, 0}, []int{5, 2, 1, 0, 3}
	c := pedestrian.Config{Vocab: 8, Context: 9, Width: 6, Heads: 2, Blocks: 2, KeyDim: 4, Hidden: 7, Activation: pedestrian.GELU, Eps: 0.01, Bias: true, LogitsBias: true}
	_, _, tr := network(c, tokens, targets)
	sizes := map[string]int{"T": 5, "V": 8, "d": 6, "f": 7, "h": 6}
	p := newPlace(t, "network", sizes)
	block := "seq.0.block.1"
	p.steps(tr, "seq.0", "a_11", "T×d", "a_11", "D_12", "T×V", "Δ_12", "dL/dw_tok", "V×d", "∂L/∂w_tok", "dL/dw_11", "d×V", "∂L/∂w_11", "dL/db_11", ":V", "∂L/∂b_11")
	p.put("a_0", ":T", column(paper.Vec{2, 5, 2, 1, 0}))
	p.steps(tr, block, "a_1", "T×d", "a_1", "a_3", "T×h", "a_3", "a_4", "T×d", "a_4", "a_5", "T×d", "a_5", "a_6", "T×d", "a_6", "a_8", "T×f", "a_8", "D_10", "T×d", "Δ_10", "D_7", "T×f", "Δ_7",
		"D_5", "T×d", "Δ_5", "D_4", "T×d", "Δ_4", "D_1", "T×d", "Δ_1", "dL/dw_8", "f×d", "∂L/∂w_8", "dL/dw_6", "d×f", "∂L/∂w_6", "dL/dw_3", "h×d", "∂L/∂w_3")
	p.steps(tr, block+".ln1", "D_1_branch", "T×d", "Δ_{i-1}")
	p.hold(done, "skip")
	for _, n := range []string{"dL/dw_11", "dL/db_11", "dL/dw_8", "dL/dw_6", "dL/dw_3"} {
		p.some(done, "T3", n)
	}
	p.steps(tr, "seq.0.block.0", "a_10", "T×d", "a_10", "D_10", "T×d", "Δ_10", "D_1", "T×d", "Δ_1")
	p.some(done, "T3", "dL/dw_tok") // the lowest block's
	p.steps(tr, block, "a_1_next", "T×d", "a_1", "D_1_next", "T×d", "Δ_1")
	p.hold(done, "block")

	c.Tied, c.LogitsBias = true, false
	_, dp, tr := network(c, tokens, targets)
	p.steps(tr, "seq.0", "a_11", "T×d", "a_11", "D_12", "T×V", "Δ_12")
	p.steps(tr, "seq.0.block.0", "D_1", "T×d", "Δ_1")
	p.put("dL/dw_tok", "V×d", tensor(dp.Tok))
	p.hold(done, "tied")
}

func holdMatrices(t *testing.T, done map[string]bool) {
	p := newPlace(t, "matrices", map[string]int{"T": 4, "d": 6, "e": 5, "f": 3})
	p.random("A", "T×f", 1, 0)
	p.random("B", "T×d", 1, 0)
	p.random("C", "d×e", 1, 0)
	p.random("D", "e×f", 1, 0)
	p.hold(done, "cycle")
	p.random("A", "T×d", 1, 0)
	p.random("B", "d×T", 1, 0)
	p.hold(done, "49", "52")
	p.random("B", "T×d", 1, 0)
	p.random("C", "T×d", 1, 0)
	p.hold(done, "50", "51")
	p.random("H", "T×d", 1, 0)
	p.random("G", "T×T", 1, 0)
	p.random("b", ":d", 1, 0)
	p.hold(done, "53", "54")
	p.random("A", "T×T", 1, 0)
	p.random("B", "T×T", 1, 0)
	perm := paper.Zeros(4, 4)
	for i, j := range []int{2, 0, 3, 1} {
		perm.Row(i)[j] = 1
	}
	p.put("P_1", "T×T", perm)
	p.put("P_2", "T×T", perm.T())
	p.hold(done, "55.a", "55.b")
	p.random("rho", "T×T", 1, 0)
	p.random("a", "T×d", 1, 0)
	p.hold(done, "47")
}

func holdLlamaLayers(t *testing.T, done map[string]bool) {
	p := newPlace(t, "frequencies", map[string]int{"p": 3})
	p.put("j", ":p", row(paper.Vec{0, 1, 2}))
	p.number("d", 6)
	p.number("base", 100)
	p.number("factor", 8)
	omega := paper.Frequencies(6, 100)
	p.put("omega", ":p", row(omega))
	p.put("omega_scaled", ":p", row(paper.LinearScaling(omega, 8)))
	p.hold(done, "L7.a", "L7.b")

	p = newPlace(t, "rotation", map[string]int{"T": 5, "p": 3, "d_rho": 6})
	freqs := paper.Vec{0.9, 0.3, 0.05}
	positions := []int{0, 1, 2, 3, 4}
	tr := &paper.Trace{}
	a := p.random("a_prev", "T×d_rho", 1, 0)
	_, back := paper.Rotate(tr, a, positions, paper.Rotation{Freqs: freqs})
	back(p.random("D", "T×d_rho", 1, 0))
	both, Q := paper.Zeros(3, 6), paper.Zeros(6, 6)
	for j := range 3 {
		both.Row(j)[j], both.Row(j)[j+3] = 1, 1
		Q.Row(j)[j+3], Q.Row(j + 3)[j] = 1, -1
	}
	p.put("both", "p×d_rho", both)
	p.put("Q", "d_rho×d_rho", Q)
	p.put("omega", ":p", row(freqs))
	p.put("positions", ":T", column(paper.Vec{0, 1, 2, 3, 4}))
	p.steps(tr, "", "theta", "T×d_rho", "θ", "a", "T×d_rho", "a_i", "D_prev", "T×d_rho", "Δ_{i-1}")
	p.hold(done, "L8", "L9")
	theta := p.in.values["theta"]

	// (L12): the bias of keys that turn gets the errors of the turned keys, turned back.
	turned := p.in.values["D_prev"]
	p.put("dL/db_k", ":d_rho", row(turned.SumTokens()))
	p.hold(done, "L12")

	// (L10): pairs (2j, 2j+1) against pairs (j, j+3), by what Rotate makes of each.
	tr2 := &paper.Trace{}
	paper.Rotate(tr2, a, positions, paper.Rotation{Freqs: freqs, Interleaved: true})
	inter, _ := tr2.Find("", "θ")
	P, Qi := paper.Zeros(6, 6), paper.Zeros(6, 6)
	for j := range 3 {
		P.Row(2 * j)[j], P.Row(2*j + 1)[j+3] = 1, 1
		Qi.Row(2 * j)[2*j+1], Qi.Row(2*j + 1)[2*j] = 1, -1
	}
	p.put("a", "T×d_rho", a)
	p.put("Q_split", "d_rho×d_rho", Q)
	p.put("theta_split", "T×d_rho", theta)
	p.put("Q", "d_rho×d_rho", Qi)
	p.put("theta", "T×d_rho", inter.V)
	p.put("P", "d_rho×d_rho", P)
	p.hold(done, "L10")

	// (L11): the matrix of a rotation is what it makes of the unit rows.
	turn := func(position int) paper.Mat {
		I := paper.Zeros(6, 6)
		at := make([]int, 6)
		for i := range 6 {
			I.Row(i)[i], at[i] = 1, position
		}
		R, _ := paper.Rotate(nil, I, at, paper.Rotation{Freqs: freqs})
		return R
	}
	p.put("R_t", "d_rho×d_rho", turn(7))
	p.put("R_s", "d_rho×d_rho", turn(4))
	p.put("R_ts", "d_rho×d_rho", turn(3))
	p.hold(done, "L11")

	p = newPlace(t, "gated", map[string]int{"T": 5, "f": 7})
	tr = &paper.Trace{}
	z, u := p.random("z", "T×f", 1, 0), p.random("u", "T×f", 1, 0)
	_, backGated := paper.Gated(tr, z, u, pedestrian.SiLU)
	backGated(p.random("D_h", "T×f", 1, 0))
	p.steps(tr, "", "h", "T×f", "h", "D_u", "T×f", "Δ_u", "D_z", "T×f", "Δ_z")
	p.hold(done, "L13", "L14", "L15.a", "L15.b", "L16")
}

func holdGroups(t *testing.T, done map[string]bool) {
	p := newPlace(t, "group", map[string]int{"T": 5, "q": 12, "d_rho": 6, "d_h": 4, "a": 8})
	p.scope.parts["a"], p.scope.parts["q"] = []string{"d_h", "d_h"}, []string{"d_rho", "d_rho"}
	w := p.random("w", ":d_rho", 0.3, 1)
	g := paper.Grouped{Heads: 2, KVHeads: 1, Scale: 0.4, Rotation: paper.Rotation{Freqs: paper.Frequencies(6, 100)}, QNorm: paper.Norm{W: w.V, Eps: 0.01}}
	g.QNorm.RMS = true
	tr := &paper.Trace{}
	_, back := paper.GroupedAttention(tr, p.random("queries", "T×q", 1, 0), p.random("keys", "T×d_rho", 1, 0), p.random("v", "T×d_h", 1, 0), g, []int{0, 1, 2, 3, 4}, paper.Causal(5))
	back(p.random("D", "T×a", 1, 0))
	p.put("m", "T×T", paper.Causal(5))
	p.number("s", 0.4)
	for h, at := range []string{"head.0", "head.1"} {
		n := fmt.Sprint("_", h+1)
		p.steps(tr, at, "q_rot"+n, "T×d_rho", "q'_h", "rho"+n, "T×T", "ρ", "D_raw"+n, "T×T", "Δ^raw", "D"+n, "T×d_h", "Δ_i^h")
		p.steps(tr, at+".qNorm", "qbar"+n, "T×d_rho", "ā_{i-1}")
	}
	p.steps(tr, "head.0", "q_rot", "T×d_rho", "q'_h", "a", "T×d_h", "a_i^h", "D_raw", "T×T", "Δ^raw", "D_q_rot", "T×d_rho", "Δ_{q'_h}")
	p.steps(tr, "kv.0", "k_rot", "T×d_rho", "k'_h", "D_k_rot", "T×d_rho", "Δ_{k'_h}", "D_v", "T×d_h", "Δ_{v_h}")
	p.hold(done, "L17", "L18.a", "L18.b", "L18.c")
	// What reaches the gain of (L19) is the error behind the norm: the turned queries' error, turned back.
	p.steps(tr, "head.0.qTurn", "D_1", "T×d_rho", "Δ_{i-1}")
	p.steps(tr, "head.1.qTurn", "D_2", "T×d_rho", "Δ_{i-1}")
	p.steps(tr, "", "dL/dw", ":d_rho", "∂L/∂w_{qNorm}")
	p.hold(done, "L19")
}

func holdLlamaNetwork(t *testing.T, done map[string]bool) {
	tokens, targets := []int{2, 5, 2, 1, 0}, []int{5, 2, 1, 0, 3}
	c := pedestrian.Config{Vocab: 8, Context: 9, Width: 6, Hidden: 7, Blocks: 1, Heads: 2, KVHeads: 1, KeyDim: 4, HeadDim: 3, Activation: pedestrian.SiLU, Eps: 0.01,
		Norm: pedestrian.RMSNorm, Positions: pedestrian.Rotary, Rotation: pedestrian.Rotation{Base: 100}, Gated: true, Tied: true, ScaleEmbedding: true}
	params, dp, tr := network(c, tokens, targets)
	p := newPlace(t, "Llama", map[string]int{"T": 5, "V": 8, "d": 6, "f": 7, "q": 8, "k": 4, "d_h": 3, "h": 6})
	b, db := params.Blocks[0], dp.Blocks[0]
	columns := func(m paper.Mat, from, n int) paper.Mat { return m.Columns(from, n) }
	qkv, dqkv := tensor(b.QKV.W), tensor(db.QKV.W)
	for name, at := range map[string][2]int{"w_q": {0, 8}, "w_k": {8, 4}, "w_v": {12, 3}} {
		typ := map[string]string{"w_q": "d×q", "w_k": "d×k", "w_v": "d×d_h"}[name]
		p.put(name, typ, columns(qkv, at[0], at[1]))
		p.put("dL/d"+name, typ, columns(dqkv, at[0], at[1]))
	}
	p.put("w_o", "h×d", tensor(b.AttProj.W))
	p.put("w_gate", "d×f", tensor(b.Gate.W))
	p.put("w_up", "d×f", tensor(b.Up.W))
	p.put("w_down", "f×d", tensor(b.Down.W))
	p.put("dL/dw_up", "d×f", tensor(db.Up.W))
	p.put("dL/dw_down", "f×d", tensor(db.Down.W))
	p.put("w", ":d", row(b.LN1.W.V))
	p.put("dL/dw", ":d", row(db.LN1.W.V))
	rows := func(m paper.Mat, from int) paper.Mat { return paper.Mat{N: 3, D: m.D, V: m.V[from*m.D : (from+3)*m.D]} }
	for i := range 2 {
		p.put(fmt.Sprint("w_o_", i+1), "d_h×d", rows(tensor(b.AttProj.W), 3*i))
		p.put(fmt.Sprint("dL/dw_o_", i+1), "d_h×d", rows(tensor(db.AttProj.W), 3*i))
	}
	p.steps(tr, "seq.0.block.0", "a_1", "T×d", "a_1", "a_3", "T×h", "a_3", "a_5", "T×d", "a_5", "a_8", "T×f", "a_8", "a_10", "T×d", "a_10", "D_2", "T×d", "Δ_2", "D_6", "T×d", "Δ_6", "D_1", "T×d", "Δ_1",
		"D_q", "T×q", "Δ_q", "D_k", "T×k", "Δ_k", "D_v", "T×d_h", "Δ_v")
	p.steps(tr, "seq.0.block.0.g", "D_z", "T×f", "Δ_z", "D_u", "T×f", "Δ_u")
	p.hold(done, "L22", "L24.a", "L24.b", "L24.c")
	p.put("a_0", ":T", column(paper.Vec{2, 5, 2, 1, 0}))
	p.put("E", "V×d", tensor(params.Tok))
	p.put("dL/dE", "V×d", tensor(dp.Tok))
	p.number("s", math.Sqrt(6))
	p.steps(tr, "seq.0", "a_11", "T×d", "a_11", "a_12", "T×V", "a_12", "D_12", "T×V", "Δ_12")
	p.hold(done, "L23")
}
