package corpus

import (
	"fmt"
	"slices"
	"strings"
)

// A layout is a set of fields that make an example.
type layout struct {
	name   string
	needs  []string // without which there is no example
	may    []string // that are used where they are
	common bool     // the needed fields have names that mean something elsewhere: one alone is no sign
	others bool     // made by others: an example with an empty answer is left out, and counted
	read   func(*Record, view) error
}

var layouts = []*layout{
	{name: "text", needs: []string{"text"}, read: (*Record).text},
	{name: "prompt and completion", needs: []string{"prompt", "completion"}, read: (*Record).pair},
	{name: "messages", needs: []string{"messages"}, read: (*Record).messages},
	{name: "Alpaca", needs: []string{"instruction", "output"}, may: []string{"input", "system", "history"}, common: true, others: true, read: (*Record).alpaca},
	{name: "ShareGPT", needs: []string{"conversations"}, may: []string{"system"}, others: true, read: (*Record).conversation},
}

func (l *layout) fields() []string { return slices.Concat(l.needs, l.may) }

func (l *layout) hasAll(c Columns) bool {
	for name := range c {
		if !slices.Contains(l.fields(), name) {
			return false
		}
	}
	return true
}

// fields are the names of all layouts' fields.
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

func layoutFields() string {
	var all []string
	for _, l := range layouts {
		all = append(all, strings.Join(l.fields(), " "))
	}
	return strings.Join(all, "; ")
}

// layout is that of an example. before, if not nil, is that of the examples before it,
// which counts where the fields alone do not say.
func (v view) layout(before *layout) (*layout, error) {
	var whole, begun, empty []*layout
	for _, l := range layouts {
		if !l.hasAll(v.columns) {
			continue
		}
		there, named := 0, 0
		for _, name := range l.needs {
			if v.has(name) {
				named++
			}
			if !absent(v.get(name)) {
				there++
			}
		}
		switch {
		case there == len(l.needs):
			whole = append(whole, l)
		case there > 0 && !l.common:
			begun = append(begun, l)
		case named == len(l.needs) || named > 0 && !l.common:
			empty = append(empty, l)
		}
	}
	if found := slices.Concat(whole, begun); len(found) == 2 {
		switch a, b := found[0], found[1]; {
		case a.name == "text" && b.name == "Alpaca":
			return b, nil // whose text is both, written out
		case a.name == "messages" && b.name == "prompt and completion" && absent(v.get("completion")):
			return a, nil // whose first is the prompt
		}
	}
	switch found := slices.Concat(whole, begun); {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf(`the fields are %s: there must be only one of "text", "prompt" with "completion", "messages", "instruction" with "output", and "conversations"; --map says which, such as --map %s=%s`,
			v.names(), found[0].needs[0], v.column(found[0].needs[0]))
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

// pair reads {"prompt", "completion"}, which are strings or lists of messages.
func (r *Record) pair(v view) (err error) {
	r.Kind = KindPrompt
	prompt, completion := v.get("prompt"), v.get("completion")
	if label := v.object.get("label"); !absent(label) && len(v.columns) == 0 {
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
		r.say(given...)
		r.say(answer...)
		r.Given = len(given)
		return answered(v.column("completion"), answer)
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
	r.say(turns...)
	return answered(v.column("messages"), turns)
}

// conversation reads {"conversations"}, turns as ShareGPT has them.
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
	r.say(turns...)
	return answered(v.column("conversations"), turns)
}

// system begins the messages with the text of a field, where there is any.
func (r *Record) system(v view) error {
	if absent(v.get("system")) {
		return nil
	}
	text, err := v.string("system")
	r.Messages = append(r.Messages, Message{System, text})
	return err
}

// alpaca reads {"instruction", "input", "output"} as a conversation: instruction and
// input are what the user says, on lines of their own.
func (r *Record) alpaca(v view) error {
	r.Kind = KindMessages
	if err := r.system(v); err != nil {
		return err
	}
	if !absent(v.get("history")) {
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
	if !absent(v.get("input")) {
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
