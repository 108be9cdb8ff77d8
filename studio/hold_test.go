package studio

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// holdable are the values that can be held, in the order of the pass.
func (s *Session) holdable() (ids []string) {
	for _, n := range s.nodes {
		if e := s.node(n.Partner); n.Kind == Value && e != nil && s.of[e.step] == n.step {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// A held value is a constant: the gradients of the parameters are those of the loss in which it
// does not move, by differences, whichever value it is. No number of the forward pass changes.
func TestDetachedIsConstant(t *testing.T) {
	for _, state := range []State{{}, {Rank: 2, Edits: []Edit{{ID: "u_11", Row: 1, Col: 3, Value: number(.5)}}}, {Model: "paper", Seed: 3, Mean: true}} {
		plain := open(t, state)
		ids := plain.holdable()
		if len(ids) < 25 {
			t.Fatalf("%v: only %d values can be held: %v", state, len(ids), ids)
		}
		changed := 0
		for _, id := range ids {
			st := state
			st.Held = []Hold{{ID: id}}
			s := open(t, st)
			for i, step := range s.Trace.Steps[:s.split] {
				if !same(step.V, plain.Trace.Steps[i].V) {
					t.Errorf("%s held: %s of the forward pass is another", id, s.nodes[i].ID)
				}
			}
			if e := s.value(s.node(id).Partner); slices.ContainsFunc(e.V, func(x float64) bool { return x != 0 }) {
				t.Errorf("%s held: its error is not 0: %v", id, e.V)
			}
			for _, n := range s.nodes {
				if n.Kind != Gradient {
					continue
				}
				if !same(s.value(n.ID), plain.value(n.ID)) {
					changed++
				}
				if c, err := s.check(n.ID, 1); err == nil && !c.OK {
					t.Errorf("%s held: %s: %s, off by %v at %d,%d", id, n.ID, c.Why, *c.Worst, c.Row+1, c.Col+1)
				}
			}
		}
		if changed < 5*len(ids) {
			t.Errorf("%v: only %d gradients changed for %d values", state, changed, len(ids))
		}
	}
}

// What a cut takes away and what it leaves, written out: behind a_4, the end of attention, no
// parameter of it learns, and the embeddings learn by the way around it.
func TestBranchIsCutOff(t *testing.T) {
	behind := regexp.MustCompile(`^b0\.(h\d|attProj|ln1)\.|^b0\.d[wb]_[13]$`)
	plain, s := open(t, State{}), open(t, State{Held: []Hold{{ID: "b0.a_4"}}})
	for _, n := range s.nodes {
		if n.Kind != Gradient {
			continue
		}
		zero := behind.MatchString(n.ID)
		nothing := !slices.ContainsFunc(s.value(n.ID).V, func(x float64) bool { return x != 0 })
		if zero != nothing {
			t.Errorf("%s (%s): all zero is %v", n.ID, n.At, nothing)
		}
	}
	if same(s.value("dw_tok"), plain.value("dw_tok")) || !same(s.value("b0.D_5"), plain.value("b0.D_5")) {
		t.Error("the error before the cut has changed, or the embeddings learn the same")
	}
}

// A frozen value stays when something before it is edited, and what stands behind it too.
func TestFrozenStays(t *testing.T) {
	plain := open(t, State{})
	edit := []Edit{{ID: "w_tok", Row: 2, Col: 1, Value: number(2)}}
	edited := open(t, State{Edits: edit})
	s := open(t, State{Edits: edit, Held: []Hold{{ID: "b0.h1.rho", Frozen: true}}})
	if !same(s.value("b0.h1.rho"), plain.value("b0.h1.rho")) || same(edited.value("b0.h1.rho"), plain.value("b0.h1.rho")) {
		t.Error("ρ of the second head moves with the edit")
	}
	if !same(s.value("b0.h0.rho"), edited.value("b0.h0.rho")) || same(s.value("b0.h1.v"), plain.value("b0.h1.v")) {
		t.Error("what is not held does not move with the edit")
	}
	for _, n := range s.nodes {
		if n.Kind == Gradient || n.Kind == Error {
			if c, err := s.check(n.ID, 3); err == nil && !c.OK {
				t.Errorf("%s: %s", n.ID, c.Why)
			}
		}
	}
	whole := open(t, State{Edits: edit, Held: []Hold{{ID: "b0.a_10", Frozen: true}}})
	if whole.Loss != plain.Loss {
		t.Errorf("the end of the block is frozen, and the loss is %v, it was %v", whole.Loss, plain.Loss)
	}
}

func TestHoldsRefused(t *testing.T) {
	for _, c := range []struct {
		holds []Hold
		want  string
	}{
		{[]Hold{{ID: "b9.a_4"}}, `there is no tensor "b9.a_4"`},
		{[]Hold{{ID: "w_tok"}}, "w_tok is not held: only a value with an error beside it is"},
		{[]Hold{{ID: "b0.D_4"}}, "b0.D_4 is not held"},
		{[]Hold{{ID: "b0.a_4"}, {ID: "b0.a_4", Frozen: true}}, "b0.a_4 is held twice"},
		{make([]Hold, maxHolds+1), "33 values are held: at most 32"},
	} {
		if _, err := Open(State{Held: c.holds}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.holds, err, c.want)
		}
	}
}
