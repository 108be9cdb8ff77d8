package derive

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// diagnose says why a wrong answer is wrong: the first of seven explanations that fits at
// all points. Where the truth is zero none of the first six means anything.
func (g *grader) diagnose(r reading, values []paper.Mat, v *Verdict) {
	zero := true
	for _, p := range g.points {
		zero = zero && p.large <= 1e-8
	}
	if !zero {
		s := g.search(r.e)
		for _, explain := range []func(r reading, values []paper.Mat, s *search, v *Verdict) bool{
			g.misconception, g.ratio, g.oneEdit, g.branches, g.twoEdits,
		} {
			if explain(r, values, s, v) {
				return
			}
		}
	}
	g.counterExample(values, zero, v)
}

// near says whether two values are equal but for rounding.
func near(a, b paper.Mat) bool {
	scale := max(largest(a), largest(b))
	for i, x := range a.V {
		if !(math.Abs(x-b.V[i]) <= 1e-9*scale) {
			return false
		}
	}
	return len(a.V) == len(b.V)
}

// misconception: the value is that of a known wrong answer, at all points.
func (g *grader) misconception(_ reading, values []paper.Mat, _ *search, v *Verdict) bool {
	for _, k := range g.mistakes {
		equal := true
		for i := range values {
			equal = equal && near(values[i], k.values[i])
		}
		if equal {
			m := g.x.Mistakes[k.at]
			v.ID, v.Message = m.ID, m.Says
			return true
		}
	}
	return false
}

// oneEdit: one change makes it right.
func (g *grader) oneEdit(_ reading, _ []paper.Mat, s *search, v *Verdict) bool {
	c, ok := s.single()
	if !ok {
		return false
	}
	v.ID, v.Message, v.Column, v.End, v.Repair = "edit:"+c.kind, capital(c.what), c.pos, c.end, c.e.String()
	return true
}

// branches: what is missing, or too much, is a sum of terms that have names.
func (g *grader) branches(_ reading, values []paper.Mat, _ *search, v *Verdict) bool {
	n := len(g.terms)
	if n == 0 || n > 6 {
		return false
	}
	coefficients := []float64{0, 1, -1, 2} // truth = value + Σ c·term
	choice := make([]int, n)
	best, bestCount := []int(nil), n+1
	var vary func(i, count int)
	vary = func(i, count int) {
		if count >= bestCount {
			return
		}
		if i == n {
			if count > 0 && g.explains(values, choice, coefficients) {
				best, bestCount = slices.Clone(choice), count
			}
			return
		}
		for c := range coefficients {
			choice[i] = c
			more := count
			if c > 0 {
				more++
			}
			vary(i+1, more)
		}
		choice[i] = 0
	}
	vary(0, 0)
	if best == nil || bestCount == n && n > 1 && allMissing(best) {
		return false
	}
	var missing, extra, signs []string
	for i, c := range best {
		name := g.x.Terms[g.terms[i].at].Name
		switch coefficients[c] {
		case 1:
			missing = append(missing, name)
		case -1:
			extra = append(extra, name)
		case 2:
			signs = append(signs, name)
		}
	}
	var parts []string
	say := func(names []string, one, more string) {
		if len(names) == 1 {
			parts = append(parts, fmt.Sprintf(one, names[0]))
		} else if len(names) > 1 {
			parts = append(parts, fmt.Sprintf(more, strings.Join(names, ", and ")))
		}
	}
	say(missing, "a term is missing: %s", "terms are missing: %s")
	say(extra, "a term is too much, or is in it twice: %s", "terms are too much, or are in it twice: %s")
	say(signs, "a term has the wrong sign: %s", "terms have the wrong sign: %s")
	v.ID, v.Message = "branch", strings.Join(parts, "; ")
	return true
}

// allMissing: every term is missing, which explains nothing.
func allMissing(choice []int) bool {
	for _, c := range choice {
		if c != 1 {
			return false
		}
	}
	return true
}

func (g *grader) explains(values []paper.Mat, choice []int, coefficients []float64) bool {
	for p, pt := range g.points {
		sum := values[p]
		scale := largest(sum)
		for i, c := range choice {
			if c > 0 {
				t := g.terms[i].values[p].Scale(coefficients[c])
				sum, scale = sum.Add(t), max(scale, largest(t))
			}
		}
		for i, x := range sum.V {
			if !(math.Abs(x-pt.truth.V[i]) <= exact*max(scale, pt.large)+pt.noise) {
				return false
			}
		}
	}
	return true
}

// twoEdits: two changes make it right.
func (g *grader) twoEdits(_ reading, _ []paper.Mat, s *search, v *Verdict) bool {
	a, b, ok := s.double()
	if !ok {
		return false
	}
	v.ID = "edits:" + a.kind + "+" + b.kind
	v.Message = fmt.Sprintf("Two slips: %s; and %s", a.what, b.what)
	v.Column, v.End, v.Repair = a.pos, a.end, b.e.String()
	return true
}

// counterExample says which rows are wrong, and shows the first wrong number of the
// smallest instance.
func (g *grader) counterExample(values []paper.Mat, zero bool, v *Verdict) {
	v.ID = "rows"
	at := 0
	for i, p := range g.points {
		if len(p.truth.V) < len(g.points[at].truth.V) {
			at = i
		}
	}
	p, have := g.points[at], values[at]
	wrong := func(i int) bool {
		return !(math.Abs(have.V[i]-p.truth.V[i]) <= 1e-7*max(p.large, 1e-2))
	}
	var rows []string
	first, above := -1, p.truth.N == p.truth.D && p.truth.N > 1
	for t := range p.truth.N {
		bad := false
		for j := range p.truth.D {
			if i := t*p.truth.D + j; wrong(i) {
				bad, above = true, above && j > t
				if first < 0 {
					first = i
				}
			}
		}
		if bad {
			rows = append(rows, strconv.Itoa(t+1))
		}
	}
	if first < 0 { // wrong at another point, by little
		v.Message = "Wrong, by little: the relative error is " + strconv.FormatFloat(v.Residue, 'g', 2, 64)
		return
	}
	t, j := first/p.truth.D, first%p.truth.D
	place := fmt.Sprintf("[%d, %d]", t+1, j+1)
	if g.want.Kind == Tokens {
		place = fmt.Sprintf("[%d]", t+1)
	} else if g.want.Kind == Features {
		place = fmt.Sprintf("[%d]", j+1)
	}
	by := "the formula"
	if g.program {
		by = "the program"
	}
	number := fmt.Sprintf("at %s, number %s is %.4g by the loss and %.4g by %s", g.sizes(p.in), place, clean(p.truth.V[first]), have.V[first], by)
	switch {
	case math.IsNaN(have.V[first]) || math.IsInf(have.V[first], 0):
		v.Message = fmt.Sprintf("Its value is not a number: at %s, number %s is %g", g.sizes(p.in), place, have.V[first])
	case zero:
		v.Message = "Wrong, " + number
	case !slices.ContainsFunc(values, func(m paper.Mat) bool { return largest(m) > 0 }):
		v.ID, v.Message = "zero", "It is 0, and the gradient is not: "+number
	case above:
		v.ID, v.Message = "rows:above", "Wrong above the diagonal alone: "+number
	case g.want.Kind == Matrix && len(rows) < p.truth.N:
		v.Message = fmt.Sprintf("Wrong in row %s of %d alone: %s", rows[0], p.truth.N, number)
		if len(rows) > 1 {
			v.Message = fmt.Sprintf("Wrong in rows %s of %d: %s", strings.Join(rows, ", "), p.truth.N, number)
		}
	default:
		v.Message = "Wrong, and no single slip was found that explains it: " + number
	}
}

// clean is a number of the differences without their rounding.
func clean(x float64) float64 {
	if math.Abs(x) < 1e-9 {
		return 0
	}
	return x
}

// sizes names the sizes of an instance: "T = 4, d = 7".
func (g *grader) sizes(in *Instance) string {
	var parts []string
	for _, l := range FindWorld(g.x.World).letters {
		parts = append(parts, fmt.Sprintf("%s = %d", l.name, in.sizes[l.name]))
	}
	return strings.Join(parts, ", ")
}
