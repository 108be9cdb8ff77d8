package studio

import (
	"math"
	"strings"
	"testing"
)

// Errors and gradients of the lesson are gradients of the loss, those of up to 64 cells; so are
// those that are new with an adapter, and the paper's model has its own activation.
func TestEverythingChecks(t *testing.T) {
	for _, state := range []State{{}, {Rank: 2, Mean: true}, {Model: "paper", Seed: 5}} {
		s := open(t, state)
		checked := 0
		for _, n := range s.nodes {
			if n.Kind != Error && n.Kind != Gradient || n.Rows*n.Cols > 64 && state.Model == "" || state.Rank > 0 && !strings.Contains(n.ID, "11") && !strings.HasPrefix(n.ID, "logits") || state.Model == "paper" && n.ID != "b0.db_6" && n.ID != "b0.db_3" {
				continue
			}
			c, err := s.Check(n.ID)
			if err != nil {
				t.Errorf("%s: %v", n.ID, err)
				continue
			}
			if checked++; !c.OK || c.Cells+c.Refused != min(maxCells, n.Rows*n.Cols) && n.Rows*n.Cols <= maxCells {
				t.Errorf("%s %+v", n.ID, c)
			}
		}
		if least := map[string]int{"": 50, "paper": 2}[state.Model]; checked < least && state.Rank == 0 || checked < 10 && state.Rank > 0 {
			t.Errorf("only %d tensors were checked", checked)
		}
	}
}

// A wrong number in the backward pass is seen, where it is.
func TestChecksFail(t *testing.T) {
	s := open(t, State{})
	d := s.value("b0.h1.D_causal")
	d.V[13] += 1e-4
	c, err := s.Check("b0.h1.D_causal")
	if err != nil || c.OK || c.Row != 2 || c.Col != 1 || *c.Worst < .001 {
		t.Errorf("a wrong error: %+v %v", c, err)
	}
	if c, err = s.Check("b0.rho"); err == nil {
		t.Errorf("a node that does not exist: %+v", c)
	}
	if c, err = s.Check("b0.h1.rho"); err == nil {
		t.Errorf("a value: %+v", c)
	}
}

// An edit of a sum is a shift, and the gradients hold with it; one of ρ is not what softmax
// would make, and the check of what lies before it says so.
func TestChecksOfEdits(t *testing.T) {
	for _, e := range []Edit{{"b0.a_5", 1, 1, number(2)}, {"b0.h0.q", 3, 2, number(-1)}, {"b0.w_6", 0, 0, number(1)}, {"b0.h1.m", 1, 4, number(0)}} {
		s := open(t, State{Edits: []Edit{e}})
		for _, id := range []string{"b0.D_1", "b0.h1.D_causal", "b0.h0.dw_q", "b0.db_6"} {
			if c, err := s.Check(id); err != nil || !c.OK {
				t.Errorf("with %s edited: %+v %v", e.ID, c, err)
			}
		}
	}
	s := open(t, State{Edits: []Edit{{"b0.h1.rho", 4, 1, number(.2)}}})
	if c, _ := s.Check("b0.D_4"); !c.OK {
		t.Errorf("behind an edited ρ: %+v", c)
	}
	if c, _ := s.Check("b0.h1.D_causal"); c.OK || !strings.Contains(c.Why, "edited value") {
		t.Errorf("before an edited ρ: %+v", c)
	}
	s = open(t, State{Edits: []Edit{{"b0.D_5", 0, 0, number(1)}}})
	if c, _ := s.Check("b0.D_1"); c.OK || !strings.Contains(c.Why, "b0.D_5 was put in by hand") {
		t.Errorf("behind an injected error: %+v", c)
	}
}

func TestNudge(t *testing.T) {
	s := open(t, State{})
	n, err := s.Nudge("b0.h1.rho_causal", 4, 1, 1e-4)
	if err != nil || math.Abs(*n.Predicted-*n.Actual) > 1e-7 || *n.Actual == 0 {
		t.Errorf("%+v %v", n, err)
	}
	w, err := s.Nudge("w_tok", 2, 0, -1e-4)
	if err != nil || math.Abs(*w.Predicted-*w.Actual) > 1e-7 || *w.Actual == 0 {
		t.Errorf("%+v %v", w, err)
	}
	for _, id := range []string{"b0.h1.D_causal", "nothing", "y_gt"} {
		if n, err := s.Nudge(id, 0, 0, 1); err == nil {
			t.Errorf("%s was nudged: %+v", id, n)
		}
	}
}
