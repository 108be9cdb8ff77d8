package gradcheck

import (
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A normalization is one layer norm of the pass: its input, its gain, the error
// on its output and the one it handed down.
type normalization struct {
	a, down, up, normal paper.Mat
	gain                []float64
}

// norms visits every layer normalization of the pass.
func (r *pass) norms(visit func(n normalization)) {
	if r.Config.Norm != pedestrian.LayerNorm {
		return
	}
	see := func(at string, up paper.Mat, gain []float64) {
		visit(normalization{a: r.at(at, "a_{i-1}"), down: r.at(at, "Δ_{i-1}"), up: up, normal: r.at(at, "ā_{i-1}"), gain: gain})
	}
	for s := range r.Batch {
		at := fmt.Sprintf("seq.%d", s)
		see(at+".lnFinal", r.at(at, "Δ_11"), r.Params.LNFinal.W.V)
	}
	r.inBlocks(func(at string, b int) {
		see(at+".ln2", r.at(at, "Δ_6"), r.Params.Blocks[b].LN2.W.V)
		see(at+".ln1", r.at(at, "Δ_2"), r.Params.Blocks[b].LN1.W.V)
	})
}

// duality transposes every layer norm into a batch norm, forward and backward.
func duality(r *pass) []Claim {
	if r.Config.Norm != pedestrian.LayerNorm {
		return nil
	}
	var forward, backward worst
	r.norms(func(n normalization) {
		ones := make(paper.Vec, n.a.N)
		for i := range ones {
			ones[i] = 1
		}
		b, back := paper.BatchNorm(nil, n.a.T(), ones, nil, r.Config.Eps)
		down, _, _ := back(n.up.Had(paper.Rows(n.gain, n.a.N)).T())
		forward.add(relativeDifference(n.normal.V, b.T().V))
		backward.add(relativeDifference(n.down.V, down.T().V))
	})
	return []Claim{
		atMost("ā against BN(aᵗ)ᵗ", float64(forward), rounding),
		atMost("Δ_{i-1} against the same of BN", float64(backward), rounding),
	}
}

// lostDirections projects the error below every layer norm on 1 and on ā. With ε
// under the root ā·ā is d (1 - ε/σ²), so that (ā·g) ε/σ³ is left of the second.
func lostDirections(r *pass) []Claim {
	if r.Config.Norm != pedestrian.LayerNorm {
		return nil
	}
	var mean, along worst
	r.norms(func(n normalization) {
		d := float64(n.a.D)
		_, deviation := paper.Moments(n.a, r.Config.Eps)
		g := n.up.Had(paper.Rows(n.gain, n.a.N))
		scale := max(largest(n.down.V)*d, math.SmallestNonzeroFloat64)
		for t := range n.a.N {
			s := deviation[t]
			left := dot(n.normal.Row(t), g.Row(t)) * r.Config.Eps / (s * s * s)
			mean.add(math.Abs(n.down.SumFeatures()[t]) / scale)
			along.add(math.Abs(dot(n.down.Row(t), n.normal.Row(t))-left) / scale)
		}
	})
	return []Claim{
		atMost("Σ_features Δ_{i-1}", float64(mean), rounding),
		atMost("Δ_{i-1} · ā, but for (ā·g) ε/σ³", float64(along), rounding),
	}
}

func scaleFree(r *pass) []Claim {
	t := newRandomLayers(r)
	a, e, w, b := t.mat(toyN, toyD), t.mat(toyN, toyD), t.vec(toyD), t.vec(toyD)
	one, back1 := paper.LayerNorm(nil, a, w, b, 0)
	two, back2 := paper.LayerNorm(nil, a.Scale(2), w, b, 0)
	d1, _, _ := back1(e)
	d2, _, _ := back2(e)
	return []Claim{
		atMost("LN(2a) against LN(a)", relativeDifference(one.V, two.V), rounding),
		atMost("2 Δ_{i-1} of 2a against that of a", relativeDifference(d1.V, d2.Scale(2).V), rounding),
	}
}
