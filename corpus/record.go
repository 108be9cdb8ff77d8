package corpus

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Kind says which fields the records of a data set have. All records of a data set have
// one kind.
type Kind string

const (
	KindText     Kind = "text"       // {"text": "…"}, or text files
	KindPrompt   Kind = "completion" // {"prompt": "…", "completion": "…"}; either may be a list of messages
	KindMessages Kind = "messages"   // {"messages": [{"role": "…", "content": "…"}]}, and other forms of conversations
)

// A Record is one example before it is encoded.
type Record struct {
	Kind  Kind  // which of the fields below are used
	Place Place // where it was read

	Text               string    // of KindText
	Prompt, Completion string    // of KindPrompt, when they are strings
	Messages           []Message // of KindMessages, and of KindPrompt when they are messages
	Given              int       // number of messages that belong to the prompt
	Unlearnt           []int     // indices of the assistant's messages that are not learnt (weight 0)

	layout  *layout  // nil if the record is not from an object
	used    []string // columns that were read
	ignored []string // columns that are not empty and were not read
}

// refused are fields without which a record would mean something else.
var refused = map[string]string{
	"chosen":    "preferences between two answers are not supported: give prompt and completion",
	"rejected":  "preferences between two answers are not supported: give prompt and completion",
	"tools":     "calls of tools are not supported: take such examples out",
	"functions": "calls of functions are not supported: take such examples out",
	"images":    "images are not supported: take such examples out",
}

// missing is the error of an example whose answer or text is missing or empty.
type missing struct{ error }

func (e missing) Unwrap() error { return e.error }

func missingf(format string, args ...any) error { return missing{fmt.Errorf(format, args...)} }

// isMissing reports whether the only error of an example is a missing or empty field.
func isMissing(err error) bool { _, ok := errors.AsType[missing](err); return ok }

// record converts an object to a record. before is the layout of the record before, or nil.
func (o object) record(c Columns, before *layout) (r Record, err error) {
	v := c.view(o)
	for _, f := range o {
		preference := f.name == "chosen" || f.name == "rejected"
		if why, ok := refused[f.name]; ok && !isEmpty(f.value) && !(preference && len(c) > 0) {
			return r, fmt.Errorf("field %q: %s", f.name, why)
		}
	}
	if r.layout, err = v.layout(before); err != nil {
		return r, err
	}
	for _, name := range r.layout.fields() {
		if v.has(name) {
			r.used = append(r.used, v.column(name))
		}
	}
	for _, f := range o {
		if !slices.Contains(r.used, f.name) && !isEmpty(f.value) {
			r.ignored = append(r.ignored, f.name)
		}
	}
	return r, r.layout.read(&r, v)
}

// string reads a field that must be a string, not empty.
func (v view) string(name string) (string, error) { return asString(v.column(name), v.get(name)) }

// asString checks that the value of a field is a string, not empty, without NUL.
func asString(field string, value any) (string, error) {
	s, ok := value.(string)
	switch {
	case value == nil:
		return "", missingf("field %q is %s: it must be a string", field, describe(value))
	case !ok:
		return "", fmt.Errorf("field %q is %s: it must be a string", field, describe(value))
	case strings.TrimSpace(s) == "":
		return "", missingf("field %q is %.10q: there is nothing to read in it", field, s)
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		return "", fmt.Errorf("field %q has a NUL character at offset %d: this is no text", field, i)
	}
	return s, nil
}
