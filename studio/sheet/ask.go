package sheet

import (
	"encoding/json"
	"fmt"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// Refused is the error of what a screen asked and the core refused: a knob beyond its end, or a
// network that does not exist.
type Refused struct{ Err error }

func (r *Refused) Error() string { return r.Err.Error() }
func (r *Refused) Unwrap() error { return r.Err }

// An Answer is what the core said to one request of a screen: the same header and the same
// numbers that the page of the studio draws.
type Answer struct {
	Op      string          `json:"op"`
	ID      string          `json:"id,omitempty"`
	Header  json.RawMessage `json:"header"`
	Numbers []*float64      `json:"numbers,omitempty"` // null is -∞ or not a number
}

// ask sends the core a request about the sheet's state, as the page does, and reads the header of
// the answer into header.
func (s *Sheet) ask(r studio.Request, header any) (numbers []float64, err error) {
	r.State = s.State
	return s.askAbout(r, header)
}

// askAbout sends a request about another state.
func (s *Sheet) askAbout(r studio.Request, header any) (numbers []float64, err error) {
	if s.Core == nil {
		s.Core = new(studio.Core)
	}
	request, err := json.Marshal(r)
	if err != nil {
		return nil, &Refused{fmt.Errorf("what is asked is not what JSON has: %w", err)}
	}
	response, ok := s.Core.Handle(request)
	head, numbers, err := studio.Decode(response)
	if err != nil {
		return nil, err
	}
	if !ok {
		var wrong struct {
			Error string `json:"error"`
		}
		if err := json.Unmarshal(head, &wrong); err != nil {
			return nil, fmt.Errorf("reading an answer of the studio: %w", err)
		}
		return nil, &Refused{fmt.Errorf("%s", wrong.Error)}
	}
	if err := json.Unmarshal(head, header); err != nil {
		return nil, fmt.Errorf("reading an answer of the studio: %w", err)
	}
	if s.record {
		a := Answer{Op: r.Op, ID: r.ID, Header: json.RawMessage(head)}
		for _, x := range numbers {
			a.Numbers = append(a.Numbers, finite(x))
		}
		s.answers = append(s.answers, a)
	}
	return numbers, nil
}
