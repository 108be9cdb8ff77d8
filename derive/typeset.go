package derive

import (
	"strings"
	"unicode"
)

// Typeset writes a line of the language for a terminal, in the paper's notation and in
// Unicode: a' is aᵗ, * between matrices is ∘, ~b is b̃, a_prev is aᵢ₋₁ and dL/dw_q is
// ∂L/∂w_q. A juxtaposition is a product. Of a line with a_prev or D_prev, a and D are aᵢ
// and Δᵢ. What stands behind where stays there. w says which names are numbers; without it,
// nil, some are known. Its error is an *Error.
func Typeset(line string, w *World) (string, error) {
	return TypesetIn(line, w, strings.Contains(line, "a_prev") || strings.Contains(line, "D_prev"))
}

// TypesetIn is Typeset for a line among others: layer says whether a and D are those of layer i.
func TypesetIn(line string, w *World, layer bool) (string, error) {
	src, bound, _ := strings.Cut(line, " where ")
	t := typesetter{layer: layer}
	if w != nil {
		t.scope = w.program().scope
	}
	text, err := t.line(src)
	if err != nil || bound == "" {
		return text, err
	}
	text += ",  where "
	for i, d := range definitions(bound) {
		if i > 0 {
			text += ", "
		}
		s, err := t.line(d)
		if err != nil {
			return "", err
		}
		text += s
	}
	return text, nil
}

// definitions divides what stands behind where at its commas that are in no parentheses.
func definitions(bound string) (all []string) {
	depth, from := 0, 0
	for i, r := range bound {
		switch r {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				all, from = append(all, bound[from:i]), i+1
			}
		}
	}
	return append(all, bound[from:])
}

// Symbol is a name of the language as [Typeset] writes it: rho_raw is ρ^raw. With layer a
// and D are those of layer i.
func Symbol(name string, layer bool) string { return typesetter{layer: layer}.name(name) }

type typesetter struct {
	layer bool   // a and D are aᵢ and Δᵢ
	scope *Scope // may be nil
}

func (t typesetter) line(src string) (string, error) {
	l, err := ParseLine(src)
	if err != nil {
		return "", err
	}
	var sides []string
	if l.Name != "" {
		sides = append(sides, t.name(l.Name)+" :")
	}
	for _, e := range l.Sides {
		sides = append(sides, t.at(e, typesetSum))
	}
	return strings.ReplaceAll(strings.Join(sides, " = "), " : = ", " := "), nil
}

// Levels, from what binds least: an expression of a lower level gets parentheses.
const (
	typesetSum     = iota
	typesetDot     // a · b, a ⊖ b, Σ a
	typesetProduct // a b, a ∘ b, a / b
	typesetUnary
	typesetAtom
)

// at writes e where a level is asked for.
func (t typesetter) at(e *Expr, level int) string {
	s, own := t.write(e)
	if own < level {
		return "(" + s + ")"
	}
	return s
}

func (t typesetter) write(e *Expr) (s string, level int) {
	switch e.op {
	case opNumber:
		return numeral(e.num), typesetAtom
	case opName:
		return t.name(e.name), typesetAtom
	case opAdd, opSub:
		sign := map[operation]string{opAdd: " + ", opSub: " - "}[e.op]
		return t.at(e.kids[0], typesetSum) + sign + t.at(e.kids[1], typesetDot), typesetSum
	case opTimes, opProduct, opOver:
		return t.product(e), typesetProduct
	case opNegative:
		return "-" + t.at(e.kids[0], typesetProduct), typesetUnary
	case opRepeat:
		k := e.kids[0]
		if k.op == opName {
			if s, ok := tilded(t.name(k.name)); ok {
				return s, typesetAtom
			}
		}
		return "~" + t.at(k, typesetAtom), typesetUnary
	case opTranspose:
		s := t.at(e.kids[0], typesetAtom)
		if strings.ContainsAny(s, "^/") && e.kids[0].op == opName {
			s = "(" + s + ")"
		}
		return s + "ᵗ", typesetAtom
	case opIndex:
		var at []string
		for _, k := range e.kids[1:] {
			at = append(at, t.at(k, typesetSum))
		}
		return t.at(e.kids[0], typesetAtom) + "[" + strings.Join(at, ", ") + "]", typesetAtom
	case opChain:
		s := t.at(e.kids[0], typesetUnary)
		for i, op := range e.ops {
			sign := map[operation]string{opTimes: " ∘ ", opOver: " / ", opProduct: " "}[op]
			s += sign + t.at(e.kids[i+1], typesetUnary)
		}
		return s, typesetProduct
	}
	return t.call(e)
}

// product writes a product or quotient. Factors of the same kind need no parentheses.
func (t typesetter) product(e *Expr) string {
	left, right := e.kids[0], e.kids[1]
	sign := " "
	switch {
	case e.op == opOver:
		sign = " / "
	case e.op == opTimes && !t.number(left) && !t.number(right):
		sign = " ∘ "
	}
	beside := func(k *Expr, atLeast int) string {
		set := k.op == opProduct || k.op == opTimes && (t.number(k.kids[0]) || t.number(k.kids[1]))
		switch {
		case sign == " " && set, sign == " ∘ " && k.op == opTimes && !set:
			return t.at(k, typesetProduct)
		case sign == " / " && set && atLeast == typesetUnary && t.number(right):
			return t.at(k, typesetProduct) // a b / n is what it is either way
		}
		return t.at(k, atLeast)
	}
	if e.op == opOver {
		return beside(left, typesetUnary) + sign + t.at(right, typesetAtom)
	}
	return beside(left, typesetUnary) + sign + beside(right, typesetUnary)
}

// number says whether e is one number, as far as can be seen.
func (t typesetter) number(e *Expr) bool { return numeric(knownNumbers{scope: t.scope}, e) }

// knownNumbers asks the scope which names are numbers, and of those that it does not have
// what such names mean everywhere.
type knownNumbers struct {
	texWriter
	scope *Scope
}

func (k knownNumbers) scalar(n string) bool {
	if k.scope != nil {
		if _, ok := k.scope.types[n]; ok {
			return isNumber(k.scope, n)
		}
	}
	return isNumber(nil, n)
}

var typesetFunctions = map[string]string{"mu": "μ", "sigma": "σ", "diagof": "diag", "dgelu": "gelu′", "dsilu": "silu′", "drelu": "relu′"}

func (t typesetter) call(e *Expr) (string, int) {
	arg := func(i, level int) string { return t.at(e.kids[i], level) }
	switch e.name {
	case "sum_tokens", "sum_features":
		return "Σ_" + strings.TrimPrefix(e.name, "sum_") + " " + arg(0, typesetDot), typesetDot
	case "rowdot":
		side := func(i int) string {
			if e.kids[i].op == opProduct { // Δ vᵗ ⊖ ρ, as the paper has it
				return arg(i, typesetProduct)
			}
			return arg(i, typesetAtom)
		}
		return side(0) + " ⊖ " + side(1), typesetDot
	case "frob":
		return arg(0, typesetAtom) + " · " + arg(1, typesetAtom), typesetDot
	case "sqrt":
		return "√" + arg(0, typesetAtom), typesetAtom
	case "norm":
		return "‖" + arg(0, typesetSum) + "‖", typesetAtom
	case "d":
		if s := arg(0, typesetAtom); !strings.HasPrefix(s, "d") && !strings.HasPrefix(s, "∂") && e.kids[0].op == opName {
			return "d" + s, typesetAtom
		}
		return "d(" + arg(0, typesetSum) + ")", typesetAtom
	}
	var args []string
	for i := range e.kids {
		args = append(args, arg(i, typesetSum))
	}
	name := e.name
	if f, ok := typesetFunctions[name]; ok {
		name = f
	}
	return name + "(" + strings.Join(args, ", ") + ")", typesetAtom
}

// typesetNames are names that are written in their own way.
var typesetNames = map[string]string{
	"a_prev": "aᵢ₋₁", "D_prev": "Δᵢ₋₁", "D_prev_1": "Δᵢ₋₁^1", "D_prev_2": "Δᵢ₋₁^2", "abar": "ā", "qbar": "q̄", "ones": "J", "zeros": "0",
	"sigma": "σ", "mu": "μ", "rho": "ρ", "alpha": "α", "theta": "θ", "omega": "ω", "eps": "ε", "l": "ℓ", "D": "Δ",
}

// name is a name in the paper's notation: rho_raw is ρ^raw, a_11 is a₁₁, d_rho is d_ρ. A
// letter stays beside its line, as in w_q, since not all letters have a lower form.
func (t typesetter) name(n string) string {
	if t.layer && (n == "a" || n == "D") {
		return map[string]string{"a": "aᵢ", "D": "Δᵢ"}[n]
	}
	if s, ok := typesetNames[n]; ok {
		return s
	}
	if p, ok := strings.CutPrefix(n, "dL/d"); ok {
		return "∂L/∂" + typesetter{}.name(p)
	}
	parts := strings.Split(n, "_")
	s := parts[0]
	if g, ok := typesetNames[s]; ok {
		s = g
	}
	for i, p := range parts[1:] {
		switch {
		case p == "raw" || p == "scaled" || p == "causal" || i > 0 && (p == "next" || p == "branch"):
			s += "^" + p
		case p == "rho":
			s += "_ρ"
		default:
			s += lowered(p)
		}
	}
	return s
}

// lowered is a part of a name behind its line: digits are set lower, v1 is _v₁.
func lowered(part string) string {
	word := strings.TrimRight(part, "0123456789")
	s := ""
	if word != "" {
		s = "_" + word
	}
	for _, d := range part[len(word):] {
		s += string('₀' + d - '0')
	}
	return s
}

// tilded puts a tilde above the first letter of a name, unless that has something above it.
func tilded(name string) (string, bool) {
	rs := []rune(name)
	if strings.HasPrefix(name, "∂") || strings.ContainsAny(name, "ā̄") || len(rs) > 1 && unicode.IsLetter(rs[1]) && rs[1] != 'ᵢ' {
		return "", false
	}
	return string(rs[0]) + "\u0303" + string(rs[1:]), true
}
