package jinja

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// filters are the filters that templates have.
var filters map[string]func(e *evaluator, v any, a args) (any, error)

func init() {
	filters = map[string]func(e *evaluator, v any, a args) (any, error){
		"trim": func(e *evaluator, v any, a args) (any, error) {
			p, _, err := a.parameters(0, "chars")
			if err != nil {
				return nil, err
			}
			s, err := e.print(v)
			if err != nil {
				return nil, err
			}
			return trim(s, p[0], true, true)
		},
		"length":     count,
		"count":      count,
		"upper":      ofText("upper"),
		"lower":      ofText("lower"),
		"capitalize": ofText("capitalize"),
		"title": func(e *evaluator, v any, a args) (any, error) {
			s, err := e.print(v)
			if err != nil {
				return nil, err
			}
			return changer(titleWords)(e, s, a)
		},
		"sort": sorted,
		"string": func(e *evaluator, v any, a args) (any, error) {
			if _, _, err := a.parameters(0); err != nil {
				return nil, err
			}
			return e.print(v)
		},
		"safe": func(e *evaluator, v any, a args) (any, error) {
			if _, _, err := a.parameters(0); err != nil {
				return nil, err
			}
			return e.print(v)
		},
		"default": fallback,
		"d":       fallback,
		"replace": func(e *evaluator, v any, a args) (any, error) {
			p, given, err := a.parameters(2, "old", "new", "count")
			if err != nil {
				return nil, err
			}
			s, err := e.print(v)
			if err != nil {
				return nil, err
			}
			return e.replace(s, p[0], p[1], p[2], given[2])
		},
		"join": func(e *evaluator, v any, a args) (any, error) {
			p, given, err := a.parameters(0, "d", "attribute")
			if err != nil {
				return nil, err
			}
			items, err := e.items(v)
			if err != nil {
				return nil, err
			}
			if given[1] {
				if items, err = e.attributes(items, p[1]); err != nil {
					return nil, err
				}
			}
			sep := ""
			if given[0] {
				if sep, err = e.print(p[0]); err != nil {
					return nil, err
				}
			}
			return e.join(items, sep)
		},
		"first": func(e *evaluator, v any, a args) (any, error) { return e.end(v, a, true) },
		"last":  func(e *evaluator, v any, a args) (any, error) { return e.end(v, a, false) },
		"list": func(e *evaluator, v any, a args) (any, error) {
			if _, _, err := a.parameters(0); err != nil {
				return nil, err
			}
			items, err := e.items(v)
			if err != nil {
				return nil, err
			}
			return e.listOf(slices.Clone(items))
		},
		"reverse": func(e *evaluator, v any, a args) (any, error) {
			if _, _, err := a.parameters(0); err != nil {
				return nil, err
			}
			items, err := e.items(v)
			if err != nil {
				return nil, err
			}
			items = slices.Clone(items)
			slices.Reverse(items)
			if _, ok := v.(string); ok {
				return e.join(items, "")
			}
			return e.generator(items)
		},
		"items": func(e *evaluator, v any, a args) (any, error) {
			if _, _, err := a.parameters(0); err != nil {
				return nil, err
			}
			if _, ok := v.(undefined); ok {
				return e.generator(nil)
			}
			d, ok := v.(*dict)
			if !ok {
				return nil, fmt.Errorf("of %s: it must be a mapping", kindOf(v))
			}
			l, err := e.view(d, "items")
			if err != nil {
				return nil, err
			}
			return e.generator(l.(*list).items)
		},
		"dictsort": func(e *evaluator, v any, a args) (any, error) {
			if _, _, err := a.parameters(0); err != nil {
				return nil, err
			}
			d, ok := v.(*dict)
			if !ok {
				return nil, fmt.Errorf("of %s: it must be a mapping", kindOf(v))
			}
			l, err := e.view(d, "items")
			if err != nil {
				return nil, err
			}
			key := func(v any) string { return strings.ToLower(v.(*list).items[0].(string)) }
			slices.SortStableFunc(l.(*list).items, func(a, b any) int { return strings.Compare(key(a), key(b)) })
			return l, nil
		},
		"int": func(e *evaluator, v any, a args) (any, error) {
			p, given, err := a.parameters(0, "default")
			if err != nil {
				return nil, err
			}
			if i, f, whole, ok := number(v); ok {
				if whole {
					return i, nil
				}
				if math.Abs(f) < 1<<62 {
					return int64(f), nil
				}
			}
			if s, ok := v.(string); ok {
				if i, ok := parseWhole(s); ok {
					return i, nil
				}
				if f, err := strconv.ParseFloat(strings.TrimFunc(s, isSpace), 64); err == nil && math.Abs(f) < 1<<62 {
					return int64(f), nil
				}
			}
			if v, ok := v.(undefined); ok {
				return nil, fmt.Errorf("of %s", kindOf(v))
			}
			if given[0] {
				return p[0], nil
			}
			return int64(0), nil
		},
		"abs": func(e *evaluator, v any, a args) (any, error) {
			if _, _, err := a.parameters(0); err != nil {
				return nil, err
			}
			i, f, whole, ok := number(v)
			switch {
			case !ok || i == math.MinInt64:
				return nil, fmt.Errorf("of %s", kindOf(v))
			case whole:
				return max(i, -i), nil
			}
			return math.Abs(f), nil
		},
		"map": func(e *evaluator, v any, a args) (any, error) {
			items, err := e.itemsIfAny(v)
			if err != nil {
				return nil, err
			}
			if by, ok := a.named["attribute"]; ok && len(a.positional) == 0 && len(a.named) == 1 {
				if items, err = e.attributes(items, by); err != nil {
					return nil, err
				}
				return e.generator(items)
			}
			name, rest, err := a.named1(func(name string) bool { return filters[name] != nil }, "filter")
			if err != nil {
				return nil, err
			}
			out := make([]any, len(items))
			for i, item := range items {
				if err := e.enter(); err != nil {
					return nil, err
				}
				out[i], err = filters[name](e, item, rest)
				if e.leave(); err != nil {
					return nil, err
				}
			}
			return e.generator(out)
		},
		"select":     chooser(false, true),
		"reject":     chooser(false, false),
		"selectattr": chooser(true, true),
		"rejectattr": chooser(true, false),
		"tojson":     toJSON,
	}
}

// count is the filter length.
func count(e *evaluator, v any, a args) (any, error) {
	if _, _, err := a.parameters(0); err != nil {
		return nil, err
	}
	n, err := length(v)
	return n, err
}

// ofText is a method of texts as a filter of anything.
func ofText(name string) func(e *evaluator, v any, a args) (any, error) {
	return func(e *evaluator, v any, a args) (any, error) {
		s, err := e.print(v)
		if err != nil {
			return nil, err
		}
		return textMethods[name](e, s, a)
	}
}

// fallback is the filter default.
func fallback(e *evaluator, v any, a args) (any, error) {
	p, given, err := a.parameters(0, "default_value", "boolean")
	if err != nil {
		return nil, err
	}
	if !given[0] {
		p[0] = ""
	}
	if _, ok := v.(undefined); ok || given[1] && truth(p[1]) && !truth(v) {
		return p[0], nil
	}
	return v, nil
}

// end is the first or the last item of v.
func (e *evaluator) end(v any, a args, first bool) (any, error) {
	if _, _, err := a.parameters(0); err != nil {
		return nil, err
	}
	if l, ok := v.(*list); ok && l.lazy && !first {
		return nil, errors.New("a generator has no last item: make a list of it")
	}
	if l, ok := v.(*list); ok && l.lazy {
		if len(l.items) == 0 {
			return undefined{"the first item"}, nil
		}
		item := l.items[0]
		l.items = l.items[1:]
		return item, nil
	}
	items, err := e.items(v)
	switch {
	case err != nil:
		return nil, err
	case len(items) == 0:
		return undefined{"an item"}, nil
	case first:
		return items[0], nil
	}
	return items[len(items)-1], nil
}

// sorted is the filter sort: numbers, or texts without regard to capitals.
func sorted(e *evaluator, v any, a args) (any, error) {
	p, given, err := a.parameters(0, "reverse", "case_sensitive", "attribute")
	if err != nil {
		return nil, err
	}
	items, err := e.items(v)
	if err != nil {
		return nil, err
	}
	items = slices.Clone(items)
	keys := items
	if given[2] && p[2] != nil {
		if keys, err = e.attributes(items, p[2]); err != nil {
			return nil, err
		}
	}
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	plain := func(v any) any {
		if s, ok := v.(string); ok && !truth(p[1]) {
			return strings.ToLower(s)
		}
		return v
	}
	slices.SortStableFunc(order, func(i, j int) int {
		c, wrong := e.compare(plain(keys[i]), plain(keys[j]))
		if err == nil {
			err = wrong
		}
		if err == nil {
			err = e.step()
		}
		if truth(p[0]) {
			c = -c
		}
		return c
	})
	if err != nil {
		return nil, err
	}
	out := make([]any, len(items))
	for i, j := range order {
		out[i] = items[j]
	}
	return e.listOf(out)
}

// itemsIfAny is items of v, none where v is nothing.
func (e *evaluator) itemsIfAny(v any) ([]any, error) {
	if !truth(v) {
		return nil, nil
	}
	return e.items(v)
}

// titleWords is the filter title: the first letter of each word is a capital, where a word
// begins after white space, a hyphen or an opening bracket.
func titleWords(s string) string {
	first := true
	return strings.Map(func(r rune) rune {
		if isSpace(r) || strings.ContainsRune("-({[<", r) {
			first = true
			return r
		}
		if first {
			first = false
			return []rune(strings.ToUpper(string(r)))[0]
		}
		return []rune(strings.ToLower(string(r)))[0]
	}, s)
}

// generator is items as what Python makes one after the other.
func (e *evaluator) generator(items []any) (any, error) {
	return &list{items: items, lazy: true}, e.take(16 * len(items))
}

// attributes is the attribute called by of each item.
func (e *evaluator) attributes(items []any, by any) ([]any, error) {
	out := make([]any, len(items))
	for i, item := range items {
		v, err := e.path(item, by)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// path is the entry of v that by names, with dots between the names of its parts.
func (e *evaluator) path(v, by any) (any, error) {
	if err := e.step(); err != nil {
		return nil, err
	}
	if i, ok := by.(int64); ok {
		return e.item(v, i)
	}
	name, err := textOf("attribute", by)
	if err != nil {
		return nil, err
	}
	for part := range strings.SplitSeq(name, ".") {
		var key any = part
		if i, err := strconv.ParseInt(part, 10, 64); err == nil {
			key = i
		}
		if v, err = e.item(v, key); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// named1 takes the name of a filter or a test from the first argument.
func (a args) named1(known func(string) bool, what string) (name string, rest args, err error) {
	if len(a.positional) == 0 {
		return "", a, fmt.Errorf("no %s is named", what)
	}
	name, ok := a.positional[0].(string)
	if !ok || !known(name) {
		return "", a, fmt.Errorf("the %s %.40v is not supported", what, a.positional[0])
	}
	return name, args{a.positional[1:], a.named, a.order}, nil
}

// chooser is select, reject, selectattr or rejectattr.
func chooser(byAttribute, keep bool) func(e *evaluator, v any, a args) (any, error) {
	return func(e *evaluator, v any, a args) (any, error) {
		items, err := e.itemsIfAny(v)
		if err != nil {
			return nil, err
		}
		var attribute any
		if byAttribute {
			if len(a.positional) == 0 {
				return nil, errors.New("no attribute is named")
			}
			attribute, a.positional = a.positional[0], a.positional[1:]
		}
		name := ""
		if len(a.positional) > 0 {
			if name, a, err = a.named1(func(name string) bool { return tests[name] != nil }, "test"); err != nil {
				return nil, err
			}
		}
		var out []any
		for _, item := range items {
			if err := e.step(); err != nil {
				return nil, err
			}
			value := item
			if byAttribute {
				if value, err = e.path(item, attribute); err != nil {
					return nil, err
				}
			}
			is := truth(value)
			if name != "" {
				if is, err = tests[name](e, value, a); err != nil {
					return nil, err
				}
			}
			if is == keep {
				out = append(out, item)
			}
		}
		return e.generator(out)
	}
}
