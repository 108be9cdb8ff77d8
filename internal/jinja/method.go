package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// A textMethod is a method of a text.
type textMethod func(e *evaluator, s string, a args) (any, error)

// textMethods are the methods of texts. nil = Python has it and it is not supported.
var textMethods = map[string]textMethod{
	"strip":      trimmer(true, true),
	"lstrip":     trimmer(true, false),
	"rstrip":     trimmer(false, true),
	"upper":      changer(strings.ToUpper),
	"lower":      changer(strings.ToLower),
	"title":      changer(title),
	"capitalize": changer(capitalize),
	"startswith": asks(strings.HasPrefix),
	"endswith":   asks(strings.HasSuffix),
	"split":      split,
	"splitlines": func(e *evaluator, s string, a args) (any, error) {
		if _, _, err := a.parameters(0); err != nil {
			return nil, err
		}
		var items []any
		for line := range strings.Lines(strings.ReplaceAll(s, "\r\n", "\n")) {
			items = append(items, strings.TrimSuffix(line, "\n"))
		}
		if strings.ContainsAny(s, "\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029") && strings.ContainsAny(strings.ReplaceAll(s, "\r\n", ""), "\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029") {
			return nil, errors.New("line ends other than \\n are not supported")
		}
		if err := e.take(len(s)); err != nil {
			return nil, err
		}
		return e.listOf(items)
	},
	"replace": func(e *evaluator, s string, a args) (any, error) {
		v, given, err := a.parameters(2, "old", "new", "count")
		if err != nil {
			return nil, err
		}
		return e.replace(s, v[0], v[1], v[2], given[2])
	},
	"find": func(e *evaluator, s string, a args) (any, error) {
		v, _, err := a.parameters(1, "sub")
		if err != nil {
			return nil, err
		}
		sub, err := textOf("sub", v[0])
		i := strings.Index(s, sub)
		if i > 0 {
			i = len([]rune(s[:i]))
		}
		return int64(i), err
	},
	"count": func(e *evaluator, s string, a args) (any, error) {
		v, _, err := a.parameters(1, "sub")
		if err != nil {
			return nil, err
		}
		sub, err := textOf("sub", v[0])
		return int64(strings.Count(s, sub)), err
	},
	"removeprefix": cutter(strings.TrimPrefix),
	"removesuffix": cutter(strings.TrimSuffix),
	"join": func(e *evaluator, s string, a args) (any, error) {
		v, _, err := a.parameters(1, "iterable")
		if err != nil {
			return nil, err
		}
		items, err := e.items(v[0])
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			if _, err := textOf("an item", item); err != nil {
				return nil, err
			}
		}
		return e.join(items, s)
	},
	"isdigit": nil, "isalpha": nil, "isalnum": nil, "isspace": nil, "islower": nil, "isupper": nil, "istitle": nil, "isnumeric": nil, "isdecimal": nil, "isascii": nil, "isidentifier": nil, "isprintable": nil,
	"format": nil, "format_map": nil, "encode": nil, "casefold": nil, "center": nil, "expandtabs": nil, "index": nil, "ljust": nil, "rjust": nil, "maketrans": nil, "partition": nil, "rpartition": nil,
	"rfind": nil, "rindex": nil, "rsplit": nil, "swapcase": nil, "translate": nil, "zfill": nil,
}

// method is the method of v called name, nil where it has none.
func method(v any, name string) (any, error) {
	refuse := func(what string) error { return fmt.Errorf("the method %.40s of %s is not supported", name, what) }
	switch v := v.(type) {
	case string:
		m, ok := textMethods[name]
		if !ok {
			return nil, nil
		}
		if m == nil {
			return nil, refuse("texts")
		}
		return &function{name, func(e *evaluator, a args) (any, error) {
			if err := e.take(len(v) >> 3); err != nil {
				return nil, err
			}
			return m(e, v, a)
		}}, nil
	case *dict:
		switch name {
		case "items", "keys", "values":
			return &function{name, func(e *evaluator, a args) (any, error) {
				if _, _, err := a.parameters(0); err != nil {
					return nil, err
				}
				return e.view(v, name)
			}}, nil
		case "get":
			return &function{name, func(e *evaluator, a args) (any, error) {
				p, _, err := a.parameters(1, "key", "default")
				if err != nil {
					return nil, err
				}
				key, ok := p[0].(string)
				if found, there := v.values[key]; ok && there {
					return found, nil
				}
				return p[1], nil
			}}, nil
		case "pop", "popitem", "update", "setdefault", "clear", "copy", "fromkeys":
			return nil, refuse("mappings")
		}
	case *list:
		switch name {
		case "append", "extend", "insert", "pop", "remove", "reverse", "sort", "clear", "copy", "count", "index":
			return nil, refuse("lists")
		}
	case bool, int64, float64:
		switch name {
		case "as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator", "from_bytes", "imag", "is_integer", "numerator", "real", "to_bytes", "fromhex", "hex":
			return nil, refuse("numbers")
		}
	}
	return nil, nil
}

// view is the keys, values or both of a mapping as a list.
func (e *evaluator) view(d *dict, what string) (any, error) {
	var items []any
	for _, k := range d.keys {
		switch what {
		case "keys":
			items = append(items, k)
		case "values":
			items = append(items, d.values[k])
		default:
			items = append(items, &list{items: []any{k, d.values[k]}, tuple: true})
		}
	}
	if err := e.take(64 * len(items)); err != nil {
		return nil, err
	}
	return e.listOf(items)
}

// trimmer is strip, lstrip or rstrip.
func trimmer(left, right bool) textMethod {
	return func(e *evaluator, s string, a args) (any, error) {
		v, _, err := a.parameters(0, "chars")
		if err != nil {
			return nil, err
		}
		return trim(s, v[0], left, right)
	}
}

// trim cuts white space, or the characters of set, from s.
func trim(s string, set any, left, right bool) (any, error) {
	cut := isSpace
	if set != nil {
		chars, err := textOf("chars", set)
		if err != nil {
			return nil, err
		}
		cut = func(r rune) bool { return strings.ContainsRune(chars, r) }
	}
	if left {
		s = strings.TrimLeftFunc(s, cut)
	}
	if right {
		s = strings.TrimRightFunc(s, cut)
	}
	return s, nil
}

// changer is a method without arguments that makes another text.
func changer(f func(string) string) textMethod {
	return func(e *evaluator, s string, a args) (any, error) {
		if _, _, err := a.parameters(0); err != nil {
			return nil, err
		}
		if err := e.take(3 * len(s)); err != nil {
			return nil, err
		}
		if strings.ContainsAny(s, "ßŉǰΐΰևẖẗẘẙẚİΣﬀﬁﬂﬃﬄﬅﬆﬓﬔﬕﬖﬗ") {
			return nil, errors.New("letters that become several are not supported")
		}
		return f(s), nil
	}
}

func title(s string) string {
	inside := false
	return strings.Map(func(r rune) rune {
		letter := isCased(r)
		defer func() { inside = letter }()
		if !letter {
			return r
		}
		if inside {
			return []rune(strings.ToLower(string(r)))[0]
		}
		return []rune(strings.ToTitle(string(r)))[0]
	}, s)
}

func isCased(r rune) bool {
	s := string(r)
	return strings.ToUpper(s) != s || strings.ToLower(s) != s
}

func capitalize(s string) string {
	runes := []rune(s)
	if len(runes) == 0 {
		return ""
	}
	return strings.ToTitle(string(runes[:1])) + strings.ToLower(string(runes[1:]))
}

// asks is startswith or endswith, of a text or of a tuple of some.
func asks(f func(s, part string) bool) textMethod {
	return func(e *evaluator, s string, a args) (any, error) {
		v, _, err := a.parameters(1, "part")
		if err != nil {
			return nil, err
		}
		parts := []any{v[0]}
		if l, ok := v[0].(*list); ok && l.tuple {
			parts = l.items
		}
		for _, p := range parts {
			part, err := textOf("a part", p)
			if err != nil {
				return nil, err
			}
			if f(s, part) {
				return true, nil
			}
		}
		return false, nil
	}
}

func cutter(f func(s, part string) string) textMethod {
	return func(e *evaluator, s string, a args) (any, error) {
		v, _, err := a.parameters(1, "part")
		if err != nil {
			return nil, err
		}
		part, err := textOf("part", v[0])
		return f(s, part), err
	}
}

func split(e *evaluator, s string, a args) (any, error) {
	v, given, err := a.parameters(0, "sep", "maxsplit")
	if err != nil {
		return nil, err
	}
	n := int64(-1)
	if given[1] {
		if n, err = wholeOf("maxsplit", v[1]); err != nil {
			return nil, err
		}
	}
	var parts []string
	if v[0] == nil {
		if n >= 0 {
			return nil, errors.New("maxsplit without sep is not supported")
		}
		parts = strings.FieldsFunc(s, isSpace)
	} else {
		sep, err := textOf("sep", v[0])
		if err != nil {
			return nil, err
		}
		if sep == "" {
			return nil, errors.New("an empty separator")
		}
		if n < 0 || n > int64(len(s)) {
			n = int64(len(s))
		}
		if err := e.take(16 * min(int(n), strings.Count(s, sep))); err != nil {
			return nil, err
		}
		parts = strings.SplitN(s, sep, int(n)+1)
	}
	items := make([]any, len(parts))
	for i, p := range parts {
		items[i] = p
	}
	if err := e.take(len(s)); err != nil {
		return nil, err
	}
	return e.listOf(items)
}

// replace is s.replace(from, to, count).
func (e *evaluator) replace(s string, from, to, count any, counted bool) (any, error) {
	old, err := textOf("old", from)
	if err != nil {
		return nil, err
	}
	new, err := textOf("new", to)
	if err != nil {
		return nil, err
	}
	n := int64(-1)
	if counted && count != nil {
		if n, err = wholeOf("count", count); err != nil {
			return nil, err
		}
	}
	times := strings.Count(s, old)
	if n >= 0 {
		times = min(times, int(min(n, int64(len(s))+1)))
	}
	if len(new) > 0 && times > e.bytes/len(new) {
		return nil, e.take(e.bytes + 1)
	}
	if err := e.take(len(s) + times*len(new)); err != nil {
		return nil, err
	}
	return strings.Replace(s, old, new, times), nil
}

// join is the texts of items with sep between them.
func (e *evaluator) join(items []any, sep string) (any, error) {
	texts := make([]string, len(items))
	for i, item := range items {
		s, err := e.print(item)
		if err == nil {
			err = e.take(len(s) + len(sep))
		}
		if err != nil {
			return nil, err
		}
		texts[i] = s
	}
	return strings.Join(texts, sep), nil
}
