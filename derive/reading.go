package derive

// A chain a * b @ c can be read in three ways: from left to right; with @ first, as
// mathematicians do; and with * and / first. resolve returns the trees that an expression
// may mean: first the one that is read from left to right everywhere. Where more than
// maxChains chains are in it, all are read alike.
func resolve(e *Expr) []*Expr {
	chains := 0
	e.walk(func(e *Expr) {
		if e.op == opChain {
			chains++
		}
	})
	if chains == 0 {
		return []*Expr{e}
	}
	var all []*Expr
	add := func(policies []policy) {
		i := 0
		r := read(e, func() policy {
			i++
			return policies[(i-1)%len(policies)]
		})
		for _, have := range all {
			if have.same(r) {
				return
			}
		}
		all = append(all, r)
	}
	for p := range policy(3) {
		add([]policy{p})
	}
	if chains > 1 && chains <= maxChains {
		policies := make([]policy, chains)
		var vary func(i int)
		vary = func(i int) {
			if i == chains {
				add(policies)
				return
			}
			for p := range policy(3) {
				policies[i] = p
				vary(i + 1)
			}
		}
		vary(0)
	}
	return all
}

const maxChains = 3

// A policy says which operators of a chain bind first.
type policy int

const (
	leftToRight policy = iota
	productsFirst
	entriesFirst
)

// read resolves the chains of e, each by its own policy.
func read(e *Expr, next func() policy) *Expr {
	if len(e.kids) == 0 {
		return e
	}
	c := *e
	var p policy
	if e.op == opChain {
		p = next()
	}
	c.kids = make([]*Expr, len(e.kids))
	for i, k := range e.kids {
		c.kids[i] = read(k, next)
	}
	if e.op != opChain {
		return &c
	}
	return fold(c.kids, p, e)
}

// fold makes a tree of a chain.
func fold(kids []*Expr, p policy, chain *Expr) *Expr {
	join := func(i int, a, b *Expr) *Expr {
		e := two(chain.ops[i], a, b)
		e.sign = chain.cols[i]
		return e
	}
	out, rest := []*Expr{kids[0]}, []int(nil)
	for i, op := range chain.ops {
		if p == leftToRight || (op == opProduct) == (p == productsFirst) {
			out[len(out)-1] = join(i, out[len(out)-1], kids[i+1])
		} else {
			out, rest = append(out, kids[i+1]), append(rest, i)
		}
	}
	e := out[0]
	for n, i := range rest {
		e = join(i, e, out[n+1])
	}
	return e
}

// A reading is a tree that an expression may mean, with its shapes.
type reading struct {
	e *Expr
	t *typed
}

// readings are the trees of e that have shapes; where none has, the error is that of the
// one that is read from left to right.
func (s *Scope) readings(e *Expr, want *Type) ([]reading, error) {
	var all []reading
	var first error
	for _, r := range resolve(s.spelled(e)) {
		t, err := s.infer(r, want)
		if err == nil {
			all = append(all, reading{r, t})
		} else if first == nil {
			first = err
		}
	}
	if len(all) == 0 {
		return nil, first
	}
	return all, nil
}

// spelled is e with names that the scope has in another spelling: D_raw for Draw.
func (s *Scope) spelled(e *Expr) *Expr {
	return e.replaced(func(name string) *Expr {
		if _, ok := s.types[name]; ok {
			return nil
		}
		if _, ok := s.elsewhere[name]; ok || name == "J" || name == "I" || name == "ones" || name == "zeros" || name == ":" {
			return nil
		}
		if found, ok := s.find(name); ok {
			return named(found)
		}
		return nil
	})
}
