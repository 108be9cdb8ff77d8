package jinja

import "errors"

// tests are what stands behind "is" in templates.
var tests map[string]func(e *evaluator, v any, a args) (bool, error)

func init() {
	same := func(e *evaluator, v, w any) (bool, error) { return e.equal(v, w) }
	order := func(is func(int) bool) func(e *evaluator, v, w any) (bool, error) {
		return func(e *evaluator, v, w any) (bool, error) {
			c, err := e.compare(v, w)
			return is(c), err
		}
	}
	tests = map[string]func(e *evaluator, v any, a args) (bool, error){
		"defined":   about(func(v any) bool { _, ok := v.(undefined); return !ok }),
		"undefined": about(func(v any) bool { _, ok := v.(undefined); return ok }),
		"none":      about(func(v any) bool { return v == nil }),
		"string":    about(func(v any) bool { _, ok := v.(string); return ok }),
		"mapping":   about(func(v any) bool { _, ok := v.(*dict); return ok }),
		"boolean":   about(func(v any) bool { _, ok := v.(bool); return ok }),
		"true":      about(func(v any) bool { return v == true }),
		"false":     about(func(v any) bool { return v == false }),
		"integer":   about(func(v any) bool { _, ok := v.(int64); return ok }),
		"float":     about(func(v any) bool { _, ok := v.(float64); return ok }),
		"number":    about(func(v any) bool { _, _, _, ok := number(v); return ok }),
		"callable":  about(func(v any) bool { _, ok := v.(*function); return ok }),
		"iterable": about(func(v any) bool {
			switch v.(type) {
			case string, *list, *dict, undefined, *loopState:
				return true
			}
			return false
		}),
		"sequence": about(func(v any) bool {
			switch v := v.(type) {
			case string, *dict, undefined:
				return true
			case *list:
				return !v.lazy
			}
			return false
		}),
		"odd":         parity(1),
		"even":        parity(0),
		"eq":          with(same),
		"equalto":     with(same),
		"ne":          with(func(e *evaluator, v, w any) (bool, error) { is, err := e.equal(v, w); return !is, err }),
		"in":          with(func(e *evaluator, v, w any) (bool, error) { return e.contains(w, v) }),
		"lt":          with(order(func(c int) bool { return c < 0 })),
		"lessthan":    with(order(func(c int) bool { return c < 0 })),
		"le":          with(order(func(c int) bool { return c <= 0 })),
		"gt":          with(order(func(c int) bool { return c > 0 })),
		"greaterthan": with(order(func(c int) bool { return c > 0 })),
		"ge":          with(order(func(c int) bool { return c >= 0 })),
	}
}

// about is a test of a value alone.
func about(is func(v any) bool) func(e *evaluator, v any, a args) (bool, error) {
	return func(_ *evaluator, v any, a args) (bool, error) {
		_, _, err := a.parameters(0)
		return is(v), err
	}
}

// with is a test of a value with an argument.
func with(is func(e *evaluator, v, w any) (bool, error)) func(e *evaluator, v any, a args) (bool, error) {
	return func(e *evaluator, v any, a args) (bool, error) {
		p, _, err := a.parameters(1, "other")
		if err != nil {
			return false, err
		}
		return is(e, v, p[0])
	}
}

// parity is odd or even.
func parity(rest int64) func(e *evaluator, v any, a args) (bool, error) {
	return func(_ *evaluator, v any, a args) (bool, error) {
		if _, _, err := a.parameters(0); err != nil {
			return false, err
		}
		if _, ok := v.(float64); ok {
			return false, errors.New("a fraction is not supported")
		}
		i, err := wholeOf("it", v)
		return i&1 == rest, err
	}
}
