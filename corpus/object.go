package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// An object is a JSON object whose fields keep their order. A value is a string, a
// json.Number, a bool, nil, a list of values or an object.
type object []field

type field struct {
	name  string
	value any
}

// get is the value of a field, nil if it is missing (or null).
func (o object) get(name string) any {
	for _, f := range o {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// names lists the names of at most eight fields, for messages.
func (o object) names() string {
	if len(o) == 0 {
		return "none"
	}
	var names []string
	for _, f := range o[:min(len(o), 8)] {
		names = append(names, strconv.Quote(shorten(f.name)))
	}
	return strings.Join(names, ", ")
}

func shorten(s string) string {
	if len(s) > 30 {
		return strings.ToValidUTF8(s[:30], "") + "…"
	}
	return s
}

// describe says of which kind a value is, for messages.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "missing or null"
	case string:
		return "a string"
	case json.Number:
		return "the number " + shorten(v.String())
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "a list"
	case unreadValue:
		return "bytes that are no text"
	}
	return "an object"
}

// parseObject reads one line of JSONL: one object. It is stricter than encoding/json, which
// keeps the last of two fields with equal names, and replaces invalid UTF-8 and unpaired
// surrogates by U+FFFD. Those are errors here.
func parseObject(line []byte) (object, error) {
	v, err := parseJSON(line)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, fmt.Errorf("the line is %s: it must be an object, such as {\"text\": \"…\"}", describe(v))
	}
	return o, nil
}

// parseJSON is parseObject for any JSON value.
func parseJSON(line []byte) (any, error) {
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		if r == utf8.RuneError && size == 1 {
			return nil, fmt.Errorf("byte 0x%02x at column %d is not UTF-8: convert the file, for example with iconv -f ISO-8859-1 -t UTF-8", line[i], i+1)
		}
		i += size
	}
	if i := bytes.IndexByte(line, 0); i >= 0 {
		return nil, fmt.Errorf("a NUL byte at column %d: this is a binary file or UTF-16, not UTF-8 text", i+1)
	}
	if s := (*json.SyntaxError)(nil); errors.As(syntaxError(line), &s) {
		switch {
		case int(s.Offset) >= len(line) && strings.Contains(s.Error(), "unexpected end"):
			return nil, errors.New("the line ends inside of a value: write one whole object a line, not over several lines")
		case strings.Contains(s.Error(), "after top-level value"):
			return nil, fmt.Errorf("something follows the object, at column %d: write one object a line", s.Offset)
		}
		return nil, fmt.Errorf("not JSON at column %d: %w", s.Offset, s)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	return parseValue(d, line)
}

// syntaxError is the syntax error of line, or nil. Unlike the errors of a Decoder it has the
// offset.
func syntaxError(line []byte) error {
	if json.Valid(line) {
		return nil
	}
	return json.Unmarshal(line, new(any))
}

// parseValue reads the next value from d. d reads line, which is valid JSON.
func parseValue(d *json.Decoder, line []byte) (any, error) {
	before := d.InputOffset()
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case string:
		return t, checkSurrogates(line, before, d.InputOffset())
	case json.Delim:
		if t == '[' {
			list := []any{}
			for d.More() {
				v, err := parseValue(d, line)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := d.Token()
			return list, err
		}
		return parseFields(d, line)
	}
	return t, nil
}

// parseFields reads the rest of an object.
func parseFields(d *json.Decoder, line []byte) (any, error) {
	o := object{}
	seen := map[string]bool{}
	for d.More() {
		before := d.InputOffset()
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name := t.(string) // anything else would be a syntax error
		if err := checkSurrogates(line, before, d.InputOffset()); err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, fmt.Errorf("field %q is there twice (column %d): which of them counts?", shorten(name), d.InputOffset())
		}
		seen[name] = true
		v, err := parseValue(d, line)
		if err != nil {
			return nil, err
		}
		o = append(o, field{name, v})
	}
	_, err := d.Token()
	return o, err
}

// checkSurrogates returns an error if line[from:to] has an escape of an unpaired surrogate.
func checkSurrogates(line []byte, from, to int64) error {
	unit := func(i int64) rune {
		if i+6 > to || line[i] != '\\' || line[i+1] != 'u' {
			return -1
		}
		v, err := strconv.ParseUint(string(line[i+2:i+6]), 16, 16)
		if err != nil {
			return -1
		}
		return rune(v)
	}
	for i := from; i < to; i++ {
		if line[i] != '\\' {
			continue
		}
		if r := unit(i); utf16.IsSurrogate(r) {
			if utf16.DecodeRune(r, unit(i+6)) == utf8.RuneError {
				return fmt.Errorf("%s at column %d is half a character: the file was cut apart or converted wrongly", line[i:i+6], i+1)
			}
			i += 10
		}
		i++ // skip the escaped character
	}
	return nil
}
