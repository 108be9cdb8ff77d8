package gradcheck

import (
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// turning (Y3) turns every query, key and error back.
func turning(r *pass) (claims []Claim) {
	if r.Config.Positions != pedestrian.Rotary {
		return nil
	}
	rotation := r.rotation()
	var back, adjoint, rows worst
	r.queriesAndKeys(func(h turnedHead) {
		place := h.at + "." + h.letter + "Turn"
		in, out, up, down := r.at(place, "a_{i-1}"), r.at(place, "a_i"), r.at(h.at, h.error), r.at(place, "Δ_{i-1}")
		negative := r.positions(h.seq)
		for t := range negative {
			negative[t] = -negative[t]
		}
		turned, _ := paper.Rotate(nil, out, negative, rotation)
		want := clone(in)
		if f := rotation.Factor; f != 0 { // once forward, once back
			for t := range want.N {
				for j := range 2 * len(rotation.Freqs) {
					want.Row(t)[j] *= f * f
				}
			}
		}
		back.add(relativeDifference(turned.V, want.V))
		error, _ := paper.Rotate(nil, up, negative, rotation)
		adjoint.add(relativeDifference(error.V, down.V))
		for t, x := range down.FeatureDot(in) {
			rows.add(math.Abs(x-dot(up.Row(t), out.Row(t))) / max(largest(up.V)*largest(out.V)*float64(in.D), math.SmallestNonzeroFloat64))
		}
	})
	return []Claim{
		atMost("a query or key, turned and turned back, against itself", float64(back), rounding),
		atMost("Δ_{i-1} against Δ_i turned by the negative angle", float64(adjoint), rounding),
		atMost("Δ_{i-1} ⊖ a_{i-1} against Δ_i ⊖ a_i", float64(rows), rounding),
	}
}

// positions are those of a sequence's tokens, each counted from the start of its document.
func (p Point) positions(seq int) []int {
	at := make([]int, len(p.Batch[seq].Tokens))
	start := 0
	for t := range at {
		if slices.Contains(p.Batch[seq].Starts, t) {
			start = t
		}
		at[t] = t - start
	}
	return at
}

// pairings (Y4) turns columns 2j and 2j+1 instead of j and j + d/2.
func pairings(r *pass) []Claim {
	t := newRandomLayers(r)
	const d = 6
	rotation := paper.Rotation{Freqs: paper.Frequencies(d, 100)}
	interleaved := rotation
	interleaved.Interleaved = true
	toHalves := paper.OneHot([]int{0, 3, 1, 4, 2, 5}, d) // row 2j has its one in column j, row 2j+1 in j + 3
	at := []int{0, 1, 2, 5, 7, 8}
	q, k := t.mat(toyN, d), t.mat(toyN, d)
	turn := func(a paper.Mat, r paper.Rotation) paper.Mat { out, _ := paper.Rotate(nil, a, at, r); return out }
	qi, ki := turn(q, interleaved), turn(k, interleaved)
	qh, kh := turn(q.Mul(toHalves), rotation), turn(k.Mul(toHalves), rotation)
	return []Claim{
		exactly("interleaved, then permuted, against permuted, then half-split", relativeDifference(qi.Mul(toHalves).V, qh.V)),
		atMost("scores of both", relativeDifference(qi.Mul(ki.T()).V, qh.Mul(kh.T()).V), rounding),
		atLeast("scores of one pairing with the columns of the other", relativeDifference(turn(q, rotation).Mul(turn(k, rotation).T()).V, qh.Mul(kh.T()).V), visible),
	}
}

// relativePositions (Y5) moves all tokens by a thousand positions, and the keys alone by one.
func relativePositions(r *pass) []Claim {
	if r.Config.Positions != pedestrian.Rotary {
		return nil
	}
	rotation := r.rotation()
	var all, alone worst
	group := r.Config.Heads / r.Config.KeyHeads()
	r.inHeads(func(at string, _, h int) {
		keys := fmt.Sprintf("%s.kv.%d", at[:len(at)-len(fmt.Sprintf(".head.%d", h))], h/group)
		q, k, raw := r.at(at+".qTurn", "a_{i-1}"), r.at(keys+".kTurn", "a_{i-1}"), r.at(at, "ρ^raw")
		scores := func(queries, keys int) paper.Mat {
			turn := func(a paper.Mat, by int) paper.Mat {
				positions := r.positions(placeOf(at, "seq"))
				for t := range positions {
					positions[t] += by
				}
				out, _ := paper.Rotate(nil, a, positions, rotation)
				return out
			}
			return turn(q, queries).Mul(turn(k, keys).T())
		}
		all.add(relativeDifference(scores(1000, 1000).V, raw.V))
		alone.add(relativeDifference(scores(0, 1).V, raw.V))
	})
	return []Claim{
		atMost("ρ^raw with every position 1000 later", float64(all), rounding),
		atLeast("ρ^raw with the keys one position later", float64(alone), visible),
	}
}

// keyBiasLearns (Y6) adds up the errors on keys before they are turned back, and after.
func keyBiasLearns(r *pass) (claims []Claim) {
	if r.Config.Positions != pedestrian.Rotary {
		return nil
	}
	turn := r.Config.Rotation.WithDefaults(r.Config.QueryDim()).Dims
	var turned, still, learns worst
	r.queriesAndKeys(func(h turnedHead) {
		if h.letter != "k" {
			return
		}
		up, down := r.at(h.at, h.error), r.at(h.at+".kTurn", "Δ_{i-1}").SumTokens()
		scale := max(largest(up.V), math.SmallestNonzeroFloat64)
		turned.add(largest(up.SumTokens()) / scale)
		learns.add(largest(down[:turn]) / scale)
		still.add(largest(down[turn:]) / scale)
	})
	claims = []Claim{
		atMost("Σ_tokens of the error on turned keys", float64(turned), rounding),
		atLeast("Σ_tokens after it is turned back: what ∂b_k is", float64(learns), visible),
	}
	if turn < r.Config.QueryDim() {
		claims = append(claims, atMost("the same in columns that do not turn", float64(still), rounding))
	}
	return claims
}

// frequencies (Y17) looks at each kind of scaling.
func frequencies(r *pass) []Claim {
	const d, base, factor, original = 16, 500.0, 4.0, 64
	plain := paper.Frequencies(d, base)
	off, between := 0.0, 0.0
	for j, f := range plain {
		off = max(off, math.Abs(f/math.Exp(-2*float64(j)/d*math.Log(base))-1))
	}
	t := newRandomLayers(r)
	a := t.mat(toyN, d)
	turn := func(c pedestrian.Rotation, by int) paper.Mat {
		c.Base = base
		out, _ := paper.Rotate(nil, a, slices.Repeat([]int{by}, toyN), paper.RotationOf(c, d))
		return out
	}
	linear := pedestrian.Rotation{Scaling: pedestrian.LinearScaling, Factor: factor}
	claims := []Claim{
		atMost("ω_j against exp(-2j ln(base)/d)", off, rounding),
		exactly("linear: position 12 against position 12/4", relativeDifference(turn(linear, 12).V, turn(pedestrian.Rotation{}, 3).V)),
	}
	for _, c := range []pedestrian.Rotation{
		{Base: base, Scaling: pedestrian.Llama3Scaling, Factor: factor, Low: 1, High: 4, Original: original},
		{Base: base, Scaling: pedestrian.YarnScaling, Factor: factor, Fast: 4, Original: original},
	} {
		scaled := paper.RotationOf(c, d)
		fast, slow := 0.0, 0.0
		for j, f := range plain {
			turns := original * f / (2 * math.Pi)
			switch x := scaled.Freqs[j]; {
			case turns > 4:
				fast = max(fast, math.Abs(x/f-1))
			case turns < 0.5: // YaRN's ramp ends at a whole pair
				slow = max(slow, math.Abs(factor*x/f-1))
			case x > f || x < f/factor:
				between++
			}
		}
		claims = append(claims,
			atMost(string(c.Scaling)+": pairs of more than 4 turns keep their frequency", fast, rounding),
			atMost(string(c.Scaling)+": those of less than 1/2 are divided", slow, rounding))
	}
	yarn := pedestrian.Rotation{Scaling: pedestrian.YarnScaling, Factor: factor, Original: original}
	out := turn(yarn, 9)
	return append(claims,
		exactly("pairs in between that lie outside of both", between),
		atMost("YaRN: lengths over 0.1 ln(factor) + 1", math.Abs(math.Sqrt(out.Dot(out)/a.Dot(a))/(0.1*math.Log(factor)+1)-1), rounding))
}
