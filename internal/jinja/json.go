package jinja

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// toJSON is json.dumps as Hugging Face's libraries call it: other characters than those of
// ASCII stay.
func toJSON(e *evaluator, v any, a args) (any, error) {
	p, given, err := a.parameters(0, "ensure_ascii", "indent", "separators", "sort_keys")
	if err != nil {
		return nil, err
	}
	if given[0] && truth(p[0]) || given[2] && p[2] != nil || given[3] && truth(p[3]) {
		return nil, errors.New("ensure_ascii, separators and sort_keys are not supported")
	}
	indent := int64(-1)
	if given[1] && p[1] != nil {
		if indent, err = wholeOf("indent", p[1]); err != nil {
			return nil, err
		}
		if indent < 0 || indent > 16 {
			return nil, errors.New("indent must be 0 to 16")
		}
	}
	var b strings.Builder
	if err := e.json(&b, v, int(indent), 0); err != nil {
		return nil, err
	}
	return b.String(), nil
}

func (e *evaluator) json(b *strings.Builder, v any, indent, level int) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	before := b.Len()
	line := func(level int) {
		if indent >= 0 {
			b.WriteString("\n" + strings.Repeat(" ", min(indent*level, 1<<16)))
		}
	}
	comma := func(i int) {
		if i > 0 {
			b.WriteString(map[bool]string{true: ",", false: ", "}[indent >= 0])
		}
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return errors.New("a number that JSON has not")
		}
		b.WriteString(floatText(v))
	case string:
		jsonText(b, v)
	case *list:
		if v.lazy {
			return errors.New("a generator: make a list of it")
		}
		b.WriteString("[")
		for i, item := range v.items {
			comma(i)
			line(level + 1)
			if err := e.json(b, item, indent, level+1); err != nil {
				return err
			}
		}
		if len(v.items) > 0 {
			line(level)
		}
		b.WriteString("]")
	case *dict:
		b.WriteString("{")
		for i, key := range v.keys {
			comma(i)
			line(level + 1)
			jsonText(b, key)
			b.WriteString(": ")
			if err := e.json(b, v.values[key], indent, level+1); err != nil {
				return err
			}
		}
		if len(v.keys) > 0 {
			line(level)
		}
		b.WriteString("}")
	default:
		return fmt.Errorf("%s is nothing that JSON has", kindOf(v))
	}
	return e.take(b.Len() - before)
}

// jsonText writes a string of JSON as Python's json.dumps does without ensure_ascii.
func jsonText(b *strings.Builder, s string) {
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ':
			b.WriteByte(c)
		case c >= '\b' && c <= '\r' && c != '\v':
			b.WriteByte('\\')
			b.WriteByte("btn_fr"[c-'\b'])
		default:
			fmt.Fprintf(b, `\u%04x`, c)
		}
	}
	b.WriteByte('"')
}
