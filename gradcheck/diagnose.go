package gradcheck

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// A suspect is a factor by which wrong gradients are often too large, with the likely
// mistake.
type suspect struct {
	ratio float64
	name  string
	hint  string
}

// suspects lists the factors that gradients of this point are usually wrong by.
func (p Point) suspects() []suspect {
	c, n := p.Config, float64(len(p.Batch[0].Tokens))
	root := math.Sqrt(float64(c.QueryDim()))
	counted, tokens := float64(p.counted()), float64(p.tokens())
	all := []suspect{
		{-1, "-1", "a sign"},
		{2, "2", "a term counted twice"},
		{counted, "N", "the sum over targets where the mean is wanted"},
		{1 / counted, "1/N", "the mean over targets where the sum is wanted"},
		{counted / tokens, "N/(tokens)", "the mean over all tokens, the ignored ones included"},
		{n, "n_T", "the sum over tokens where the mean is wanted"},
		{1 / n, "1/n_T", "the mean over tokens where the sum is wanted"},
		{float64(c.Width), "d", "1/d of (40) is missing"},
		{1 / float64(c.Width), "1/d", "1/d of (40) is applied twice"},
	}
	if c.Unscaled {
		all = append(all, suspect{1 / root, "1/√d_ρ", "1/√d_ρ, which this network has not in (12)"})
	} else {
		all = append(all,
			suspect{root, "√d_ρ", "1/√d_ρ of (28) is missing"},
			suspect{1 / root, "1/√d_ρ", "1/√d_ρ is applied twice: (12), (28)"},
			suspect{float64(c.QueryDim()), "d_ρ", "√d_ρ on the wrong side of (28)"})
	}
	if c.ScaleByBlock {
		for i := 1; i < c.Blocks; i++ {
			all = append(all, suspect{float64(i + 1), "i+1", fmt.Sprintf("1/(i+1) of (28) is missing in block %d, the first of which is 0", i)})
		}
	}
	if p.Case.Adapter != nil {
		m, r := p.Case.Adapter.MultiplierOf(pedestrian.TargetQ), float64(p.Case.Adapter.RankOf(pedestrian.TargetQ))
		all = append(all,
			suspect{m, "α", "the multiplier of the adapter once too often: (45), (46)"},
			suspect{1 / m, "1/α", "the multiplier of the adapter is missing: (45), (46)"},
			suspect{r, "r", "α where α/r is meant"},
			suspect{1 / r, "1/r", "α/r where α is meant"})
	}
	return all
}

// proportional is the limit for calling two gradients proportional: their difference
// relative to the larger norm.
const proportional = 1e-5

// A diagnosis describes a wrong gradient; a smaller rank is more certain.
type diagnosis struct {
	rank int
	text string
}

const (
	knownRatio = iota
	missingTerm
	transposed
	constantRatio
	someRows
	unknown
)

// diagnose finds the known mistake that turns the right gradient n into the analytic
// gradient a, both with cols columns. terms holds quantities of the same shape that may be
// missing or added.
func (p Point) diagnose(a, n []float64, cols int, terms []term) diagnosis {
	if slices.ContainsFunc(a, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }) {
		return diagnosis{knownRatio, "the gradient is not a number"}
	}
	aa, nn, an := dot(a, a), dot(n, n), dot(a, n)
	if nn > 0 && aa > 0 {
		ratio := an / nn
		if math.Abs(ratio-1) > 10*proportional && distance(a, n, ratio) < proportional {
			for _, s := range p.suspects() {
				if math.Abs(ratio/s.ratio-1) < proportional {
					return diagnosis{knownRatio, fmt.Sprintf("exactly %.4g × what it should be, which is %s: %s", ratio, s.name, s.hint)}
				}
			}
			return diagnosis{constantRatio, fmt.Sprintf("exactly %.6g × what it should be in every entry: a constant factor", ratio)}
		}
	}
	rest := minus(n, a)
	for _, t := range terms {
		if dot(t.v, t.v) == 0 {
			continue
		}
		if distance(rest, t.v, 1) < proportional {
			return diagnosis{missingTerm, "the term " + t.name + " is missing"}
		}
		if distance(rest, t.v, -1) < proportional {
			return diagnosis{missingTerm, "the term " + t.name + " is too many"}
		}
	}
	rows := len(a) / cols
	if rows == cols && rows > 1 {
		if distance(transpose(a, cols), n, 1) < proportional {
			return diagnosis{transposed, "right when transposed"}
		}
		lower := slices.Clone(a)
		for t := range rows {
			clear(lower[t*cols+t+1 : (t+1)*cols])
		}
		if distance(lower, n, 1) < proportional {
			return diagnosis{missingTerm, "right but for the entries above the diagonal, which should be 0: the mask is missing"}
		}
	}
	if aa == 0 {
		return diagnosis{constantRatio, "zero where it should not be: its branch is not connected"}
	}
	var wrong []int
	alive := 0
	for t := range rows {
		if largest(n[t*cols:(t+1)*cols]) > 0 {
			alive++
		}
		if distance(a[t*cols:(t+1)*cols], n[t*cols:(t+1)*cols], 1) > proportional {
			wrong = append(wrong, t)
		}
	}
	if len(wrong) > 0 && 2*len(wrong) <= alive {
		return diagnosis{someRows, fmt.Sprintf("right but for %s %s of %d", plural(len(wrong), "row"), list(wrong), rows)}
	}
	return diagnosis{rank: unknown}
}

// A term is a recorded quantity that a wrong row may have left out.
type term struct {
	name string
	v    []float64
}

// terms are the quantities of the pass that a row may have left out, or added:
// steps on the way back at its place or within it, which have its shape or that
// of its transpose.
func (r *pass) terms(row *Row) (all []term) {
	for _, s := range r.tr.Steps[r.split:] {
		if len(s.V.V) != row.Total || !strings.HasPrefix(s.At, row.At) || s.Name == row.symbol && s.At == row.At {
			continue
		}
		name := s.Name
		if inner := strings.TrimPrefix(strings.TrimPrefix(s.At, row.At), "."); inner != "" {
			name += " at " + inner
		}
		if s.V.D == row.Cols {
			all = append(all, term{name, s.V.V})
		}
		if s.V.N == row.Cols && s.V.N > 1 && s.V.D > 1 {
			all = append(all, term{name + " transposed", s.V.T().V})
		}
	}
	return all
}

// distance is |a - r·n| over the larger of the two norms.
func distance(a, n []float64, r float64) float64 {
	var d, aa, nn float64
	for i := range a {
		e := a[i] - r*n[i]
		d, aa, nn = d+e*e, aa+a[i]*a[i], nn+r*r*n[i]*n[i]
	}
	if m := max(aa, nn); m > 0 {
		return math.Sqrt(d / m)
	}
	return 0
}

func dot(a, b []float64) (s float64) {
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

func minus(a, b []float64) []float64 {
	c := make([]float64, len(a))
	for i := range a {
		c[i] = a[i] - b[i]
	}
	return c
}

func transpose(a []float64, cols int) []float64 {
	rows := len(a) / cols
	b := make([]float64, len(a))
	for i := range a {
		b[i%cols*rows+i/cols] = a[i]
	}
	return b
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// list writes at most four numbers, one-based as the paper counts.
func list(is []int) (s string) {
	for k, i := range is {
		if k == 4 {
			return s + ", …"
		}
		if k > 0 {
			s += ", "
		}
		s += fmt.Sprint(i + 1)
	}
	return s
}
