package derive

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// numbersWork bounds a search for the formula of some numbers, in units of about 20 ns: a fifth of a second.
const numbersWork = 10_000_000

// GradeNumbers says of numbers that a program computes whether they are the gradient, and
// if not, where the program went wrong. It calls compute once at each point, with numbers
// for all names of the world. compute returns what it takes for the gradient. A vector is a
// matrix of one row if it has one number a feature, and of one column if one a token.
//
// What numbers alone tell is told first: nothing came back, another shape, a transpose, a
// missing sum, a known misconception, a multiple of the truth. Then formulas near the right
// one are tried. Where one has just these numbers, the verdict is what [Exercise.Grade] says
// about it, and Echo is that formula.
//
// A panic of compute is a verdict too: status Refused, ID "panic". Where nothing came back,
// a matrix without numbers, the ID is "nothing".
func (x *Exercise) GradeNumbers(compute func(in *Instance) paper.Mat) Verdict {
	g := *x.grader()
	g.program = true
	v := Verdict{Status: Refused, Shape: g.scope.Sizes(g.want)}
	values := make([]paper.Mat, len(g.points))
	for i, p := range g.points {
		if says := panicOf(func() { values[i] = compute(p.in) }); says != "" {
			v.ID, v.Message = "panic", sentence(fmt.Sprintf("It panics at %s: %s", g.sizes(p.in), says))
			return v
		}
	}
	if g.otherShape(values, &v) {
		v.Message = sentence(v.Message)
		return v
	}
	v.Residue = g.residueOf(values)
	if v.Residue <= exact {
		v.Status, v.ID, v.Message, v.Residue = Right, "right", "Right.", 0
		return v
	}
	v.Status = Wrong
	g.diagnoseNumbers(values, &v)
	v.Message = sentence(v.Message)
	return v
}

// panicOf is what f panics with, "" where it does not.
func panicOf(f func()) (says string) {
	defer func() {
		if r := recover(); r != nil {
			says = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

// residueOf is the largest error of the values, relative to the largest entry of the truth.
func (g *grader) residueOf(values []paper.Mat) (residue float64) {
	for i, p := range g.points {
		r, _ := p.residue(values[i], max(p.large, 1))
		residue = max(residue, min(r, math.MaxFloat64))
	}
	return residue
}

// otherShape refuses numbers that cannot be the gradient for their shape.
func (g *grader) otherShape(values []paper.Mat, v *Verdict) bool {
	// shaped says whether f of the values has the shape of the gradient everywhere, and whether it is the gradient.
	shaped := func(f func(m paper.Mat) paper.Mat) (fits, right bool) {
		all := make([]paper.Mat, len(values))
		for i, p := range g.points {
			if len(values[i].V) != values[i].N*values[i].D {
				return false, false
			}
			all[i] = f(values[i])
			if all[i].N != p.truth.N || all[i].D != p.truth.D {
				return false, false
			}
		}
		return true, g.residueOf(all) <= exact
	}
	if fits, _ := shaped(func(m paper.Mat) paper.Mat { return m }); fits {
		return false
	}
	nothing := true
	for _, m := range values {
		nothing = nothing && len(m.V) == 0
	}
	if nothing {
		v.ID, v.Message = "nothing", "nothing came back"
		return true
	}
	says := fmt.Sprintf("it is %s, and the gradient is %s", g.shapeOf(values), g.scope.Sizes(g.want))
	fits, right := shaped(paper.Mat.T)
	if right {
		v.ID, v.Message = "answer-shape:transpose", says+": right once it is transposed"
		return true
	}
	for _, sum := range []struct {
		says string
		of   func(m paper.Mat) paper.Mat
	}{
		{"the sum over the tokens is missing", func(m paper.Mat) paper.Mat { return row(m.SumTokens()) }},
		{"the sum over the features is missing", func(m paper.Mat) paper.Mat { return column(m.SumFeatures()) }},
		{"its diagonal is asked for", func(m paper.Mat) paper.Mat {
			if m.N != m.D {
				return m
			}
			return row(diagonal(m))
		}},
	} {
		if _, right := shaped(sum.of); right {
			v.ID, v.Message = "answer-shape:function-missing", says+": "+sum.says
			return true
		}
	}
	if g.nearFormula(values, (*search).hasAny, v) {
		return true
	}
	v.ID, v.Message = "answer-shape", says
	if fits && g.want.Kind == Matrix {
		v.ID, v.Message = "answer-shape:transpose", says+": the shape of the transpose, which would not be right yet either"
	}
	return true
}

// shapeOf names a shape by letters, where they fit at all points.
func (g *grader) shapeOf(values []paper.Mat) string {
	letter := func(size func(m paper.Mat) int) string {
		names := []string{"1"}
		for _, l := range FindWorld(g.x.World).letters {
			names = append(names, l.name)
		}
		for _, l := range names {
			all := true
			for i, p := range g.points {
				all = all && p.in.sizes[l] == size(values[i])
			}
			if all {
				return l
			}
		}
		return ""
	}
	t := Type{Matrix, letter(func(m paper.Mat) int { return m.N }), letter(func(m paper.Mat) int { return m.D })}
	switch {
	case t.Rows == "" || t.Cols == "":
		return fmt.Sprintf("%d×%d at %s", values[0].N, values[0].D, g.sizes(g.points[0].in))
	case t.Rows == "1" && t.Cols == "1":
		t.Kind = Number
	case t.Rows == "1":
		return fmt.Sprintf("%s, %d of them", vectorOf(t.Cols), values[0].D)
	case t.Cols == "1":
		return fmt.Sprintf("%s, %d of them", vectorOf(t.Rows), values[0].N)
	}
	return g.scope.Sizes(t)
}

// diagnoseNumbers is diagnose where there is no formula.
func (g *grader) diagnoseNumbers(values []paper.Mat, v *Verdict) {
	zero, finite, dead := true, true, true
	for i, p := range g.points {
		zero = zero && p.large <= 1e-8
		dead = dead && largest(values[i]) == 0
		for _, x := range values[i].V {
			finite = finite && !math.IsNaN(x) && !math.IsInf(x, 0)
		}
	}
	explained := !zero && finite && !dead && (g.misconception(reading{}, values, nil, v) ||
		g.ratio(reading{}, values, nil, v) ||
		g.turned(values, v) ||
		g.nearFormula(values, (*search).has, v) ||
		g.branches(reading{}, values, nil, v) ||
		g.nearFormula(values, (*search).hasTwo, v))
	if !explained {
		g.counterExample(values, zero, v)
	}
}

// turned: the transpose of a square matrix is right.
func (g *grader) turned(values []paper.Mat, v *Verdict) bool {
	turned := make([]paper.Mat, len(values))
	for i, m := range values {
		if turned[i] = m.T(); m.N != m.D {
			return false
		}
	}
	if g.residueOf(turned) > exact {
		return false
	}
	v.ID, v.Message = "edit:transpose", "right once it is transposed"
	return true
}

// nearFormula: formulas that find finds near the right ones give just these numbers. What is
// said about the shortest of them is said about the numbers.
func (g *grader) nearFormula(values []paper.Mat, find func(s *search, values []paper.Mat) (e *Expr, ok bool), v *Verdict) bool {
	work := numbersWork
	var found *Expr
	for _, e := range g.forms() {
		s := g.search(e)
		s.work = work
		if near, ok := find(s, values); ok && (found == nil || near.size() < found.size()) {
			found = near
		}
		work = s.work
	}
	if found == nil {
		return false
	}
	if again, err := Parse(found.String()); err == nil { // for the columns
		found = again
	}
	of := g.grade(found)
	v.ID, v.Echo, v.Column, v.End, v.Repair = of.ID, of.Echo, of.Column, of.End, of.Repair
	v.Message = fmt.Sprintf("These are the numbers of %s. %s", found, of.Message)
	if of.ID == "rows" {
		v.ID, v.Message = "edits", fmt.Sprintf("These are the numbers of %s, which is not the gradient", found)
	}
	return true
}

// forms are the accepted formulas, and those that have the definitions of error signals in
// the place of their names: a program may go wrong within one.
func (g *grader) forms() (all []*Expr) {
	for _, a := range g.x.Accepted {
		if k, err := g.known(a); err == nil {
			all = append(all, k.e)
		}
	}
	if g.reference == nil {
		return all
	}
	e := g.reference
	steps := FindWorld(g.x.World).program().steps
	for i := len(steps) - 1; i >= 0; i-- { // a definition uses names above it
		s := steps[i]
		if s.t == nil || !errorSignal(s.name) || !e.uses(s.name) {
			continue
		}
		e = e.replaced(func(name string) *Expr {
			if name == s.name {
				return s.t.e
			}
			return nil
		})
		if _, err := g.scope.infer(e, &g.want); err == nil {
			all = append(all, e)
		}
	}
	return all
}

// errorSignal says whether a name of a world is an error signal.
func errorSignal(name string) bool { return len(name) > 1 && name[:2] == "D_" }

// equals says whether a candidate has these values; want is its type, or nil for any.
func (s *search) equals(e *Expr, values []paper.Mat, want *Type) (types, equal bool) {
	n := e.size()
	s.work -= 20 * n
	t, err := s.g.scope.infer(e, want)
	if err != nil {
		return false, false
	}
	for i, p := range s.g.points {
		s.work -= 30 * n
		if !near(p.in.evaluate(t, false).v, values[i]) {
			return true, false
		}
	}
	return true, true
}

// has is the cheapest edit that has these values, and hasAny one of any shape.
func (s *search) has(values []paper.Mat) (*Expr, bool)    { return s.hasOne(values, &s.g.want) }
func (s *search) hasAny(values []paper.Mat) (*Expr, bool) { return s.hasOne(values, nil) }

func (s *search) hasOne(values []paper.Mat, want *Type) (*Expr, bool) {
	for _, c := range s.edits() {
		if s.work < 0 {
			break
		}
		if _, equal := s.equals(c.e, values, want); equal {
			return c.e, true
		}
	}
	return nil, false
}

// hasTwo is a pair of edits that has these values.
func (s *search) hasTwo(values []paper.Mat) (*Expr, bool) {
	for _, c := range s.edits() {
		if c.cost > 2 || s.work < 0 {
			break
		}
		if types, _ := s.equals(c.e, values, &s.g.want); !types && c.cost > 1 {
			continue
		}
		next := s.g.search(c.e)
		next.work = s.work
		for _, d := range next.edits() {
			if d.cost > 2 || c.cost+d.cost > 3 || next.work < 0 {
				break
			}
			if _, equal := next.equals(d.e, values, &s.g.want); equal {
				return d.e, true
			}
		}
		s.work = next.work
	}
	return nil, false
}
