package jinja

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A value is nil (none), bool, int64, float64, string, *list, *dict, *namespace, *loopState,
// *function or undefined.

// undefined is what a variable or an entry that is not there evaluates to.
type undefined struct{ name string }

type list struct {
	items []any
	tuple bool

	// lazy is what Python calls a generator: it has no length, and is empty once it was
	// gone through.
	lazy bool
}

type dict struct {
	keys   []string
	values map[string]any
}

type namespace struct{ *dict }

type function struct {
	name string
	call func(e *evaluator, a args) (any, error)
}

// args are the values of arguments.
type args struct {
	positional []any
	named      map[string]any
	order      []string // names of named, as they were written
}

func newDict() *dict { return &dict{values: map[string]any{}} }

func (d *dict) set(key string, v any) {
	if _, ok := d.values[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.values[key] = v
}

// argument turns a value from Go into one of ours, and tells its size in bytes.
func argument(v any) (any, int, error) {
	switch v := v.(type) {
	case nil, bool, int64, float64:
		return v, 16, nil
	case int:
		return int64(v), 16, nil
	case string:
		return v, 16 + len(v), nil
	case []any:
		l, size := &list{}, 16
		for _, item := range v {
			x, n, err := argument(item)
			if err != nil {
				return nil, 0, err
			}
			l.items, size = append(l.items, x), size+n
		}
		return l, size, nil
	case Dict:
		d, size := newDict(), 16
		for _, item := range v {
			x, n, err := argument(item.Value)
			if err != nil {
				return nil, 0, err
			}
			d.set(item.Key, x)
			size += 16 + len(item.Key) + n
		}
		return d, size, nil
	}
	return nil, 0, fmt.Errorf("a value of type %T", v)
}

// truth is what bool(v) is in Python.
func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *list:
		return v.lazy || len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	}
	return true
}

// kindOf is how messages call the type of v.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case undefined:
		return fmt.Sprintf("%.60q, which is not defined,", v.name)
	case bool:
		return "a boolean"
	case int64, float64:
		return "a number"
	case string:
		return "a text"
	case *list:
		return "a list"
	case *dict:
		return "a mapping"
	case *namespace:
		return "a namespace"
	case *loopState:
		return "the variable loop"
	}
	return "a function"
}

// number turns a number or a boolean into an integer or a float.
func number(v any) (i int64, f float64, isInt, ok bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, 1, true, true
		}
		return 0, 0, true, true
	case int64:
		return v, float64(v), true, true
	case float64:
		return 0, v, false, true
	}
	return 0, 0, false, false
}

// print is str(v) in Python: what an expression writes.
func (e *evaluator) print(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case undefined:
		return "", nil
	}
	var b strings.Builder
	err := e.repr(&b, v)
	return b.String(), err
}

// repr writes repr(v) of Python.
func (e *evaluator) repr(b *strings.Builder, v any) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	before := b.Len()
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(floatText(v))
	case string:
		quoteText(b, v)
	case undefined:
		b.WriteString("Undefined")
	case *list:
		if v.lazy {
			return errors.New("a generator is written: make a list of it")
		}
		open, end := "[", "]"
		if v.tuple {
			open, end = "(", ")"
			if len(v.items) == 1 {
				end = ",)"
			}
		}
		b.WriteString(open)
		for i, item := range v.items {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := e.repr(b, item); err != nil {
				return err
			}
		}
		b.WriteString(end)
	case *dict:
		b.WriteString("{")
		for i, key := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			quoteText(b, key)
			b.WriteString(": ")
			if err := e.repr(b, v.values[key]); err != nil {
				return err
			}
		}
		b.WriteString("}")
	default:
		return fmt.Errorf("%s is no text", kindOf(v))
	}
	return e.take(b.Len() - before)
}

// floatText is repr of a float in Python.
func floatText(f float64) string {
	switch {
	case math.IsInf(f, 0) || math.IsNaN(f):
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(f, 'g', -1, 64), "+"))
	case f != 0 && (math.Abs(f) < 1e-4 || math.Abs(f) >= 1e16):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// quoteText writes repr of a str in Python.
func quoteText(b *strings.Builder, s string) {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b.WriteByte(quote)
	for _, r := range s {
		switch {
		case r == rune(quote) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			fmt.Fprintf(b, `\U%08x`, r)
		}
	}
	b.WriteByte(quote)
}
