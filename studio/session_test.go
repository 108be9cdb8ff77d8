package studio

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

func open(t testing.TB, s State) *Session {
	t.Helper()
	x, err := Open(s)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func number(x float64) *float64 { return &x }

// Every step of a pass of package paper is a node with the same bits.
func TestSessionIsThePaper(t *testing.T) {
	for _, m := range Models {
		s := open(t, State{Model: m.Name, Seed: 3})
		tr := &paper.Trace{}
		loss, back := paper.Network(tr, must(m.Params(State{Seed: 3})), nil, []paper.Sequence{{Tokens: m.Tokens, Targets: m.Targets}}, paper.Sum)
		back()
		if loss != s.Loss {
			t.Errorf("%s: loss %g, of the paper %g", m.Name, s.Loss, loss)
		}
		if len(tr.Steps) != 154 {
			t.Errorf("%s: %d steps", m.Name, len(tr.Steps))
		}
		for i, st := range tr.Steps {
			n := s.nodes[i]
			got := s.value(n.ID)
			for k := range st.V.V {
				if math.Float64bits(got.V[k]) != math.Float64bits(st.V.V[k]) {
					t.Fatalf("%s, %s: cell %d is %g, of the paper %g", m.Name, n.ID, k, got.V[k], st.V.V[k])
				}
			}
		}
	}
}

func TestNames(t *testing.T) {
	s := open(t, State{Rank: 2})
	for _, id := range []string{"a_0", "tok.ohe", "b0.a_1", "b0.ln1.abar_prev", "b0.h1.q", "b0.h1.a_prev_to_v", "b0.h0.rho_causal", "b0.h0.rho", "b0.h0.a_i_h", "b0.h0.m", "b0.a_i",
		"a_12", "y_pred", "l", "L", "D_12", "b0.D_5", "b0.h1.D_causal", "b0.h1.D_v", "b0.h1.D_prev_h", "b0.D_prev", "dw_11", "b0.dw_6", "b0.h0.dw_q", "b0.h0.db_k", "dw_tok",
		"w_tok", "w_pos", "b0.w_1", "b0.h1.w_k", "b0.h0.b_v", "b0.b_8", "w_11", "b_11", "d_11", "u_11", "dd_11", "du_11"} {
		n := s.node(id)
		if n == nil {
			t.Errorf("there is no node %s", id)
			continue
		}
		if v := s.value(id); v.N != n.Rows || v.D != n.Cols {
			t.Errorf("%s is %d×%d, its node says %d×%d", id, v.N, v.D, n.Rows, n.Cols)
		}
	}
	seen := map[string]bool{}
	for _, n := range s.nodes {
		if seen[n.ID] || strings.ContainsAny(n.ID, " /{}()+^") || strings.ContainsFunc(n.ID, func(r rune) bool { return r > 126 }) {
			t.Errorf("the id %q is not one for a URL, or not the only one", n.ID)
		}
		seen[n.ID] = true
		if n.MathML == "" || n.Title == "" || n.At == "" {
			t.Errorf("%s has no symbol, title or place: %+v", n.ID, n)
		}
		if p := s.node(n.Partner); n.Partner != "" && (p == nil || p.Rows != n.Rows || p.Cols != n.Cols) {
			t.Errorf("%s, %d×%d, has a partner %s of another shape", n.ID, n.Rows, n.Cols, n.Partner)
		}
		if n.Partner == "" && (n.Kind == Error || n.Kind == Gradient || n.Kind == Parameter) {
			t.Errorf("%s has no partner", n.ID)
		}
	}
}

// An edited cell has its value, what comes before it keeps its bits, and the loss is that of
// a network computed by hand from there on.
func TestEdits(t *testing.T) {
	base := open(t, State{})
	r := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		n := base.nodes[r.IntN(len(base.nodes))]
		if n.ID == "a_0" || strings.HasSuffix(n.ID, "ohe") || n.Kind == Mask || n.ID == "L" || n.ID == "all.L" {
			continue
		}
		i, j := r.IntN(n.Rows), r.IntN(n.Cols)
		if math.IsInf(base.value(n.ID).At(i, j), 0) {
			continue
		}
		s := open(t, State{Edits: []Edit{{n.ID, i, j, number(1.5)}, {n.ID, i, j, number(.25)}}})
		if got := s.value(n.ID).At(i, j); got != .25 {
			t.Fatalf("%s[%d,%d] was set to .25 and is %g", n.ID, i, j, got)
		}
		for k, m := range base.nodes {
			if n.step >= 0 && (k >= n.step || m.step < 0) {
				break
			}
			if n.step < 0 && m.ID != n.ID && m.step < 0 && m.slot == n.slot && n.slot == "" {
				t.Fatal("unreachable")
			}
			if n.step >= 0 && m.step >= 0 && !same(base.value(m.ID), s.value(m.ID)) {
				t.Fatalf("editing %s changed %s, which is computed before it", n.ID, m.ID)
			}
		}
	}
	// A number that is put in by hand into a_12 goes into the loss as softmax says.
	s := open(t, State{Edits: []Edit{{"a_12", 2, 4, number(3)}}})
	a := base.value("a_12")
	a = a.Scale(1)
	a.V[2*12+4] = 3
	want, _ := paper.Loss(nil, a, base.seq.Targets, 1)
	if s.Loss != want {
		t.Errorf("the loss with an edited logit is %g, want %g", s.Loss, want)
	}
}

func same(a, b paper.Mat) bool {
	for i := range a.V {
		if math.Float64bits(a.V[i]) != math.Float64bits(b.V[i]) {
			return false
		}
	}
	return len(a.V) == len(b.V)
}

// A mask that is opened lets a token see a later one; one that is closed hides it.
func TestMasks(t *testing.T) {
	base := open(t, State{})
	s := open(t, State{Edits: []Edit{{"b0.h1.m", 1, 4, number(0)}, {"b0.h1.m", 4, 1, nil}}})
	if x := s.value("b0.h1.rho").At(1, 4); x <= 0 {
		t.Errorf("token 2 was allowed to see token 5, and its weight is %g", x)
	}
	if x := s.value("b0.h1.rho").At(4, 1); x != 0 {
		t.Errorf("token 5 must not see token 2, and its weight is %g", x)
	}
	if x := s.value("b0.h1.rho_causal").At(1, 4); x != base.value("b0.h1.rho_scaled").At(1, 4) {
		t.Errorf("where the mask is 0, ρ^causal is %g and not ρ^scaled", x)
	}
	if _, err := Open(State{Edits: []Edit{{"b0.h1.m", 0, 0, nil}}}); err == nil || !strings.Contains(err.Error(), "token 1 would see none") {
		t.Errorf("a token that sees nothing: %v", err)
	}
}

func TestRefused(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		s    State
		says string
	}{
		{State{Model: "gpt-4"}, "no model"},
		{State{Tokens: []int{}}, "0 tokens"},
		{State{Tokens: make([]int, 7)}, "7 tokens"},
		{State{Tokens: []int{12}}, "token 1 is 12"},
		{State{Tokens: []int{-1}}, "token 1 is -1"},
		{State{Tokens: []int{1, 2}, Targets: []int{1}}, "2 tokens and 1 targets"},
		{State{Targets: []int{1, 1, 1, 1, 1, 12}}, "target 6 is 12"},
		{State{Rank: 9}, "rank 9"},
		{State{Edits: make([]Edit, 201)}, "201 edits"},
		{State{Edits: []Edit{{"b0.h7.rho", 0, 0, number(1)}}}, "no tensor"},
		{State{Edits: []Edit{{"b0.h1.rho", 6, 0, number(1)}}}, "no cell 7,1"},
		{State{Edits: []Edit{{"b0.h1.rho", 0, -1, number(1)}}}, "no cell"},
		{State{Edits: []Edit{{"b0.h1.rho", 0, 0, &nan}}}, "at most"},
		{State{Edits: []Edit{{"b0.h1.rho", 0, 0, number(1e7)}}}, "at most"},
		{State{Edits: []Edit{{"b0.h1.rho", 0, 0, nil}}}, "only a mask"},
		{State{Edits: []Edit{{"b0.h1.m", 0, 0, number(1)}}}, "a mask has 0"},
		{State{Edits: []Edit{{"a_0", 0, 0, number(1)}}}, "by its word"},
	} {
		if _, err := Open(c.s); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.s, err, c.says)
		}
	}
	if s := open(t, State{Tokens: []int{0, 2}}); s.seq.Targets[0] != 2 || s.seq.Targets[1] != 11 {
		t.Errorf("targets that are not given are %v", s.seq.Targets)
	}
	if s := open(t, State{Mean: true}); math.Abs(s.Loss*6-open(t, State{}).Loss) > 1e-12 {
		t.Error("the mean is not the sixth of the sum")
	}
}
