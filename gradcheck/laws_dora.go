package gradcheck

import (
	"math"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// dora (X13): at rest DoRA is the frozen layer; the exact gradient of v lies across
// its columns, the detached one does not, and what it has along them is m's.
func dora(r *pass) []Claim {
	t := newRandomLayers(r)
	const in, rank, out = 7, 2, 5
	x, e := t.mat(toyN, in), t.mat(toyN, out)
	p := paper.Layer{W: t.mat(in, out), B: t.vec(out), D: t.mat(in, rank), U: paper.Zeros(rank, out), Alpha: 0.7}
	p.M = p.W.Had(p.W).SumTokens()
	for j, s := range p.M {
		p.M[j] = math.Sqrt(s)
	}
	rest, _ := paper.DoRA(nil, x, p)
	frozen, _ := paper.FC(nil, x, p.W, p.B)

	p.U = t.mat(rank, out)
	v := p.W.Add(p.D.Mul(p.U).Scale(p.Alpha))
	_, back := paper.DoRA(nil, x, p)
	_, detached := back(e)
	p.Exact = true
	_, back = paper.DoRA(nil, x, p)
	_, exact := back(e)
	along := func(g paper.Mat) []float64 { return v.Had(g).SumTokens() }
	share := paper.Mat{N: 1, D: out, V: p.M}.Had(paper.Mat{N: 1, D: out, V: exact.M}).V
	return []Claim{
		atMost("m = ‖w‖, u = 0: the frozen layer", relativeDifference(rest.V, frozen.V), rounding),
		atMost("exact: vᵗ ∂v is zero in every column", largest(along(exact.W))/largest(along(detached.W)), rounding),
		atMost("detached: it is m ∘ ∂m", relativeDifference(along(detached.W), share), rounding),
		atMost("both forms have one ∂m", relativeDifference(exact.M, detached.M), 0),
		atLeast("and two ∂d", relativeDifference(exact.D.V, detached.D.V), visible),
	}
}
