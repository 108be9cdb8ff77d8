package derive

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// An Instance is numbers for the names of a world.
type Instance struct {
	sizes    map[string]int
	parts    map[string][]string
	values   map[string]paper.Mat
	tangents map[string]paper.Mat // of names that move
}

// Size is how large a letter is, and Value the numbers of a name: a vector along the
// tokens is a column, one along the features a row, a number is 1×1.
func (in *Instance) Size(letter string) int { return in.sizes[letter] }

// Value is the numbers of a name.
func (in *Instance) Value(name string) (m paper.Mat, ok bool) {
	m, ok = in.values[name]
	return m, ok
}

// random is the source of numbers of instance i of a world.
func (w *World) random(i, attempt int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(w.ID))
	return rand.New(rand.NewPCG(h.Sum64(), uint64(i)<<32|uint64(attempt)))
}

// sizes draws those of instance i: letters that are drawn differ from each other.
func (p *program) sizes(i int) map[string]int {
	r := p.world.random(i, 1<<20)
	for {
		sizes, used := map[string]int{"1": 1}, map[int]bool{}
		ok := true
		for _, l := range p.world.letters {
			if l.parts != nil {
				for _, part := range l.parts {
					sizes[l.name] += sizes[part]
				}
			} else {
				sizes[l.name] = l.from + r.IntN(l.to-l.from+1)
			}
			ok = ok && !used[sizes[l.name]]
			used[sizes[l.name]] = true
		}
		if ok {
			return sizes
		}
	}
}

// least that a number may be that must stay away from 0. The differences reach 4·2⁻⁸ = 0.016.
const leastApart = 0.1

// instance draws instance i. Where a number comes too near to 0 that must not, it draws
// again. Names of hold do not move.
func (p *program) instance(i int, hold ...string) *Instance {
	for attempt := 0; ; attempt++ {
		if attempt > 5000 {
			panic(fmt.Sprintf("derive: world %s has no instance with %v away from 0", p.world.ID, p.world.apart))
		}
		in := &Instance{sizes: p.sizes(i), parts: p.scope.parts, values: map[string]paper.Mat{}, tangents: map[string]paper.Mat{}}
		r := p.world.random(i, attempt)
		for _, s := range p.steps {
			in.define(p, s, r)
			if slices.Contains(hold, s.name) {
				clear(in.tangents[s.name].V)
			}
		}
		if p.apartIn(in) {
			return in
		}
	}
}

// apartIn says whether the names that must stay away from 0 do so.
func (p *program) apartIn(in *Instance) bool {
	for _, name := range p.world.apart {
		for _, x := range in.values[name].V {
			if math.Abs(x) < leastApart {
				return false
			}
		}
	}
	return true
}

// define gives a name its numbers, and its tangent.
func (in *Instance) define(p *program, s programStep, r *rand.Rand) {
	if s.t != nil {
		v := &evaluator{in: in, tangents: true}
		t := p.scope.types[s.name]
		out := v.filled(v.eval(s.t), v.size(&dim{letter: t.Rows}), v.size(&dim{letter: t.Cols}))
		in.values[s.name], in.tangents[s.name] = out.v, out.dot
		return
	}
	if letter, ok := strings.CutPrefix(s.how, "#"); ok {
		in.values[s.name], in.tangents[s.name] = number1(float64(in.sizes[letter])), number1(0)
		return
	}
	t := p.scope.types[s.name]
	m := paper.Zeros(in.sizes[t.Rows], in.sizes[t.Cols])
	draw := distributions[strings.TrimPrefix(s.how, "~")]
	if draw == nil {
		panic(fmt.Sprintf("derive: world %s: %s has the distribution %q", p.world.ID, s.name, s.how))
	}
	moves := draw(r, m, in) && !strings.HasPrefix(s.name, "D") // an error signal is given
	in.values[s.name] = m
	dot := paper.Zeros(m.N, m.D)
	if moves {
		for i := range dot.V {
			dot.V[i] = r.NormFloat64()
		}
	}
	in.tangents[s.name] = dot
}

// distributions fill a matrix, and say whether it is something that can move.
var distributions = map[string]func(r *rand.Rand, m paper.Mat, in *Instance) (moves bool){
	"":       gauss(1, 0),
	"half":   gauss(0.5, 0),
	"weight": gauss(0.4, 0),
	"gain":   gauss(0.3, 1),
	"wide":   gauss(1.5, 0),
	"apart": func(r *rand.Rand, m paper.Mat, _ *Instance) bool { // from 0
		for i := range m.V {
			x := r.NormFloat64()
			m.V[i] = x + math.Copysign(leastApart, x)
		}
		return true
	},
	"positive": func(r *rand.Rand, m paper.Mat, _ *Instance) bool {
		for i := range m.V {
			m.V[i] = 0.5 + r.Float64()
		}
		return true
	},
	"multiplier": func(r *rand.Rand, m paper.Mat, _ *Instance) bool { // a constant, neither 1 nor a power of 2
		for i := range m.V {
			m.V[i] = 1.2 + 2*r.Float64()
		}
		return false
	},
	"eps": func(_ *rand.Rand, m paper.Mat, _ *Instance) bool {
		for i := range m.V {
			m.V[i] = 0.03
		}
		return false
	},
	"causal": func(_ *rand.Rand, m paper.Mat, _ *Instance) bool {
		copy(m.V, paper.Causal(m.N).V)
		return false
	},
	"dropped": func(r *rand.Rand, m paper.Mat, _ *Instance) bool { // a mask of dropout: 0, or 1/(1-p) with p = 1/4
		for i := range m.V {
			if r.IntN(4) > 0 {
				m.V[i] = 4.0 / 3
			}
		}
		return false
	},
	"ids": func(r *rand.Rand, m paper.Mat, in *Instance) bool { // some repeat, some do not occur
		for i := range m.V {
			m.V[i] = float64(r.IntN(in.sizes["V"] - 1))
		}
		m.V[len(m.V)-1] = m.V[0]
		return false
	},
	"positions": func(_ *rand.Rand, m paper.Mat, _ *Instance) bool {
		for i := range m.V {
			m.V[i] = float64(i)
		}
		return false
	},
	"onehot": func(r *rand.Rand, m paper.Mat, _ *Instance) bool {
		for t := range m.N {
			m.Row(t)[r.IntN(m.D)] = 1
		}
		return false
	},
	"counted": func(_ *rand.Rand, m paper.Mat, _ *Instance) bool { // the mean over all tokens but the last
		for i := range len(m.V) - 1 {
			m.V[i] = 1 / float64(len(m.V)-1)
		}
		return false
	},
	"quarter": func(_ *rand.Rand, m paper.Mat, _ *Instance) bool { // a quarter turn of pairs (j, j+p)
		p := m.D / 2
		for j := range p {
			m.Row(j)[j+p], m.Row(j + p)[j] = 1, -1
		}
		return false
	},
	"both": func(_ *rand.Rand, m paper.Mat, _ *Instance) bool { // a number of a pair to both of its columns
		for j := range m.N {
			m.Row(j)[j], m.Row(j)[j+m.N] = 1, 1
		}
		return false
	},
	"neighbourquarter": func(_ *rand.Rand, m paper.Mat, _ *Instance) bool { // a quarter turn of pairs (2j, 2j+1)
		for j := 0; j < m.D; j += 2 {
			m.Row(j)[j+1], m.Row(j + 1)[j] = 1, -1
		}
		return false
	},
	"neighbours": func(_ *rand.Rand, m paper.Mat, _ *Instance) bool { // a number of a pair to two columns side by side
		for j := range m.N {
			m.Row(j)[2*j], m.Row(j)[2*j+1] = 1, 1
		}
		return false
	},
	"halves": func(_ *rand.Rand, m paper.Mat, _ *Instance) bool { // columns (2j, 2j+1) to (j, j+p)
		p := m.D / 2
		for j := range p {
			m.Row(2 * j)[j], m.Row(2*j + 1)[j+p] = 1, 1
		}
		return false
	},
	"permutation": func(r *rand.Rand, m paper.Mat, _ *Instance) bool {
		for t, j := range r.Perm(m.N) {
			m.Row(t)[j] = 1
		}
		return false
	},
}

func gauss(size, around float64) func(r *rand.Rand, m paper.Mat, in *Instance) bool {
	return func(r *rand.Rand, m paper.Mat, _ *Instance) bool {
		for i := range m.V {
			m.V[i] = around + size*r.NormFloat64()
		}
		return true
	}
}

// The differences of the loss take eight points, up to 4h on each side:
//
//	∂L/∂θ ≈ (4/5 D₁ - 1/5 D₂ + 4/105 D₃ - 1/280 D₄) / h,  D_k = L(θ+kh) - L(θ-kh)
//
// with h = 2⁻⁸. What is left out is h⁸L⁽⁹⁾/630, below 1e-20 L⁽⁹⁾; the rounding of L,
// about 2e-16 of what was added up, is divided by h: 1e-13 of that.
const (
	differenceStep = 1.0 / 256
	roundingOverH  = 256 * 4e-16
)

var stencil = []float64{4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280}

// gradient is ∂L/∂name at an instance, by differences, entry by entry. noise is what its
// rounding may be. Names of hold stay what they are at the instance.
func (p *program) gradient(in *Instance, name string, hold []string) (g paper.Mat, noise float64) {
	loss := p.lossAlong(in, name, hold)
	scale := 0.0
	for _, x := range in.evaluate(p.loss, true).scale.V {
		scale = max(scale, x)
	}
	from := in.values[name]
	g = paper.Zeros(from.N, from.D)
	for i, x := range from.V {
		if math.IsInf(x, 0) {
			continue // what is masked stays masked
		}
		for k, c := range stencil {
			step := float64(k+1) * differenceStep
			up := loss(i, x+step)
			g.V[i] += c * (up - loss(i, x-step)) / differenceStep
		}
	}
	return g, scale * roundingOverH
}

// lossAlong is the loss at an instance where number i of a name is x. Names of hold stay what
// they are.
func (p *program) lossAlong(in *Instance, name string, hold []string) func(i int, x float64) float64 {
	var steps []programStep // those between the name and the loss
	needed := map[string]bool{}
	p.loss.e.walk(func(e *Expr) { needed[e.name] = true })
	after := p.after[name]
	for i := len(after) - 1; i >= 0; i-- {
		if s := p.steps[after[i]]; needed[s.name] && s.name != name && !slices.Contains(hold, s.name) {
			steps = append(steps, s)
			s.t.e.walk(func(e *Expr) { needed[e.name] = true })
		}
	}
	slices.Reverse(steps)

	at := &Instance{sizes: in.sizes, parts: in.parts, values: maps.Clone(in.values)}
	v := &evaluator{in: at}
	from := in.values[name]
	theta := paper.Mat{N: from.N, D: from.D, V: slices.Clone(from.V)}
	at.values[name] = theta
	return func(i int, x float64) float64 {
		theta.V[i] = x
		for _, s := range steps {
			t := p.scope.types[s.name]
			at.values[s.name] = v.filled(v.eval(s.t), v.size(&dim{letter: t.Rows}), v.size(&dim{letter: t.Cols})).v
		}
		l := v.eval(p.loss).v.V[0]
		theta.V[i] = from.V[i]
		return l
	}
}
