package derive

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A function of the language: how many arguments it takes, the shape it makes of theirs,
// and its value.
type function struct {
	min, max int
	shape    func(c *checker, t *typed) (shape, error)
	value    func(v *evaluator, t *typed, args []value) value
}

func (f function) takes() string {
	switch {
	case f.max > 9:
		return fmt.Sprintf("%d or more", f.min)
	case f.min < f.max:
		return fmt.Sprintf("%d or %d", f.min, f.max)
	}
	return fmt.Sprint(f.min)
}

// functions by name. They evaluate their arguments, which may be calls of functions.
var functions map[string]function

func init() {
	functions = map[string]function{
		"sum_tokens":   {1, 1, sumTokensShape, sumTokens},
		"sum_features": {1, 1, sumFeaturesShape, sumFeatures},
		"rowdot":       {2, 2, rowdotShape, rowdot},
		"frob":         {2, 2, frobShape, frob},
		"diag":         {1, 1, diagShape, diag},
		"diagof":       {1, 1, diagofShape, diagof},
		"tr":           {1, 1, trShape, trace},
		"softmax":      {1, 1, softmaxShape, softmax},
		"mask":         {1, 1, maskShape, mask},
		"ohe":          {1, 1, oheShape, ohe},
		"norm":         {1, 1, sumTokensShape, norm},
		"mu":           {1, 1, sumFeaturesShape, mean},
		"sigma":        {1, 1, sumFeaturesShape, deviation},
		"concat":       {2, 99, concatShape, concat},
		"slice":        {2, 2, sliceShape, slice},
		"d":            {1, 1, sameShape, differential},

		"relu":    entrywise(func(x float64) float64 { return max(x, 0) }, step),
		"drelu":   entrywise(step, func(float64) float64 { return 0 }),
		"gelu":    entrywise(func(x float64) float64 { return x * normal(x) }, func(x float64) float64 { return normal(x) + x*density(x) }),
		"dgelu":   entrywise(func(x float64) float64 { return normal(x) + x*density(x) }, func(x float64) float64 { return (2 - x*x) * density(x) }),
		"silu":    entrywise(func(x float64) float64 { return x * logistic(x) }, dsilu),
		"dsilu":   entrywise(dsilu, func(x float64) float64 { s := logistic(x); return s * (1 - s) * (2 + x*(1-2*s)) }),
		"sigmoid": entrywise(logistic, func(x float64) float64 { s := logistic(x); return s * (1 - s) }),
		"tanh":    entrywise(math.Tanh, func(x float64) float64 { h := math.Tanh(x); return 1 - h*h }),
		"exp":     entrywise(math.Exp, math.Exp),
		"log":     entrywise(math.Log, func(x float64) float64 { return 1 / x }),
		"sqrt":    entrywise(math.Sqrt, func(x float64) float64 { return 0.5 / math.Sqrt(x) }),
		"cos":     entrywise(math.Cos, func(x float64) float64 { return -math.Sin(x) }),
		"sin":     entrywise(math.Sin, math.Cos),
	}
}

// functionNames are their names, for suggestions.
var functionNames = []string{"sum_tokens", "sum_features", "rowdot", "frob", "diag", "diagof", "tr", "softmax", "mask", "ohe", "norm", "mu", "sigma", "concat", "slice",
	"relu", "drelu", "gelu", "dgelu", "silu", "dsilu", "sigmoid", "tanh", "exp", "log", "sqrt", "cos", "sin"}

// Functions lists the functions of the language in alphabetical order.
func Functions() []string { return slices.Sorted(maps.Keys(functions)) }

func step(x float64) float64 {
	if x > 0 {
		return 1
	}
	return 0
}
func normal(x float64) float64   { return math.Erfc(-x/math.Sqrt2) / 2 }
func density(x float64) float64  { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
func dsilu(x float64) float64    { s := logistic(x); return s * (1 + x*(1-s)) }

// entrywise is a function of each entry, with its slope.
func entrywise(f, slope func(x float64) float64) function {
	return function{1, 1, sameShape, func(v *evaluator, t *typed, args []value) value {
		a := args[0]
		out := value{v: paper.Zeros(a.v.N, a.v.D)}
		for i, x := range a.v.V {
			out.v.V[i] = f(x)
		}
		if v.tangents {
			out.dot = paper.Zeros(a.v.N, a.v.D)
			for i, x := range a.v.V {
				if a.dot.V[i] != 0 { // where nothing moves, an infinite slope does not matter
					out.dot.V[i] = a.dot.V[i] * slope(x)
				}
			}
		}
		if v.scales {
			out.scale = paper.Zeros(a.v.N, a.v.D)
			for i, x := range a.v.V {
				out.scale.V[i] = math.Abs(out.v.V[i])
				if s := math.Abs(slope(x)) * a.scale.V[i]; s > 0 {
					out.scale.V[i] += s
				}
			}
		}
		return out
	}}
}

func sameShape(_ *checker, t *typed) (shape, error) { return t.kids[0].shape, nil }

// needs is the error of an argument that has the wrong kind of shape.
func (c *checker) needs(t *typed, what string) (shape, error) {
	k := t.kids[0]
	return shape{}, c.fail(t.e, "%s needs %s; %s is %s", t.e.name, what, short(k.e), c.say(k.shape))
}

func sumTokensShape(c *checker, t *typed) (shape, error) {
	switch a := t.kids[0].shape; {
	case a.kind == Matrix:
		return features(a.cols), nil
	case a.kind == Tokens && t.e.name == "sum_tokens":
		return number0(), nil
	}
	return c.needs(t, "a matrix")
}

func sumFeaturesShape(c *checker, t *typed) (shape, error) {
	switch a := t.kids[0].shape; {
	case a.kind == Matrix:
		return tokens(a.rows), nil
	case a.kind == Features && t.e.name == "sum_features":
		return number0(), nil
	}
	return c.needs(t, "a matrix")
}

// pair says whether two arguments have one shape.
func (c *checker) pair(t *typed) error {
	a, b := t.kids[0], t.kids[1]
	if a.shape.kind == b.shape.kind && fits(a.shape.rows, b.shape.rows) && fits(a.shape.cols, b.shape.cols) {
		return nil
	}
	return c.fail(t.e, "%s needs two of one shape; %s is %s, and %s is %s", t.e.name, short(a.e), c.say(a.shape), short(b.e), c.say(b.shape))
}

func rowdotShape(c *checker, t *typed) (shape, error) {
	if err := c.pair(t); err != nil {
		return shape{}, err
	}
	if t.kids[0].shape.kind != Matrix {
		return c.needs(t, "matrices")
	}
	return tokens(t.kids[0].shape.rows), nil
}

func frobShape(c *checker, t *typed) (shape, error) { return number0(), c.pair(t) }

func diagShape(c *checker, t *typed) (shape, error) {
	switch a := t.kids[0].shape; a.kind {
	case Tokens:
		return matrix(a.rows, a.rows), nil
	case Features:
		return matrix(a.cols, a.cols), nil
	}
	return diagofShape(c, t)
}

// square is the side of a square argument.
func (c *checker) square(t *typed) (*dim, error) {
	if a := t.kids[0].shape; a.kind == Matrix && fits(a.rows, a.cols) {
		return a.rows, nil
	}
	_, err := c.needs(t, "a square matrix")
	return nil, err
}

func diagofShape(c *checker, t *typed) (shape, error) {
	n, err := c.square(t)
	if err != nil {
		return shape{}, err
	}
	if n.root().letter == tokensLetter {
		return tokens(n), nil
	}
	return features(n), nil
}

func trShape(c *checker, t *typed) (shape, error) {
	_, err := c.square(t)
	return number0(), err
}

func softmaxShape(c *checker, t *typed) (shape, error) {
	if a := t.kids[0].shape; a.kind == Matrix || a.kind == Features {
		return a, nil
	}
	return c.needs(t, "rows of numbers")
}

func maskShape(c *checker, t *typed) (shape, error) {
	n, err := c.square(t)
	return matrix(n, n), err
}

func oheShape(c *checker, t *typed) (shape, error) {
	if a := t.kids[0].shape; a.kind == Tokens {
		return matrix(a.rows, &dim{}), nil
	}
	return c.needs(t, "one id a token")
}

func concatShape(c *checker, t *typed) (shape, error) {
	var parts []string
	for _, k := range t.kids {
		if k.shape.kind != Matrix && k.shape.kind != Tokens || !fits(k.shape.rows, t.kids[0].shape.rows) { // a column is a matrix of one
			return shape{}, c.fail(t.e, "concat puts matrices of equally many rows side by side; %s is %s", short(k.e), c.say(k.shape))
		}
		parts = append(parts, k.shape.cols.String())
	}
	w, ok := c.scope.width(parts)
	if !ok {
		return shape{}, c.fail(t.e, "no matrix here is %s columns wide", strings.Join(parts, " + "))
	}
	return matrix(t.kids[0].shape.rows, &dim{letter: w}), nil
}

func sliceShape(c *checker, t *typed) (shape, error) {
	a, h := t.kids[0].shape, t.e.kids[1]
	parts := c.scope.parts[a.cols.String()]
	switch {
	case a.kind != Matrix || len(parts) == 0:
		return c.needs(t, "a matrix whose columns belong to heads")
	case h.op != opNumber || h.num < 1 || h.num > float64(len(parts)) || h.num != math.Trunc(h.num):
		return shape{}, c.fail(h, "slice(x, h) takes the columns of head h, a number from 1 to %d", len(parts))
	}
	return matrix(a.rows, &dim{letter: parts[int(h.num)-1]}), nil
}
