package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parameters binds the arguments of a to names, of which the first required must be there;
// the others are nil, or what absent says.
func (a args) parameters(required int, names ...string) (values []any, given []bool, err error) {
	if len(a.positional) > len(names) {
		return nil, nil, fmt.Errorf("%d arguments, and it takes %d", len(a.positional), len(names))
	}
	for name := range a.named {
		if !slices.Contains(names, name) {
			return nil, nil, fmt.Errorf("the argument %.40s is not supported", name)
		}
	}
	for i, name := range names {
		v, named := a.named[name]
		switch {
		case i < len(a.positional) && named:
			return nil, nil, fmt.Errorf("the argument %s is given twice", name)
		case i < len(a.positional):
			v = a.positional[i]
		case !named && i < required:
			return nil, nil, fmt.Errorf("the argument %s is missing", name)
		}
		values, given = append(values, v), append(given, named || i < len(a.positional))
	}
	return values, given, nil
}

// textOf is a text among arguments.
func textOf(name string, v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s is %s: it must be a text", name, kindOf(v))
	}
	return s, nil
}

// wholeOf is an integer among arguments.
func wholeOf(name string, v any) (int64, error) {
	i, _, whole, ok := number(v)
	if !ok || !whole {
		return 0, fmt.Errorf("%s is %s: it must be a whole number", name, kindOf(v))
	}
	return i, nil
}

// globals are the functions that templates have.
var globals map[string]*function

func init() {
	globals = map[string]*function{
		"raise_exception": {"raise_exception", func(e *evaluator, a args) (any, error) {
			v, _, err := a.parameters(1, "message")
			if err != nil {
				return nil, err
			}
			s, err := e.print(v[0])
			if err != nil {
				return nil, err
			}
			return nil, &RaisedError{s}
		}},
		"strftime_now": {"strftime_now", func(e *evaluator, a args) (any, error) {
			v, _, err := a.parameters(1, "format")
			if err != nil {
				return nil, err
			}
			format, err := textOf("format", v[0])
			if err != nil {
				return nil, err
			}
			s, err := strftime(e.now, format)
			if err != nil {
				return nil, err
			}
			return e.taken(s)
		}},
		"namespace": {"namespace", func(e *evaluator, a args) (any, error) {
			d := newDict()
			if len(a.positional) > 1 {
				return nil, errors.New("it takes one mapping")
			}
			for _, p := range a.positional {
				from, ok := p.(*dict)
				if !ok {
					return nil, fmt.Errorf("of %s", kindOf(p))
				}
				for _, k := range from.keys {
					d.set(k, from.values[k])
				}
			}
			withNames(d, a)
			return &namespace{d}, nil
		}},
		"dict": {"dict", func(e *evaluator, a args) (any, error) {
			d := newDict()
			if len(a.positional) > 0 {
				return nil, errors.New("arguments without names are not supported")
			}
			withNames(d, a)
			return d, nil
		}},
		"range": {"range", func(e *evaluator, a args) (any, error) {
			bounds := []int64{0, 0, 1}
			if len(a.named) > 0 || len(a.positional) == 0 || len(a.positional) > 3 {
				return nil, errors.New("it takes one to three numbers")
			}
			for i, v := range a.positional {
				n, err := wholeOf("a bound", v)
				if err != nil {
					return nil, err
				}
				bounds[i] = n
			}
			if len(a.positional) == 1 {
				bounds[0], bounds[1] = 0, bounds[0]
			}
			from, to, by := bounds[0], bounds[1], bounds[2]
			if by == 0 {
				return nil, errors.New("steps of 0")
			}
			l := &list{}
			for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
				if err := e.take(16); err != nil {
					return nil, err
				}
				if l.items = append(l.items, i); i > i+by != (by < 0) { // beyond 64 bits
					break
				}
			}
			return l, nil
		}},
	}
}

// withNames adds the named arguments to d, in the order in which they were written.
func withNames(d *dict, a args) {
	for _, name := range a.order {
		d.set(name, a.named[name])
	}
}

// strftime writes a date as Python does, in English.
func strftime(t time.Time, format string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		if i++; i == len(format) {
			return "", errors.New("a format that ends with %")
		}
		layout, ok := map[byte]string{
			'd': "02", 'b': "Jan", 'B': "January", 'm': "01", 'Y': "2006", 'y': "06", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'a': "Mon", 'A': "Monday", 'j': "002", 'F': "2006-01-02", 'T': "15:04:05",
		}[format[i]]
		switch {
		case format[i] == '%':
			b.WriteByte('%')
		case ok:
			b.WriteString(t.Format(layout))
		default:
			return "", fmt.Errorf("the format %%%c is not supported", format[i])
		}
	}
	return b.String(), nil
}

// length is len(v).
func length(v any) (int64, error) {
	switch v := v.(type) {
	case undefined:
		return 0, nil
	case string:
		return int64(len([]rune(v))), nil
	case *list:
		if !v.lazy {
			return int64(len(v.items)), nil
		}
		return 0, errors.New("a generator has no length: make a list of it")
	case *dict:
		return int64(len(v.keys)), nil
	}
	return 0, fmt.Errorf("%s has no length", kindOf(v))
}

// parseWhole is what int makes of a text, and whether it is one.
func parseWhole(s string) (int64, bool) {
	s = strings.TrimFunc(s, isSpace)
	if i, err := strconv.ParseInt(strings.ReplaceAll(s, "_", "x"), 10, 64); err == nil {
		return i, true
	}
	return 0, false
}
