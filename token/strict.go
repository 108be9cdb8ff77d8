package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// strictJSON returns an error if data is not one JSON value in UTF-8. encoding/json finds
// syntax errors and text after the value; it silently replaces invalid UTF-8 and unpaired
// surrogates by U+FFFD, so they are checked here.
func strictJSON(data []byte) error {
	if i := firstBadByte(data); i >= 0 {
		return fmt.Errorf("byte 0x%02x at offset %d is not UTF-8: the file is damaged", data[i], i)
	}
	var value json.RawMessage
	if err := json.Unmarshal(data, &value); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return fmt.Errorf("not JSON at offset %d: %w", syntax.Offset, err)
		}
		return fmt.Errorf("not JSON: %w", err)
	}
	if i := loneSurrogate(data); i >= 0 {
		return fmt.Errorf("the escape %s at offset %d is half of a surrogate pair, not a character", data[i:i+6], i)
	}
	return nil
}

func firstBadByte(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return -1
}

// loneSurrogate returns the offset of an escape of an unpaired surrogate such as \ud800, or
// -1.
func loneSurrogate(data []byte) int {
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		high, ok := surrogate(data, i)
		if !ok {
			i++ // skip the escaped character, which may be a backslash
			continue
		}
		low, ok := surrogate(data, i+6)
		if high >= 0xdc00 || !ok || low < 0xdc00 {
			return i
		}
		i += 11
	}
	return -1
}

// surrogate returns the value of the escape at data[i:] if it is a surrogate.
func surrogate(data []byte, i int) (v uint16, ok bool) {
	if i+6 > len(data) || data[i] != '\\' || data[i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(data[i+2:i+6]), 16, 16)
	return uint16(n), err == nil && n >= 0xd800 && n < 0xe000
}

// object reads an object of a file that is valid JSON. It calls field for each name; field
// reads the value. A repeated name is an error.
func object(d *json.Decoder, what string, field func(name string) error) error {
	if err := expect(d, json.Delim('{'), what); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := value[string](d, "a field's name")
		if err != nil {
			return err
		}
		if seen[*name] {
			return fmt.Errorf("field %.40q occurs twice, the second time before offset %d", *name, d.InputOffset())
		}
		seen[*name] = true
		if err := field(*name); err != nil {
			return err
		}
	}
	return expect(d, json.Delim('}'), "the end of the object")
}

// array reads an array. It calls entry for each element; entry reads it.
func array(d *json.Decoder, what string, entry func() error) error {
	if err := expect(d, json.Delim('['), what+", an array"); err != nil {
		return err
	}
	for d.More() {
		if err := entry(); err != nil {
			return err
		}
	}
	return expect(d, json.Delim(']'), "the end of "+what)
}

// value reads a JSON token of type T; what describes it in the error.
func value[T string | float64 | bool | json.Delim](d *json.Decoder, what string) (*T, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("read %s at offset %d: %.200s", what, d.InputOffset(), err) // which quotes a number of any length
	}
	v, ok := tok.(T)
	if !ok {
		return nil, fmt.Errorf("read %s: found %.40q before offset %d", what, fmt.Sprint(tok), d.InputOffset())
	}
	return &v, nil
}

func expect(d *json.Decoder, want json.Delim, what string) error {
	got, err := value[json.Delim](d, what)
	if err == nil && *got != want {
		err = fmt.Errorf("read %s: found %.40q before offset %d", what, got.String(), d.InputOffset())
	}
	return err
}
