package derive

import (
	"math"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// A value is the numbers of an expression: those themselves, their tangent (what d of it
// is) and their rounding scale, the size of what was added up to make them. A vector along
// the tokens is a column, one along the features a row, a number is 1×1.
type value struct{ v, dot, scale paper.Mat }

// An evaluator computes values at one instance.
type evaluator struct {
	in       *Instance
	tangents bool // forward mode: tangents too
	scales   bool // rounding scales too
}

// evaluate computes t. Scales are computed when asked for.
func (in *Instance) evaluate(t *typed, scales bool) value {
	v := &evaluator{in: in, scales: scales}
	t.e.walk(func(e *Expr) { v.tangents = v.tangents || e.op == opCall && e.name == "d" })
	out := v.eval(t)
	rows, cols := v.size(t.shape.rows), v.size(t.shape.cols)
	return v.filled(out, rows, cols)
}

func (v *evaluator) size(d *dim) int {
	if l := d.root().letter; l != "1" {
		return v.in.sizes[l]
	}
	return 1
}

// filled makes a number as large as what it meets.
func (v *evaluator) filled(a value, rows, cols int) value {
	if a.v.N == rows && a.v.D == cols {
		return a
	}
	return v.each(a, func(m paper.Mat) paper.Mat { return constant(rows, cols, m.V[0]) })
}

// each applies a linear function of matrices to all three.
func (v *evaluator) each(a value, f func(m paper.Mat) paper.Mat) value {
	out := value{v: f(a.v)}
	if v.tangents {
		out.dot = f(a.dot)
	}
	if v.scales {
		out.scale = f(a.scale)
	}
	return out
}

// bilinear applies a product to all three.
func (v *evaluator) bilinear(a, b value, f func(a, b paper.Mat) paper.Mat) value {
	out := value{v: f(a.v, b.v)}
	if v.tangents {
		out.dot = f(a.dot, b.v).Add(f(a.v, b.dot))
	}
	if v.scales {
		out.scale = f(a.scale, b.scale)
	}
	return out
}

// fixed is a value without a tangent.
func (v *evaluator) fixed(m paper.Mat) value {
	out := value{v: m}
	if v.tangents {
		out.dot = paper.Zeros(m.N, m.D)
	}
	if v.scales {
		out.scale = absolute(m)
	}
	return out
}

func constant(rows, cols int, x float64) paper.Mat {
	m := paper.Zeros(rows, cols)
	for i := range m.V {
		m.V[i] = x
	}
	return m
}

// absolute is |m|, and 0 where m is not finite: an infinite number of a mask is not rounded.
func absolute(m paper.Mat) paper.Mat {
	a := paper.Zeros(m.N, m.D)
	for i, x := range m.V {
		if a.V[i] = math.Abs(x); math.IsInf(x, 0) {
			a.V[i] = 0
		}
	}
	return a
}

func (v *evaluator) eval(t *typed) value {
	e := t.e
	rows, cols := v.size(t.shape.rows), v.size(t.shape.cols)
	switch e.op {
	case opNumber:
		return v.fixed(constant(1, 1, e.num))
	case opName:
		return v.named(e.name, rows, cols)
	}
	k := make([]value, len(t.kids))
	for i, kid := range t.kids {
		k[i] = v.eval(kid)
	}
	switch e.op {
	case opNegative:
		out := v.each(k[0], func(m paper.Mat) paper.Mat { return m.Scale(-1) })
		out.scale = k[0].scale
		return out
	case opTranspose:
		return v.each(k[0], paper.Mat.T)
	case opRepeat:
		switch t.kids[0].shape.kind {
		case Features:
			return v.each(k[0], func(m paper.Mat) paper.Mat { return paper.Rows(m.V, rows) })
		case Tokens:
			return v.each(k[0], func(m paper.Mat) paper.Mat { return paper.Cols(m.V, cols) })
		}
		return k[0]
	case opProduct:
		return v.bilinear(k[0], k[1], paper.Mat.Mul)
	case opAdd, opSub:
		a, b := v.filled(k[0], rows, cols), v.filled(k[1], rows, cols)
		f := paper.Mat.Add
		if e.op == opSub {
			f = paper.Mat.Sub
		}
		out := value{v: f(a.v, b.v)}
		if v.tangents {
			out.dot = f(a.dot, b.dot)
		}
		if v.scales {
			out.scale = a.scale.Add(b.scale)
		}
		return out
	case opTimes:
		return v.bilinear(v.filled(k[0], rows, cols), v.filled(k[1], rows, cols), paper.Mat.Had)
	case opOver:
		return v.quotient(v.filled(k[0], rows, cols), v.filled(k[1], rows, cols))
	case opIndex:
		return v.index(e, k[0])
	}
	return functions[e.name].value(v, t, k)
}

// named is the value of a name, or of one of the constants J, ones, zeros, I.
func (v *evaluator) named(name string, rows, cols int) value {
	if m, ok := v.in.values[name]; ok {
		out := v.fixed(m)
		if dot, ok := v.in.tangents[name]; ok && v.tangents {
			out.dot = dot
		}
		return out
	}
	m := constant(rows, cols, 1)
	switch name {
	case "zeros":
		m = paper.Zeros(rows, cols)
	case "I":
		m = paper.Zeros(rows, cols)
		for i := range rows {
			m.V[i*cols+i] = 1
		}
	}
	return v.fixed(m)
}

func (v *evaluator) quotient(a, b value) value {
	q := a.v.Div(b.v)
	out := value{v: q}
	if v.tangents {
		out.dot = a.dot.Sub(q.Had(b.dot)).Div(b.v)
	}
	if v.scales {
		out.scale = paper.Zeros(q.N, q.D)
		for i, y := range b.v.V {
			y = math.Abs(y)
			out.scale.V[i] = a.scale.V[i]/y + math.Abs(q.V[i])*b.scale.V[i]/y
		}
	}
	return out
}

func (v *evaluator) index(e *Expr, a value) value {
	from := func(at *Expr, n int) (int, int) {
		if at.op == opName {
			return 0, n
		}
		return int(at.num) - 1, int(at.num)
	}
	return v.each(a, func(m paper.Mat) paper.Mat {
		if len(e.kids) == 2 && m.D == 1 && m.N > 1 { // a number of a column
			i, _ := from(e.kids[1], m.N)
			return paper.Mat{N: 1, D: 1, V: m.V[i : i+1]}
		}
		if len(e.kids) == 2 && m.N == 1 { // a number of a row
			i, j := from(e.kids[1], m.D)
			return paper.Mat{N: 1, D: j - i, V: m.V[i:j]}
		}
		r0, r1 := from(e.kids[1], m.N)
		c0, c1 := 0, m.D
		if len(e.kids) == 3 {
			c0, c1 = from(e.kids[2], m.D)
		}
		out := paper.Zeros(r1-r0, c1-c0)
		for r := range out.N {
			copy(out.Row(r), m.Row(r0 + r)[c0:c1])
		}
		return out
	})
}

func row(v paper.Vec) paper.Mat    { return paper.Mat{N: 1, D: len(v), V: v} }
func column(v paper.Vec) paper.Mat { return paper.Mat{N: len(v), D: 1, V: v} }
func number1(x float64) paper.Mat  { return paper.Mat{N: 1, D: 1, V: []float64{x}} }

func sumTokens(v *evaluator, _ *typed, args []value) value {
	return v.each(args[0], func(m paper.Mat) paper.Mat { return row(m.SumTokens()) })
}

func sumFeatures(v *evaluator, _ *typed, args []value) value {
	return v.each(args[0], func(m paper.Mat) paper.Mat { return column(m.SumFeatures()) })
}

func rowdot(v *evaluator, _ *typed, args []value) value {
	return v.bilinear(args[0], args[1], func(a, b paper.Mat) paper.Mat { return column(a.FeatureDot(b)) })
}

func frob(v *evaluator, _ *typed, args []value) value {
	return v.bilinear(args[0], args[1], func(a, b paper.Mat) paper.Mat { return number1(a.Dot(b)) })
}

func diagonal(m paper.Mat) paper.Vec {
	d := make(paper.Vec, m.N)
	for i := range d {
		d[i] = m.At(i, i)
	}
	return d
}

func diag(v *evaluator, t *typed, args []value) value {
	if t.kids[0].shape.kind == Matrix {
		return diagof(v, t, args)
	}
	return v.each(args[0], func(m paper.Mat) paper.Mat {
		n := len(m.V)
		d := paper.Zeros(n, n)
		for i, x := range m.V {
			d.V[i*n+i] = x
		}
		return d
	})
}

func diagof(v *evaluator, t *typed, args []value) value {
	return v.each(args[0], func(m paper.Mat) paper.Mat {
		if t.shape.kind == Tokens {
			return column(diagonal(m))
		}
		return row(diagonal(m))
	})
}

func trace(v *evaluator, _ *typed, args []value) value {
	return v.each(args[0], func(m paper.Mat) paper.Mat {
		s := 0.0
		for i := range m.N {
			s += m.At(i, i)
		}
		return number1(s)
	})
}

// softmax of each row. A row that has nothing but -∞ is NaN.
func softmax(v *evaluator, _ *typed, args []value) value {
	a := args[0].v
	out := value{v: paper.Zeros(a.N, a.D)}
	for t := range a.N {
		in, to := a.Row(t), out.v.Row(t)
		top, sum := math.Inf(-1), 0.0
		for _, x := range in {
			top = max(top, x)
		}
		for j, x := range in {
			to[j] = math.Exp(x - top)
			sum += to[j]
		}
		for j := range to {
			to[j] /= sum
		}
	}
	if v.tangents {
		dot := args[0].dot
		out.dot = out.v.Had(dot.Sub(paper.Cols(out.v.FeatureDot(dot), a.D)))
	}
	if v.scales {
		out.scale = paper.Zeros(a.N, a.D)
		for t := range a.N {
			size := 1.0
			for _, s := range args[0].scale.Row(t) {
				size = max(size, s)
			}
			for j, s := range out.v.Row(t) {
				out.scale.Row(t)[j] = s * size
			}
		}
	}
	return out
}

// mask puts 0 above the diagonal.
func mask(v *evaluator, _ *typed, args []value) value {
	return v.each(args[0], func(m paper.Mat) paper.Mat {
		low := paper.Zeros(m.N, m.D)
		for t := range m.N {
			copy(low.Row(t)[:t+1], m.Row(t))
		}
		return low
	})
}

// ohe has a one in each row, in the column of the row's id. Ids count from 0. A row whose
// id is none is NaN.
func ohe(v *evaluator, t *typed, args []value) value {
	n, d := args[0].v.N, v.size(t.shape.cols)
	m := paper.Zeros(n, d)
	for i, x := range args[0].v.V {
		if id := int(x); float64(id) == x && id >= 0 && id < d {
			m.Row(i)[id] = 1
		} else {
			m.V[i*d] = math.NaN()
		}
	}
	return v.fixed(m)
}

// norm is the length of each column.
func norm(v *evaluator, t *typed, args []value) value {
	return functions["sqrt"].value(v, t, []value{sumTokens(v, t, []value{v.bilinear(args[0], args[0], paper.Mat.Had)})})
}

// mean of each row.
func mean(v *evaluator, t *typed, args []value) value {
	return v.each(sumFeatures(v, t, args), func(m paper.Mat) paper.Mat { return m.Scale(1 / float64(args[0].v.D)) })
}

// deviation of each row from its mean, the root of the mean square.
func deviation(v *evaluator, t *typed, args []value) value {
	a := args[0]
	centre := mean(v, t, args)
	c := value{v: a.v.Sub(paper.Cols(centre.v.V, a.v.D))}
	if v.tangents {
		c.dot = a.dot.Sub(paper.Cols(centre.dot.V, a.v.D))
	}
	if v.scales {
		c.scale = a.scale.Add(paper.Cols(centre.scale.V, a.v.D))
	}
	return functions["sqrt"].value(v, t, []value{mean(v, t, []value{v.bilinear(c, c, paper.Mat.Had)})})
}

func concat(v *evaluator, _ *typed, args []value) value {
	join := func(of func(a value) paper.Mat) paper.Mat {
		parts := make([]paper.Mat, len(args))
		for i, a := range args {
			parts[i] = of(a)
		}
		return paper.Concat(parts...)
	}
	out := value{v: join(func(a value) paper.Mat { return a.v })}
	if v.tangents {
		out.dot = join(func(a value) paper.Mat { return a.dot })
	}
	if v.scales {
		out.scale = join(func(a value) paper.Mat { return a.scale })
	}
	return out
}

// slice is the columns of head h.
func slice(v *evaluator, t *typed, args []value) value {
	from := 0
	for i, l := range v.in.parts[t.kids[0].shape.cols.String()] {
		if n := v.in.sizes[l]; i < int(t.e.kids[1].num)-1 {
			from += n
		}
	}
	return v.each(args[0], func(m paper.Mat) paper.Mat { return m.Columns(from, v.size(t.shape.cols)) })
}

// differential is the tangent, as a value.
func differential(v *evaluator, _ *typed, args []value) value {
	out := value{v: args[0].dot, dot: paper.Zeros(args[0].v.N, args[0].v.D)}
	if v.scales {
		out.scale = absolute(args[0].dot)
	}
	return out
}
