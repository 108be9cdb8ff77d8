package derive

import (
	"fmt"
	"html"
	"strings"
	"unicode"
)

// A Form is a notation that a formula is written in.
type Form string

const (
	TeX    Form = "tex"    // the paper's notation
	MathML Form = "mathml" // the same, for a browser
	NumPy  Form = "numpy"  // vectors are arrays of one axis
	Go     Form = "go"     // methods of package paper; vectors are paper.Vec
)

// As writes an answer in another notation. NumPy and Go need the shapes, so the answer must
// have them. Its error is an *Error.
func (x *Exercise) As(typed string, f Form) (string, error) {
	if x.Level == Predict {
		return "", fmt.Errorf("%s asks for a statement, not for a formula", x.ID)
	}
	e, err := x.parse(typed)
	if err != nil {
		return "", err
	}
	g := x.grader()
	return g.scope.as(e, f, &g.want)
}

// As writes an expression of the scope in another notation.
func (s *Scope) As(e *Expr, f Form) (string, error) { return s.as(e, f, nil) }

func (s *Scope) as(e *Expr, f Form, want *Type) (string, error) {
	e = s.spelled(e)
	rs, err := s.readings(e, want)
	if err == nil {
		e = rs[0].e
	}
	switch f {
	case TeX:
		return written(texWriter{s}, e), nil
	case MathML:
		return mathElement(written(mathWriter{s}, e)), nil
	case NumPy, Go:
		if err != nil {
			return "", err
		}
		if f == NumPy {
			return (&numpyWriter{s}).write(rs[0].t), nil
		}
		return (&goWriter{}).write(rs[0].t)
	}
	return "", fmt.Errorf("there is no form %q: tex, mathml, numpy or go", f)
}

// texNames are names that TeX writes in its own way.
var texNames = map[string]string{
	"a_prev": `a_{i-1}`, "D_prev": `\Delta_{i-1}`, "D": `\Delta`, "abar": `\bar a`, "sigma": `\sigma`, "mu": `\mu`, "rho": `\rho`, "alpha": `\alpha`,
	"theta": `\theta`, "omega": `\omega`, "eps": `\varepsilon`, "l": `\ell`, "J": "J", "I": "I", "ones": "J", "zeros": "0",
}

// texName is a name in the paper's notation: rho_raw is ρ^raw, D_q is Δ_q.
func texName(n string) string {
	if t, ok := texNames[n]; ok {
		return t
	}
	if p, ok := strings.CutPrefix(n, "dL/d"); ok {
		return `\frac{\partial L}{\partial ` + texName(p) + `}`
	}
	base, sub, ok := strings.Cut(n, "_")
	if !ok {
		if len(n) > 1 {
			return `\mathrm{` + n + `}`
		}
		return n
	}
	base = texName(base)
	switch sub {
	case "raw", "scaled", "causal":
		return base + `^{\mathrm{` + sub + `}}`
	case "rho":
		return base + `_\rho`
	}
	sub = strings.ReplaceAll(sub, "_", `\_`)
	if len(sub) > 2 {
		return base + `_{\mathrm{` + sub + `}}`
	}
	return base + "_{" + sub + "}"
}

// TeX writes the expression in the paper's notation: a juxtaposition is a matrix product.
// Which names are numbers, it guesses; Scope.As knows.
func (e *Expr) TeX() string { return written(texWriter{}, e) }

// MathML is a math element with the same content.
func (e *Expr) MathML() string { return mathElement(written(mathWriter{}, e)) }

func mathElement(content string) string {
	return `<math xmlns="http://www.w3.org/1998/Math/MathML"><mrow>` + content + `</mrow></math>`
}

// A notation writes the parts of an expression in TeX or in MathML.
type notation interface {
	name(n string) string
	number(x float64) string
	infix(sign, a, b string) string // sign is one of those of the language, or "⊖", "·"
	prefix(sign, a string) string
	fraction(a, b string) string
	root(a string) string
	tilde(a string) string
	power(a, up string) string // a to the t
	call(f string, args []string) string
	sum(over, a string) string
	index(a string, at []string) string
	group(a string) string // parentheses
	scalar(n string) bool  // whether a name is a number
}

// written is e in a notation.
func written(n notation, e *Expr) string {
	in := func(e *Expr, level int) string {
		if e.level() < level && !(e.op == opOver && numeric(n, e.kids[1])) {
			return n.group(written(n, e))
		}
		return written(n, e)
	}
	switch e.op {
	case opNumber:
		return n.number(e.num)
	case opName:
		return n.name(e.name)
	case opAdd, opSub:
		return n.infix(signOf[e.op], in(e.kids[0], levelSum), in(e.kids[1], levelProduct))
	case opTimes:
		sign := "*"
		if numeric(n, e.kids[0]) || numeric(n, e.kids[1]) {
			sign = "@" // a number is set beside what it multiplies
		}
		return n.infix(sign, factor(n, e.kids[0], sign), factor(n, e.kids[1], sign))
	case opProduct:
		return n.infix("@", factor(n, e.kids[0], "@"), factor(n, e.kids[1], "@"))
	case opOver:
		return n.fraction(written(n, e.kids[0]), written(n, e.kids[1]))
	case opNegative:
		return n.prefix("-", in(e.kids[0], levelProduct))
	case opRepeat:
		return n.tilde(written(n, e.kids[0]))
	case opTranspose:
		a := in(e.kids[0], levelPostfix)
		if k := e.kids[0]; k.op == opCall && (k.name == "sum_tokens" || k.name == "sum_features" || k.name == "d") {
			a = n.group(a)
		}
		return n.power(a, "t")
	case opIndex:
		var at []string
		for _, k := range e.kids[1:] {
			at = append(at, written(n, k))
		}
		return n.index(in(e.kids[0], levelPostfix), at)
	case opChain:
		s := factor(n, e.kids[0], "")
		for i, op := range e.ops {
			s = n.infix(signOf[op], s, factor(n, e.kids[i+1], ""))
		}
		return s
	}
	var args []string
	for _, k := range e.kids {
		args = append(args, written(n, k))
	}
	switch e.name {
	case "sum_tokens":
		return n.sum("tokens", in(e.kids[0], levelProduct))
	case "sum_features":
		return n.sum("features", in(e.kids[0], levelProduct))
	case "rowdot":
		return n.group(n.infix("⊖", in(e.kids[0], levelProduct), in(e.kids[1], levelProduct)))
	case "frob":
		return n.group(n.infix("·", in(e.kids[0], levelProduct), in(e.kids[1], levelProduct)))
	case "sqrt":
		return n.root(args[0])
	case "d":
		return n.prefix("d", in(e.kids[0], levelPostfix))
	}
	return n.call(e.name, args)
}

// factor is an operand of a product: what is made by the same sign needs no parentheses.
func factor(n notation, e *Expr, sign string) string {
	sameSign := e.op == opProduct && sign == "@" || e.op == opTimes && sign == "*"
	if e.op == opOver || sameSign || e.level() > levelProduct && e.op != opNegative {
		return written(n, e)
	}
	return n.group(written(n, e))
}

// numeric says whether e is a number, as far as can be seen.
func numeric(n notation, e *Expr) bool {
	switch e.op {
	case opNumber:
		return true
	case opName:
		return n.scalar(e.name)
	case opCall:
		return e.name == "frob" || e.name == "tr" || e.name == "sqrt" && numeric(n, e.kids[0])
	case opAdd, opSub, opTimes, opOver:
		return numeric(n, e.kids[0]) && numeric(n, e.kids[1])
	}
	return false
}

// isNumber says whether a name is a number: by the scope, or by what it is called.
func isNumber(s *Scope, name string) bool {
	if s != nil {
		return s.types[name] == Type{Number, "1", "1"}
	}
	switch name {
	case "alpha", "d_rho", "n_T", "n_d", "n_V", "rank", "eps":
		return true
	}
	return false
}

type texWriter struct{ scope *Scope }

func (w texWriter) scalar(n string) bool  { return isNumber(w.scope, n) }
func (texWriter) name(n string) string    { return texName(n) }
func (texWriter) number(x float64) string { return numeral(x) }
func (texWriter) prefix(s, a string) string {
	return map[string]string{"-": "-", "d": `\mathrm{d}`}[s] + a
}
func (texWriter) fraction(a, b string) string {
	return `\frac{` + a + `}{` + b + `}`
}
func (texWriter) root(a string) string      { return `\sqrt{` + a + `}` }
func (texWriter) tilde(a string) string     { return `\widetilde{` + a + `}` }
func (texWriter) power(a, up string) string { return `{` + a + `}^` + up }
func (texWriter) group(a string) string     { return `\left(` + a + `\right)` }
func (texWriter) sum(over, a string) string { return `\sum_{\mathrm{` + over + `}}` + a }
func (texWriter) call(f string, args []string) string {
	return `\mathrm{` + strings.ReplaceAll(f, "_", `\_`) + `}\left(` + strings.Join(args, ", ") + `\right)`
}
func (texWriter) index(a string, at []string) string {
	return `\left[` + a + `\right]_{` + strings.Join(at, ", ") + `}`
}
func (texWriter) infix(sign, a, b string) string {
	return a + map[string]string{"+": "+", "-": "-", "*": `\circ `, "/": "/", "@": `\,`, "⊖": `\ominus `, "·": `\cdot `}[sign] + b
}

type mathWriter struct{ scope *Scope }

func (w mathWriter) scalar(n string) bool { return isNumber(w.scope, n) }

// name is an identifier with what hangs on it: ρ^raw, Δ_q, a_{i-1}.
func (w mathWriter) name(n string) string {
	switch n {
	case "a_prev", "D_prev":
		return `<msub>` + w.name(n[:1]) + `<mrow><mi>i</mi><mo>-</mo><mn>1</mn></mrow></msub>`
	case "abar":
		return `<mover><mi>a</mi><mo>¯</mo></mover>`
	case "ones":
		return `<mi>J</mi>`
	}
	if p, ok := strings.CutPrefix(n, "dL/d"); ok {
		return `<mfrac><mrow><mi>∂</mi><mi>L</mi></mrow><mrow><mi>∂</mi>` + w.name(p) + `</mrow></mfrac>`
	}
	base, sub, ok := strings.Cut(n, "_")
	for g, a := range greek {
		if a == base && (g == 'ρ' || g == 'Δ' || g == 'α' || g == 'σ' || g == 'μ' || g == 'θ' || g == 'ω' || g == 'ε' || g == 'ℓ') {
			base = string(g)
			break
		}
	}
	base = `<mi>` + html.EscapeString(base) + `</mi>`
	if !ok {
		return base
	}
	tag := "msub"
	switch sub {
	case "raw", "scaled", "causal":
		tag = "msup"
	case "rho":
		sub = "ρ"
	}
	return `<` + tag + `>` + base + `<mi>` + html.EscapeString(sub) + `</mi></` + tag + `>`
}
func (mathWriter) number(x float64) string { return `<mn>` + numeral(x) + `</mn>` }
func (mathWriter) prefix(s, a string) string {
	return `<mrow><mo>` + s + `</mo>` + a + `</mrow>`
}
func (mathWriter) fraction(a, b string) string {
	return `<mfrac><mrow>` + a + `</mrow><mrow>` + b + `</mrow></mfrac>`
}
func (mathWriter) root(a string) string { return `<msqrt>` + a + `</msqrt>` }
func (mathWriter) tilde(a string) string {
	return `<mover accent="true"><mrow>` + a + `</mrow><mo stretchy="true">~</mo></mover>`
}
func (mathWriter) power(a, up string) string {
	return `<msup><mrow>` + a + `</mrow><mi>` + up + `</mi></msup>`
}
func (mathWriter) group(a string) string { return `<mrow><mo>(</mo>` + a + `<mo>)</mo></mrow>` }
func (mathWriter) sum(over, a string) string {
	return `<mrow><munder><mo>∑</mo><mtext>` + over + `</mtext></munder>` + a + `</mrow>`
}
func (mathWriter) call(f string, args []string) string {
	return `<mrow><mi>` + f + `</mi><mo>(</mo>` + strings.Join(args, `<mo>,</mo>`) + `<mo>)</mo></mrow>`
}
func (mathWriter) index(a string, at []string) string {
	return `<msub><mrow>` + a + `</mrow><mrow>` + strings.Join(at, `<mo>,</mo>`) + `</mrow></msub>`
}
func (mathWriter) infix(sign, a, b string) string {
	sign = map[string]string{"+": "+", "-": "-", "*": "∘", "/": "/", "@": "\u2062", "⊖": "⊖", "·": "·"}[sign]
	return a + `<mo>` + sign + `</mo>` + b
}

// identifier is a name in a programming language: dL/dw_q is dL_dw_q, and in Go dLDwQ.
func identifier(n string, camel bool) string {
	n = strings.ReplaceAll(n, "/", "_")
	if !camel {
		return n
	}
	var b strings.Builder
	up := false
	for _, r := range n {
		if r == '_' {
			up = true
			continue
		}
		if up {
			r = unicode.ToUpper(r)
		}
		up = false
		b.WriteRune(r)
	}
	return b.String()
}
