package hub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An object holds the members of a JSON object, whose values are not parsed yet.
// parseObject makes it and refuses texts that JSON parsers read in different ways.
type object map[string]json.RawMessage

// parseObject reads text, which must be one JSON object in UTF-8 without duplicate keys.
func parseObject(text []byte) (object, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("it is empty: not JSON, it ends too early")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	t, err := d.Token()
	if err != nil {
		return nil, notJSON(err)
	}
	if t != json.Delim('{') {
		return nil, fmt.Errorf("%.40q instead of an object", fmt.Sprint(t))
	}
	o := object{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, notJSON(err)
		}
		name := key.(string) // Token returns only strings here
		if _, ok := o[name]; ok {
			return nil, fmt.Errorf("the key %.80q twice", name)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, notJSON(err)
		}
		o[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, notJSON(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON object")
	}
	return o, nil
}

// notJSON says in one line what is wrong; encoding/json quotes a number of any length.
func notJSON(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("not JSON: it ends too early")
	}
	return fmt.Errorf("not JSON: %.200s", strings.Join(strings.Fields(err.Error()), " "))
}

// sorted returns the keys in order.
func (o object) sorted() []string { return slices.Sorted(maps.Keys(o)) }

// null says whether key is absent or null.
func (o object) null(key string) bool {
	v, ok := o[key]
	return !ok || string(v) == "null"
}

// show returns the value of key for a message, shortened.
func (o object) show(key string) string {
	v := string(o[key])
	if len(v) > 40 {
		v = strings.ToValidUTF8(v[:40], "") + "…"
	}
	return strings.Join(strings.Fields(v), " ")
}

// whole returns the integer of key, from least to math.MaxInt32 and in plain digits, or
// fallback if the key is absent or null.
func (o object) whole(key string, least, fallback int) (int, error) {
	if o.null(key) {
		return fallback, nil
	}
	n, err := strconv.ParseInt(string(o[key]), 10, 64)
	if err != nil || n < int64(least) || n > math.MaxInt32 {
		return 0, fmt.Errorf("%s is %s: it must be a whole number of at least %d and at most %d", key, o.show(key), least, math.MaxInt32)
	}
	return int(n), nil
}

// number returns the finite number of key, or fallback if the key is absent or null.
func (o object) number(key string, fallback float64) (float64, error) {
	if o.null(key) {
		return fallback, nil
	}
	v, err := strconv.ParseFloat(string(o[key]), 64)
	if err != nil {
		return 0, fmt.Errorf("%s is %s: it must be a number", key, o.show(key))
	}
	return v, nil
}

// boolean returns the boolean of key, or fallback if the key is absent or null.
func (o object) boolean(key string, fallback bool) (bool, error) {
	if o.null(key) {
		return fallback, nil
	}
	switch string(o[key]) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%s is %s: it must be true or false", key, o.show(key))
}

// text returns the string of key, or fallback if the key is absent or null.
func (o object) text(key, fallback string) (string, error) {
	if o.null(key) {
		return fallback, nil
	}
	var s string
	if err := json.Unmarshal(o[key], &s); err != nil {
		return "", fmt.Errorf("%s is %s: it must be a string", key, o.show(key))
	}
	return s, nil
}

// ids returns the tokens of key, which may be a number or a list of numbers; nil if the key
// is absent or null.
func (o object) ids(key string) ([]int32, error) {
	if o.null(key) {
		return nil, nil
	}
	var ids []int32
	if bytes.HasPrefix(o[key], []byte{'['}) {
		if err := json.Unmarshal(o[key], &ids); err != nil {
			return nil, fmt.Errorf("%s is %s: it must be a token's number or a list of them", key, o.show(key))
		}
		for _, id := range ids {
			if id < 0 {
				return nil, fmt.Errorf("%s is %s: a token's number is not negative", key, o.show(key))
			}
		}
		return ids, nil
	}
	id, err := o.whole(key, 0, 0)
	return []int32{int32(id)}, err
}
