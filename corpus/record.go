package corpus

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Kind is what a data set holds: one in each line of JSONL, or texts.
type Kind string

const (
	KindText     Kind = "text"       // {"text": "…"}, or text files
	KindPrompt   Kind = "completion" // {"prompt": "…", "completion": "…"}; either may be a list of messages
	KindMessages Kind = "messages"   // {"messages": [{"role": "…", "content": "…"}]}, and what others call a conversation
)

// A Record is one example as it was read.
type Record struct {
	Kind  Kind
	Place Place

	Text               string    // of KindText
	Prompt, Completion string    // of KindPrompt, when they are strings
	Messages           []Message // of KindMessages, and of KindPrompt when they are messages
	Given              int       // the number of messages that are the prompt
	Unlearnt           []int     // the messages of the assistant that are said and not learnt, their weight being 0

	layout  *layout  // nil for what is no object
	used    []string // columns that were read
	ignored []string // columns that say something and were not asked for
}

// refused are fields that would change what a record means if they were left out.
var refused = map[string]string{
	"chosen":    "preferences between two answers are not supported: give prompt and completion",
	"rejected":  "preferences between two answers are not supported: give prompt and completion",
	"tools":     "calls of tools are not supported: take such examples out",
	"functions": "calls of functions are not supported: take such examples out",
	"images":    "images are not supported: take such examples out",
}

// missing says that there is nothing where the answer or the text of an example stands.
type missing struct{ error }

func (e missing) Unwrap() error { return e.error }

func nothing(format string, args ...any) error { return missing{fmt.Errorf(format, args...)} }

// isMissing says whether an example would be sound if there were something in a field.
func isMissing(err error) bool { _, ok := errors.AsType[missing](err); return ok }

// record makes a record of an object. before is the layout of those before it, or nil.
func (o object) record(c Columns, before *layout) (r Record, err error) {
	v := c.view(o)
	for _, f := range o {
		preference := f.name == "chosen" || f.name == "rejected"
		if why, ok := refused[f.name]; ok && !absent(f.value) && !(preference && len(c) > 0) {
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
		if !slices.Contains(r.used, f.name) && !absent(f.value) {
			r.ignored = append(r.ignored, f.name)
		}
	}
	return r, r.layout.read(&r, v)
}

// string is a field that must be a string with something in it.
func (v view) string(name string) (string, error) { return asString(v.column(name), v.get(name)) }

// asString is the value of a field, which must be a string with something in it.
func asString(field string, value any) (string, error) {
	s, ok := value.(string)
	switch {
	case value == nil:
		return "", nothing("field %q is %s: it must be a string", field, describe(value))
	case !ok:
		return "", fmt.Errorf("field %q is %s: it must be a string", field, describe(value))
	case strings.TrimSpace(s) == "":
		return "", nothing("field %q is %.10q: there is nothing to read in it", field, s)
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		return "", fmt.Errorf("field %q has a NUL character at offset %d: this is no text", field, i)
	}
	return s, nil
}
