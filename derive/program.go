package derive

import (
	"fmt"
	"strconv"
	"strings"
)

// numpyWriter writes typed expressions in NumPy; a vector is an array of one axis.
type numpyWriter struct{ scope *Scope }

func (w *numpyWriter) write(t *typed) string { s, _ := w.expr(t); return s }

// What binds how in Python: an operand in parentheses where it binds less.
const (
	pySum = iota
	pyProduct
	pyUnary
	pyAtom
)

func (w *numpyWriter) in(t *typed, level int) string {
	s, l := w.expr(t)
	if l < level {
		return "(" + s + ")"
	}
	return s
}

// size is a letter's size by a shape: n_T for T.
func (w *numpyWriter) size(d *dim) string {
	if l := d.root().letter; l != tokensLetter {
		return l
	}
	return "n_T"
}

func (w *numpyWriter) expr(t *typed) (string, int) {
	e, k := t.e, t.kids
	axis := func(n int) string { return "np.sum(" + w.write(k[0]) + ", axis=" + strconv.Itoa(n) + ")" }
	switch e.op {
	case opNumber:
		return numeral(e.num), pyAtom
	case opName:
		switch e.name {
		case "J", "ones":
			return fmt.Sprintf("np.ones((%s, %s))", w.size(t.shape.rows), w.size(t.shape.cols)), pyAtom
		case "zeros":
			return fmt.Sprintf("np.zeros((%s, %s))", w.size(t.shape.rows), w.size(t.shape.cols)), pyAtom
		case "I":
			return fmt.Sprintf("np.eye(%s)", w.size(t.shape.rows)), pyAtom
		}
		return identifier(e.name, false), pyAtom
	case opAdd, opSub:
		return w.in(k[0], pySum) + " " + signOf[e.op] + " " + w.in(k[1], pyProduct), pySum
	case opTimes, opOver:
		return w.in(k[0], pyProduct) + " " + signOf[e.op] + " " + w.in(k[1], pyUnary), pyProduct
	case opProduct:
		if k[0].shape.kind == Tokens || k[1].shape.kind == Features { // a column times a row
			return "np.outer(" + w.write(k[0]) + ", " + w.write(k[1]) + ")", pyAtom
		}
		return w.in(k[0], pyProduct) + " @ " + w.in(k[1], pyUnary), pyProduct
	case opNegative:
		return "-" + w.in(k[0], pyUnary), pyUnary
	case opTranspose:
		return w.in(k[0], pyAtom) + ".T", pyAtom
	case opRepeat:
		at := map[Kind]string{Features: "[None, :]", Tokens: "[:, None]"}[k[0].shape.kind]
		if at == "" {
			return w.expr(k[0])
		}
		return fmt.Sprintf("np.broadcast_to(%s%s, (%s, %s))", w.in(k[0], pyAtom), at, w.size(t.shape.rows), w.size(t.shape.cols)), pyAtom
	case opIndex:
		var at []string
		for _, i := range e.kids[1:] {
			if i.op == opName {
				at = append(at, ":")
			} else {
				at = append(at, strconv.Itoa(int(i.num)-1)) // from 0
			}
		}
		return w.in(k[0], pyAtom) + "[" + strings.Join(at, ", ") + "]", pyAtom
	}
	arg := func(i int) string { return w.write(k[i]) }
	switch e.name {
	case "sum_tokens":
		return axis(0), pyAtom
	case "sum_features":
		return "np.sum(" + w.write(k[0]) + ", axis=-1)", pyAtom
	case "rowdot":
		return "np.sum(" + w.in(k[0], pyProduct) + " * " + w.in(k[1], pyUnary) + ", axis=1)", pyAtom
	case "frob":
		return "np.sum(" + w.in(k[0], pyProduct) + " * " + w.in(k[1], pyUnary) + ")", pyAtom
	case "diag", "diagof":
		return "np.diag(" + arg(0) + ")", pyAtom
	case "tr":
		return "np.trace(" + arg(0) + ")", pyAtom
	case "mask":
		return "np.tril(" + arg(0) + ")", pyAtom
	case "ohe":
		return fmt.Sprintf("np.eye(%s)[%s.astype(int)]", w.size(t.shape.cols), w.in(k[0], pyAtom)), pyAtom
	case "norm":
		return "np.linalg.norm(" + arg(0) + ", axis=0)", pyAtom
	case "mu":
		return "np.mean(" + arg(0) + ", axis=1)", pyAtom
	case "sigma":
		return "np.std(" + arg(0) + ", axis=1)", pyAtom
	case "concat":
		var parts []string
		for i := range k {
			parts = append(parts, arg(i))
		}
		return "np.concatenate([" + strings.Join(parts, ", ") + "], axis=1)", pyAtom
	case "slice":
		from, to := w.columns(t)
		return w.in(k[0], pyAtom) + "[:, " + from + ":" + to + "]", pyAtom
	case "relu":
		return "np.maximum(" + arg(0) + ", 0)", pyAtom
	case "drelu":
		return "(" + arg(0) + " > 0).astype(float)", pyAtom
	case "exp", "log", "sqrt", "tanh", "cos", "sin":
		return "np." + e.name + "(" + arg(0) + ")", pyAtom
	}
	return e.name + "(" + arg(0) + ")", pyAtom // softmax, gelu, silu and their slopes: functions of the reader's own
}

// columns are where those of slice(x, h) begin and end, as sums of letters.
func (w *numpyWriter) columns(t *typed) (from, to string) {
	parts := w.scope.parts[t.kids[0].shape.cols.String()]
	h := int(t.e.kids[1].num)
	before := strings.Join(parts[:h-1], " + ")
	return before, strings.Join(parts[:h], " + ")
}

// goWriter writes typed expressions in Go with package paper: a matrix is a paper.Mat, a
// vector a paper.Vec, a number a float64.
type goWriter struct{}

// A goError says what package paper has no function for.
func goError(e *Expr, what string) error {
	return &Error{Column: max(e.pos, 1), End: max(e.end, 2), ID: "form", Message: what + " has no exported function in package paper"}
}

func (w *goWriter) write(t *typed) (string, error) {
	var k []string
	for _, kid := range t.kids {
		s, err := w.write(kid)
		if err != nil {
			return "", err
		}
		k = append(k, s)
	}
	e := t.e
	kind := func(i int) Kind { return t.kids[i].shape.kind }
	size := func(d *dim) string {
		if l := d.root().letter; l != tokensLetter {
			return identifier("n_"+l, true)
		}
		return "nT"
	}
	switch e.op {
	case opNumber:
		return numeral(e.num), nil
	case opName:
		switch e.name {
		case "J", "I", "ones", "zeros":
			return "", goError(e, e.name)
		}
		return identifier(e.name, true), nil
	case opNegative:
		if t.shape.kind == Number {
			return "-" + k[0], nil
		}
		if t.shape.kind == Matrix {
			return k[0] + ".Scale(-1)", nil
		}
	case opTranspose:
		if t.shape.kind == Matrix {
			return k[0] + ".T()", nil
		}
		return k[0], nil // a Vec has no orientation
	case opRepeat:
		switch kind(0) {
		case Features:
			return fmt.Sprintf("paper.Rows(%s, %s)", k[0], size(t.shape.rows)), nil
		case Tokens:
			return fmt.Sprintf("paper.Cols(%s, %s)", k[0], size(t.shape.cols)), nil
		}
		return k[0], nil
	case opProduct:
		if kind(0) == Matrix && kind(1) == Matrix {
			return k[0] + ".Mul(" + k[1] + ")", nil
		}
	case opAdd, opSub, opTimes, opOver:
		return w.entry(t, k)
	case opCall:
		switch {
		case e.name == "sum_tokens" && kind(0) == Matrix:
			return k[0] + ".SumTokens()", nil
		case e.name == "sum_features" && kind(0) == Matrix:
			return k[0] + ".SumFeatures()", nil
		case e.name == "rowdot":
			return k[0] + ".FeatureDot(" + k[1] + ")", nil
		case e.name == "frob":
			return k[0] + ".Dot(" + k[1] + ")", nil
		case e.name == "softmax" && kind(0) == Matrix:
			return "paper.Softmax(" + k[0] + ")", nil
		case e.name == "concat":
			return "paper.Concat(" + strings.Join(k, ", ") + ")", nil
		case e.name == "sqrt" && kind(0) == Number:
			return "math.Sqrt(" + k[0] + ")", nil
		}
		return "", goError(e, e.name)
	}
	return "", goError(e, short(e))
}

// entry is an operation entry by entry: a method of Mat or Vec, or of numbers.
func (w *goWriter) entry(t *typed, k []string) (string, error) {
	a, b := t.kids[0].shape.kind, t.kids[1].shape.kind
	sign := " " + signOf[t.e.op] + " "
	switch {
	case a == Number && b == Number:
		return "(" + k[0] + sign + k[1] + ")", nil
	case a == Matrix && b == Matrix:
		return k[0] + "." + map[operation]string{opAdd: "Add", opSub: "Sub", opTimes: "Had", opOver: "Div"}[t.e.op] + "(" + k[1] + ")", nil
	case t.e.op == opTimes && a == Number && b == Matrix:
		return k[1] + ".Scale(" + k[0] + ")", nil
	case t.e.op == opTimes && a == Matrix && b == Number:
		return k[0] + ".Scale(" + k[1] + ")", nil
	case t.e.op == opOver && a == Matrix && b == Number:
		return k[0] + ".Scale(1 / " + k[1] + ")", nil
	case t.e.op == opSub && a == b:
		return k[0] + ".Sub(" + k[1] + ")", nil
	}
	return "", goError(t.e, short(t.e))
}
