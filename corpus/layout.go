package corpus

import (
	"fmt"
	"slices"
	"strings"
)

// A layout is a set of fields that make an example.
type layout struct {
	name      string
	required  []string // fields that every example has
	optional  []string // fields that are used if present
	ambiguous bool     // the required fields have common names: one of them alone does not prove the layout
	skipEmpty bool     // an example with an empty answer is left out and counted, not refused
	read      func(*Record, view) error
}

var layouts = []*layout{
	{name: "text", required: []string{"text"}, read: (*Record).text},
	{name: "prompt and completion", required: []string{"prompt", "completion"}, read: (*Record).pair},
	{name: "messages", required: []string{"messages"}, read: (*Record).messages},
	{name: "Alpaca", required: []string{"instruction", "output"}, optional: []string{"input", "system", "history"}, ambiguous: true, skipEmpty: true, read: (*Record).alpaca},
	{name: "ShareGPT", required: []string{"conversations"}, optional: []string{"system"}, skipEmpty: true, read: (*Record).conversation},
}

func (l *layout) fields() []string { return slices.Concat(l.required, l.optional) }

// hasAll reports whether l has all fields of c.
func (l *layout) hasAll(c Columns) bool {
	for name := range c {
		if !slices.Contains(l.fields(), name) {
			return false
		}
	}
	return true
}

// fields lists the fields of all layouts.
func fields() (names []string) {
	for _, l := range layouts {
		for _, name := range l.fields() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// layoutFields lists the fields of each layout, for messages.
func layoutFields() string {
	var all []string
	for _, l := range layouts {
		all = append(all, strings.Join(l.fields(), " "))
	}
	return strings.Join(all, "; ")
}

// layout finds the layout of an example. before is the layout of the examples before it, or
// nil; it decides where the fields alone do not.
func (v view) layout(before *layout) (*layout, error) {
	var complete, partial, empty []*layout
	for _, l := range layouts {
		if !l.hasAll(v.columns) {
			continue
		}
		filled, named := 0, 0
		for _, name := range l.required {
			if v.has(name) {
				named++
			}
			if !isEmpty(v.get(name)) {
				filled++
			}
		}
		switch {
		case filled == len(l.required):
			complete = append(complete, l)
		case filled > 0 && !l.ambiguous:
			partial = append(partial, l)
		case named == len(l.required) || named > 0 && !l.ambiguous:
			empty = append(empty, l)
		}
	}
	if found := slices.Concat(complete, partial); len(found) == 2 {
		switch a, b := found[0], found[1]; {
		case a.name == "text" && b.name == "Alpaca":
			return b, nil // Alpaca data has a "text" that joins instruction and output
		case a.name == "messages" && b.name == "prompt and completion" && isEmpty(v.get("completion")):
			return a, nil // "prompt" repeats the first message
		}
	}
	switch found := slices.Concat(complete, partial); {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf(`the fields are %s: there must be only one of "text", "prompt" with "completion", "messages", "instruction" with "output", and "conversations"; --map says which, such as --map %s=%s`,
			v.names(), found[0].required[0], v.column(found[0].required[0]))
	case slices.Contains(empty, before):
		return before, nil
	case len(empty) > 0:
		return empty[0], nil
	case len(v.columns) > 0:
		return nil, fmt.Errorf("the fields are %s: those that --map names, %s, are not all among them", v.names(), v.columns)
	}
	return nil, fmt.Errorf(`the fields are %s: there must be "text", "prompt" and "completion", "messages", "instruction" and "output", or "conversations"; where they have other names, --map says which, such as --map prompt=question,completion=answer`, v.names())
}

// text reads {"text"}.
func (r *Record) text(v view) (err error) {
	r.Kind = KindText
	r.Text, err = v.string("text")
	return err
}

// pair reads {"prompt", "completion"}: both strings, or both lists of messages.
func (r *Record) pair(v view) (err error) {
	r.Kind = KindPrompt
	prompt, completion := v.get("prompt"), v.get("completion")
	if label := v.object.get("label"); !isEmpty(label) && len(v.columns) == 0 {
		return fmt.Errorf(`field "label": judged answers are not supported: keep the good ones, and leave the field out`)
	}
	for _, name := range []string{"prompt", "completion"} {
		if v.get(name) == nil {
			return missing{fmt.Errorf("field %q is missing or null beside %q", v.column(name), v.column(map[string]string{"prompt": "completion", "completion": "prompt"}[name]))}
		}
	}
	if _, list := prompt.([]any); list {
		if _, list := completion.([]any); !list {
			return fmt.Errorf("field %q is %s and %q a list: both must be strings or both lists of messages", v.column("completion"), describe(completion), v.column("prompt"))
		}
		given, err := v.messages("prompt")
		if err != nil {
			return err
		}
		answer, err := v.messages("completion")
		if err != nil {
			return err
		}
		for i, m := range answer {
			if m.Role == System || m.Role == Developer {
				return fmt.Errorf("field %q: a %s message belongs into the prompt", fmt.Sprintf("%s[%d].role", v.column("completion"), i), m.Role)
			}
		}
		r.addTurns(given...)
		r.addTurns(answer...)
		r.Given = len(given)
		return checkAnswered(v.column("completion"), answer)
	}
	if r.Prompt, err = v.string("prompt"); err != nil {
		return err
	}
	r.Completion, err = v.string("completion")
	return err
}

// messages reads {"messages"}.
func (r *Record) messages(v view) error {
	r.Kind = KindMessages
	turns, err := v.messages("messages")
	if err != nil {
		return err
	}
	r.addTurns(turns...)
	return checkAnswered(v.column("messages"), turns)
}

// conversation reads {"conversations"}: turns in the form of ShareGPT.
func (r *Record) conversation(v view) error {
	r.Kind = KindMessages
	turns, err := v.messages("conversations")
	if err != nil {
		return err
	}
	if turns[0].Role != System {
		if err := r.system(v); err != nil {
			return err
		}
	}
	r.addTurns(turns...)
	return checkAnswered(v.column("conversations"), turns)
}

// system adds the field "system" as the first message, if it is not empty.
func (r *Record) system(v view) error {
	if isEmpty(v.get("system")) {
		return nil
	}
	text, err := v.string("system")
	r.Messages = append(r.Messages, Message{System, text})
	return err
}

// alpaca reads {"instruction", "input", "output"} as a conversation. The user's message is
// the instruction, and the input on the next line.
func (r *Record) alpaca(v view) error {
	r.Kind = KindMessages
	if err := r.system(v); err != nil {
		return err
	}
	if !isEmpty(v.get("history")) {
		pairs, ok := v.get("history").([]any)
		for i, p := range pairs {
			said, _ := p.([]any)
			ok = ok && len(said) == 2
			for j, role := range []string{User, Assistant} {
				if !ok {
					break
				}
				text, err := asString(fmt.Sprintf("%s[%d][%d]", v.column("history"), i, j), said[j])
				if err != nil {
					return err
				}
				r.Messages = append(r.Messages, Message{role, text})
			}
		}
		if !ok {
			return fmt.Errorf("field %q is %s: it must be a list of pairs, of what was said and answered before", v.column("history"), describe(v.get("history")))
		}
	}
	said, err := v.string("instruction")
	if err != nil {
		return err
	}
	if !isEmpty(v.get("input")) {
		input, err := v.string("input")
		if err != nil {
			return err
		}
		said += "\n" + input
	}
	answer, err := v.string("output")
	if err != nil {
		return err
	}
	r.Messages = append(r.Messages, Message{User, said}, Message{Assistant, answer})
	return nil
}
