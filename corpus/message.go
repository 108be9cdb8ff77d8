package corpus

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The roles of messages. A template that has no developer writes Developer as System.
const (
	System    = "system"
	Developer = "developer"
	User      = "user"
	Assistant = "assistant"
)

// speakers map the values of "from" in ShareGPT's form to roles.
var speakers = map[string]string{
	"system": System, "human": User, "user": User,
	"gpt": Assistant, "assistant": Assistant, "chatgpt": Assistant, "model": Assistant, "bing": Assistant, "bard": Assistant,
}

// A Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"`    // System, Developer, User or Assistant
	Content string `json:"content"` // the text
}

// A turn is a message with its weight.
type turn struct {
	Message
	unlearnt bool // the assistant says it with weight 0: it is not learnt
}

// addTurns appends turns to the messages of r.
func (r *Record) addTurns(turns ...turn) {
	for _, t := range turns {
		if t.unlearnt {
			r.Unlearnt = append(r.Unlearnt, len(r.Messages))
		}
		r.Messages = append(r.Messages, t.Message)
	}
}

// messages reads a field that must be a list of messages. Messages of the system and the
// developer come first. An empty system message is left out.
func (v view) messages(name string) ([]turn, error) {
	name, value := v.column(name), v.get(name)
	if s, ok := value.(string); ok && strings.HasPrefix(strings.TrimSpace(s), "[") { // JSON in the cell of a table
		list, err := parseJSON([]byte(s))
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", name, err)
		}
		value = list
	}
	list, ok := value.([]any)
	switch {
	case value == nil:
		return nil, missingf("field %q is missing or null: it must be a list of messages", name)
	case !ok:
		return nil, fmt.Errorf("field %q is %s: it must be a list of messages", name, describe(value))
	case len(list) == 0:
		return nil, missingf("field %q has no messages", name)
	}
	var out []turn
	for i, value := range list {
		at := fmt.Sprintf("%s[%d]", name, i)
		o, ok := value.(object)
		if !ok {
			return nil, fmt.Errorf("field %q is %s: a message is an object with role and content", at, describe(value))
		}
		m, err := o.message(at)
		if err != nil {
			return nil, err
		}
		switch {
		case m.Content == "":
			continue
		case m.Role == System && len(out) > 0:
			return nil, fmt.Errorf("field %q: a system message must be the first", at+".role")
		case m.Role == Developer && (len(out) > 1 || len(out) == 1 && out[0].Role != System):
			return nil, fmt.Errorf("field %q: a developer message must be the first, or after that of the system", at+".role")
		}
		out = append(out, m)
	}
	if len(out) == 0 {
		return nil, missingf("field %q has no messages but an empty one of the system", name)
	}
	return out, nil
}

// message reads {"role", "content"} or {"from", "value"}. Only a system message may have no
// content.
func (o object) message(at string) (m turn, err error) {
	role, content := "role", "content"
	if isEmpty(o.get(role)) && !isEmpty(o.get("from")) {
		role, content = "from", "value"
	}
	for _, f := range o {
		if extra := f.name != role && f.name != content && f.name != "weight"; extra && !isEmpty(f.value) && f.value != false {
			return m, fmt.Errorf("field %q: a message has role, content and weight only, and leaving this out may change what it means: take the field or the example out", at+"."+f.name)
		}
	}
	if m.Role, err = asString(at+"."+role, o.get(role)); err != nil {
		return m, err
	}
	if role == "from" {
		if known, ok := speakers[strings.ToLower(m.Role)]; ok {
			m.Role = known
		} else {
			return m, fmt.Errorf("field %q is %.20q: it must be system, human or gpt; calls of tools are not supported", at+".from", m.Role)
		}
	}
	if !slices.Contains([]string{System, Developer, User, Assistant}, m.Role) {
		return m, fmt.Errorf("field %q is %.20q: it must be %s, %s, %s or %s", at+".role", m.Role, System, Developer, User, Assistant)
	}
	if (m.Role == System || m.Role == Developer) && isEmpty(o.get(content)) {
		return m, nil
	}
	weight, err := weight(o.get("weight"))
	if err != nil {
		return m, fmt.Errorf("field %q is %w", at+".weight", err)
	}
	m.unlearnt = weight == 0 && m.Role == Assistant
	m.Content, err = asString(at+"."+content, o.get(content))
	return m, err
}

// weight reads the weight of a message: 0 if it is not learnt, 1 if it is.
func weight(v any) (float64, error) {
	if isEmpty(v) {
		return 1, nil
	}
	if n, ok := v.(json.Number); ok {
		if w, err := strconv.ParseFloat(n.String(), 64); err == nil && (w == 0 || w == 1) {
			return w, nil
		}
	}
	return 0, fmt.Errorf("%s: it must be 0, where a message of the assistant is not learnt, or 1", describe(v))
}

// checkAnswered returns an error if no message of the assistant is learnt.
func checkAnswered(field string, ms []turn) error {
	said := slices.ContainsFunc(ms, func(m turn) bool { return m.Role == Assistant })
	switch {
	case !said:
		return missingf("field %q: no message has the role %q: there is nothing to learn", field, Assistant)
	case !slices.ContainsFunc(ms, func(m turn) bool { return m.Role == Assistant && !m.unlearnt }):
		return missingf("field %q: every message of the assistant has the weight 0: there is nothing to learn", field)
	}
	return nil
}
