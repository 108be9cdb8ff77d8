package derive

import (
	"cmp"
	"fmt"
	"slices"
)

// A candidate is an expression near an answer: what must be changed, in words, and where.
type candidate struct {
	e        *Expr
	kind     string // "transpose", "name", "sign", …
	what     string // an advice: "k belongs in the place of q"
	with     string // the change as an addition: "with x transposed"; "" where only a right value is worth the advice
	number   bool   // it is about a number, such as d_rho
	part     string // of a removal: what is left out
	cost     int    // what is cheaper is tried first
	pos, end int    // columns of the place
	right    bool   // its value is the truth
}

// A search looks for candidates near one expression.
type search struct {
	g    *grader
	e    *Expr
	all  []candidate
	last *candidate // that was put, or nil
	work int        // how many numbers may still be computed
}

const (
	// searchWork bounds the work of one search, in units of about 20 ns: 40 ms.
	searchWork = 2_000_000
	// pairsWork is what of it is left for pairs of edits, of which there are too many to try all.
	pairsWork = 1_000_000
	// searchNodes is the largest answer near which is searched; answers have some 20 nodes.
	searchNodes = 120
)

func (g *grader) search(e *Expr) *search { return &search{g: g, e: e, work: searchWork} }

// swapped are names and functions that are easily taken for each other.
var swapped = map[string][]string{
	"q": {"k"}, "k": {"q"}, "w_q": {"w_k"}, "w_k": {"w_q"}, "b_q": {"b_k"}, "b_k": {"b_q"}, "v": {"k"},
	"D_raw": {"D_causal", "D_scaled", "D_rho"}, "D_causal": {"D_raw", "D_rho"}, "D_scaled": {"D_raw"}, "D_rho": {"D_causal", "D_raw"},
	"rho": {"rho_raw", "rho_causal"}, "rho_raw": {"rho"}, "a_prev": {"abar", "v", "k"}, "abar": {"a_prev"},
	"D": {"g", "D_z"}, "g": {"D"}, "u": {"z"}, "z": {"u"}, "d": {"u"}, "D_12": {"D_1"}, "D_1": {"D_12", "D_2"}, "D_2": {"D_1"},
	"a_11": {"a_1"}, "a_1": {"a_11", "a_2"}, "a_2": {"a_1"},
	"sum_tokens": {"sum_features"}, "sum_features": {"sum_tokens"}, "dgelu": {"gelu"}, "gelu": {"dgelu"}, "dsilu": {"silu"}, "silu": {"dsilu", "sigmoid"},
	"drelu": {"relu"}, "relu": {"drelu"}, "cos": {"sin"}, "sin": {"cos"}, "mu": {"sigma"}, "sigma": {"mu"}, "sigmoid": {"silu", "dsilu"}, "exp": {"log"}, "log": {"exp"},
	"rowdot": {"frob"}, "frob": {"rowdot"}, "norm": {"sigma"},
}

// edits lists what is one edit away, the cheapest first.
func (s *search) edits() []candidate {
	if s.all == nil && s.e.size() <= searchNodes {
		s.visit(s.e, func(e *Expr) *Expr { return e })
		s.everywhere()
		s.terms()
		slices.SortStableFunc(s.all, func(a, b candidate) int { return cmp.Compare(a.cost, b.cost) })
		s.work -= 60 * len(s.all) // about 1 µs each
	}
	return s.all
}

// with gives the last candidate its change as an addition.
func (s *search) with(format string, args ...any) {
	if s.last != nil {
		s.last.with = fmt.Sprintf("with "+format, args...)
	}
}

// put adds a candidate whose place is the span of at.
func (s *search) put(e *Expr, at *Expr, kind string, cost int, format string, args ...any) {
	if s.g.x.Template != "" && at.pos == 0 {
		s.last = nil // it is in the template, which is right
		return
	}
	s.all = append(s.all, candidate{e: e, kind: kind, what: fmt.Sprintf(format, args...), cost: cost, pos: at.pos, end: at.end})
	s.last = &s.all[len(s.all)-1]
}

// visit lists the edits of at and of everything below it; back puts a changed at into
// its place in the whole.
func (s *search) visit(at *Expr, back func(e *Expr) *Expr) {
	switch at.op {
	case opName:
		s.names(at, back)
	case opTranspose:
		s.put(back(at.kids[0]), at, "transpose", 1, "%s must not be transposed", short(at.kids[0]))
		s.with("%s not transposed", short(at.kids[0]))
	case opRepeat:
		s.put(back(at.kids[0]), at, "repeat", 2, "%s must not be repeated with ~", short(at.kids[0]))
	case opNegative:
		s.put(back(at.kids[0]), at, "sign", 1, "the minus before %s is too much", short(at.kids[0]))
	case opAdd, opSub:
		s.sums(at, back)
	case opTimes, opOver, opProduct:
		s.products(at, back)
	case opCall:
		for _, other := range swapped[at.name] {
			c := *at
			if f, ok := functions[other]; !ok || len(at.kids) < f.min || len(at.kids) > f.max {
				continue
			}
			c.name = other
			s.put(back(&c), at, "function", 1, "%s belongs in the place of %s", other, at.name)
			s.with("%s in the place of %s", other, at.name)
		}
		if len(at.kids) == 1 {
			s.put(back(at.kids[0]), at, "function-extra", 2, "%s around %s is too much", at.name, short(at.kids[0]))
		}
	}
	if at.op != opTranspose && at.op != opNumber {
		s.put(back(one(opTranspose, at)), at, "transpose", 1, "%s must be transposed", short(at))
		s.with("%s transposed", short(at))
	}
	if at.op != opRepeat && at.op != opNumber && at.op != opTranspose {
		s.put(back(one(opRepeat, at)), at, "repeat", 1, "the vector %s must be repeated: ~%s", short(at), wrapped(at))
		s.with("~%s", wrapped(at))
	}
	if at.op != opNumber {
		s.factors(at, back)
		s.put(back(call("mask", at)), at, "mask", 2, "what stands above the diagonal of %s must be 0: mask(%s)", short(at), short(at))
		s.put(back(call("sum_tokens", at)), at, "function-missing", 2, "the sum over the tokens is missing at %s: sum_tokens(%s)", short(at), short(at))
	}
	if at.op == opProduct && !at.uses("J") && !at.uses("ones") && !at.uses("I") {
		s.put(back(call("diagof", at)), at, "function-missing", 2, "the diagonal is asked for: diagof(%s)", short(at))
		s.put(back(call("sum_features", at)), at, "function-missing", 2, "the sum over the features is missing at %s: sum_features(%s)", short(at), short(at))
	}
	for i, k := range at.kids {
		if at.op == opIndex && i > 0 || k.op == opName && k.name == ":" {
			continue
		}
		s.visit(k, func(e *Expr) *Expr { return back(at.at(i, e)) })
	}
}

// wrapped is an expression as the operand of ~.
func wrapped(e *Expr) string {
	if e.level() < levelUnary {
		return "(" + short(e) + ")"
	}
	return short(e)
}

// names puts another name, or its transpose, in the place of one.
func (s *search) names(at *Expr, back func(e *Expr) *Expr) {
	if s.g.scope.differentials {
		s.put(back(call("d", at)), at, "differential", 1, "the differential is missing at %s: d(%s)", at.name, at.name)
	}
	for _, n := range s.g.scope.order {
		if n == at.name {
			continue
		}
		cost := 2
		if slices.Contains(swapped[at.name], n) {
			cost = 1
		}
		s.put(back(named(n)), at, "name", cost, "%s belongs in the place of %s", n, at.name)
		if s.last != nil {
			s.last.number = s.g.scope.types[n].Kind == Number
		}
		s.put(back(one(opTranspose, named(n))), at, "name", cost+1, "%s' belongs in the place of %s", n, at.name)
	}
}

func (s *search) sums(at *Expr, back func(e *Expr) *Expr) {
	c := *at
	l, r := at.kids[0], at.kids[1]
	if at.op == opAdd {
		c.op = opSub
	} else {
		c.op = opAdd
	}
	s.put(back(&c), &Expr{pos: at.sign, end: at.sign + 1}, "sign", 1, "the sign before %s must be %s", short(r), signOf[c.op])
	s.put(back(l), r, "term-extra", 2, "the term %s is too much", short(r))
	kept := r
	if at.op == opSub {
		kept = one(opNegative, r)
	}
	s.put(back(kept), l, "term-extra", 2, "the term %s is too much", short(l))
	s.put(back(two(opProduct, l, r)), &Expr{pos: at.sign, end: at.sign + 1}, "operator", 3, "@ belongs in the place of %s", signOf[at.op])
}

func (s *search) products(at *Expr, back func(e *Expr) *Expr) {
	l, r := at.kids[0], at.kids[1]
	sign := &Expr{pos: at.sign, end: at.sign + 1}
	for _, op := range []operation{opProduct, opTimes, opOver} {
		if op != at.op {
			cost := 1
			if op == opOver || at.op == opOver {
				cost = 2
			}
			c := two(op, l, r)
			c.sign = at.sign
			s.put(back(c), sign, "operator", cost, "%s belongs in the place of %s", signOf[op], signOf[at.op])
			s.with("%s in the place of %s", signOf[op], signOf[at.op])
		}
	}
	if at.op == opProduct || at.op == opOver {
		c := two(at.op, r, l)
		c.sign = at.sign
		s.put(back(c), at, "order", 2, "%s and %s must change places", short(l), short(r))
	}
	if at.op == opOver {
		s.put(back(l), r, "factor-extra", 2, "the division by %s is too much", short(r))
	} else {
		s.put(back(l), r, "factor-extra", 2, "the factor %s is too much", short(r))
		s.put(back(r), l, "factor-extra", 2, "the factor %s is too much", short(l))
	}
}

// factors multiplies or divides at by something of the exercise.
func (s *search) factors(at *Expr, back func(e *Expr) *Expr) {
	for _, n := range s.g.scope.order {
		f := named(n)
		if at.op == opName && at.name == n {
			continue
		}
		add := func(op operation, a, b *Expr, what string) {
			e := two(op, a, b)
			e.pos, e.end = at.pos, at.end
			s.put(back(e), at, "factor-missing", 3, "a factor is missing at %s: %s", short(at), what)
		}
		switch s.g.scope.types[n].Kind {
		case Number:
			add(opTimes, at, f, "* "+n)
			add(opOver, at, f, "/ "+n)
			add(opOver, at, call("sqrt", f), "/ sqrt("+n+")")
		case Matrix:
			add(opTimes, at, f, "* "+n)
			add(opProduct, at, f, "@ "+n)
			add(opProduct, at, one(opTranspose, f), "@ "+n+"'")
			add(opProduct, f, at, n+" @ before it")
			add(opProduct, one(opTranspose, f), at, n+"' @ before it")
		default:
			add(opTimes, at, one(opRepeat, f), "* ~"+n)
			add(opOver, at, one(opRepeat, f), "/ ~"+n)
		}
	}
	for _, f := range s.g.factors {
		e := two(opTimes, at, f)
		e.pos, e.end = at.pos, at.end
		s.put(back(e), at, "factor-missing", 3, "a factor is missing at %s: * %s", short(at), wrapped(f))
	}
}

// factorsOf are the factors of a formula that are not just a name.
func factorsOf(e *Expr) (all []*Expr) {
	e.walk(func(e *Expr) {
		if e.op == opTimes {
			for _, k := range e.kids {
				if k.op == opCall && !slices.ContainsFunc(all, k.same) {
					all = append(all, k)
				}
			}
		}
	})
	return all
}

// everywhere puts one name in the place of another wherever it occurs, exchanges two, and
// multiplies one by a vector.
func (s *search) everywhere() {
	count := map[string]int{}
	first := map[string]*Expr{}
	s.e.walk(func(e *Expr) {
		if e.op == opName {
			if count[e.name]++; count[e.name] == 1 {
				first[e.name] = e
			}
		}
	})
	for _, have := range s.g.scope.order {
		if count[have] == 0 {
			continue
		}
		for _, n := range s.g.scope.order {
			if n == have {
				continue
			}
			t := s.g.scope.types[n]
			by := func(r *Expr) *Expr {
				return s.e.replaced(func(name string) *Expr {
					if name == have {
						return r
					}
					return nil
				})
			}
			if count[n] > 0 && have < n && t == s.g.scope.types[have] {
				swap := s.e.replaced(func(name string) *Expr {
					switch name {
					case have:
						return named(n)
					case n:
						return named(have)
					}
					return nil
				})
				s.put(swap, &Expr{}, "exchange", 2, "%s and %s must be exchanged", have, n)
			}
			if count[have] > 1 {
				s.put(by(named(n)), first[have], "substitution", 2, "%s belongs in the place of %s, everywhere", n, have)
				if t.Kind == Tokens || t.Kind == Features {
					s.put(by(two(opTimes, named(have), one(opRepeat, named(n)))), first[have], "substitution", 3, "%s * ~%s belongs in the place of %s, everywhere", have, n, have)
				}
			}
		}
	}
}

// terms adds or takes away a named term.
func (s *search) terms() {
	for _, k := range s.g.terms {
		name := s.g.x.Terms[k.at].Name
		s.put(two(opAdd, s.e, k.e), s.e, "term-missing", 3, "a term is missing: %s", name)
	}
}

// try types a candidate, and says whether it is right.
func (s *search) try(e *Expr) (types, right bool) {
	n := e.size()
	s.work -= 20 * n
	t, err := s.g.scope.infer(e, &s.g.want)
	if err != nil {
		return false, false
	}
	s.work -= n * 60
	return true, s.g.rightAt(s.g.points, t)
}

// fitting is the first edit after which an answer without a shape has one; one that is
// right is preferred to one that only fits.
func (s *search) fitting() (candidate, bool) {
	var fits *candidate
	for _, c := range s.edits() {
		if s.work < 0 {
			break
		}
		if c.kind == "factor-missing" || c.kind == "term-missing" {
			continue
		}
		types, right := s.try(c.e)
		if right {
			c.right = true
			return c, true
		}
		if types && fits == nil && c.cost == 1 && c.with != "" {
			fits = &c
		}
	}
	if fits != nil {
		return *fits, true
	}
	return candidate{}, false
}

// single is the cheapest edit that makes an answer right.
func (s *search) single() (candidate, bool) {
	for _, c := range s.edits() {
		if s.work < 0 {
			break
		}
		if _, right := s.try(c.e); right {
			return c, true
		}
	}
	return candidate{}, false
}

// double is a pair of cheap edits that makes an answer right.
func (s *search) double() (first, second candidate, ok bool) {
	s.work = min(s.work, pairsWork)
	for _, a := range s.edits() {
		if a.cost > 2 {
			break
		}
		if types, _ := s.try(a.e); !types && a.cost > 1 {
			continue
		}
		next := &search{g: s.g, e: a.e, work: s.work}
		for _, b := range next.edits() {
			if b.cost > 2 || a.cost+b.cost > 3 {
				break
			}
			if next.work < 0 {
				return first, second, false
			}
			if _, right := next.try(b.e); right {
				return a, b, true
			}
		}
		if s.work = next.work; s.work < 0 {
			break
		}
	}
	return first, second, false
}
