package derive

import (
	"cmp"
	"slices"
	"strings"
)

// shorter leaves out one part after the other, as long as the answer stays right; gone is
// the first of them.
func (g *grader) shorter(e *Expr) (short *Expr, gone string, ok bool) {
	for range 8 {
		s := g.search(e)
		found := false
		for _, c := range s.removals() {
			if t, err := g.scope.infer(c.e, &g.want); err == nil && g.rightAt(g.points, t) {
				if e = c.e; gone == "" {
					gone = c.part
				}
				found, ok = true, true
				break
			}
		}
		if !found {
			break
		}
	}
	return e, gone, ok
}

// removals are the edits that leave out a term, a factor or a function, and those that leave
// out several terms of a sum, the largest part first.
func (s *search) removals() []candidate {
	var all []candidate
	for _, c := range s.edits() {
		switch c.kind {
		case "term-extra", "factor-extra", "function-extra":
			if left := s.e.size() - c.e.size(); left > 0 {
				c.part = strings.TrimSuffix(c.what, " is too much")
				all = append(all, c)
			}
		}
	}
	if s.e.size() <= searchNodes {
		all = append(all, s.partialSums(s.e, false, func(e *Expr) *Expr { return e })...)
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.e.size(), b.e.size()) })
	return all
}

// mostTerms is the longest sum of which all parts are tried.
const mostTerms = 6

// partialSums leave out two terms or more of each sum in at: such terms may cancel, and then
// none of them can go alone, while a function around one of them can go and leaves what
// cancels. back puts a changed at into its place in the whole; inner says that at is a part
// of a sum already.
func (s *search) partialSums(at *Expr, inner bool, back func(e *Expr) *Expr) (all []candidate) {
	sum := at.op == opAdd || at.op == opSub
	if terms := termsOf(at); sum && !inner && len(terms) <= mostTerms && (s.g.x.Template == "" || at.pos > 0) {
		for kept := 1; kept < 1<<len(terms)-1; kept++ {
			var stay, gone []*Expr
			for i, t := range terms {
				if kept>>i&1 == 1 {
					stay = append(stay, t)
				} else {
					gone = append(gone, t)
				}
			}
			if len(gone) > 1 {
				c := candidate{e: back(sumOf(stay)), part: "what cancels"}
				if text := sumOf(gone).String(); len(text) <= 48 {
					c.part = text
				}
				all = append(all, c)
			}
		}
	}
	for i, k := range at.kids {
		all = append(all, s.partialSums(k, sum, func(e *Expr) *Expr { return back(at.at(i, e)) })...)
	}
	return all
}

// termsOf are the terms of a sum, those that are taken away with a minus.
func termsOf(e *Expr) []*Expr {
	if e.op != opAdd && e.op != opSub {
		return []*Expr{e}
	}
	terms := termsOf(e.kids[0])
	for _, t := range termsOf(e.kids[1]) {
		if e.op == opSub {
			t = negated(t)
		}
		terms = append(terms, t)
	}
	return terms
}

// sumOf is the sum of terms.
func sumOf(terms []*Expr) *Expr {
	sum := terms[0]
	for _, t := range terms[1:] {
		if t.op == opNegative {
			sum = two(opSub, sum, t.kids[0])
		} else {
			sum = two(opAdd, sum, t)
		}
	}
	return sum
}

func negated(e *Expr) *Expr {
	if e.op == opNegative {
		return e.kids[0]
	}
	return one(opNegative, e)
}
