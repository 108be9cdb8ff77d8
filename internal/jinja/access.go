package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// attribute is of.name: a method, or an entry.
func (e *evaluator) attribute(of any, name string) (any, error) {
	if strings.HasPrefix(name, "__") {
		return nil, fmt.Errorf("the attribute %.40s is not supported", name)
	}
	if m, err := method(of, name); m != nil || err != nil {
		return m, err
	}
	return entry(of, name)
}

// entry is the entry of that name; texts, lists and numbers have none.
func entry(of any, name string) (any, error) {
	switch of := of.(type) {
	case undefined:
		return nil, fmt.Errorf("%s has no %.40s", kindOf(of), name)
	case *dict:
		if v, ok := of.values[name]; ok {
			return v, nil
		}
	case *namespace:
		if v, ok := of.values[name]; ok {
			return v, nil
		}
	case *loopState:
		return of.attribute(name)
	}
	return undefined{name}, nil
}

// item is of[key].
func (e *evaluator) item(of, key any) (any, error) {
	if name, ok := key.(string); ok {
		if d, ok := of.(*dict); ok {
			if v, ok := d.values[name]; ok {
				return v, nil
			}
		}
		return e.attribute(of, name)
	}
	i, _, whole, ok := number(key)
	if of, ok := of.(undefined); ok {
		return nil, fmt.Errorf("%s has no entries", kindOf(of))
	}
	if !ok || !whole {
		return undefined{"an entry"}, nil
	}
	at := func(n int) (int, bool) {
		if i < 0 {
			i += int64(n)
		}
		return int(i), i >= 0 && i < int64(n)
	}
	switch of := of.(type) {
	case *list:
		if i, ok := at(len(of.items)); ok && !of.lazy {
			return of.items[i], nil
		}
	case string:
		if err := e.take(len(of)); err != nil {
			return nil, err
		}
		runes := []rune(of)
		if i, ok := at(len(runes)); ok {
			return string(runes[i]), nil
		}
	}
	return undefined{"an entry"}, nil
}

func (e *evaluator) slice(x *slice, s *scope) (any, error) {
	of, err := e.eval(x.of, s)
	if err != nil {
		return nil, err
	}
	var bounds [3]*int64
	for i, part := range []expression{x.from, x.to, x.step} {
		if part == nil {
			continue
		}
		v, err := e.eval(part, s)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		n, _, whole, ok := number(v)
		if !ok || !whole {
			return nil, fmt.Errorf("a slice by %s", kindOf(v))
		}
		bounds[i] = &n
	}
	switch of := of.(type) {
	case string:
		if err := e.take(5 * len(of)); err != nil {
			return nil, err
		}
		runes := []rune(of)
		at, err := indices(len(runes), bounds)
		out := make([]rune, len(at))
		for i, j := range at {
			out[i] = runes[j]
		}
		return string(out), err
	case *list:
		if of.lazy {
			break
		}
		if err := e.take(24 * len(of.items)); err != nil {
			return nil, err
		}
		at, err := indices(len(of.items), bounds)
		out := &list{tuple: of.tuple}
		for _, j := range at {
			out.items = append(out.items, of.items[j])
		}
		return out, err
	}
	return nil, fmt.Errorf("a slice of %s is not supported", kindOf(of))
}

// indices are those of a slice of n items: from, to and step, as in Python.
func indices(n int, bounds [3]*int64) (at []int, err error) {
	step := int64(1)
	if bounds[2] != nil {
		step = *bounds[2]
	}
	if step == 0 {
		return nil, errors.New("a slice of step 0")
	}
	low, high := int64(0), int64(n)
	if step < 0 {
		low, high = -1, int64(n)-1
	}
	bound := func(v *int64, fallback int64) int64 {
		if v == nil {
			return fallback
		}
		i := *v
		if i < 0 {
			i += int64(n)
		}
		return max(low, min(high, i))
	}
	from, to := bound(bounds[0], low), bound(bounds[1], high)
	if step < 0 {
		from, to = bound(bounds[0], high), bound(bounds[1], low)
	}
	step = max(-int64(n)-1, min(int64(n)+1, step))
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		at = append(at, int(i))
	}
	return at, nil
}
