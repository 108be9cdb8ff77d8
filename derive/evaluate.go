package derive

import (
	"maps"
	"slices"
	"strconv"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// Evaluate computes a formula of matrices that are given by name. A matrix of one row is a
// vector with one number a feature, one of one column a vector with one number a token, and
// 1×1 is a number; so it is with the result. An error says what cannot be read or has no
// shape, as [Error].
func Evaluate(formula string, names map[string]paper.Mat) (paper.Mat, error) {
	e, err := Parse(formula)
	if err != nil {
		return paper.Mat{}, err
	}
	in := &Instance{sizes: map[string]int{"1": 1}, values: names}
	s := &Scope{types: map[string]Type{}, sizes: in.sizes, least: in.sizes, order: slices.Sorted(maps.Keys(names))}
	letter := func(n int) string { // a size is its own letter
		in.sizes[strconv.Itoa(n)] = n
		return strconv.Itoa(n)
	}
	for _, n := range s.order {
		m := names[n]
		t := Type{Matrix, letter(m.N), letter(m.D)}
		switch {
		case m.N == 1 && m.D == 1:
			t.Kind = Number
		case m.N == 1:
			t.Kind = Features
		case m.D == 1:
			t.Kind = Tokens
		}
		s.types[n] = t
	}
	rs, err := s.readings(e, nil)
	if err != nil {
		return paper.Mat{}, err
	}
	v := &evaluator{in: in}
	t := rs[0].t
	return v.filled(v.eval(t), v.size(t.shape.rows), v.size(t.shape.cols)).v, nil
}
