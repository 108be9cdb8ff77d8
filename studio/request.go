package studio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxRequest is how many bytes a request may have.
const MaxRequest = 64 << 10

// A Request is what a page asks.
type Request struct {
	Op          string   `json:"op"`
	Revision    int      `json:"rev"` // is given back
	State       State    `json:"state"`
	Before      *State   `json:"before"` // of a trace: the state that it is compared with
	Want        []string `json:"want"`   // of a trace: ids whose numbers are wanted; "*" is all
	Looks       []Ref    `json:"looks"`  // of a trace: cells whose microscopes are wanted with it
	ID          string   `json:"id"`     // of a tensor, an equation or an exercise; the number of a bug
	Name        string   `json:"name"`   // of a number in a pass with a bug
	At          string   `json:"at"`     // its place
	Row         int      `json:"i"`
	Col         int      `json:"j"`
	Epsilon     float64  `json:"epsilon"`
	Answer      string   `json:"answer"`
	Hint        int      `json:"hint"`
	Repair      bool     `json:"repair"`
	Block       int      `json:"block"` // of a law: the block and the head that it is shown in
	Head        int      `json:"head"`
	Knob        *float64 `json:"knob"` // of a law; nil is where it starts
	Broken      bool     `json:"broken"`
	Alpha       *float64 `json:"alpha"`       // of the adapter; nil is where it starts
	Steps       *int     `json:"steps"`       // that it was trained
	Sizes       *Sizes   `json:"sizes"`       // of params; nil is the network of the state
	Prompt      int      `json:"prompt"`      // of next: how many of the tokens were given; the others were chosen
	Temperature float64  `json:"temperature"` // as package generate has it
	TopK        int      `json:"topk"`        // 0 = all
	TopP        float64  `json:"topp"`        // 0 = all
	Draw        uint64   `json:"draw"`        // seed of the choices
	Next        int      `json:"next"`        // of train: how many updates are wanted after that of the state
}

// parse reads a request strictly: one object, no unknown or doubled keys, nothing behind it.
func parse(b []byte) (r Request, err error) {
	if len(b) > MaxRequest {
		return r, fmt.Errorf("a request of %d bytes: at most %d", len(b), MaxRequest)
	}
	if err := distinct(b); err != nil {
		return r, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, errors.New("the request is not one of ours: " + clip(strings.TrimPrefix(err.Error(), "json: ")))
	}
	return r, nil
}

// distinct refuses text that is not one JSON value, is deeper than needed, or has a key twice
// in one object, upper and lower case being one.
func distinct(b []byte) error {
	const most = 8
	d := json.NewDecoder(bytes.NewReader(b))
	type level struct {
		keys  map[string]bool // nil in an array
		value bool            // a key was read, its value comes
	}
	var open []level
	for n := 0; ; n++ {
		token, err := d.Token()
		if err == io.EOF && n > 0 && len(open) == 0 {
			return nil
		}
		if err != nil {
			return errors.New("the request is not JSON")
		}
		if len(open) == 0 && n > 0 {
			return errors.New("the request has something behind its end")
		}
		var top *level
		if len(open) > 0 {
			top = &open[len(open)-1]
		}
		if key, ok := token.(string); ok && top != nil && top.keys != nil && !top.value {
			if key = strings.ToLower(key); top.keys[key] {
				return fmt.Errorf("the request has the key %q twice", clip(key))
			}
			top.keys[key], top.value = true, true
			continue
		}
		if top != nil {
			top.value = false
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{keys: map[string]bool{}})
		case json.Delim('['):
			open = append(open, level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
			continue
		}
		if len(open) > most {
			return fmt.Errorf("the request is deeper than %d", most)
		}
	}
}
