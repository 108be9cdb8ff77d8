package corpus

import (
	"fmt"
	"slices"
	"strings"
)

// A Kind is what a data set holds: one in each line of JSONL, or texts.
type Kind string

const (
	KindText     Kind = "text"       // {"text": "…"}, or text files
	KindPrompt   Kind = "completion" // {"prompt": "…", "completion": "…"}; either may be a list of messages
	KindMessages Kind = "messages"   // {"messages": [{"role": "…", "content": "…"}]}
)

// The roles of messages.
const (
	System    = "system"
	User      = "user"
	Assistant = "assistant"
)

// A Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// A Record is one example as it was read.
type Record struct {
	Kind  Kind
	Place Place

	Text               string    // of KindText
	Prompt, Completion string    // of KindPrompt, when they are strings
	Messages           []Message // of KindMessages, and of KindPrompt when they are messages
	Given              int       // the number of messages that are the prompt

	ignored []string // fields that were not asked for
}

// refused are fields that would change what a record means if they were left out.
var refused = map[string]string{
	"chosen":        "preferences between two answers are not supported: give prompt and completion",
	"rejected":      "preferences between two answers are not supported: give prompt and completion",
	"tools":         "calls of tools are not supported: take such examples out",
	"functions":     "calls of functions are not supported: take such examples out",
	"images":        "images are not supported: take such examples out",
	"conversations": `turns of "from" and "value" are not supported: write messages of role and content`,
}

// record makes a record of an object.
func (o object) record() (r Record, err error) {
	var kinds []string
	for _, f := range o {
		if why, ok := refused[f.name]; ok {
			return r, fmt.Errorf("field %q: %s", f.name, why)
		}
		switch f.name {
		case "text", "messages":
			kinds = append(kinds, f.name)
		case "prompt", "completion":
			if !slices.Contains(kinds, "prompt") {
				kinds = append(kinds, "prompt")
			}
		default:
			r.ignored = append(r.ignored, f.name)
		}
	}
	switch {
	case len(kinds) == 0:
		return r, fmt.Errorf(`the fields are %s: there must be "text", "prompt" and "completion", or "messages"`, o.names())
	case len(kinds) > 1:
		return r, fmt.Errorf(`the fields are %s: there must be only one of "text", "prompt" with "completion", and "messages"`, o.names())
	}
	switch kinds[0] {
	case "text":
		r.Kind = KindText
		r.Text, err = o.string("text")
	case "messages":
		r.Kind = KindMessages
		r.Messages, err = o.messages("messages")
		if err == nil && !answered(r.Messages) {
			err = fmt.Errorf(`field "messages": no message has the role %q: there is nothing to learn`, Assistant)
		}
	default:
		r.Kind = KindPrompt
		err = r.pair(o)
	}
	return r, err
}

// pair reads prompt and completion.
func (r *Record) pair(o object) (err error) {
	prompt, completion := o.get("prompt"), o.get("completion")
	switch {
	case o.get("label") != nil:
		return fmt.Errorf(`field "label": judged answers are not supported: keep the good ones, and leave the field out`)
	case prompt == nil:
		return fmt.Errorf(`field "prompt" is missing or null beside "completion"`)
	case completion == nil:
		return fmt.Errorf(`field "completion" is missing or null beside "prompt"`)
	}
	if _, list := prompt.([]any); list {
		if _, list := completion.([]any); !list {
			return fmt.Errorf(`field "completion" is %s and "prompt" a list: both must be strings or both lists of messages`, describe(completion))
		}
		given, err := o.messages("prompt")
		if err != nil {
			return err
		}
		answer, err := o.messages("completion")
		if err != nil {
			return err
		}
		for i, m := range answer {
			if m.Role == System {
				return fmt.Errorf(`field "completion[%d].role": a system message belongs into the prompt`, i)
			}
		}
		if !answered(answer) {
			return fmt.Errorf(`field "completion": no message has the role %q: there is nothing to learn`, Assistant)
		}
		r.Messages, r.Given = append(given, answer...), len(given)
		return nil
	}
	if r.Prompt, err = o.string("prompt"); err != nil {
		return err
	}
	r.Completion, err = o.string("completion")
	return err
}

func answered(ms []Message) bool {
	return slices.ContainsFunc(ms, func(m Message) bool { return m.Role == Assistant })
}

// string is a field that must be a string with something in it.
func (o object) string(name string) (string, error) {
	s, ok := o.get(name).(string)
	if !ok {
		return "", fmt.Errorf("field %q is %s: it must be a string", name, describe(o.get(name)))
	}
	return s, checkString(name, s)
}

func checkString(field, s string) error {
	if strings.TrimSpace(s) == "" {
		return fmt.Errorf("field %q is %.10q: there is nothing to read in it", field, s)
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		return fmt.Errorf("field %q has a NUL character at offset %d: this is no text", field, i)
	}
	return nil
}

// messages is a field that must be a list of messages, a system message first if at
// all.
func (o object) messages(name string) ([]Message, error) {
	list, ok := o.get(name).([]any)
	if !ok {
		return nil, fmt.Errorf("field %q is %s: it must be a list of messages", name, describe(o.get(name)))
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("field %q has no messages", name)
	}
	out := make([]Message, len(list))
	for i, v := range list {
		at := fmt.Sprintf("%s[%d]", name, i)
		m, ok := v.(object)
		if !ok {
			return nil, fmt.Errorf("field %q is %s: a message is an object with role and content", at, describe(v))
		}
		for _, f := range m {
			if f.name != "role" && f.name != "content" {
				return nil, fmt.Errorf("field %q: a message has role and content only, and leaving this out may change what it means: take the field or the example out", at+"."+f.name)
			}
		}
		for _, f := range []string{"role", "content"} {
			if s, ok := m.get(f).(string); !ok {
				return nil, fmt.Errorf("field %q is %s: it must be a string", at+"."+f, describe(m.get(f)))
			} else if err := checkString(at+"."+f, s); err != nil {
				return nil, err
			}
		}
		out[i] = Message{m.get("role").(string), m.get("content").(string)}
		switch r := out[i].Role; {
		case r != System && r != User && r != Assistant:
			return nil, fmt.Errorf("field %q is %.20q: it must be %s, %s or %s", at+".role", r, System, User, Assistant)
		case r == System && i > 0:
			return nil, fmt.Errorf("field %q: a system message must be the first", at+".role")
		}
	}
	return out, nil
}
