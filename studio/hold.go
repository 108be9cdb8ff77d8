package studio

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Hold takes a value for a constant: the backward pass hands nothing down from it, so its error
// is 0 and what stands before it learns from its other readers alone. A branch of the network is
// cut off at its last value: a_4 is attention, a_9 the layers after it, a of a head that head.
//
// Detached, the value is what the forward pass makes of it. Frozen, it also stays what it is
// without the edits of the state.
type Hold struct {
	ID     string `json:"id"` // of a value that has an error
	Frozen bool   `json:"frozen,omitempty"`
}

// maxHolds is how many values a state may hold.
const maxHolds = 32

// A held value is one step of a session.
type held struct {
	value  paper.Mat // at first, where it is frozen
	frozen bool
}

// hold puts the holds of a state in their places.
func (s *Session) hold(holds []Hold) error {
	if len(holds) > maxHolds {
		return fmt.Errorf("%d values are held: at most %d", len(holds), maxHolds)
	}
	var plain *Session // the state without edits, if a value of it is needed
	for _, h := range holds {
		n := s.node(h.ID)
		if n == nil {
			return fmt.Errorf("there is no tensor %q in this network", clip(h.ID))
		}
		e := s.node(n.Partner)
		if n.Kind != Value || e == nil || s.of[e.step] != n.step {
			return fmt.Errorf("%s is not held: only a value with an error beside it is", h.ID)
		}
		if _, twice := s.held[n.step]; twice {
			return fmt.Errorf("%s is held twice", h.ID)
		}
		v := held{frozen: h.Frozen}
		if h.Frozen {
			if plain == nil {
				state := s.State
				state.Edits, state.Held = nil, nil
				var err error
				if plain, err = s.again(state); err != nil {
					return err
				}
			}
			v.value = plain.value(h.ID)
		}
		s.held[n.step], s.cut[e.step] = v, true
	}
	return nil
}

// keep returns a step of the pass as the holds want it: v, or the numbers that a held value has
// and its error, 0. first is as in Session.forward: at first a frozen value takes its numbers, and
// later every held value has those of s.Trace.
func (s *Session) keep(step int, v paper.Mat, first bool) paper.Mat {
	switch h, is := s.held[step]; {
	case s.cut[step]:
		return paper.Zeros(v.N, v.D)
	case is && !first:
		return s.Trace.Steps[step].V
	case is && h.frozen:
		return h.value
	}
	return v
}
