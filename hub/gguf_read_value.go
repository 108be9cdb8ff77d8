package hub

import (
	"fmt"
	"math"
	"strconv"
)

// text returns the string of key, "" if the key is absent.
func (g *GGUF) text(key string) (string, error) {
	v, ok := g.in.Lookup(key)
	s, is := v.(string)
	if ok && !is {
		return "", fmt.Errorf("%s is %v: it must be a text", key, v)
	}
	return s, nil
}

// whole returns the integer of key, from 0 to math.MaxInt32. If the key is absent, it
// returns fallback, or an error if fallback is negative.
func (g *GGUF) whole(key string, fallback int64) (int64, error) {
	v, ok := g.in.Lookup(key)
	if !ok && fallback >= 0 {
		return fallback, nil
	}
	n := int64(-1)
	switch v := v.(type) {
	case uint8:
		n = int64(v)
	case uint16:
		n = int64(v)
	case uint32:
		n = int64(v)
	case uint64:
		n = int64(min(v, math.MaxInt64))
	case int8:
		n = int64(v)
	case int16:
		n = int64(v)
	case int32:
		n = int64(v)
	case int64:
		n = v
	}
	switch {
	case !ok:
		return 0, fmt.Errorf("%s is missing", key)
	case n < 0 || n > math.MaxInt32:
		return 0, fmt.Errorf("%s is %.40s: it must be a whole number from 0 to %d", key, fmt.Sprint(v), math.MaxInt32)
	}
	return n, nil
}

// number returns the number of key. If the key is absent, it returns fallback, or an error
// if fallback is not a number. A float32 is read as the shortest decimal number that
// rounds to it, such as 1e-05.
func (g *GGUF) number(key string, fallback float64) (float64, error) {
	v, ok := g.in.Lookup(key)
	switch v := v.(type) {
	case float32:
		return strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	case float64:
		return v, nil
	}
	if !ok && fallback == fallback {
		return fallback, nil
	}
	return 0, fmt.Errorf("%s is %v: it must be a number", key, v)
}

// list returns the list of key, nil if the key is absent.
func list[T any](g *GGUF, key string) ([]T, error) {
	v, ok := g.in.Lookup(key)
	l, is := v.([]T)
	if ok && !is {
		return nil, fmt.Errorf("%s is %.40s: it must be a list of another kind", key, fmt.Sprint(v))
	}
	return l, nil
}
