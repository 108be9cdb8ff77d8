package studio

import (
	"math"
	"testing"
)

// What the terms of a cell make is the cell, for every cell of every tensor, also with edits
// where they are not of that cell.
func TestMicroscopes(t *testing.T) {
	for _, state := range []State{{}, {Mean: true, Targets: []int{2, -1, 6, 0, 8, 11}}, {Rank: 2}, {Model: "paper", Seed: 5},
		{Edits: []Edit{{"b0.h1.m", 1, 4, number(0)}, {"b0.w_6", 0, 0, number(1)}}}} {
		s := open(t, state)
		for _, n := range s.nodes {
			stride := 1 + n.Rows*n.Cols/24
			for k := 0; k < n.Rows*n.Cols; k += stride {
				i, j := k/n.Cols, k%n.Cols
				m := &Microscope{Ref: Ref{n.ID, i, j}, Value: s.value(n.ID).At(i, j)}
				(&scope{s, s.node(n.ID), i, j, m, at(n.ID)}).look()
				want := s.value(n.ID).At(i, j)
				if m.result != want && !(math.Abs(m.result-want) <= 1e-12*max(1, math.Abs(want))) {
					t.Fatalf("%+v: %s[%d,%d] is %g, its terms make %g", state, n.ID, i+1, j+1, want, m.result)
				}
				if m.Formula == "" {
					t.Fatalf("%s[%d,%d] has no formula", n.ID, i, j)
				}
				if len(m.From) == 0 && (n.Kind == Error || n.Kind == Gradient) && n.Symbol != "∂L/∂b_{k_h}" {
					t.Errorf("%s is not taken apart", n.ID)
					break
				}
			}
		}
	}
}

func TestFeeds(t *testing.T) {
	m, err := open(t, State{}).Look("b0.h1.rho", 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"b0.h1.a_i_h": true, "b0.h1.D_v": true, "b0.h1.D_causal": true, "b0.h1.dw_v": true}
	for _, id := range m.Feeds {
		delete(want, id)
	}
	if len(want) > 0 {
		t.Errorf("ρ feeds %v, but not %v", m.Feeds, want)
	}
	if m.Terms == nil || len(m.Terms.Head) != 5 || m.Terms.Hot != 1 {
		t.Errorf("the row of softmax is %+v", m.Terms)
	}
}
