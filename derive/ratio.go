package derive

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// ratio: the answer is a multiple of the truth, and the same kind of multiple at all
// points: ± a power of two, times powers of sizes and of numbers that are given.
func (g *grader) ratio(_ reading, values []paper.Mat, s *search, v *Verdict) bool {
	ratios := make([]float64, len(values))
	for i, p := range g.points {
		q := values[i].Dot(p.truth) / p.truth.Dot(p.truth)
		if q == 0 || math.IsNaN(q) || math.IsInf(q, 0) || !near(values[i], p.truth.Scale(q)) {
			return false
		}
		ratios[i] = q
	}
	sign := math.Signbit(ratios[0])
	for _, q := range ratios {
		if math.Signbit(q) != sign {
			v.ID = "ratio"
			v.Message = "At each random point it is a multiple of the gradient, each time another one, and not of one sign"
			return true
		}
	}
	v.ID = "ratio"
	minus := ""
	if sign {
		minus = ", and its sign is wrong"
	}
	factor, example, ok := g.factor(ratios)
	switch {
	case ok && factor == "1":
		v.ID, v.Message = "ratio:sign", "Only the sign is wrong: it is -1 times the gradient"
	case ok:
		v.Message = fmt.Sprintf("Only a factor is wrong: it is %s times the gradient%s%s", factor, example, minus)
	case same(ratios):
		v.Message = fmt.Sprintf("Only a factor is wrong: it is %.10g times the gradient at every point%s", math.Abs(ratios[0]), minus)
	default:
		v.Message = "At each random point it is a multiple of the gradient, each time another one: a number is missing or too much"
	}
	if g.program {
		return true
	}
	// one symbol in the place of another may explain the factor
	for _, c := range s.edits() {
		if (c.kind == "name" || c.kind == "substitution") && c.cost <= 2 && !c.number {
			if _, right := s.try(c.e); right {
				v.Message += "; " + c.what
				v.Column, v.End, v.Repair = c.pos, c.end, c.e.String()
				break
			}
		}
	}
	return true
}

func same(ratios []float64) bool {
	for _, q := range ratios {
		if math.Abs(q/ratios[0]-1) > 1e-8 {
			return false
		}
	}
	return true
}

// A letterValue is a number that a factor may be made of.
type letterValue struct {
	name string
	at   []float64
}

// factor finds |ratios| as 2^a Π letter^e with one exponent for all points: of one letter,
// or of two. example gives the number at the first point.
func (g *grader) factor(ratios []float64) (text, example string, ok bool) {
	var letters []letterValue
	add := func(name string, at func(p point) float64) {
		l := letterValue{name: name}
		for _, p := range g.points {
			l.at = append(l.at, at(p))
		}
		for _, have := range letters {
			if slices.Equal(have.at, l.at) {
				return
			}
		}
		letters = append(letters, l)
	}
	for _, n := range g.scope.order {
		if g.scope.types[n].Kind == Number {
			add(n, func(p point) float64 { return p.in.values[n].V[0] })
		}
	}
	for _, l := range FindWorld(g.x.World).letters {
		name := l.name
		if name == tokensLetter {
			name = "n_T"
		}
		add(name, func(p point) float64 { return float64(p.in.sizes[l.name]) })
	}
	fits := func(f func(i int) float64) bool {
		for i, q := range ratios {
			if math.Abs(math.Abs(q)/f(i)-1) > 1e-9 {
				return false
			}
		}
		return true
	}
	twos := []float64{0, 1, -1, 2, -2}
	for _, a := range twos {
		if fits(func(int) float64 { return math.Exp2(a) }) {
			return strconv.FormatFloat(math.Exp2(a), 'g', -1, 64), "", true
		}
	}
	give := func(a float64, parts ...string) (string, string, bool) {
		if a != 0 {
			parts = append([]string{strconv.FormatFloat(math.Exp2(a), 'g', -1, 64)}, parts...)
		}
		return joined(parts), fmt.Sprintf(" (%.4g at the first point)", math.Abs(ratios[0])), true
	}
	exponents := []float64{1, -1, 0.5, -0.5, 2, -2, 1.5, -1.5}
	for _, a := range twos {
		for _, l := range letters {
			for _, x := range exponents {
				if fits(func(i int) float64 { return math.Exp2(a) * math.Pow(l.at[i], x) }) {
					return give(a, power(l.name, x))
				}
			}
		}
	}
	for i, l := range letters {
		for _, k := range letters[i+1:] {
			for _, x := range exponents[:6] {
				for _, y := range exponents[:6] {
					if fits(func(i int) float64 { return math.Pow(l.at[i], x) * math.Pow(k.at[i], y) }) {
						return give(0, power(l.name, x), power(k.name, y))
					}
				}
			}
		}
	}
	return "", "", false
}

// power writes a letter with its exponent; negative ones begin with 1/.
func power(name string, x float64) string {
	over := ""
	if x < 0 {
		over, x = "1/", -x
	}
	switch x {
	case 0.5:
		return over + "sqrt(" + name + ")"
	case 1:
		return over + name
	case 1.5:
		if over != "" {
			return over + "(" + name + " * sqrt(" + name + "))"
		}
		return name + " * sqrt(" + name + ")"
	}
	if over != "" {
		return over + "(" + name + " * " + name + ")"
	}
	return name + " * " + name
}

// joined multiplies the parts of a factor: 2, 1/d_rho is 2/d_rho.
func joined(parts []string) string {
	out := ""
	for _, p := range parts {
		switch under, ok := strings.CutPrefix(p, "1/"); {
		case out == "":
			out = p
		case ok && !strings.HasPrefix(out, "1/"):
			out += "/" + under
		default:
			out += " * " + p
		}
	}
	return out
}
