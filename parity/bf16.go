package parity

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// bf16Tolerance is the limit for the difference between package engine at bf16 and
// paper.Mixed, relative to the largest number of the matrix. Both round the same operands to
// the same numbers, so the difference comes from the engine's float32 in sums and layers,
// and the limit is that of float32. A reference without rounding differs by 2⁻⁹ of each
// operand, at least a hundred times as much: Row.Unrounded.
const bf16Tolerance = tolerance32

// tieTolerance is the largest difference of an operand in float32 and in float64, relative
// to the largest number of the matrix, at which both may round to different numbers. If the
// midpoint of two bf16 numbers lies between the two, each is correctly rounded, but the
// results differ by 2⁻⁸ of the operand. Then the reference takes the engine's operand, and
// Report.Ties counts it.
const tieTolerance = 1e-5

// A mixedPoint is a point with the results of package engine at bf16.
type mixedPoint struct {
	gradcheck.Point
	engine  enginePass[float32]
	tensors [][]float64               // its gradients
	shown   map[[2]string]*engineStep // its steps by place and name
}

// An engineStep is a step of package engine in one sequence.
type engineStep struct {
	v   paper.Mat
	has []bool // by token: logits without a target are not computed
}

// mixed moves a quarter of the weights that are rounded to the middle between two
// numbers of bf16, as rounding to even shows there alone, and runs package engine.
func mixed(p gradcheck.Point) *mixedPoint {
	m := &mixedPoint{Point: p, shown: map[[2]string]*engineStep{}}
	for _, t := range m.Params.Tensors() {
		if !t.Vec() && t.Layer != "pos" {
			for i := 0; i < len(t.V); i += 4 {
				t.V[i] = toTie(t.V[i])
			}
		}
	}
	m.engine = runAt(m.Point, engine.BF16, m.show)
	m.tensors = m.engine.tensors()
	return m
}

// show records a step of package engine under the name that it has in package paper.
func (m *mixedPoint) show(p engine.Place, x engine.Mat[float32]) {
	inside := ""
	switch {
	case p.Layer == "embedding":
		inside = ".block.0"
	case strings.HasPrefix(p.Layer, "block."):
		inside = "." + p.Layer[:strings.LastIndexByte(p.Layer, '.')]
	}
	name, n := p.Name, len(m.Batch[0].Tokens)
	layer := p.Layer[strings.LastIndexByte(p.Layer, '.')+1:]
	switch gated := map[string]string{"a_7": "u", "z": "z", "Δ_7": "Δ_u", "Δ_z": "Δ_z"}[name]; {
	case m.Config.Gated && gated != "" && (name != "Δ_z" || layer == "activation"):
		name, inside = gated, inside+".g"
	case name == "Δ_z": // of several layers
		name += " of " + layer
	case name == "q, k, v" && !paper.OwnHeads(m.Config): // which is normed and turned already
		return
	}
	for i := range x.Rows {
		seq, t := p.Token(i)/n, p.Token(i)%n
		k := [2]string{fmt.Sprintf("seq.%d%s", seq, inside), name}
		s := m.shown[k]
		if s == nil {
			s = &engineStep{paper.Zeros(n, x.Cols), make([]bool, n)}
			m.shown[k] = s
		}
		s.has[t] = true
		for j, v := range x.Row(i) {
			s.v.Row(t)[j] = float64(v)
		}
	}
}

// A mixedPass is paper.Mixed at a point.
type mixedPass struct {
	*mixedPoint
	loss    float64
	tensors [][]float64
	tr      *paper.Trace
	ties    int // operands that were taken from package engine
}

// pass runs paper.Mixed; rewrite, if not nil, changes its steps.
func (m *mixedPoint) pass(round paper.Rounding, rewrite func(s paper.Step) paper.Mat) *mixedPass {
	r := &mixedPass{mixedPoint: m, tr: &paper.Trace{}}
	r.tr.Rewrite = func(s paper.Step) paper.Mat {
		if s.Name == "mask" {
			return m.mask(s.At, s.V.D)
		}
		if rewrite != nil {
			return rewrite(s)
		}
		return s.V
	}
	loss, back := paper.Mixed(r.tr, m.Params, m.LoRA, m.Batch, m.Reduction, func(s paper.Step) paper.Mat {
		return round(r.resolveTies(s))
	})
	r.loss = loss
	dp, dlora := back()
	ts := dp.Tensors()
	if dlora != nil {
		ts = append(ts, dlora.Tensors()...)
	}
	for _, t := range ts {
		r.tensors = append(r.tensors, t.V)
	}
	return r
}

// mask is package engine's mask of an adapter's input in step 0 at that place of the trace.
func (m *mixedPoint) mask(at string, inputs int) paper.Mat {
	var seq, block int
	target, n := pedestrian.TargetLogits, len(m.Batch[0].Tokens)
	if _, err := fmt.Sscanf(at, "seq.%d.block.%d.", &seq, &block); err == nil {
		target = pedestrian.Target(at[strings.LastIndexByte(at, '.')+1:])
	} else {
		fmt.Sscanf(at, "seq.%d.", &seq)
	}
	all := engine.NewMat[float64](n*len(m.Batch), inputs)
	engine.AdapterMask(all, m.Case.Adapter.Dropout, m.Seed, 0, block, target)
	return paper.Mat{N: n, D: inputs, V: all.V[seq*n*inputs : (seq+1)*n*inputs]}
}

// operandNames says which step of the pass a layer reads, and which is the error on
// its output; those of a gated activation are at a place of their own.
var operandNames = map[string][2]string{
	"qkv": {"a_2", "Δ_q, Δ_k, Δ_v"}, "attProj": {"a_3", "Δ_5"}, "expand": {"a_6", "Δ_7"}, "contract": {"a_8", "Δ_10"}, "logits": {"a_11", "Δ_12"},
	"gate": {"a_6", ".g Δ_z"}, "up": {"a_6", ".g Δ_u"}, "down": {"a_8", "Δ_10"},
}

// resolveTies replaces operands that round to another number than package engine's although
// they differ by no more than tieTolerance.
func (r *mixedPass) resolveTies(s paper.Step) paper.Step {
	if s.Name == "w" {
		return s // the same numbers in both
	}
	i := strings.LastIndexByte(s.At, '.')
	place, layer, from := strings.TrimSuffix(s.At[:i], ".qkv"), gradcheck.RoundedLayer(s.At), 0
	if part := s.At[i+1:]; part != layer {
		from = r.Config.Linear(0, pedestrian.Target(part)).From
	}
	name := operandNames[layer][0]
	switch s.Name {
	case "a_{i-1}":
		from = 0
	case "Δ_i":
		name = operandNames[layer][1]
	case "Δ_z":
		name = "Δ_z of " + layer
	}
	if inside, ok := strings.CutPrefix(name, ".g "); ok {
		place, name = place+".g", inside
	}
	e := r.shown[[2]string{place, name}]
	theirs := e.v.Columns(from, s.V.D)
	a, b := paper.BF16(s), paper.BF16(paper.Step{V: theirs})
	limit := tieTolerance * largest(s.V.V)
	settled := paper.Mat{N: s.V.N, D: s.V.D, V: slices.Clone(s.V.V)}
	for i, x := range s.V.V {
		if y := theirs.V[i]; a.V[i] != b.V[i] && math.Abs(x-y) <= limit {
			settled.V[i] = y
			r.ties++
		}
	}
	s.V = settled
	return s
}

// toTie is the midpoint of two neighbouring bf16 numbers that is nearest to x.
func toTie(x float64) float64 {
	f, exp := math.Frexp(x)
	return math.Ldexp(math.Floor(math.Ldexp(f, 8))+0.5, exp-8)
}
